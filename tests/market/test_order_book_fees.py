"""Fees and inverse contracts of order books: the examples of docs/rulebooks/books.md, and what a state may state."""

from collections.abc import Callable
from typing import Any

import pytest

from engine.market.snapshot import Asset, Snapshot, check_snapshot
from engine.market.venues.base import AssetInfo, Trade, TradeRefusedError, VenueStateError
from engine.market.venues.order_book import Fee, Level, OrderBook, OrderBookState, cost_of, fee_of, proceeds_of
from engine.market.venues.rfq import QuoteRange, RfqState
from intents.values import canonical_bytes

OPTION = "deribit:main/option:BTC-20261225T08-100000-C-inv-coin.BTC-deribit.btc"
PERP, COIN = "deribit:main/token:PERP", "deribit:main/coin:BTC"
SOL, USDC = "deribit:main/coin:SOL", "deribit:main/coin:USDC"
INFOS = {OPTION: AssetInfo(1), PERP: AssetInfo(0), COIN: AssetInfo(8), SOL: AssetInfo(3), USDC: AssetInfo(6)}
OPTION_FEE = Fee(of="size", rate=(3000, 1), cap=(1, 8))
"""0.0003 BTC a contract is 3,000 satoshi a tenth; 12.5 % is an eighth."""


def options(price: int, *, lots: int = 1) -> OrderBookState:
    """Ticks of 0.0001 BTC: 1,000 satoshi a tenth of a contract."""
    return OrderBookState(
        id="deribit:main/book:x",
        base=OPTION,
        quote=COIN,
        tick=(1000, 1),
        lot=1,
        bids=(Level(price=price, size=10 * lots),),
        asks=(Level(price=price + 1, size=10 * lots),),
        expiry_seconds=1798185600,
        taker_fee=OPTION_FEE,
        maker_fee=OPTION_FEE,
    )


def contracts(price: int, dollars: int, *, maker: tuple[int, int] = (0, 1)) -> OrderBookState:
    """An inverse book of dollars: ticks of 0.5 dollars a coin; the venue's buyers are the asks."""
    return OrderBookState(
        id="deribit:main/book:perp",
        base=PERP,
        quote=COIN,
        tick=(1, 2 * 10**8),
        lot=10,
        bids=(Level(price=2 * price + 1, size=dollars),),
        asks=(Level(price=2 * price, size=dollars),),
        taker_fee=Fee(rate=(5, 10**4)),
        maker_fee=Fee(rate=maker),
        inverse=True,
    )


def linear(price: int, lots: int) -> OrderBookState:
    """SOL in thousandths for USDC in millionths, ticks of 0.01."""
    level = Level(price=100 * price, size=lots)
    fee, none = Fee(rate=(5, 10**4)), Fee(rate=(0, 1))
    head = {"id": "deribit:main/book:sol", "base": SOL, "quote": USDC, "tick": (10, 1), "lot": 100}
    return OrderBookState.model_validate({**head, "bids": (), "asks": (level,), "taker_fee": fee, "maker_fee": none})


def test_the_examples_of_deribits_fee_page() -> None:
    weekly = contracts(100_000, 10_000, maker=(-1, 10**4))
    assert (fee_of(weekly, weekly.asks[0], 10_000), fee_of(weekly, weekly.asks[0], 10_000, "maker")) == (5_000, -1_000)
    perpetual = contracts(100_000, 50_000)
    assert (fee_of(perpetual, perpetual.asks[0], 50_000), fee_of(perpetual, perpetual.asks[0], 50_000, "maker")) == (
        25_000,
        0,
    )
    sol = linear(200, 10_000)
    assert fee_of(sol, sol.asks[0], 10_000) == 1_000_000  # 10 SOL at 200 USDC: 0.05 % of 2,000 is 1 USDC
    cheap = options(1)
    assert fee_of(cheap, cheap.bids[0], 10) == 1_250  # 0.0000125 BTC at 0.0001, not 0.0003
    dear = options(100)
    assert fee_of(dear, dear.bids[0], 10) == 30_000


def test_the_examples_of_derives_and_bybits_fee_pages() -> None:
    # Derive: 2 puts with ETH at 2,200 USDC: 0.5 + 0.04 % of 4,400. Sizes in thousandths, prices in millionths.
    derive = linear(100, 2_000).model_copy(
        update={"taker_fee": Fee(of="size", rate=(880, 1), cap=(1, 8), fixed=500_000)}
    )
    assert fee_of(derive, derive.asks[0], 2_000) == 2_260_000
    # Derive: 0.1 BTC of the perpetual at 43,000: 0.1 + 0.06 % of 4,300 for the taker, 0.01 % for the maker.
    perpetual = linear(43_000, 100).model_copy(
        update={"taker_fee": Fee(rate=(6, 10**4), fixed=100_000), "maker_fee": Fee(rate=(1, 10**4))}
    )
    level = perpetual.asks[0]
    assert (fee_of(perpetual, level, 100), fee_of(perpetual, level, 100, "maker")) == (2_680_000, 430_000)
    # Bybit: 0.3 BTC of a call at 3,000 USDT with the index at 42,000: 0.02 % of 42,000, at most 7 % of 3,000.
    bybit = linear(3_000, 300).model_copy(update={"maker_fee": Fee(of="size", rate=(8_400, 1), cap=(7, 100))})
    assert fee_of(bybit, bybit.asks[0], 300, "maker") == 2_520_000


