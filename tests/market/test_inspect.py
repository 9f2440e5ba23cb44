"""What `clearway market inspect` finds: every fault that was put in, nothing where there is none, and gains that are real."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.market.inspect_cycles import LOG_BITS, log2_floor
from engine.market.inspect_market import inspect_market, read_market
from engine.market.venues import kind_of
from engine.market.venues.base import Trade
from intents.errors import InputError
from tests.api.program import clearway

A, B, C, D = (f"eip155:1/erc20:0x{c * 40}" for c in "abcd")
COIN = 10**18


def pool(number: int, first: str, second: str, reserves: tuple[int, int]) -> dict[str, Any]:
    return {
        "id": f"eip155:1/pool:0x{number:02x}",
        "kind": "constant_product",
        "reserves": {first: str(reserves[0]), second: str(reserves[1])},
        "fee": ["3", "1000"],
    }


def book(number: int, bid: int, ask: int, expiry: int | None = None) -> dict[str, Any]:
    return {
        "id": f"sim:x/book:{number}",
        "kind": "order_book",
        "base": D,
        "quote": A,
        "tick": ["1", "1"],
        "lot": "1000",
        "bids": [{"price": str(bid), "size": "1000000"}],
        "asks": [{"price": str(ask), "size": "1000000"}],
        "expiry_seconds": expiry,
    }


def market(*venues: Any, price_time: int = 1000) -> dict[str, Any]:
    price = {"source": "test", "method": "test", "depth": None}
    return {
        "time_seconds": 1000,
        "numeraire": A,
        "chains": {},
        "assets": {asset: {"decimals": 18, "symbol": asset[-1]} for asset in (A, B, C, D)},
        "prices": {
            A: {"ratio": ["1", "1"], "time_seconds": 1000, **price},
            B: {"ratio": ["2", "1"], "time_seconds": price_time, **price},
        },
        "venues": list(venues),
    }


def inspected(data: dict[str, Any], **options: Any) -> dict[str, Any]:
    return inspect_market(read_market(json.dumps(data).encode()), **{"max_age_seconds": 60, **options})


FAIR = (
    pool(1, A, B, (200 * COIN, 100 * COIN)),
    pool(2, B, C, (100 * COIN, 100 * COIN)),
    pool(3, A, C, (200 * COIN, 100 * COIN)),
)


def test_a_fair_market_has_nothing_to_report() -> None:
    report = inspected(market(*FAIR, book(1, 9, 10)))

    assert report["kinds"] == {
        "constant_product": {"stated": 3, "usable": 3},
        "order_book": {"stated": 1, "usable": 1},
    }
    assert (report["unusable"], report["stale"], report["crossed"]) == ([], [], {"within": [], "across": []})
    assert report["arbitrage"] == {"cycles": [], "unproved": 0, "search": "complete"}
    assert report["unpriced"] == [{"asset": C, "venues": 2}, {"asset": D, "venues": 1}]


def test_a_cycle_is_found_and_its_trades_give_its_gain() -> None:
    """A > B > C > A: the third pool pays 3 A for a C that costs 2."""
    data = market(*FAIR[:2], pool(3, A, C, (300 * COIN, 100 * COIN)))
    report = inspected(data)
    (cycle,) = report["arbitrage"]["cycles"]

    assert [leg["asset_in"] for leg in cycle["legs"]] == [A, B, C]
    assert report["arbitrage"]["search"] == "complete"
    venues = {venue.id: venue for venue in read_market(json.dumps(data).encode()).snapshot.venues}
    amount = int(cycle["amount"])
    gains = []
    for start in (amount, amount * 9 // 10, amount * 11 // 10):
        held = start
        for leg in cycle["legs"]:
            state = venues[leg["venue"]]
            held, _ = kind_of(state).execute(state, "", Trade(leg["asset_in"], held, leg["asset_out"]), 1000)
        gains.append(held - start)
    assert gains[0] == int(cycle["gain"]) == int(cycle["value"]) > 0
    assert gains[0] >= max(gains)


def test_what_shows_a_gain_that_no_amount_brings_is_counted_apart() -> None:
    """A pool of ten units shows a price that no whole unit gets."""
    report = inspected(market(pool(1, A, B, (10, 5)), pool(2, A, B, (4, 5))))

    assert (report["arbitrage"]["cycles"], report["crossed"]["across"]) == ([], [])
    assert report["arbitrage"]["unproved"] + len(report["unusable"]) > 0


def test_two_venues_of_a_pair_that_cross_are_named_with_whole_lots() -> None:
    report = inspected(market(book(1, 20, 21), book(2, 9, 10)))
    (crossed,) = report["crossed"]["across"]

    assert {leg["level"] for leg in crossed["legs"]} == {"ask:0", "bid:0"}
    assert int(crossed["gain"]) == 1000000 * (20 - 10)
    assert report["arbitrage"]["cycles"][0]["gain"] == crossed["gain"]


def test_every_unusable_venue_is_named_with_its_reason() -> None:
    crossed, expired, empty, odd = book(1, 10, 9), book(2, 9, 10, 1000), pool(4, A, B, (0, 5)), {"kind": "spiral"}
    report = inspected(market(*FAIR, crossed, expired, empty, odd, FAIR[0], price_time=900))

    assert {(v["id"], v["reason"], v["field"]) for v in report["unusable"]} == {
        ("sim:x/book:1", "bad_venue_state", "bids/0/price"),
        ("sim:x/book:2", "instrument_expired", ""),
        ("eip155:1/pool:0x04", "bad_venue_state", f"reserves/{A}"),
        ("/venues/6", "malformed", ""),
        ("eip155:1/pool:0x01", "repeated", "id"),
    }
    assert report["crossed"]["within"] == ["sim:x/book:1"]
    assert report["stale"] == [{"asset": B, "age_seconds": 100}]
    assert (report["venues"], report["usable"]) == (8, 3)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(numerator=st.integers(1, 2**200), denominator=st.integers(1, 2**200))
def test_logarithms_are_rounded_down_by_less_than_a_unit_or_two(numerator: int, denominator: int) -> None:
    """2^(log / 2^32) <= value < 2^((log + 2) / 2^32), checked on a power of the value that a rational can hold."""
    value, found = Fraction(numerator, denominator), log2_floor(Fraction(numerator, denominator))
    whole = found >> LOG_BITS
    assert Fraction(2) ** whole <= value < Fraction(2) ** (whole + 2)
    power = 64
    low, high = found * power >> LOG_BITS, -(-(found + 2) * power >> LOG_BITS) + 1
    assert Fraction(2) ** low <= value**power < Fraction(2) ** high


@pytest.mark.parametrize("content", ["[]", "{}", '{"snapshot": 7}', '{"venues": []}', "{"])
def test_what_is_no_snapshot_is_refused(content: str) -> None:
    with pytest.raises(InputError):
        read_market(content.encode())


def test_the_command_prints_tables_or_json(tmp_path: Path) -> None:
    file = tmp_path / "snapshot.json"
    file.write_text(json.dumps(market(*FAIR[:2], pool(3, A, C, (300 * COIN, 100 * COIN)))))
    told, data = clearway("market", "inspect", str(file)), clearway("market", "inspect", str(file), "--json")

    assert (told.code, data.code) == (0, 0)
    assert "arbitrage cycles through different venues: 1" in told.out
    assert len(json.loads(data.out)["arbitrage"]["cycles"]) == 1
