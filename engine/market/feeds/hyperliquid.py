"""The `hyperliquid` feed: the contexts of all perpetuals at one instant (allDexsAssetCtxs), into a Problem without intents.

`data.ctxs` is a list of [dex, rows]; the first dex, with the empty name, is the exchange's own. The file has no coin
names, no sizes of lots, no margin tables and no time, so
- a market is named by its place in the list, as Hyperliquid's own asset ids are: `hyper:main/perp:A0-...` is its asset 0;
- prices have at most 6 - szDecimals decimals (Hyperliquid, "Tick and lot size"): the step taken here is the power of
  ten at which the impact prices' last written digit is a millionth of a dollar; it divides the venue's lot, and may be finer;
- margin is one tier, all of the notional: positions are paid in full where nothing says otherwise;
- the time is given by the caller.
Only the exchange's own dex settles in USDC for certain; markets of others are reported as `settlement_not_stated`.

Books: `impactPxs` are the mean prices at which the impact notional (20,000 USDC of assets 0 and 1, BTC and ETH; 6,000
of others) is bought and sold; one level a side at that price for that notional is less than what the book offers, never
more. Markets without them (`impactPxs` is null) are reported as `empty_book`. Fees are those of the lowest tier.
The book's kind is `perpetual_book`, with open interest and the rate of the coming hour; `notes` counts who pays whom.
Prices and volumes that are not used are checked all the same.

Refused whole (FeedError): `malformed_json` and the like, `unknown_format`, `duplicate` (a dex twice), `no_markets`.
Sources: Hyperliquid's documentation ("Funding", "Fees", "Tick and lot size", "Asset IDs").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from engine.market.feeds.base import DEFAULT_SOLVERS, FeedError, Imported, Tally, read_json, refuse_duplicates
from engine.market.feeds.perp_fields import decimal, member, positive
from engine.market.feeds.perp_snapshot import (
    SETTLEMENT_DECIMALS,
    Fees,
    PerpMarket,
    Source,
    checked_book,
    imported,
    perpetual_terms,
)
from engine.market.margin.account import Tier
from engine.market.venues.order_book import Fee, Level
from intents.futures import perpetual_asset
from intents.payoff import BASIS

PLACE = "hyper:main"
USDC = f"{PLACE}/token:USDC"

IMPACT_NOTIONAL = {0: 20_000, 1: 20_000}
"""Dollars, by asset; others have `OTHER_NOTIONAL`."""

OTHER_NOTIONAL = 6_000
FEES = Fees(taker=Fee(rate=(45, 100_000)), maker=Fee(rate=(15, 100_000)))
"""0.045 % and 0.015 %, the lowest tier."""

_NUMBERS = ("openInterest", "dayNtlVlm", "prevDayPx", "dayBaseVlm")


def import_hyperliquid(
    content: str | bytes,
    name: str,
    solvers: Sequence[str] = DEFAULT_SOLVERS,
    *,
    time_seconds: int = 0,
) -> Imported:
    """Read the contexts as seen at a time."""
    tally, notes, markets = Tally(), Counter[str](), []
    for dex, rows in _dexes(read_json(content)):
        for number, row in enumerate(rows):
            label = f"{dex or 'main'}/{number}"
            if dex:
                tally.report(label, "settlement_not_stated", "dex")
                continue
            try:
                markets.append(_market(row, number, time_seconds))
                rate = markets[-1].hourly_rate
                notes["longs_pay" if rate > 0 else "shorts_pay" if rate < 0 else "nobody_pays"] += 1
                tally.keep()
            except FeedError as error:
                tally.report(label, error.code, error.where)
    source = Source("hyperliquid", name, content, PLACE, USDC, time_seconds)
    return imported(source, markets, {"markets": tally}, notes, solvers)


def _dexes(data: Any) -> list[tuple[str, list[Any]]]:
    pairs = member(member(data, "data", dict), "ctxs", list)
    for number, pair in enumerate(pairs):
        if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) and isinstance(pair[1], list)):
            raise FeedError(
                "unknown_format", f"/data/ctxs/{number}", expected="[dex name, rows]", actual=repr(pair)[:80]
            )
    refuse_duplicates((pair[0] for pair in pairs), "/data/ctxs")
    return [(pair[0], pair[1]) for pair in pairs]


def _market(row: Any, number: int, time_seconds: int) -> PerpMarket:
    oracle = positive(row, "oraclePx")
    positive(row, "markPx")
    rate = decimal(row, "funding", signed=True)
    if abs(rate) > 1:
        raise FeedError("malformed_field", "funding", expected="a rate within one", actual=str(rate))
    for field in _NUMBERS:
        decimal(row, field)
    if isinstance(row, dict) and row.get("impactPxs", "") is None:
        raise FeedError("empty_book", "impactPxs", expected="prices", actual="null")
    prices = member(row, "impactPxs", list)
    if len(prices) != 2:
        raise FeedError("malformed_field", "impactPxs", expected="[bid, ask]", actual=repr(prices)[:80])
    decimal(row, "premium", signed=True)
    asset = perpetual_asset(perpetual_terms(PLACE, f"A{number}", f"hyperliquid.{number}", USDC))
    bid, ask = (positive({"impactPxs": price}, "impactPxs") for price in prices)
    places = max(_places(price, text) for price, text in zip((bid, ask), prices, strict=True))
    if places > SETTLEMENT_DECIMALS:
        raise FeedError("malformed_field", "impactPxs", expected="at most 6 decimals", actual=repr(prices)[:80])
    decimals = SETTLEMENT_DECIMALS - places
    notional = IMPACT_NOTIONAL.get(number, OTHER_NOTIONAL)
    sides = {side: _level(price, notional, places, decimals) for side, price in (("bids", bid), ("asks", ask))}
    whole = (Tier(above=0, initial_bps=BASIS, maintenance_bps=BASIS),)
    interest = int(decimal(row, "openInterest") * 10**decimals)
    market = PerpMarket(f"A{number}", asset, decimals, oracle, whole, rate, interest)
    empty = market.empty_book(PLACE, USDC, tick=(1, 1), lot=1, fees=FEES, time_seconds=time_seconds)
    return replace(market, book=checked_book(empty.model_copy(update=sides), decimals))


def _level(price: Fraction, notional: int, places: int, decimals: int) -> tuple[Level, ...]:
    """The notional at the price, in whole steps; a tick and a step are one unit each, as their product is a millionth."""
    size = notional / price * 10**decimals
    return (Level(price=int(price * 10**places), size=int(size)),) if size >= 1 else ()


def _places(price: Fraction, text: Any) -> int:
    """Digits after the point, as written or as needed."""
    places = len(str(text).lower().partition("e")[0].partition(".")[2])
    while (price * 10**places).denominator != 1:
        places += 1
    return places
