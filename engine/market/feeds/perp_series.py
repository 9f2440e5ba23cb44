"""Series of perpetuals: funding rates, bars with funding, and depth, as exact rows in order of time.

    funding             CSV  Symbol, Date, Funding Rate                     a rate an interval, by symbol
    perp-bars           CSV  time, exchange, pair, contract, close, funding rate, ...    a rate and a close, by market
    hyperliquid-depth   JSON lines  timestamp, venue, asset, mid_price, spread_bps, depth_50bps

Times are read as written: files that state no zone are taken as UTC, which the reader of a file has to know better
(rates of Binance and Bybit come with UTC+3). Milliseconds are cut off. Rows may come in any order; a time that was there
before is reported (`repeated`), rows of spot markets as `no_funding`, others by the field that is not as it should be.
`interval_seconds` is the most frequent distance of rows; `holes` counts longer ones.

Refused whole (FeedError): `missing_column`, `malformed_csv`, `malformed_json` (a line), `no_rows`.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from engine.market.feeds.base import FeedError, Tally, decoded, digest_of, read_json
from engine.market.feeds.perp_fields import decimal, positive, text
from engine.market.funding import Decimals, funding_payments, worth_of
from intents.futures import Perpetual, signed_contracts
from intents.identifiers import AssetId
from intents.instrument_ids import Style
from intents.values import Value

Kind = Literal["funding", "perp-bars", "hyperliquid-depth"]

RECEIVED_DECIMALS = 8
"""Of the settlement units in which received funding is counted."""

_COLUMNS = {
    "funding": ("Symbol", "Date", "Funding Rate"),
    "perp-bars": ("time", "exchange", "pair", "contract", "close", "funding rate"),
}


class SeriesRow(Value):
    """One moment. Numbers are exact decimals as written in the file; a field that the format has not is None."""

    time_seconds: int
    rate: str | None = None
    price: str | None = None
    spread_bps: str | None = None
    depth: str | None = None


class Series(Value):
    """The rows of one market in ascending order of time."""

    interval_seconds: int
    holes: int
    rows: tuple[SeriesRow, ...]


class SeriesFile(Value):
    """What a file has, by market."""

    format: str
    series: dict[str, Series]


class ReadSeries(NamedTuple):
    """The series and what became of each row, as in feeds.base.Imported."""

    file: SeriesFile
    report: dict[str, Any]


def read_series(kind: Kind, content: str | bytes, name: str) -> ReadSeries:
    """Read a file of one of the formats. Raises FeedError."""
    tally, seen = Tally(), dict[str, dict[int, SeriesRow]]()
    for label, take, row in _rows(kind, decoded(content)):
        try:
            market, made = take(row)
        except FeedError as error:
            tally.report(label, error.code, error.where)
            continue
        if made.time_seconds in seen.setdefault(market, {}):
            tally.report(label, "repeated", "time")
            continue
        seen[market][made.time_seconds] = made
        tally.keep()
    found = {market: _series(rows) for market, rows in sorted(seen.items()) if rows}
    if not found:
        raise FeedError("no_rows", "", expected="a row that can be used", actual="none")
    report = {"format": kind, "file": name, "sha256": digest_of(content), "rows": tally.to_wire()}
    notes = {"series": len(found), "holes": sum(series.holes for series in found.values())}
    return ReadSeries(SeriesFile(format=kind, series=found), {**report, "notes": notes})


def received(series: Series, style: Style, contracts: int) -> int:
    """What contracts (positive: long) received over rows that have rate and price, in 10^-8 of the settlement unit.

    A contract is one coin (linear) or one dollar (inverse). Each payment is rounded down.
    """
    settlement: AssetId = "sim:series/token:S"
    perpetual = Perpetual("sim:series", "X", "series.x", style, settlement)
    balance, total = signed_contracts(style, contracts), 0
    for row in series.rows:
        if row.rate is not None and row.price is not None:
            worth = worth_of(perpetual, Fraction(row.price), Decimals(RECEIVED_DECIMALS, 0))
            held = {"holder": balance, "others": -balance}
            paid = funding_payments(style, held, worth=worth, rate=Fraction(row.rate))
            total += paid.by_account["holder"]
    return total


_Take = Callable[[Any], tuple[str, SeriesRow]]


def _rows(kind: Kind, content: str) -> Iterator[tuple[str, _Take, Any]]:
    if kind == "hyperliquid-depth":
        for number, line in enumerate(content.splitlines(), 1):
            yield f"line {number}", _depth_row, _json_line(line, number)
        return
    try:
        rows = list(csv.reader(content.splitlines(), strict=True))
    except csv.Error as error:
        raise FeedError("malformed_csv", "", expected="comma-separated values", actual=str(error)) from None
    head: Sequence[str] = rows[0] if rows else ()
    for column in _COLUMNS[kind]:
        if head.count(column) != 1:
            raise FeedError("missing_column", column, expected="once", actual=f"{head.count(column)} times")
    for number, row in enumerate(rows[1:], 2):
        cells = dict(zip(head, row, strict=False)) if len(row) == len(head) else {}
        yield f"line {number}", _funding_row if kind == "funding" else _bar_row, cells


def _json_line(line: str, number: int) -> Any:
    try:
        return read_json(line)
    except FeedError as error:
        raise FeedError(error.code, f"line {number}", expected=error.expected, actual=error.actual) from None


def _funding_row(row: Any) -> tuple[str, SeriesRow]:
    return text(row, "Symbol"), SeriesRow(time_seconds=_time(row, "Date"), rate=_written(row, "Funding Rate"))


def _bar_row(row: Any) -> tuple[str, SeriesRow]:
    market = "/".join(text(row, field) for field in ("exchange", "pair", "contract"))
    if text(row, "contract") == "spot":
        raise FeedError("no_funding", "contract", expected="a perpetual", actual="spot")
    positive(row, "close")
    price, rate = _written(row, "close"), _written(row, "funding rate")
    return market, SeriesRow(time_seconds=_time(row, "time"), rate=rate, price=price)


def _depth_row(row: Any) -> tuple[str, SeriesRow]:
    positive(row, "mid_price")
    made = SeriesRow(
        time_seconds=_time(row, "timestamp"),
        price=_written(row, "mid_price"),
        spread_bps=_written(row, "spread_bps"),
        depth=_written(row, "depth_50bps"),
    )
    return f"{text(row, 'venue')}/{text(row, 'asset')}", made


def _written(row: Any, field: str) -> str:
    decimal(row, field, signed=True)
    return str(row[field])


def _time(row: Any, field: str) -> int:
    stamp = text(row, field)
    try:
        moment = datetime.fromisoformat(stamp)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise FeedError("malformed_field", field, expected="an ISO time", actual=stamp[:80]) from None


def _series(rows: dict[int, SeriesRow]) -> Series:
    times = sorted(rows)
    steps = Counter(later - earlier for earlier, later in pairwise(times))
    interval = min(steps, key=lambda step: (-steps[step], step), default=0)
    # Clocks jitter by seconds: a hole is where a row at least is missing.
    holes = sum(count for step, count in steps.items() if 2 * step > 3 * interval)
    return Series(interval_seconds=interval, holes=holes, rows=tuple(rows[time] for time in times))
