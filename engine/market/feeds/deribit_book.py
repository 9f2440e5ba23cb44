"""The `deribit-book` feed: a CSV of option order books as Deribit's public API gave them, into a Problem without intents.

Columns    any order and number as long as COLUMNS are there. Expiry (08:00 UTC), strike and right come from the name.
Books      one venue `deribit:main/book:<name>` a row; bids and asks are lists of [price, amount], best first; prices in
           the coin for one contract of one coin (inverse options), amounts in contracts. All numbers are read from
           their decimal text. Levels off the coin's tick or lot, crossed or unsorted books are reported as
           `refused_state:<side>`; rows without any level as `empty_book`; past expiries as `expired`; names that are no
           options as `not_an_option`; a name that was there before as `repeated` (the first row is kept).
Units      the option's base unit is the lot, so an amount of 1 is the least that trades; see COINS.
Prices     the coin is the numeraire. An option with both sides is priced at their mid, for the smaller of the two best
           sizes; one-sided books price nothing.
Time       the greatest timestamp of all rows, in whole seconds; provenance states the index price of that row.

Refused by name, nothing kept (FeedError): `truncated` (no line end at the end, or a quoted cell without an end; a cut
exactly between two rows can not be seen), `malformed_csv`, `wrong_cell_count`, `missing_column`, `duplicate` (a column
twice, the header again), `malformed_field` or `malformed_number` (a cell that can not be of its column),
`swapped_columns` (most two-sided books have their best bid above their best ask), `mixed_coins`, `unsupported_coin`,
`no_rows`.

Source of ticks and lots: Deribit's contract specifications of 2020, https://www.deribit.com/kb/options.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from engine.market.feeds.base import (
    DEFAULT_SOLVERS,
    FeedError,
    Imported,
    Tally,
    decoded,
    digest_of,
    exact,
    imported_problem,
    ratio_of,
)
from engine.market.snapshot import Asset, Chain, ReferencePrice, Snapshot, check_snapshot
from engine.market.venues.base import AssetInfo, VenueStateError
from engine.market.venues.order_book import Level, OrderBook, OrderBookState
from intents.errors import InputError
from intents.identifiers import solver_account
from intents.instruments import DeribitName, Option, from_deribit, option_asset

COLUMNS = ("instrument_name", "underlying_price", "index_price", "timestamp", "bids", "asks")
"""What is read; every other column is left alone."""

PLACE = "deribit:main"
"""Where the coins and options of the file live."""

MAX_LEVELS = 1000
"""More levels on one side of one book are refused."""

_NAME = re.compile(r"[A-Z]{2,10}(_[A-Z]{2,10})?(-[-A-Z0-9]{1,60})?\Z", re.ASCII)
_MILLISECONDS = re.compile(r"[1-9][0-9]{12}\Z", re.ASCII)
_NUMBER = r"[0-9]{1,30}(?:\.[0-9]{1,30})?(?:e-?[0-9]{1,2})?"
_LEVEL = re.compile(rf"\[({_NUMBER}),({_NUMBER})\]", re.ASCII)
_LEVELS = re.compile(rf"\[(?:{_LEVEL.pattern}(?:,{_LEVEL.pattern})*)?\]", re.ASCII)


@dataclass(frozen=True)
class Coin:
    """Terms of a coin's options. `decimals` of the coin; a contract is 10**option_decimals base units, a lot is one."""

    decimals: int
    option_decimals: int
    tick: Fraction


COINS = {
    "BTC": Coin(decimals=8, option_decimals=1, tick=Fraction(5, 10_000)),
    "ETH": Coin(decimals=18, option_decimals=0, tick=Fraction(5, 10_000)),
}
"""Price step in the coin for one contract; least amount 0.1 BTC or 1 ETH contract."""


@dataclass(frozen=True)
class _Row:
    """One line of the file with its cells understood; `option` is None where the name is no option's."""

    name: str
    option: DeribitName | None
    index_price: str
    milliseconds: int
    bids: tuple[tuple[Fraction, Fraction], ...]
    asks: tuple[tuple[Fraction, Fraction], ...]