def test_takers_pay_the_fee_in_what_they_pay_or_get() -> None:
    book, kind = options(100), OrderBook()
    kind.check(book, INFOS)
    paid, got = 10 * 101_000 + 30_000, 10 * 100_000 - 30_000

    assert (cost_of(book, book.asks[0], 10), proceeds_of(book, book.bids[0], 10)) == (paid, got)
    assert kind.execute(book, "anyone", Trade(COIN, paid, OPTION, "ask:0"), 0)[0] == 10
    assert kind.execute(book, "anyone", Trade(COIN, paid - 1, OPTION, "ask:0"), 0)[0] == 9
    assert kind.execute(book, "anyone", Trade(OPTION, 10, COIN, "bid:0"), 0)[0] == got
    assert kind.input_for(book, OPTION, got, COIN) == 10
    with pytest.raises(TradeRefusedError, match="off_lot"):
        kind.input_for(linear(200, 10_000), USDC, 50, SOL, "ask:0")
    with pytest.raises(TradeRefusedError, match="level_overdrawn"):
        kind.input_for(book, COIN, 11, OPTION)


def test_an_inverse_contract_costs_its_dollars_divided_by_the_price() -> None:
    book, kind = contracts(100_000, 50_000), OrderBook()
    kind.check(book, INFOS)

    # Selling the venue's contract at 100,000: 50,000 dollars of it are half a coin, and 0.05 % of that.
    assert kind.execute(book, "anyone", Trade(COIN, 50_025_000, PERP, "ask:0"), 0)[0] == 50_000
    # Buying at 100,000.5: what 50,000 dollars fetch, rounded down, less the fee.
    fetched = 50_000 * 10**8 * 2 / 200_001 * 0.9995
    assert kind.execute(book, "anyone", Trade(PERP, 50_000, COIN, "bid:0"), 0)[0] == int(fetched)


def test_a_fixed_fee_is_charged_once_a_trade() -> None:
    book = linear(200, 10_000).model_copy(update={"taker_fee": Fee(rate=(0, 1), fixed=500_000)})

    assert cost_of(book, book.asks[0], 10_000) == 2_000_500_000
    with pytest.raises(TradeRefusedError, match="no_output"):
        OrderBook().execute(book, "anyone", Trade(USDC, 500_000, SOL, "ask:0"), 0)


def test_a_book_without_fees_is_written_as_before_there_were_any() -> None:
    plain = options(100).model_copy(update={"taker_fee": None, "maker_fee": None})

    assert not {b"fee", b"inverse"} & {part for part in (b"fee", b"inverse") if part in canonical_bytes(plain)}
    assert OrderBookState.from_json(options(100).model_dump_json(by_alias=True)) == options(100)


Update = dict[str, Any]
WRONG: list[tuple[str, Update, str]] = [
    ("a taker's rebate", {"taker_fee": Fee(rate=(-1, 100))}, "taker_fee/rate"),
    ("all of the value", {"taker_fee": Fee(rate=(1, 1))}, "taker_fee/rate"),
    ("a rebate of all", {"maker_fee": Fee(rate=(-1, 1))}, "maker_fee/rate"),
    ("no denominator", {"maker_fee": Fee(rate=(1, 0))}, "maker_fee/rate"),
    ("size without a cap", {"taker_fee": Fee(of="size", rate=(1, 1))}, "taker_fee/cap"),
    ("a cap of all", {"taker_fee": Fee(of="size", rate=(1, 1), cap=(1, 1))}, "taker_fee/cap"),
    ("another expiry", {"expiry_seconds": 1798185601}, "expiry_seconds"),
    ("no expiry", {"expiry_seconds": None}, "expiry_seconds"),
]


@pytest.mark.parametrize(("update", "field"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_states_that_can_not_be_are_refused(update: Update, field: str) -> None:
    with pytest.raises(VenueStateError) as refused:
        OrderBook().check(options(100).model_copy(update=update), INFOS)
    assert refused.value.where == field


def test_a_snapshot_has_no_book_that_is_closed_and_no_quote_that_ended() -> None:
    ranges = (QuoteRange(least=1, most=9, price=(1, 1)),)
    head = {"id": "deribit:main/rfq:x", "maker": "import:m", "asset_in": COIN, "asset_out": USDC, "ranges": ranges}
    quote = RfqState.model_validate({**head, "expiry_seconds": 1798185601})
    snapshot = Snapshot(
        time_seconds=1798185599,
        numeraire=COIN,
        chains={},
        assets={asset: Asset(decimals=info.decimals, symbol="x") for asset, info in INFOS.items()},
        prices={},
        venues=(options(100), quote),
    )
    check_snapshot(snapshot)

    with pytest.raises(VenueStateError) as refused:
        check_snapshot(snapshot.model_copy(update={"time_seconds": 1798185600}))
    assert refused.value.where == f"/venues/{options(100).id}/expiry_seconds"
    ended = snapshot.model_copy(update={"time_seconds": 1798185601, "venues": (quote,)})
    with pytest.raises(VenueStateError, match="deribit:main/rfq:x/expiry_seconds"):
        check_snapshot(ended)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda b: {"bids": b.asks, "asks": b.bids}, "bids/0/price"),
        (lambda b: {"asks": (*b.asks, Level(price=b.asks[0].price + 1, size=10))}, "asks/1/price"),
        (lambda _: {"asks": (Level(price=10 * 10**9, size=10),)}, "asks/0/price"),
    ],
    ids=["crossed", "unsorted", "a lot worth less than a unit"],
)
def test_inverse_books_are_sorted_by_what_is_paid(change: Callable[[OrderBookState], Update], field: str) -> None:
    book = contracts(100_000, 50_000)
    with pytest.raises(VenueStateError) as refused:
        OrderBook().check(book.model_copy(update=change(book)), INFOS)
    assert refused.value.where == field
