"""Listed contracts and what is quoted for them, in whole units, into a Problem of order books without intents.

Readers of venues' messages (engine.market.feeds.option_messages) fill a `Gathered`: terms by (place, name), quotes in the
order of the messages, and a tally by section. This module turns them into books:

Book       one venue `<place>/book:<name>`; of several quotes of one contract the newest counts, the others are
           `repeated`. `no_instrument`: nobody stated the contract's terms. `empty_book`, `expired` and
           `refused_state:<field>` as in engine.market.feeds.deribit_book, off tick or lot included.
Units      a whole option is on one unit of the underlying, a whole inverse contract of a future is one unit of quote
           (a dollar); the base unit is the decimal place of the least amount. Ticks: the greatest step that all of a
           contract's stated steps are multiples of.
Fees       as the instrument states them: a share of the payment; for options a share of the underlying for each unit
           (of its index price where the option is linear), capped. What a venue does not state is not charged, and
           counted.
Inverse    a venue's buyers of an inverse future are this book's asks: see engine.market.venues.order_book.
Prices     the numeraire is the settlement asset of most books; a two-sided book in it prices its contract at the mid.
Time       the newest quote's, in whole seconds; 0 without any.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd, lcm
from typing import Any

from pydantic import ValidationError

from engine.market.feeds.base import FeedError, Imported, Tally, imported_problem, ratio_of
from engine.market.snapshot import Asset, Chain, ReferencePrice, Snapshot, check_snapshot
from engine.market.venues.base import AssetInfo, VenueStateError
from engine.market.venues.order_book import Fee, Level, OrderBook, OrderBookState, price_of
from intents.identifiers import place_of, solver_account
from intents.values import input_error

DECIMALS = {"BTC": 8, "ETH": 18, "USDC": 6, "USDT": 6, "SOL": 9, "PAXG": 18, "XRP": 6, "EURR": 6, "USDE": 18}
"""Decimals of the assets that contracts settle in; a contract in another one is `unsupported_settlement`."""

MAX_LEVELS = 5000
"""More levels on a side are refused."""

OPTION_FEE_CAP = Fraction(1, 8)
"""Of an option's price, where the instrument states a fee and no cap (Deribit's and Derive's fee pages: 12.5 %)."""

Sides = tuple[tuple[Fraction, Fraction], ...]


@dataclass(frozen=True)
class FeeTerms:
    """A rate as the venue states it. `of_underlying`: for each unit of the underlying and capped, not of the payment."""

    rate: Fraction
    of_underlying: bool
    cap: Fraction | None = None
    fixed: Fraction = Fraction(0)


@dataclass(frozen=True)
class Listing:
    """A contract's terms. `step` and `ticks` in whole units; `multiplier`: whole units of the base in one unit of size."""

    place: str
    name: str
    base: str
    settlement: str
    ticks: tuple[Fraction, ...]
    step: Fraction
    inverse_price: bool
    expiry_seconds: int | None
    multiplier: Fraction = Fraction(1)
    linear_option: bool = False
    taker: FeeTerms | None = None
    maker: FeeTerms | None = None


@dataclass(frozen=True)
class Quote:
    """What is bid and asked for a contract: (price, size) from the best, as the venue states them."""

    place: str
    name: str
    milliseconds: int
    bids: Sides
    asks: Sides
    index_price: Fraction | None
    message: str


@dataclass
class Gathered:
    """Everything read from messages."""

    listings: dict[tuple[str, str], Listing] = field(default_factory=dict)
    quotes: list[Quote] = field(default_factory=list)
    tallies: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))