def import_deribit(content: str | bytes, name: str, solvers: Sequence[str] = DEFAULT_SOLVERS) -> Imported:
    """Read a chain of books. `name` is for the report only. Raises FeedError, nothing being kept."""
    rows = _read_rows(decoded(content))
    coin = _coin(rows)
    _refuse_swapped(rows)
    newest = max(rows, key=lambda row: row.milliseconds)
    time = newest.milliseconds // 1000
    tally = Tally()
    books = _books(rows, COINS[coin], time, tally)
    snapshot = _snapshot(books, coin, time)
    digest = digest_of(content)
    problem = imported_problem(
        f"deribit.{digest[:16]}",
        digest,
        snapshot,
        {"format": "deribit-book", "file": name, "sha256": digest, "index_price": newest.index_price},
        {solver_account(solver): {} for solver in sorted(solvers)},
    )
    notes = {
        "books_two_sided": sum(bool(book.bids and book.asks) for book in books),
        "books_bids_only": sum(not book.asks for book in books),
        "books_asks_only": sum(not book.bids for book in books),
        "levels": sum(len(book.bids) + len(book.asks) for book in books),
    }
    report = {"format": "deribit-book", "file": name, "sha256": digest, "rows": tally.to_wire(), "notes": notes}
    return Imported(problem, report)


def _read_rows(text: str) -> list[_Row]:
    if not text.endswith("\n"):
        raise FeedError("truncated", "", expected="a line end after the last row", actual=repr(text[-40:]))
    reader = csv.reader((f"{line}\n" for line in text.split("\n")), strict=True)
    try:
        header = next(reader, [])
        lines = [(reader.line_num, cells) for cells in reader if cells]
    except csv.Error as error:
        code = "truncated" if "unexpected end" in str(error) else "malformed_csv"
        raise FeedError(code, f"line {reader.line_num}", expected="whole CSV cells", actual=str(error)) from None
    for column in COLUMNS:
        if header.count(column) != 1:
            code = "duplicate" if column in header else "missing_column"
            raise FeedError(code, "line 1", expected=f"the column {column} once", actual=", ".join(header)[:300])
    if not lines:
        raise FeedError("no_rows", "", expected="at least one book", actual="a header alone")
    places = {column: header.index(column) for column in COLUMNS}
    rows = []
    for number, cells in lines:
        where = f"line {number}"
        if cells == header:
            raise FeedError("duplicate", where, expected="one header", actual="the header again")
        if len(cells) != len(header):
            raise FeedError("wrong_cell_count", where, expected=f"{len(header)} cells", actual=str(len(cells)))
        rows.append(_row({column: cells[place] for column, place in places.items()}, where))
    return rows


def _row(cells: dict[str, str], where: str) -> _Row:
    name = cells["instrument_name"]
    if not _NAME.match(name):
        raise _malformed(where, "instrument_name", "a name such as BTC-26JUN20-9000-C", name)
    if not _MILLISECONDS.match(cells["timestamp"]):
        raise _malformed(where, "timestamp", "13 digits of unix milliseconds", cells["timestamp"])
    for column in ("underlying_price", "index_price"):
        if not 0 < exact(cells[column], f"{where} {column}") < 10**9:
            raise _malformed(where, column, "a price between 0 and 10^9", cells[column])
    return _Row(
        name=name,
        option=_option(name),
        index_price=cells["index_price"],
        milliseconds=int(cells["timestamp"]),
        bids=_levels(cells["bids"], where, "bids"),
        asks=_levels(cells["asks"], where, "asks"),
    )


def _malformed(where: str, column: str, expected: str, actual: str) -> FeedError:
    return FeedError("malformed_field", f"{where} {column}", expected=expected, actual=repr(actual[:80]))


def _option(name: str) -> DeribitName | None:
    try:
        return from_deribit(name)
    except InputError:
        return None  # a future or perpetual: reported as `not_an_option` by the caller


def _levels(text: str, where: str, column: str) -> tuple[tuple[Fraction, Fraction], ...]:
    packed = text.replace(" ", "")
    if not _LEVELS.fullmatch(packed):
        raise _malformed(where, column, "a list of [price, amount]", text)
    found = _LEVEL.findall(packed)
    if len(found) > MAX_LEVELS:
        raise _malformed(where, column, f"at most {MAX_LEVELS} levels", f"{len(found)} levels")
    return tuple((exact(price, where), exact(amount, where)) for price, amount in found)


def _coin(rows: Sequence[_Row]) -> str:
    coins = sorted({row.option.coin for row in rows if row.option})
    if len(coins) != 1:
        raise FeedError("mixed_coins", "", expected="options on one coin", actual=", ".join(coins) or "no option")
    if coins[0] not in COINS:
        raise FeedError("unsupported_coin", "", expected=" or ".join(COINS), actual=coins[0])
    return coins[0]


