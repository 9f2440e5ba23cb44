"""Option ids: a strict round trip with one spelling, and Deribit's names."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intents.errors import InputError
from intents.instruments import Option, Right, from_deribit, option_asset, parse_option, to_deribit

CALL = Option("deribit:main", False, "BTC", "deribit.btc", 1593158400, "9000", "C", "inverse", "deribit:main/coin:BTC")
ASSET = "deribit:main/option:BTC-20200626T08-9000-C-inv-coin.BTC-deribit.btc"

words = st.text("ABCyz019.", min_size=1, max_size=8)
options = st.builds(
    Option,
    place=st.sampled_from(["deribit:main", "eip155:1", "sim:alpha"]),
    issued_by_clearway=st.booleans(),
    underlying=words,
    index=words,
    expiry_seconds=st.integers(0, 253402297200 // 3600).map(lambda hours: hours * 3600),
    strike=st.from_regex(r"(0\.[0-9]{0,4}[1-9]|[1-9][0-9]{0,6}(\.[0-9]{0,3}[1-9])?)", fullmatch=True),
    right=st.sampled_from(["C", "P"]),
    style=st.sampled_from(["linear", "inverse"]),
    settlement=st.just(""),
).flatmap(
    lambda option: st.sampled_from(["coin:BTC", "token:USDC", "erc20:0x" + "ab" * 20, "erc20:a.b"]).map(
        lambda settled: replace(option, settlement=f"{option.place}/{settled}")
    )
)


def test_the_documented_id_says_the_option() -> None:
    assert option_asset(CALL) == ASSET
    assert parse_option(ASSET) == CALL
    assert CALL.expiry_seconds == datetime(2020, 6, 26, 8, tzinfo=UTC).timestamp()
    assert CALL.issuer == "deribit:main"
    assert parse_option(ASSET.replace("/option:", "/cwoption:")).issuer == "clearway"


@settings(max_examples=150, derandomize=True)
@given(options)
def test_every_option_round_trips(option: Option) -> None:
    assert parse_option(option_asset(option)) == option


@settings(max_examples=300, derandomize=True)
@given(st.integers(0, len(ASSET) - 1), st.characters(codec="ascii"), st.sampled_from(["replace", "insert", "delete"]))
def test_an_edited_id_is_refused_or_is_the_one_spelling_of_another_option(at: int, character: str, how: str) -> None:
    edited = ASSET[:at] + ("" if how == "delete" else character) + ASSET[at + (how != "insert") :]
    try:
        option = parse_option(edited)
    except InputError:
        return
    assert option_asset(option) == edited
    assert (option == CALL) == (edited == ASSET)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("-9000-", "-9000.0-"),
        ("-9000-", "-09000-"),
        ("-9000-", "-+9000-"),
        ("-9000-", "-0-"),
        ("-9000-", "-\u0669000-"),
        ("20200626T08", "20200626T8"),
        ("20200626T08", "20200631T08"),
        ("20200626T08", "20200626T24"),
        ("20200626T08", "19691231T23"),
        ("-C-", "-c-"),
        ("-inv-", "-inverse-"),
        ("coin.BTC", "coin:BTC"),
        ("coin.BTC", "option.BTC"),
        ("coin.BTC", "coin"),
        ("-deribit.btc", ""),
        ("-deribit.btc", "-deribit-btc"),
        ("-deribit.btc", "-"),
        ("/option:", "/coin:"),
        ("/option:", ":"),
    ],
)
def test_another_spelling_is_refused(old: str, new: str) -> None:
    assert old in ASSET
    with pytest.raises(InputError) as caught:
        parse_option(ASSET.replace(old, new))
    assert caught.value.code == "bad_instrument"


@pytest.mark.parametrize(
    "changes",
    [
        {"settlement": "eip155:1/coin:BTC"},
        {"settlement": "BTC"},
        {"expiry_seconds": 1593158401},
        {"expiry_seconds": -3600},
        {"expiry_seconds": 253402300800},
        {"strike": "9e3"},
        {"underlying": "BTC-X"},
        {"underlying": ""},
        {"index": "a" * 200},
    ],
)
def test_an_option_that_no_id_expresses_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        option_asset(replace(CALL, **changes))
    assert caught.value.code == "bad_instrument"


@settings(max_examples=100, derandomize=True)
@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)), st.integers(1, 10**9), st.sampled_from("CP"))
def test_deribit_names_round_trip(day: date, strike: int, right: Right) -> None:
    expiry = int(datetime(day.year, day.month, day.day, 8, tzinfo=UTC).timestamp())
    name = to_deribit("ETH", expiry, str(strike), right)
    assert from_deribit(name) == ("ETH", expiry, str(strike), right)


def test_a_deribit_name_says_its_parts() -> None:
    assert from_deribit("BTC-5JUN20-9000-P") == ("BTC", 1591344000, "9000", "P")
    assert to_deribit("BTC", 1591344000, "9000", "P") == "BTC-5JUN20-9000-P"


@pytest.mark.parametrize(
    "name",
    [
        "BTC-05JUN20-9000-P",
        "BTC-31JUN20-9000-P",
        "BTC-5jun20-9000-P",
        "BTC-5JUX20-9000-P",
        "BTC-5JUN20-0-P",
        "BTC-5JUN20-9000-X",
        "BTC-5JUN20-09000-C",
        "BTC-PERPETUAL",
        "",
        "BTC-5JUN20-9000-P\n",
    ],
)
def test_another_deribit_spelling_is_refused(name: str) -> None:
    with pytest.raises(InputError) as caught:
        from_deribit(name)
    assert caught.value.code == "bad_instrument"


@pytest.mark.parametrize("expiry", [1591344000 + 3600, 0, 10**30, -1, 4102473600])
def test_an_expiry_deribit_does_not_have_is_refused(expiry: int) -> None:
    with pytest.raises(InputError) as caught:
        to_deribit("BTC", expiry, "9000", "C")
    assert caught.value.code == "bad_instrument"
