"""Recorded CoW competitions (JSON lines), their bids rescored by the rule `cow-2024` (docs/score.md).

Guarantees
1. A line that is not of the format is a FeedError that names the file, the line and the place in it.
2. Every bid of an auction that has a competition is counted: rescored, or with the reason why it can not be
   (`order_not_in_auction`, `missing_price`, `unknown_policy`, `unknown_kind`, `bad_factor`, `zero_limit`, `zero_quote`).
3. Fields that the score does not need are not looked at, and their order plays no part.

Agreement is compared in integers. Pure: bytes and names in, values out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.auction.score_cow_2024 import Order, Policy, Quote, protocol_fee, score_trade
from engine.market.feeds.base import FeedError
from intents.errors import InputError
from intents.values import parse_json

_WHOLE = re.compile(r"-?[0-9]{1,78}\Z", re.ASCII)

Place = str
"""`file:line` and the JSON pointer in the line."""


class CannotScoreError(Exception):
    """The bid is of the format, and the rule has no score for it; `reason` says why."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class BookOrder:
    """An order as recorded; `order` is None where the rule has no score for it, for the reason named.

    `divisible` is whether parts of it may be filled; the score does not need it, so it is what the file has.
    """

    id: str
    sell_token: str
    buy_token: str
    order: Order | None
    reason: str = ""
    divisible: object = None


@dataclass(frozen=True, slots=True)
class Auction:
    """Orders by id, and wei for 1e18 base units by token.

    `executed` is what of an order was filled before; the score does not need it, so it is what the file has.
    """

    id: int
    orders: Mapping[str, BookOrder]
    prices: Mapping[str, int]
    executed: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trade:
    """Executed amounts of one order in a bid."""

    order: str
    sold: int
    bought: int


@dataclass(frozen=True, slots=True)
class Bid:
    """A recorded bid; `clearing` are the prices it states, by token."""

    solver: str
    score: int
    trades: tuple[Trade, ...]
    clearing: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Competition:
    """The bids of one auction."""

    auction: int
    bids: tuple[Bid, ...]


def read_orders(name: str, content: bytes) -> list[BookOrder]:
    """orders.jsonl: one order a line; auctions name them by index."""
    return [_order(row, where) for row, where in _lines(name, content)]


def read_auctions(name: str, content: bytes, orders: Sequence[BookOrder]) -> list[Auction]:
    """auctions.jsonl: {id, orders [[index, executed]], prices}. Raises FeedError for one that stands twice."""
    auctions: dict[int, Auction] = {}
    for row, where in _lines(name, content):
        number = _whole(row, "id", where)
        if number in auctions:
            raise FeedError("duplicate_auction", f"{where}/id", expected="each auction once", actual=str(number))
        listed: dict[str, BookOrder] = {}
        executed: dict[str, object] = {}
        for i, item in enumerate(_list(row, "orders", where)):
            place = f"{where}/orders/{i}"
            index = item[0] if isinstance(item, list) and item else item
            if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(orders):
                raise FeedError("bad_index", place, expected=f"an index below {len(orders)}", actual=repr(item)[:60])
            listed[orders[index].id] = orders[index]
            executed[orders[index].id] = item[1] if isinstance(item, list) and len(item) > 1 else None
        auctions[number] = Auction(number, listed, _amounts(row, "prices", where), executed)
    return list(auctions.values())


def read_competitions(name: str, content: bytes) -> list[Competition]:
    """competitions.jsonl: {auctionId, solutions [...]}. Raises FeedError for an auction that stands twice."""
    found: dict[int, Competition] = {}
    for row, where in _lines(name, content):
        number = _whole(row, "auctionId", where)
        if number in found:
            raise FeedError("duplicate_auction", f"{where}/auctionId", expected="each auction once", actual=str(number))
        bids = []
        for i, item in enumerate(_list(row, "solutions", where)):
            bids.append(_bid(_mapping(item, f"{where}/solutions/{i}"), f"{where}/solutions/{i}"))
        found[number] = Competition(number, tuple(bids))
    return list(found.values())


def score_bid(auction: Auction, bid: Bid) -> int:
    """The bid's score in wei. Raises CannotScoreError."""
    return sum(score_trade(order, trade.sold, trade.bought, price) for order, trade, price, _ in _parts(auction, bid))


def score_at_stated_fees(auction: Auction, bid: Bid) -> int | None:
    """The score if each fee is what the bid's own prices leave, where those are the amounts before fees; else None.

    A bid may state as its price of the sold token the bought amount before fees, and the other way round. Most bids'
    prices are something else, so this is no rule, only an explanation where it gives the recorded score.
    """
    total = 0
    for order, trade, price, book in _parts(auction, bid):
        stated = bid.clearing.get(book.sell_token if order.kind == "sell" else book.buy_token)
        if stated is None:
            return None
        fee = stated - trade.bought if order.kind == "sell" else trade.sold - stated
        total += score_trade(order, trade.sold, trade.bought, price, fee)
    return total


def _parts(auction: Auction, bid: Bid) -> Iterator[tuple[Order, Trade, int, BookOrder]]:
    for trade in bid.trades:
        book = auction.orders.get(trade.order)
        if book is None:
            raise CannotScoreError("order_not_in_auction")
        if book.order is None:
            raise CannotScoreError(book.reason)
        price = auction.prices.get(book.buy_token if book.order.kind == "sell" else book.sell_token)
        if price is None:
            raise CannotScoreError("missing_price")
        yield book.order, trade, price, book