def _refuse_swapped(rows: Sequence[_Row]) -> None:
    two_sided = [row for row in rows if row.bids and row.asks]
    crossed = sum(row.bids[0][0] > row.asks[0][0] for row in two_sided)
    if crossed * 2 > len(two_sided):
        actual = f"the opposite in {crossed} of {len(two_sided)} books"
        raise FeedError("swapped_columns", "bids, asks", expected="best bids below best asks", actual=actual)


def _books(rows: Sequence[_Row], coin: Coin, time: int, tally: Tally) -> list[OrderBookState]:
    books: dict[str, OrderBookState] = {}
    seen: set[str] = set()
    for row in rows:
        if row.name in seen:
            tally.report(row.name, "repeated", "instrument_name")
        elif row.option is None:
            tally.report(row.name, "not_an_option", "instrument_name")
        elif row.option.expiry_seconds <= time:
            tally.report(row.name, "expired", "instrument_name")
        elif not (row.bids or row.asks):
            tally.report(row.name, "empty_book", "bids")
        else:
            try:
                books[row.name] = _book(row, row.option, coin)
                tally.keep()
            except VenueStateError as error:
                tally.report(row.name, f"refused_state:{error.where.split('/')[0]}", error.where)
        seen.add(row.name)
    return sorted(books.values(), key=lambda book: book.id)


def _book(row: _Row, option: DeribitName, coin: Coin) -> OrderBookState:
    quote = f"{PLACE}/coin:{option.coin}"
    base = option_asset(
        Option(
            place=PLACE,
            issued_by_clearway=False,
            underlying=option.coin,
            index=f"deribit.{option.coin.lower()}",
            expiry_seconds=option.expiry_seconds,
            strike=option.strike,
            right=option.right,
            style="inverse",
            settlement=quote,
        )
    )
    state = OrderBookState(
        id=f"{PLACE}/book:{row.name}",
        base=base,
        quote=quote,
        tick=ratio_of(coin.tick * 10**coin.decimals / 10**coin.option_decimals, row.name),
        lot=1,
        bids=_whole_levels(row.bids, coin, "bids"),
        asks=_whole_levels(row.asks, coin, "asks"),
        expiry_seconds=option.expiry_seconds,
    )
    infos = {base: AssetInfo(coin.option_decimals), quote: AssetInfo(coin.decimals)}
    OrderBook().check(state, infos)
    return state


def _whole_levels(levels: Sequence[tuple[Fraction, Fraction]], coin: Coin, side: str) -> tuple[Level, ...]:
    whole = []
    for i, (price, amount) in enumerate(levels):
        ticks, lots = price / coin.tick, amount * 10**coin.option_decimals
        if ticks.denominator != 1:
            raise VenueStateError(f"{side}/{i}/price", expected=f"whole ticks of {coin.tick}", actual=str(price))
        if lots.denominator != 1 or lots == 0:
            raise VenueStateError(
                f"{side}/{i}/size", expected=f"whole lots of 10^-{coin.option_decimals}", actual=str(amount)
            )
        whole.append(Level(price=int(ticks), size=int(lots)))
    return tuple(whole)


def _snapshot(books: Sequence[OrderBookState], coin: str, time: int) -> Snapshot:
    numeraire = f"{PLACE}/coin:{coin}"
    terms = COINS[coin]
    assets = {numeraire: Asset(decimals=terms.decimals, symbol=coin)}
    prices = {numeraire: ReferencePrice(ratio=(1, 1), source=PLACE, method="numeraire", time_seconds=time)}
    for book in books:
        assets[book.base] = Asset(decimals=terms.option_decimals, symbol=book.id.split(":")[-1])
        if book.bids and book.asks:
            bid, ask = book.bids[0], book.asks[0]
            mid = Fraction(bid.price + ask.price, 2) * Fraction(*book.tick)
            prices[book.base] = ReferencePrice(
                ratio=ratio_of(mid, book.id),
                source=book.id,
                method="mid of best bid and best ask",
                time_seconds=time,
                depth=min(bid.size, ask.size),
            )
    snapshot = Snapshot(
        time_seconds=time,
        numeraire=numeraire,
        chains={PLACE: Chain()},
        assets=assets,
        prices=prices,
        venues=tuple(books),
    )
    check_snapshot(snapshot)
    return snapshot
