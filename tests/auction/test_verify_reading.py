"""What cannot be read never reaches verification: texts of solutions that are refused, by code and place."""

import json
from typing import Any

import pytest

from engine.auction.solution import Solution
from engine.auction.verdict import pointer
from intents.errors import InputError
from tests.auction.builders import ETH, POOL, USD, pool_sale


def _text(*path: str | int, value: Any) -> str:
    """The honest sale's text with one value replaced."""
    wire = json.loads(pool_sale().model_dump_json(by_alias=True))
    place = wire
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return json.dumps(wire)


AMOUNT = "/fills/0/in/sim:alpha~1token:ETH"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("01000", "noncanonical_amount"),
        ("+1000", "noncanonical_amount"),
        ("1000.0", "noncanonical_amount"),
        ("1e3", "noncanonical_amount"),
        ("-1", "noncanonical_amount"),
        (" 1000", "noncanonical_amount"),
        ("1000\n", "noncanonical_amount"),
        ("0x3e8", "noncanonical_amount"),
        ("１０００", "noncanonical_amount"),  # noqa: RUF001  # digits of another script are the point
        ("", "noncanonical_amount"),
        (1000, "noncanonical_amount"),
        (None, "noncanonical_amount"),
        (str(2**256), "amount_out_of_range"),
        ("1" + "0" * 200, "amount_out_of_range"),
    ],
)
def test_an_amount_in_another_spelling_is_refused(value: Any, code: str) -> None:
    with pytest.raises(InputError) as caught:
        Solution.from_json(_text("fills", 0, "in", ETH, value=value))

    assert (caught.value.code, caught.value.where) == (code, AMOUNT)


def test_the_greatest_amount_is_read() -> None:
    solution = Solution.from_json(_text("fills", 0, "in", ETH, value=str(2**256 - 1)))

    assert solution.fills[0].ins[ETH] == 2**256 - 1


@pytest.mark.parametrize(
    "venue",
    [
        "sim:alpha/pool:0xABcdef0000000000000000000000000000000001",
        "sim:alpha/pool:0X00000000000000000000000000000000000000aa",
        f"{POOL} ",
        f"{POOL}\n",
        f"{POOL}/",
        "SIM:alpha/pool:eth-usd",
        "pool:eth-usd",
    ],
)
def test_a_venue_in_another_spelling_is_refused(venue: str) -> None:
    with pytest.raises(InputError) as caught:
        Solution.from_json(_text("legs", 0, "venue", value=venue))

    assert (caught.value.code, caught.value.where) == ("bad_identifier", "/legs/0/venue")


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (("legs", 0, "stage"), 16, "malformed"),
        (("legs", 0, "stage"), -1, "malformed"),
        (("legs", 0, "in"), {ETH: "1", USD: "1"}, "malformed"),
        (("legs", 0, "in"), {}, "malformed"),
        (("lines",), [{"kind": "tip", "asset": USD, "amount": "1", "account": "protocol"}], "malformed"),
        (("score",), "10", "unknown_field"),
        (("fills",), None, "malformed"),
    ],
)
def test_a_solution_of_another_shape_is_refused(path: tuple[str | int, ...], value: Any, code: str) -> None:
    with pytest.raises(InputError) as caught:
        Solution.from_json(_text(*path, value=value))

    assert caught.value.code == code
    assert caught.value.where.startswith("/" + "/".join(map(str, path)))


def test_a_key_given_twice_is_refused() -> None:
    twice = pool_sale().model_dump_json(by_alias=True).replace('"fills":', '"fills":[],"fills":', 1)

    with pytest.raises(InputError, match="duplicate_key"):
        Solution.from_json(twice)


def test_a_place_is_a_json_pointer() -> None:
    assert pointer("fills", 0, "in", "a~b/c") == "/fills/0/in/a~0b~1c"
    assert pointer() == ""