def stated_and_due_fees(auction: Auction, bid: Bid) -> list[tuple[int, int]]:
    """By trade: the fee that the bid's own prices leave (see `score_at_stated_fees`) and the rule's, in base units."""
    fees = []
    for order, trade, _, book in _parts(auction, bid):
        stated = bid.clearing.get(book.sell_token if order.kind == "sell" else book.buy_token, 0)
        left = stated - trade.bought if order.kind == "sell" else trade.sold - stated
        fees.append((left, protocol_fee(order, trade.sold, trade.bought)))
    return fees


def _lines(name: str, content: bytes) -> Iterator[tuple[Mapping[str, Any], Place]]:
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not line.strip():
            continue
        where = f"{name}:{number}"
        try:
            row = parse_json(line)
        except InputError as error:
            raise FeedError(error.code, where + error.where, expected=error.expected, actual=error.actual) from None
        yield _mapping(row, where), where


def _order(row: Mapping[str, Any], where: Place) -> BookOrder:
    tokens = _text(row, "sellToken", where).lower(), _text(row, "buyToken", where).lower()
    sell, buy = _whole(row, "sellAmount", where), _whole(row, "buyAmount", where)
    number, kind = _text(row, "uid", where).lower(), _text(row, "kind", where)
    listed = _list(row, "protocolFees", where)
    if kind not in {"sell", "buy"} or sell <= 0 or buy <= 0:
        return BookOrder(number, *tokens, None, "unknown_kind" if kind not in {"sell", "buy"} else "zero_limit")
    try:
        policies = tuple(_policy(item, f"{where}/protocolFees/{i}") for i, item in enumerate(listed))
    except CannotScoreError as error:
        return BookOrder(number, *tokens, None, error.reason)
    order = Order("sell" if kind == "sell" else "buy", sell, buy, policies)
    return BookOrder(number, *tokens, order, divisible=row.get("partiallyFillable"))


def _policy(item: Any, where: Place) -> Policy:
    found = _mapping(item, where)
    if len(found) != 1:
        raise FeedError("malformed", where, expected="one policy by its name", actual=repr(sorted(found))[:60])
    ((name, values),) = found.items()
    place = f"{where}/{name}"
    if name not in {"surplus", "priceImprovement", "volume"}:
        raise CannotScoreError("unknown_policy")
    values = _mapping(values, place)
    factor = _factor(values, "factor", place)
    if name == "volume":
        return Policy(factor)
    most = _factor(values, "maxVolumeFactor", place)
    if name == "surplus":
        return Policy(factor, most)
    quoted = _mapping(values.get("quote"), f"{place}/quote")
    sell, buy, fee = (_whole(quoted, field, f"{place}/quote") for field in ("sellAmount", "buyAmount", "fee"))
    if sell <= 0 or buy <= 0:
        raise CannotScoreError("zero_quote")
    return Policy(factor, most, Quote(sell, buy, fee))


def _bid(row: Mapping[str, Any], where: Place) -> Bid:
    trades = []
    for i, item in enumerate(_list(row, "orders", where)):
        place = f"{where}/orders/{i}"
        trade = _mapping(item, place)
        amounts = _whole(trade, "sellAmount", place), _whole(trade, "buyAmount", place)
        trades.append(Trade(_text(trade, "id", place).lower(), *amounts))
    clearing = _amounts(row, "clearingPrices", where) if row.get("clearingPrices") is not None else {}
    solver = row.get("solver") if isinstance(row.get("solver"), str) else row.get("solverAddress")
    return Bid(str(solver), _whole(row, "score", where, signed=True), tuple(trades), clearing)


def _mapping(value: Any, where: Place) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise FeedError("malformed", where, expected="an object", actual=repr(value)[:60])
    return value


def _list(row: Mapping[str, Any], field: str, where: Place) -> list[Any]:
    value = row.get(field)
    if not isinstance(value, list):
        raise FeedError("malformed", f"{where}/{field}", expected="a list", actual=repr(value)[:60])
    return value


def _text(row: Mapping[str, Any], field: str, where: Place) -> str:
    value = row.get(field)
    if not isinstance(value, str):
        raise FeedError("malformed", f"{where}/{field}", expected="a text", actual=repr(value)[:60])
    return value


def _whole(row: Mapping[str, Any], field: str, where: Place, *, signed: bool = False) -> int:
    """A whole number, as digits in a string or as a JSON integer."""
    value = row.get(field)
    number = int(value) if isinstance(value, str) and _WHOLE.match(value) else value
    if not isinstance(number, int) or isinstance(number, bool) or (number < 0 and not signed):
        raise FeedError("malformed", f"{where}/{field}", expected="a whole number", actual=repr(value)[:60])
    return number


def _amounts(row: Mapping[str, Any], field: str, where: Place) -> dict[str, int]:
    listed = _mapping(row.get(field), f"{where}/{field}")
    return {token.lower(): _whole(listed, token, f"{where}/{field}") for token in listed}


def _factor(values: Mapping[str, Any], field: str, where: Place) -> float:
    value = values.get(field)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FeedError("malformed", f"{where}/{field}", expected="a number", actual=repr(value)[:60])
    if not 0 <= value < 1:
        raise CannotScoreError("bad_factor")
    return float(value)
