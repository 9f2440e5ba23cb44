"""The `option-messages` feed: messages of option venues as they send them, one or many, into one Problem.

    Deribit   get_instruments, get_order_book, ticker and quote subscriptions; combos and trades are counted only
    Derive    get_instruments, ticker (terms and best prices in one)
    OKX       instruments; order books that name their instrument; option summaries have volatilities, no prices
    Bybit     option tickers (best prices; terms from BYBIT_TERMS, which the messages do not state)
    Tardis    options_chain CSV (best prices at Deribit; terms of 2020, engine.market.feeds.deribit_book)

A file is one JSON message, JSON messages line by line, or a CSV. Which message it is shows in its own fields; one that is
none of these is refused (`unknown_message`). Every element of a message is counted in its section (`instruments`,
`books`, `combos`, `trades`, `summaries`): kept, or reported with the reason. A side of a ticker without a size, or of
price 0, is empty. What becomes of quotes is in engine.market.feeds.option_books; combos are of no venue kind, since a
leg trades one asset for another.

Sources: docs.deribit.com, docs.derive.xyz, www.okx.com/docs-v5, bybit-exchange.github.io/docs, docs.tardis.dev.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from typing import Any

from engine.market.feeds.base import DEFAULT_SOLVERS, FeedError, Imported, decoded, digest_of, read_json
from engine.market.feeds.message_fields import Fields
from engine.market.feeds.option_books import Gathered, imported
from engine.market.feeds.option_venues import (
    bybit_ticker,
    deribit_instrument,
    deribit_quote,
    derive_instrument,
    derive_ticker,
    okx_book,
    okx_instrument,
    tardis_row,
)

Message = tuple[str, str | bytes]
"""The name of a file, and its content."""

TARDIS_COLUMNS = (
    *("exchange", "symbol", "timestamp", "type", "strike_price", "expiration"),
    *("bid_price", "bid_amount", "ask_price", "ask_amount", "underlying_price"),
)

Reader = Callable[[Gathered, Fields], None]


def import_messages(
    content: str | bytes, name: str, solvers: Sequence[str] = DEFAULT_SOLVERS, *, feed: str = "option-messages"
) -> Imported:
    """Read one file. Raises FeedError, nothing being kept."""
    return import_all([(name, content)], name, solvers, feed=feed)


def import_all(
    messages: Sequence[Message], name: str, solvers: Sequence[str] = DEFAULT_SOLVERS, *, feed: str = "option-messages"
) -> Imported:
    """Read many files into one problem; `name` is for the report. Raises FeedError, nothing being kept."""
    gathered = Gathered()
    # Instruments first or last, it is the same: quotes are matched when all is read.
    for file, content in messages:
        _read_file(gathered, file, content)
    digest = digest_of("\n".join(f"{file} {digest_of(content)}" for file, content in sorted(messages)))
    return imported(gathered, feed, name, digest if len(messages) != 1 else digest_of(messages[0][1]), solvers)


def _read_file(gathered: Gathered, file: str, content: str | bytes) -> None:
    text = decoded(content)
    if file.lower().endswith(".csv"):
        _read_csv(gathered, file, text)
        return
    lines = [line for line in text.split("\n") if line.strip()]
    whole_lines = len(lines) > 1 and all(
        line.startswith(("{", "[")) and line.rstrip().endswith(("}", "]")) for line in lines
    )
    if whole_lines and lines[0].strip() not in "[{":
        for i, line in enumerate(lines, start=1):
            _read_message(gathered, read_json(line), f"{file} line {i}")
    else:
        _read_message(gathered, read_json(text), file)


def _read_message(gathered: Gathered, message: Any, where: str) -> None:
    """One message of any venue. Raises FeedError `unknown_message`, or for an error that the venue answered."""
    if isinstance(message, list):
        _each(gathered, message, where)
        return
    fields = Fields(message, where)
    data = fields.data
    if data.get("error") or str(data.get("code", "0")) != "0":
        raise FeedError(
            "venue_error", where, expected="an answer", actual=str(data.get("error") or data.get("msg"))[:200]
        )
    if data.get("method") == "subscription":
        deribit_quote(gathered, fields.inner("params").inner("data"))
    elif str(data.get("topic", "")).startswith("tickers."):
        bybit_ticker(gathered, fields)
    elif "arg" in data:
        argument = fields.inner("arg").text("instId")
        for i, row in enumerate(fields.rows("data")):
            okx_book(gathered, Fields({"instId": argument, **Fields(row, where).data}, f"{where}/data/{i}"))
    elif "data" in data:
        _each(gathered, fields.rows("data"), f"{where}/data")
    elif "result" in data and isinstance(data["result"], list):
        _each(gathered, data["result"], f"{where}/result")
    elif "result" in data:
        _read_one(gathered, fields.inner("result"))
    else:
        _read_one(gathered, fields)


def _each(gathered: Gathered, rows: Sequence[Any], where: str) -> None:
    for i, row in enumerate(rows):
        _read_one(gathered, Fields(row, f"{where}/{i}"))


def _read_one(gathered: Gathered, fields: Fields) -> None:
    """One element: what it is shows in the fields that only this kind of element has."""
    for marks, reader in _ELEMENTS:
        if all(mark in fields.data for mark in marks):
            reader(gathered, fields)
            return
    found = ", ".join(sorted(fields.data))[:200]
    raise FeedError("unknown_message", fields.where, expected="a message of a known venue", actual=found or "nothing")


def _combo(gathered: Gathered, fields: Fields) -> None:
    for i, leg in enumerate(fields.rows("legs")):
        part = Fields(leg, f"{fields.where}/legs/{i}")
        part.text("instrument_name")
        if not part.signed("amount"):
            raise part.wrong("amount", "a signed amount")
    gathered.tallies["combos"].report(fields.text("id"), "unsupported_kind:combo", "legs")


def _trades(gathered: Gathered, fields: Fields) -> None:
    for i, row in enumerate(fields.rows("trades")):
        trade = Fields(row, f"{fields.where}/trades/{i}")
        trade.positive("price")
        trade.positive("amount")
        gathered.tallies["trades"].report(trade.text("instrument_name"), "no_book", "trades")


def _summary(gathered: Gathered, fields: Fields) -> None:
    fields.number_or_none("markVol")
    gathered.tallies["summaries"].report(fields.text("instId"), "no_prices", "bidVol")


_ELEMENTS: tuple[tuple[tuple[str, ...], Reader], ...] = (
    (("legs", "id", "state"), _combo),
    (("trades",), _trades),
    (("instrument_name", "best_bid_price", "tick_size", "instrument_type"), derive_ticker),
    (("instrument_name", "amount_step", "instrument_type"), derive_instrument),
    (("instrument_name", "kind", "tick_size"), deribit_instrument),
    (("instrument_name", "bids", "asks"), deribit_quote),
    (("instrument_name", "best_bid_price"), deribit_quote),
    (("instId", "ctVal", "tickSz"), okx_instrument),
    (("instId", "bids", "asks"), okx_book),
    (("instId", "markVol"), _summary),
)


def _read_csv(gathered: Gathered, file: str, text: str) -> None:
    if not text.endswith("\n"):
        raise FeedError("truncated", file, expected="a line end after the last row", actual=repr(text[-40:]))
    reader = csv.reader((f"{line}\n" for line in text.split("\n")), strict=True)
    try:
        header = next(reader, [])
        rows = [(reader.line_num, cells) for cells in reader if cells]
    except csv.Error as error:
        where = f"{file} line {reader.line_num}"
        raise FeedError("malformed_csv", where, expected="whole CSV cells", actual=str(error)) from None
    for column in TARDIS_COLUMNS:
        if header.count(column) != 1:
            code = "duplicate" if column in header else "missing_column"
            raise FeedError(
                code, f"{file} line 1", expected=f"the column {column} once", actual=", ".join(header)[:300]
            )
    for number, cells in rows:
        where = f"{file} line {number}"
        if len(cells) != len(header):
            raise FeedError("wrong_cell_count", where, expected=f"{len(header)} cells", actual=str(len(cells)))
        tardis_row(gathered, Fields(dict(zip(header, cells, strict=True)), where))
