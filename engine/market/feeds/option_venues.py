"""What each option venue's elements say: terms of contracts and best prices, read field by field.

Each reader takes one element and adds to a `Gathered`: a listing (section `instruments`, kept or reported) or a quote
(counted when books are made). A field that is not of its kind refuses the file (FeedError); a contract that can not be
expressed is reported (`unsupported_kind:<kind>`, `unsupported_settlement`, `not_active`, `refused_state:<field>`).

Ids: options `<place>/option:...` and futures `<place>/future:...`, `<place>/perp:...` with the index `<venue>.<coin>`.
The expiry is the element's field, not its name's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from engine.market.feeds.base import FeedError
from engine.market.feeds.deribit_book import COINS
from engine.market.feeds.message_fields import CURRENCY, Fields, number
from engine.market.feeds.option_books import DECIMALS, FeeTerms, Gathered, Listing, Quote, Sides, base_decimals
from engine.market.venues.base import VenueStateError
from intents.errors import InputError
from intents.futures import Future, Perpetual, future_asset, perpetual_asset
from intents.instruments import Option, Right, from_deribit, option_asset
from intents.values import shortest_decimal

BYBIT_TERMS = {"BTC": (Fraction(5), Fraction(1, 100)), "ETH": (Fraction(1, 10), Fraction(1, 10))}
"""(tick in USDC, least amount) of Bybit's options: learn.bybit.com, "Options Parameters Introduction"."""

Style = Literal["linear", "inverse"]
_SIDE = {"C": "C", "P": "P", "call": "C", "put": "P"}
_OKX = re.compile(r"([A-Z]{2,10})-[A-Z]{3,5}-[0-9]{6}-[0-9]+-[CP]\Z", re.ASCII)
_PLACES = {"deribit": "deribit:main", "derive": "derive:main", "okx": "okx:main", "bybit": "bybit:main"}


@dataclass(frozen=True)
class _Terms:
    """What decides a contract's id beside strike and right; `expiry` is None for a perpetual."""

    venue: str
    coin: str
    settlement: str
    style: Style
    expiry: int | None

    @property
    def place(self) -> str:
        """Where the venue keeps balances."""
        return _PLACES[self.venue]

    @property
    def index(self) -> str:
        """The settlement index."""
        return f"{self.venue}.{self.coin.lower()}"

    @property
    def settled_in(self) -> str:
        """The settlement asset."""
        return f"{self.place}/coin:{self.settlement}"


def deribit_instrument(gathered: Gathered, fields: Fields) -> None:
    """An element of Deribit's get_instruments."""
    name, kind = fields.text("instrument_name"), fields.text("kind")
    tally = gathered.tallies["instruments"]
    if kind not in ("option", "future"):
        tally.report(name, f"unsupported_kind:{kind}", "kind")
        return
    if fields.data.get("is_active") is False or fields.data.get("state") == "closed":
        tally.report(name, "not_active", "is_active")
        return
    coin, settlement = fields.text("base_currency", CURRENCY), fields.text("settlement_currency", CURRENCY)
    style: Style = "inverse" if fields.text("instrument_type") == "reversed" else "linear"
    perpetual = fields.data.get("settlement_period") == "perpetual"
    expiry = None if perpetual else fields.milliseconds("expiration_timestamp") // 1000
    terms = _Terms("deribit", coin, settlement, style, expiry)
    steps = [] if fields.data.get("tick_size_steps") is None else fields.rows("tick_size_steps")
    finer = [Fields(step, f"{fields.where}/tick_size_steps/{i}").positive("tick_size") for i, step in enumerate(steps)]
    base = _base(gathered, name, terms, fields if kind == "option" else None)
    if base is not None:
        listing = Listing(
            place=terms.place,
            name=name,
            base=base,
            settlement=terms.settled_in,
            ticks=(fields.positive("tick_size"), *finer),
            step=fields.positive("min_trade_amount"),
            inverse_price=kind == "future" and style == "inverse",
            expiry_seconds=expiry,
            linear_option=kind == "option" and style == "linear",
            taker=FeeTerms(fields.signed("taker_commission"), of_underlying=kind == "option"),
            maker=FeeTerms(fields.signed("maker_commission"), of_underlying=kind == "option"),
        )
        _list(gathered, listing, settlement)


def deribit_quote(gathered: Gathered, fields: Fields) -> None:
    """A book, ticker or quote of Deribit: all its levels, else the best of each side."""
    if "bids" in fields.data and "asks" in fields.data:
        bids, asks = _levels(fields, "bids"), _levels(fields, "asks")
    else:
        bids = _best(fields, "best_bid_price", "best_bid_amount")
        asks = _best(fields, "best_ask_price", "best_ask_amount")
    name, milliseconds = fields.text("instrument_name"), fields.milliseconds("timestamp")
    index = fields.number_or_none("index_price")
    gathered.quotes.append(Quote(_PLACES["deribit"], name, milliseconds, bids, asks, index, fields.where))