def imported(gathered: Gathered, feed: str, name: str, digest: str, solvers: Sequence[str]) -> Imported:
    """The problem and the report. Raises FeedError `no_books` where nothing was listed or quoted at all."""
    settled = Counter(listing.settlement for listing in gathered.listings.values())
    if not settled:
        found = {section: tally.taken for section, tally in sorted(gathered.tallies.items())}
        raise FeedError("no_books", name, expected="instruments or prices", actual=f"{found or 'nothing known'}"[:200])
    newest = max((quote.milliseconds for quote in gathered.quotes), default=0)
    books = _books(gathered, newest // 1000)
    quoted = Counter(book.quote for book in books) or settled
    numeraire = min(quoted, key=lambda asset: (-quoted[asset], asset))
    decimals = {_book_id(listing): base_decimals(listing) for listing in gathered.listings.values()}
    snapshot = _snapshot(books, decimals, numeraire, newest // 1000)
    problem = imported_problem(
        f"{feed}.{digest[:16]}",
        digest,
        snapshot,
        {"format": feed, "file": name, "sha256": digest},
        {solver_account(solver): {} for solver in sorted(solvers)},
    )
    report: dict[str, Any] = {"format": feed, "file": name, "sha256": digest}
    report |= {section: tally.to_wire() for section, tally in sorted(gathered.tallies.items())}
    report["notes"] = {
        "books_two_sided": sum(bool(book.bids and book.asks) for book in books),
        "books_without_a_stated_fee": sum(book.taker_fee is None for book in books),
        "levels": sum(len(book.bids) + len(book.asks) for book in books),
    }
    return Imported(problem, report)


def _books(gathered: Gathered, time: int) -> list[OrderBookState]:
    tally = gathered.tallies["books"]
    newest: dict[tuple[str, str], Quote] = {}
    for quote in gathered.quotes:
        known = newest.get((quote.place, quote.name))
        if known is None or known.milliseconds < quote.milliseconds:
            newest[quote.place, quote.name] = quote
        if known is not None:
            tally.report(quote.name, "repeated", quote.message)
    books = []
    for key, quote in sorted(newest.items()):
        listing = gathered.listings.get(key)
        if listing is None:
            tally.report(quote.name, "no_instrument", quote.message)
        elif listing.expiry_seconds is not None and listing.expiry_seconds <= time:
            tally.report(quote.name, "expired", "expiry")
        elif not (quote.bids or quote.asks):
            tally.report(quote.name, "empty_book", "bids")
        else:
            try:
                books.append(_book(listing, quote))
                tally.keep()
            except VenueStateError as error:
                tally.report(quote.name, f"refused_state:{error.where.split('/')[0]}", error.where)
            except ValidationError as error:
                tally.report(quote.name, "refused_state:amount", input_error(error).actual)
    return sorted(books, key=lambda book: book.id)


def _book_id(listing: Listing) -> str:
    return f"{listing.place}/book:{listing.name}"


def base_decimals(listing: Listing) -> int:
    """Decimal places of the least amount, in whole units of the base."""
    least, places = listing.step * listing.multiplier, 0
    while (least * 10**places).denominator != 1:
        places += 1
        if places > 36:
            raise VenueStateError("lot", expected="a decimal of at most 36 places", actual=str(least))
    return places


def _book(listing: Listing, quote: Quote) -> OrderBookState:
    decimals, coin = base_decimals(listing), DECIMALS[listing.settlement.rsplit(":", 1)[-1]]
    lot = listing.step * listing.multiplier * 10**decimals
    tick = _common_step(listing.ticks)
    # A price is quote per base, or (inverse futures) base per quote.
    scale = Fraction(10**coin, 10**decimals) if not listing.inverse_price else Fraction(10**decimals, 10**coin)
    bids, asks = (quote.asks, quote.bids) if listing.inverse_price else (quote.bids, quote.asks)
    state = OrderBookState(
        id=_book_id(listing),
        base=listing.base,
        quote=listing.settlement,
        tick=ratio_of(tick * scale, quote.message),
        lot=int(lot),
        bids=_levels(bids, tick, listing.multiplier * 10**decimals, "bids"),
        asks=_levels(asks, tick, listing.multiplier * 10**decimals, "asks"),
        expiry_seconds=listing.expiry_seconds,
        taker_fee=_fee(listing.taker, listing, quote, Fraction(10**coin, 10**decimals)),
        maker_fee=_fee(listing.maker, listing, quote, Fraction(10**coin, 10**decimals)),
        inverse=listing.inverse_price,
    )
    OrderBook().check(state, {state.base: AssetInfo(decimals), state.quote: AssetInfo(coin)})
    return state


def _common_step(ticks: Sequence[Fraction]) -> Fraction:
    """The greatest step that all are multiples of."""
    whole = lcm(*(tick.denominator for tick in ticks))
    return Fraction(gcd(*(int(tick * whole) for tick in ticks)), whole)


def _levels(sides: Sides, tick: Fraction, units: Fraction, side: str) -> tuple[Level, ...]:
    if len(sides) > MAX_LEVELS:
        raise VenueStateError(side, expected=f"at most {MAX_LEVELS} levels", actual=str(len(sides)))
    whole = []
    for i, (price, amount) in enumerate(sides):
        ticks, size = price / tick, amount * units
        if ticks.denominator != 1:
            raise VenueStateError(f"{side}/{i}/price", expected=f"whole ticks of {tick}", actual=str(price))
        if size.denominator != 1 or size == 0:
            raise VenueStateError(f"{side}/{i}/size", expected="whole base units, not 0", actual=str(amount))
        whole.append(Level(price=int(ticks), size=int(size)))
    return tuple(whole)


def _fee(terms: FeeTerms | None, listing: Listing, quote: Quote, units: Fraction) -> Fee | None:
    """The fee in base units; `units`: quote base units for a base unit of the base at a price of one."""
    if terms is None or (not terms.rate and not terms.fixed):
        return None
    fixed = terms.fixed * 10 ** DECIMALS[listing.settlement.rsplit(":", 1)[-1]]
    if fixed.denominator != 1:
        raise VenueStateError(
            "taker_fee/fixed", expected="whole units of the settlement asset", actual=str(terms.fixed)
        )
    rate, cap, of_size = terms.rate, terms.cap, terms.of_underlying
    if of_size:
        if listing.linear_option and quote.index_price is None:
            raise VenueStateError("taker_fee", expected="an index price, of which it is a share", actual="none")
        rate *= units * (quote.index_price or 1 if listing.linear_option else 1)
        cap = cap if cap is not None else OPTION_FEE_CAP
    return Fee(
        of="size" if of_size else "value",
        rate=(rate.numerator, rate.denominator),
        cap=None if cap is None else ratio_of(cap, quote.message),
        fixed=int(fixed),
    )


def _snapshot(books: Sequence[OrderBookState], decimals: dict[str, int], numeraire: str, time: int) -> Snapshot:
    assets: dict[str, Asset] = {}
    prices = {
        numeraire: ReferencePrice(ratio=(1, 1), source=place_of(numeraire), method="numeraire", time_seconds=time)
    }
    for settlement in {numeraire, *(book.quote for book in books)}:
        symbol = settlement.rsplit(":", 1)[-1]
        assets[settlement] = Asset(decimals=DECIMALS[symbol], symbol=symbol)
    for book in books:
        assets[book.base] = Asset(decimals=decimals[book.id], symbol=book.id.split(":")[-1])
        if book.bids and book.asks and book.quote == numeraire:
            mid = (Fraction(*price_of(book, book.bids[0])) + Fraction(*price_of(book, book.asks[0]))) / 2
            prices[book.base] = ReferencePrice(
                ratio=ratio_of(mid, book.id),
                source=book.id,
                method="mid of best bid and best ask",
                time_seconds=time,
                depth=min(book.bids[0].size, book.asks[0].size),
            )
    snapshot = Snapshot(
        time_seconds=time,
        numeraire=numeraire,
        chains={place: Chain() for place in sorted({place_of(asset) for asset in assets})},
        assets=dict(sorted(assets.items())),
        prices=prices,
        venues=tuple(books),
    )
    check_snapshot(snapshot)
    return snapshot
