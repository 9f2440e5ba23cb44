"""Perpetuals and futures: the venues' own worked examples, refusals, refused states, and funding that sums to zero."""

import json
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.market import funding
from engine.market.feeds.dydx_markets import tick_of
from engine.market.funding import Decimals, expiry_payments, funding_payments, profit_of, worth_of
from engine.market.margin.account import MarginRules, Tier
from engine.market.margin.scenarios import tier_margin
from engine.market.venues.base import AssetInfo, Trade, TradeRefusedError, VenueStateError
from engine.market.venues.order_book import Fee, Level, OrderBook, OrderBookState
from engine.market.venues.perpetual import Perpetual as PerpetualKind
from engine.market.venues.perpetual import PerpetualState, cost_of, funded
from engine.market.venues.perpetual_book import PerpetualBook, PerpetualBookState
from engine.market.venues.perpetual_math import UNIT, Fees, fill_price, funding_rate, order_fee, unrecorded_funding
from intents.errors import InputError
from intents.futures import Perpetual, parse_future
from intents.instrument_ids import Style
from intents.instruments import parse_instrument

ROOT = Path(__file__).parents[2]
EXAMPLES = json.loads((ROOT / "tests/vectors/perpetuals/examples.json").read_text())

INVERSE, COIN = "deribit:main/perp:BTC-inv-coin.BTC-deribit.btc", "deribit:main/coin:BTC"
BASE, QUOTE = "sim:alpha/perp:ETH-lin-token.sUSD-sim.eth", "sim:alpha/token:sUSD"
INFOS = {BASE: AssetInfo(18), QUOTE: AssetInfo(18)}
NOW = 1_000_000


def market(**changes: Any) -> PerpetualState:
    """SIP-279's market: 500 ETH long, 400 short, at 2,000."""
    state = PerpetualState(
        id="sim:alpha/market:ETH",
        base=BASE,
        quote=QUOTE,
        oracle_price=2000 * UNIT,
        oracle_seconds=NOW,
        oracle_max_age_seconds=60,
        skew_scale=10**6 * UNIT,
        long_interest=500 * UNIT,
        short_interest=400 * UNIT,
        interest_cap=10_000 * UNIT,
        step=10**9,
        maker_fee=2 * 10**14,
        taker_fee=6 * 10**14,
        funding_seconds=NOW,
        max_funding_velocity=3 * UNIT,
        tiers=(Tier(above=0, initial_bps=200, maintenance_bps=100),),
    )
    return state.model_copy(update=changes)


def perpetual(style: Style) -> Perpetual:
    return Perpetual("sim:alpha", "BTC", "sim.btc", style, "sim:alpha/coin:BTC")


def numbers(fields: dict[str, Any]) -> dict[str, int]:
    return {name: int(value) for name, value in fields.items()}


def fractions(fields: dict[str, Any]) -> dict[str, Fraction]:
    return {name: Fraction(value) for name, value in fields.items()}


def example_fee(maker: str, taker: str, dynamic: str, **trade: Any) -> int:
    return order_fee(**numbers(trade), fees=Fees(int(maker), int(taker), int(dynamic)))


def example_drift(rate: str, price: str, position: str, seconds: int, **skew: Any) -> dict[str, int]:
    now = funding_rate(int(rate), **numbers(skew), seconds=seconds)
    index = unrecorded_funding(int(rate), now, seconds, int(price))
    return {"rate": now, "received": funding.cut(int(position) * index, UNIT)}


def example_profit(style: Style, contracts: str, entry: str, **exit_: str) -> Fraction:
    return profit_of(perpetual(style), Fraction(contracts), entry=Fraction(entry), exit_price=Fraction(exit_["exit"]))


def example_payment(style: Style, contracts: str, price: str, rate: str) -> Fraction:
    """What a long (or short) receives, with eight decimals of the coin."""
    balance = -int(contracts) if style == "inverse" else int(contracts)
    worth = worth_of(perpetual(style), Fraction(price), Decimals(8, 0))
    paid = funding_payments(style, {"holder": balance, "other": -balance}, worth=worth, rate=Fraction(rate))
    return Fraction(paid.by_account["holder"], 10**8)


def example_tier(initial_bps: int, notional: str) -> int:
    tiers = (Tier(above=0, initial_bps=initial_bps, maintenance_bps=0),)
    return tier_margin(MarginRules(tiers={BASE: tiers}, collateral={}), BASE, int(notional))[0]