def derive_instrument(gathered: Gathered, fields: Fields) -> None:
    """An element of Derive's get_instruments; only options are listed."""
    name, kind = fields.text("instrument_name"), fields.text("instrument_type")
    tally = gathered.tallies["instruments"]
    if kind not in ("option", "perp"):
        tally.report(name, f"unsupported_kind:{kind}", "instrument_type")
        return
    if fields.data.get("is_active") is False:
        tally.report(name, "not_active", "is_active")
        return
    coin, settlement = fields.text("base_currency", CURRENCY), fields.text("quote_currency", CURRENCY)
    base_fee, cap = fields.number("base_fee"), fields.number_or_none("mark_price_fee_rate_cap")
    details = fields.inner("option_details") if kind == "option" else None
    expiry = None if details is None else details.milliseconds("expiry", per_second=1) // 1000
    terms = _Terms("derive", coin, settlement, "linear", expiry)
    base = _base(gathered, name, terms, details)
    if base is not None:
        listing = Listing(
            place=terms.place,
            name=name,
            base=base,
            settlement=terms.settled_in,
            ticks=(fields.positive("tick_size"),),
            step=fields.positive("amount_step"),
            inverse_price=False,
            expiry_seconds=expiry,
            linear_option=kind == "option",
            taker=FeeTerms(fields.number("taker_fee_rate"), kind == "option", cap, fixed=base_fee),
            maker=FeeTerms(fields.number("maker_fee_rate"), kind == "option", cap),
        )
        _list(gathered, listing, settlement)


def derive_ticker(gathered: Gathered, fields: Fields) -> None:
    """A ticker of Derive states the terms and the best prices."""
    derive_instrument(gathered, fields)
    bids = _best(fields, "best_bid_price", "best_bid_amount")
    asks = _best(fields, "best_ask_price", "best_ask_amount")
    name, index = fields.text("instrument_name"), fields.number_or_none("index_price")
    milliseconds = fields.milliseconds("timestamp")
    gathered.quotes.append(Quote(_PLACES["derive"], name, milliseconds, bids, asks, index, fields.where))


def okx_instrument(gathered: Gathered, fields: Fields) -> None:
    """An element of OKX's instruments: options settled in their coin, sizes in contracts of ctVal * ctMult."""
    name, kind = fields.text("instId"), fields.text("instType")
    tally = gathered.tallies["instruments"]
    if kind != "OPTION":
        tally.report(name, f"unsupported_kind:{kind}", "instType")
        return
    if fields.data.get("state") not in (None, "live"):
        tally.report(name, "not_active", "state")
        return
    coin, settlement = fields.text("ctValCcy", CURRENCY), fields.text("settleCcy", CURRENCY)
    expiry = fields.milliseconds("expTime") // 1000
    terms = _Terms("okx", coin, settlement, "inverse" if settlement == coin else "linear", expiry)
    said = Fields({"strike": fields.data.get("stk"), "option_type": fields.data.get("optType")}, fields.where)
    base = _base(gathered, name, terms, said)
    if base is not None:
        listing = Listing(
            place=terms.place,
            name=name,
            base=base,
            settlement=terms.settled_in,
            ticks=(fields.positive("tickSz"),),
            step=fields.positive("lotSz"),
            inverse_price=False,
            expiry_seconds=expiry,
            multiplier=fields.positive("ctVal") * fields.positive("ctMult"),
            linear_option=settlement != coin,
        )
        _list(gathered, listing, settlement)


def okx_book(gathered: Gathered, fields: Fields) -> None:
    """A book of OKX that names its instrument: levels of [price, size, ...]."""
    name = fields.text("instId")
    if not _OKX.match(name):
        gathered.tallies["books"].report(name, "not_an_option", "instId")
        return
    bids, asks = _levels(fields, "bids"), _levels(fields, "asks")
    quote = Quote(_PLACES["okx"], name, fields.milliseconds("ts"), bids, asks, None, fields.where)
    gathered.quotes.append(quote)


def bybit_ticker(gathered: Gathered, fields: Fields) -> None:
    """A ticker of Bybit's USDC options, whose names are as Deribit's; others are reported."""
    data = fields.inner("data")
    name = data.text("symbol")
    try:
        said = from_deribit(name)
        terms = BYBIT_TERMS[said.coin]
    except (InputError, KeyError):
        gathered.tallies["books"].report(name, "not_an_option", "symbol")
        return
    known = Fields({"strike": said.strike, "option_type": said.right}, data.where)
    of = _Terms("bybit", said.coin, "USDC", "linear", said.expiry_seconds)
    listing = Listing(
        place=of.place,
        name=name,
        base=_option_id(of, known),
        settlement=of.settled_in,
        ticks=(terms[0],),
        step=terms[1],
        inverse_price=False,
        expiry_seconds=said.expiry_seconds,
        linear_option=True,
    )
    gathered.listings[listing.place, name] = listing
    bids, asks = _best(data, "bidPrice", "bidSize"), _best(data, "askPrice", "askSize")
    index = data.number_or_none("indexPrice")
    gathered.quotes.append(Quote(listing.place, name, fields.milliseconds("ts"), bids, asks, index, fields.where))


