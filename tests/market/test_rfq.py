"""Quotes of makers: what a range gives, who may take it and until when, and which quotes can not be."""

from typing import Any

import pytest

from engine.market.venues.base import AssetInfo, Trade, TradeRefusedError, VenueStateError
from engine.market.venues.rfq import QuoteRange, Rfq, RfqState

A, B = "sim:alpha/token:A", "sim:alpha/token:B"
OPTION = "sim:alpha/option:BTC-20261225T08-100000-C-lin-token.B-sim"
INFOS = {A: AssetInfo(6), B: AssetInfo(8), OPTION: AssetInfo(1)}
RANGES = (QuoteRange(least=10, most=100, price=(3, 2)), QuoteRange(least=101, most=200, price=(4, 3)))


def quote(**more: Any) -> RfqState:
    fields = {"maker": "import:maker", "asset_in": A, "asset_out": B, "ranges": RANGES, "expiry_seconds": 1000}
    return RfqState.model_validate({"id": "sim:alpha/rfq:x", **fields, **more})


def trade(state: RfqState, amount: int, *, time: int = 999, account: str = "solver:a") -> tuple[int, RfqState]:
    return Rfq().execute(state, account, Trade(A, amount, B), time)


def test_a_quote_is_taken_once_at_the_price_of_the_range_that_the_amount_is_in() -> None:
    wide = (RANGES[0], QuoteRange(least=113, most=200, price=(4, 3)))
    state = quote(ranges=wide)
    Rfq().check(state, INFOS)

    assert [trade(state, amount)[0] for amount in (10, 99, 100, 113, 200)] == [15, 148, 150, 150, 266]
    _, spent = trade(state, 10)
    assert (spent.used, Rfq().pairs(spent), Rfq().supply(spent, A, B).segments) == (10, (), ())
    with pytest.raises(TradeRefusedError, match="out_of_range"):
        trade(spent, 10)
    assert [Rfq().input_for(state, A, wanted, B) for wanted in (1, 15, 16, 150, 151, 266)] == [
        10,
        10,
        11,
        100,
        114,
        200,
    ]
    with pytest.raises(TradeRefusedError, match="out_of_range"):
        Rfq().input_for(state, A, 267, B)


def test_parts_of_a_divisible_quote_get_together_what_the_whole_would() -> None:
    state = quote(divisible=True)
    Rfq().check(state, INFOS)
    whole = trade(state, 200)[0]
    got = 0
    for amount in (11, 78, 21, 90):
        wanted, after = trade(state, amount)
        assert Rfq().input_for(state, A, wanted, B) <= amount
        got, state = got + wanted, after

    assert whole == got == 150 + 400 // 3
    assert Rfq().pairs(state) == ()


def test_exact_outputs_of_a_divisible_quote_cost_the_least_that_is_enough() -> None:
    state = quote(divisible=True, used=95)
    for wanted in range(1, 100):
        least = Rfq().input_for(state, A, wanted, B)
        assert trade(state, least)[0] >= wanted
        assert least == 10 or trade(state, least - 1)[0] < wanted


REFUSED: list[tuple[str, dict[str, Any], tuple[int, str], dict[str, Any], str]] = [
    ("too small", {}, (9, B), {}, "out_of_range"),
    ("too large", {}, (201, B), {}, "out_of_range"),
    ("more than is left", {"divisible": True, "used": 190}, (11, B), {}, "out_of_range"),
    ("late", {}, (10, B), {"time_seconds": 1000}, "quote_expired"),
    ("another's", {"exclusive_to": ("solver:b",)}, (10, B), {}, "not_yours"),
    ("another asset", {}, (10, OPTION), {}, "unknown_asset"),
    ("dust", {"ranges": (QuoteRange(least=1, most=9, price=(1, 10)),)}, (9, B), {}, "no_output"),
]


@pytest.mark.parametrize(
    ("more", "wanted", "how", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_refusals_have_their_codes(
    more: dict[str, Any], wanted: tuple[int, str], how: dict[str, Any], code: str
) -> None:
    arguments = {"account": "solver:a", "trade": Trade(A, *wanted), "time_seconds": 999, **how}
    with pytest.raises(TradeRefusedError) as refused:
        Rfq().execute(quote(**more), **arguments)
    assert refused.value.code == code


def test_who_is_named_may_trade() -> None:
    assert trade(quote(exclusive_to=("solver:a", "solver:b")), 10)[0] == 15


LOWER = RANGES[0].model_copy(update={"price": (1, 1)})
WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("unknown", {"asset_out": "sim:alpha/token:C"}, "asset_out"),
    ("for itself", {"asset_out": A}, "asset_out"),
    ("unsorted accounts", {"exclusive_to": ("solver:b", "solver:a")}, "exclusive_to"),
    ("nothing", {"ranges": (QuoteRange(least=0, most=9, price=(1, 1)),)}, "ranges/0/most"),
    ("no price", {"ranges": (QuoteRange(least=1, most=9, price=(0, 1)),)}, "ranges/0/price"),
    ("overlap", {"ranges": (RANGES[0], RANGES[0])}, "ranges/1/least"),
    (
        "a gap",
        {"ranges": (RANGES[0], RANGES[1].model_copy(update={"least": 102})), "divisible": True},
        "ranges/1/least",
    ),
    ("rising", {"ranges": (LOWER, RANGES[1]), "divisible": True}, "ranges/1/price"),
    ("more gets less", {}, "ranges/1/price"),
    ("overused", {"ranges": RANGES[:1], "used": 101}, "used"),
    ("outlives its option", {"asset_out": OPTION, "expiry_seconds": 1798185601, "divisible": True}, "expiry_seconds"),
]


@pytest.mark.parametrize(("more", "field"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_quotes_that_can_not_be_are_refused(more: dict[str, Any], field: str) -> None:
    with pytest.raises(VenueStateError) as refused:
        Rfq().check(quote(**more), INFOS)
    assert refused.value.where == field