def example_round_trip(size: str, entry: str, fee: str, **exit_: str) -> Fraction:
    """Buying inverse contracts at a venue's ask and selling them at its bid, through books, in whole coins."""
    base, quote = "deribit:main/future:BTC-20201225T08-inv-coin.BTC-deribit.btc", "deribit:main/coin:BTC"
    rate = Fraction(fee)
    terms: dict[str, Any] = {
        "id": "deribit:main/book:BTC-25DEC20",
        "base": base,
        "quote": quote,
        "tick": (1, 10**8),
        "lot": 10,
        "expiry_seconds": parse_future(base).expiry_seconds,
        "taker_fee": Fee(rate=(rate.numerator, rate.denominator)),
        "inverse": True,
    }
    asked = OrderBookState(**terms, bids=(Level(price=int(entry), size=10**4),), asks=())
    bid = OrderBookState(**terms, bids=(), asks=(Level(price=int(exit_["exit"]), size=10**4),))
    book, dollars = OrderBook(), int(size)
    for state in (asked, bid):
        book.check(state, {base: AssetInfo(0), quote: AssetInfo(8)})
    got = book.execute(asked, "anyone", Trade(base, dollars, quote, "bid:0"), 0)[0]
    cost = book.input_for(bid, quote, dollars, base, "ask:0")
    return Fraction(got - cost, 10**8)


def example_subticks(subticks: str, quantums: str, exponent: int) -> int:
    """Selling quantums to a bid of the book that the feed makes, one subtick a tick."""
    size = int(quantums)
    state = OrderBookState(
        id="dydx:main/book:X",
        base=BASE,
        quote=QUOTE,
        tick=tick_of(1, exponent),
        lot=size,
        bids=(Level(price=int(subticks), size=size),),
        asks=(),
    )
    return OrderBook().execute(state, "anyone", Trade(BASE, size, QUOTE, "bid:0"), 0)[0]


RULES: dict[str, Callable[..., Any]] = {
    "fill_price": lambda **given: fill_price(**numbers(given)),
    "order_fee": example_fee,
    "funding_drift": example_drift,
    "index_delta": lambda **given: funding.index_delta(**numbers(given)),
    "index_settlement": lambda **given: funding.index_settlement(**numbers(given)),
    "scaled_initial_ppm": lambda **given: funding.scaled_initial_ppm(**numbers(given)),
    "tier_margin": example_tier,
    "profit": example_profit,
    "payment": example_payment,
    "damped_rate": lambda **given: funding.damped_rate(**fractions(given)),
    "interest_rate": lambda **given: funding.interest_rate(**fractions(given)),
    "book_round_trip": example_round_trip,
    "subticks": example_subticks,
}


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["id"] for example in EXAMPLES])
def test_the_venues_own_examples(example: dict[str, Any]) -> None:
    found, expected = RULES[example["rule"]](**example["input"]), example["expected"]
    within = Fraction(example.get("within", "0"))
    pairs = [(found[k], expected[k]) for k in expected] if isinstance(expected, dict) else [(found, expected)]

    assert all(abs(Fraction(value) - Fraction(wanted)) <= within for value, wanted in pairs), pairs


@pytest.mark.parametrize("page", ["perpetuals", "futures"])
def test_the_page_lists_the_examples_that_are_tested(page: str) -> None:
    rows = dict(
        re.findall(r"^\| `([a-z]+-\d+)` \| ([^|]*?) \|", (ROOT / f"docs/rulebooks/{page}.md").read_text(), re.MULTILINE)
    )

    assert rows == {example["id"]: example["source"] for example in EXAMPLES if example["page"] == page}


def test_a_buyer_pays_sip_279s_price_and_the_takers_fee() -> None:
    kind, state = PerpetualKind(), market()
    kind.check(state, INFOS)
    cost = cost_of(state, 100 * UNIT)
    assert cost == 100 * 20003 * UNIT // 10 * 10_006 // 10_000
    assert kind.execute(state, "a", Trade(QUOTE, cost - 1, BASE), NOW)[0] == 100 * UNIT - state.step

    bought, after = kind.execute(state, "a", Trade(QUOTE, cost, BASE), NOW)

    assert (bought, after.position, after.skew) == (100 * UNIT, 100 * UNIT, 200 * UNIT)
    assert kind.input_for(state, QUOTE, 100 * UNIT, BASE) == cost
    assert kind.execute(after, "a", Trade(BASE, bought, QUOTE), NOW)[0] == 100 * 20003 * UNIT // 10 * 9998 // 10_000


def test_a_trade_brings_funding_up_to_its_time_with_the_skew_before_it() -> None:
    state = market(short_interest=500 * UNIT - 100 * UNIT, max_funding_velocity=3 * UNIT, oracle_max_age_seconds=10**5)
    later = NOW + 86_400
    _, after = PerpetualKind().execute(state, "a", Trade(BASE, 100 * UNIT, QUOTE), later)
    assert (after.funding_rate, after.funding_seconds, after.skew) == (3 * 10**14, later, 0)
    assert after.funding_index == -3 * UNIT // 10
    assert funded(after, later) == after