def tardis_row(gathered: Gathered, fields: Fields) -> None:
    """A row of an options_chain file; only Deribit's coin-settled options of 2020 have known terms."""
    name, exchange = fields.text("symbol"), fields.text("exchange")
    try:
        said = from_deribit(name)
        coin = COINS[said.coin]
    except (InputError, KeyError):
        gathered.tallies["books"].report(name, "not_an_option", "symbol")
        return
    if exchange != "deribit":
        gathered.tallies["books"].report(name, f"unsupported_kind:{exchange}", "exchange")
        return
    stated = fields.number("strike_price"), _right(fields, "type"), fields.milliseconds("expiration", 10**6) // 1000
    if stated != (Fraction(said.strike), said.right, said.expiry_seconds):
        raise fields.wrong("symbol", f"the strike, type and expiration beside it, {stated}")
    known = Fields({"strike": said.strike, "option_type": said.right}, fields.where)
    of = _Terms("deribit", said.coin, said.coin, "inverse", said.expiry_seconds)
    listing = Listing(
        place=of.place,
        name=name,
        base=_option_id(of, known),
        settlement=of.settled_in,
        ticks=(coin.tick,),
        step=Fraction(1, 10**coin.option_decimals),
        inverse_price=False,
        expiry_seconds=said.expiry_seconds,
    )
    gathered.listings.setdefault((listing.place, name), listing)
    bids, asks = _best(fields, "bid_price", "bid_amount"), _best(fields, "ask_price", "ask_amount")
    milliseconds = fields.milliseconds("timestamp", per_second=10**6)
    gathered.quotes.append(Quote(listing.place, name, milliseconds, bids, asks, None, fields.where))


def _list(gathered: Gathered, listing: Listing, settlement: str) -> None:
    tally = gathered.tallies["instruments"]
    key = listing.place, listing.name
    if settlement not in DECIMALS:
        tally.report(listing.name, "unsupported_settlement", "settlement_currency")
    elif key in gathered.listings and gathered.listings[key] != listing:
        tally.report(listing.name, "contradicting", "the terms before")
    else:
        try:
            base_decimals(listing)
        except VenueStateError as error:
            tally.report(listing.name, "refused_state:lot", error.where)
            return
        gathered.listings[key] = listing
        tally.keep()


def _base(gathered: Gathered, name: str, terms: _Terms, option: Fields | None) -> str | None:
    """The contract's asset id; None, and reported, where it can not be expressed (an expiry between hours, say)."""
    try:
        return _future_id(terms) if option is None else _option_id(terms, option)
    except FeedError:
        raise
    except InputError as error:
        reason = f"{error.expected}: {error.actual}"
        gathered.tallies["instruments"].report(name, "refused_state:instrument", reason)
        return None


def _option_id(terms: _Terms, fields: Fields) -> str:
    if terms.expiry is None:
        raise fields.wrong("expiry", "an option's expiry")
    option = Option(
        place=terms.place,
        issued_by_clearway=False,
        underlying=terms.coin,
        index=terms.index,
        expiry_seconds=terms.expiry,
        strike=shortest_decimal(fields.positive("strike")),
        right=_right(fields, "option_type"),
        style=terms.style,
        settlement=terms.settled_in,
    )
    return option_asset(option)


def _future_id(terms: _Terms) -> str:
    if terms.expiry is None:
        return perpetual_asset(Perpetual(terms.place, terms.coin, terms.index, terms.style, terms.settled_in))
    return future_asset(Future(terms.place, terms.coin, terms.index, terms.expiry, terms.style, terms.settled_in))


def _right(fields: Fields, field: str) -> Right:
    found = fields.data.get(field)
    if not isinstance(found, str) or found not in _SIDE:
        raise fields.wrong(field, "call or put")
    return "C" if _SIDE[found] == "C" else "P"


def _best(fields: Fields, price_field: str, size_field: str) -> Sides:
    """The best level of a side, none where price or size is missing or 0."""
    price, size = fields.number_or_none(price_field), fields.number_or_none(size_field)
    return ((price, size),) if price and size else ()


def _levels(fields: Fields, field: str) -> Sides:
    """Levels of [price, size, ...]."""
    levels = []
    for i, row in enumerate(fields.rows(field)):
        where = f"{fields.where}/{field}/{i}"
        if not isinstance(row, list) or len(row) < 2:
            raise FeedError("malformed_field", where, expected="[price, size]", actual=repr(row)[:80])
        price, size = number(row[0], where), number(row[1], where)
        if not price or not size:
            raise FeedError("malformed_field", where, expected="a price and a size above 0", actual=repr(row)[:80])
        levels.append((price, size))
    return tuple(levels)