SELL, BUY = Trade(BASE, 50 * UNIT, QUOTE), Trade(QUOTE, 10**5 * UNIT, BASE)


@pytest.mark.parametrize(
    ("state", "trade", "code"),
    [
        (market(interest_cap=500 * UNIT), BUY, "open_interest_cap"),
        (market(interest_cap=500 * UNIT, position=-10 * UNIT), BUY, "open_interest_cap"),
        (market(interest_cap=0, position=60 * UNIT), SELL, None),
        (market(interest_cap=0, position=40 * UNIT), SELL, "open_interest_cap"),
        (market(reduce_only=True), BUY, "reduce_only"),
        (market(reduce_only=True, position=-10 * UNIT), BUY, "reduce_only"),
        (market(reduce_only=True, position=-100 * UNIT), BUY, None),
        (market(reduce_only=True, position=40 * UNIT), SELL, "reduce_only"),
        (market(skew_scale=250 * UNIT), BUY, "venue_capacity"),
        (market(oracle_seconds=NOW + 1), BUY, "oracle_stale"),
        (market(oracle_seconds=NOW - 61), SELL, "oracle_stale"),
        (market(), Trade(BASE, 50 * UNIT + 1, QUOTE), "off_lot"),
        (market(), Trade(QUOTE, 1, BASE), "no_output"),
        (market(), Trade(QUOTE, 1, BASE, "ask:0"), "unknown_level"),
        (market(), Trade(QUOTE, 1, QUOTE), "unknown_asset"),
    ],
)
def test_what_the_venue_refuses(state: PerpetualState, trade: Trade, code: str | None) -> None:
    try:
        PerpetualKind().execute(state, "a", trade, NOW)
    except TradeRefusedError as error:
        assert error.code == code  # noqa: PT017 - some rows of the table are not refused
    else:
        assert code is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"base": "sim:alpha/perp:ETH-inv-token.sUSD-sim.eth"}, "base"),
        ({"base": QUOTE}, "base"),
        ({"base": "sim:alpha/perp:X-lin-token.sUSD-sim.eth"}, "base"),
        ({"quote": "sim:alpha/token:other"}, "quote"),
        ({"oracle_price": 0}, "oracle_price"),
        ({"skew_scale": 0}, "skew_scale"),
        ({"skew_scale": 199 * UNIT}, "long_interest"),
        ({"step": 1}, "step"),
        ({"position": 501 * UNIT}, "position"),
        ({"position": -401 * UNIT}, "position"),
        ({"maker_fee": 7 * 10**14}, "maker_fee"),
        ({"maker_fee": 0}, "maker_fee"),
        ({"taker_fee": UNIT}, "taker_fee"),
        ({"tiers": (Tier(above=1, initial_bps=1, maintenance_bps=1),)}, "tiers"),
    ],
)
def test_a_state_that_can_not_be_is_refused_with_its_field(changes: dict[str, Any], field: str) -> None:
    infos = {
        **INFOS,
        "sim:alpha/perp:ETH-inv-token.sUSD-sim.eth": AssetInfo(18),
        "sim:alpha/perp:X-lin-token.sUSD-sim.eth": AssetInfo(8),
        "sim:alpha/token:other": AssetInfo(18),
    }
    with pytest.raises(VenueStateError) as caught:
        PerpetualKind().check(market(**changes), infos)
    assert caught.value.where == field


LINEAR, DOLLARS = "hyper:main/perp:BTC-lin-token.USDC-hyper.btc", "hyper:main/token:USDC"
BOOK_INFOS = {LINEAR: AssetInfo(5), DOLLARS: AssetInfo(6), INVERSE: AssetInfo(0), COIN: AssetInfo(8)}


def book(**changes: Any) -> PerpetualBookState:
    """Five coins at 100 dollars a side, in steps of 0.00001; 1,000 steps held here, 10,000 open."""
    state = PerpetualBookState(
        id="hyper:main/book:BTC",
        base=LINEAR,
        quote=DOLLARS,
        tick=(1, 1),
        lot=1,
        bids=(Level(price=999, size=500_000),),
        asks=(Level(price=1000, size=500_000),),
        oracle_price=(1000, 1),
        oracle_seconds=NOW,
        open_interest=10_000,
        position=1000,
        funding_rate=(1, 10_000),
        funding_interval_seconds=3600,
        funding_next_seconds=NOW + 60,
        tiers=(Tier(above=0, initial_bps=200, maintenance_bps=100),),
    )
    return state.model_copy(update=changes)


@pytest.mark.parametrize(
    ("changes", "bought", "code"),
    [
        ({}, 5000, None),
        ({"interest_cap": 12_000}, 2000, None),
        ({"interest_cap": 12_000}, 2001, "open_interest_cap"),
        ({"interest_cap": 5}, -2000, None),
        ({"interest_cap": 5}, -2001, "open_interest_cap"),
        ({"reduce_only": True}, -1000, None),
        ({"reduce_only": True}, -1001, "reduce_only"),
        ({"reduce_only": True}, 1, "reduce_only"),
        ({}, 500_001, "level_overdrawn"),
    ],
)
def test_a_book_keeps_its_markets_caps(changes: dict[str, Any], bought: int, code: str | None) -> None:
    kind, state = PerpetualBook(), book(**changes)
    kind.check(state, BOOK_INFOS)
    trade = Trade(DOLLARS, bought * 1000, LINEAR, "ask:0") if bought > 0 else Trade(LINEAR, -bought, DOLLARS, "bid:0")
    if code is not None:
        with pytest.raises(TradeRefusedError, match=code):
            kind.execute(state, "a", trade, NOW)
        return
    _, after = kind.execute(state, "a", trade, NOW)
    kind.check(after, BOOK_INFOS)
    opened = max(0, abs(after.position) - 1000)
    assert (after.position, after.open_interest) == (1000 + bought, 10_000 + opened)


def test_a_book_shows_no_more_than_its_market_lets_trade() -> None:
    state, kind = book(interest_cap=12_000), PerpetualBook()
    assert [segment.amount_in for segment in kind.supply(state, DOLLARS, LINEAR).segments] == [2000 * 1000]
    assert [segment.amount_in for segment in kind.supply(state, LINEAR, DOLLARS).segments] == [4000]
    assert kind.pairs(book(reduce_only=True)) == ((LINEAR, DOLLARS),)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"base": DOLLARS, "quote": LINEAR}, "base"),
        ({"quote": COIN}, "quote"),
        ({"inverse": True, "bids": (), "asks": ()}, "inverse"),
        ({"base": INVERSE, "quote": COIN}, "inverse"),
        ({"oracle_price": (0, 1)}, "oracle_price"),
        ({"funding_rate": (2, 1)}, "funding_rate"),
        ({"funding_rate": (0, 0)}, "funding_rate"),
        ({"position": -10_001}, "position"),
        ({"tiers": (Tier(above=5, initial_bps=1, maintenance_bps=1),)}, "tiers"),
        ({"asks": (Level(price=999, size=5),)}, "bids/0/price"),
    ],
)
def test_a_book_that_can_not_be_is_refused_with_its_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(VenueStateError) as caught:
        PerpetualBook().check(book(**changes), BOOK_INFOS)
    assert caught.value.where == field


balances = st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=5).map(
    lambda held: {f"a{i}": amount for i, amount in enumerate([*held, -sum(held)])}
)
rationals = st.fractions(Fraction(1, 1000), 10**6, max_denominator=1000)


@settings(max_examples=50, derandomize=True)
@given(balances, rationals, st.fractions(-1, 1, max_denominator=10**6), st.sampled_from(["linear", "inverse"]))
def test_payments_over_all_accounts_sum_to_zero_with_the_dust(
    held: dict[str, int], price: Fraction, rate: Fraction, style: Style
) -> None:
    future = parse_instrument("sim:alpha/future:BTC-20201225T08-lin-coin.BTC-sim.btc")
    for paid in (
        funding_payments(style, held, worth=worth_of(perpetual(style), price, Decimals(8, 4)), rate=rate),
        expiry_payments(future, held, price=price, decimals=Decimals(8, 4)),
    ):
        assert sum(paid.by_account.values()) + paid.dust == 0
        assert 0 <= paid.dust < len(held)


def test_payments_need_all_balances_a_price_and_an_expiry() -> None:
    one, unit = Fraction(1), Decimals(0, 0)
    with pytest.raises(InputError, match="not_balanced"):
        funding_payments("linear", {"a": 1}, worth=one, rate=one)
    with pytest.raises(InputError, match="zero_price"):
        worth_of(perpetual("linear"), Fraction(0), unit)
    with pytest.raises(InputError, match="no_expiry"):
        expiry_payments(perpetual("linear"), {}, price=one, decimals=unit)


def test_a_short_future_and_a_long_call_lose_the_strike_at_most() -> None:
    """Options and futures of one fixing pay at expiry by one rule."""
    call = parse_instrument("sim:alpha/option:BTC-20201225T08-9000-C-lin-token.USDC-sim.btc")
    future = parse_instrument("sim:alpha/future:BTC-20201225T08-lin-token.USDC-sim.btc")
    for price in (1, 8999, 9000, 20_000):
        paid = [
            expiry_payments(held, {"a": size, "b": -size}, price=Fraction(price), decimals=Decimals(6, 0)).by_account[
                "a"
            ]
            for held, size in ((future, -1), (call, 1))
        ]
        assert sum(paid) == -min(price, 9000) * 10**6
