"""What the embedded world's own market says of volatilities, derivatives and depths, for the network snapshot.

Guarantees
1. Everything follows from the snapshot of the cut and from what this module stored with earlier ones: the history of prices
   that the pools implied, and what the pools held when their makers last quoted. Exact integers and decimals.
2. A volatility is the greater of the world's stated one and the realised one (engine.network.volatility). Dollars have none:
   their pools' moves are those of the other asset.
3. A pool may be given `DEPTH_SHARE` of what it held of an asset when it was quoted, net of what was taken out since; the more
   of that is used, the dearer it is, and nobody should use more. Its makers refill it when they quote anew. A batch that
   takes the last of a pool's depth leaves nothing to the next, and its own price says nothing of that: so it has one here.

Depths are of product pools; books end with their levels and bridges with their capacity. An option without a quote has no
leverage, so its wait no price: nobody can trade it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from statistics import median

from engine.market.feeds.synthetic_market import ASSETS, CHAINS, OPTION_DECIMALS, VOLATILITIES
from engine.market.smile import Smile
from engine.market.snapshot import Snapshot
from engine.market.venues.base import VenueState
from engine.market.venues.constant_product import ConstantProductState
from engine.market.venues.order_book import OrderBookState
from engine.market.venues.weighted import WeightedState
from engine.network.delay_price import PPM, leverage_permille
from engine.network.outlook import DepthView
from engine.network.seen import MarketView
from engine.network.state import Derivative
from engine.network.volatility import Sample, realised_ppm, remembered
from engine.store.work import Work
from intents.instruments import Option, parse_option

DEPTH_SHARE = Fraction(5, 100)
"""About a tenth of its price where two assets weigh the same."""

HALF_PRICE_PPM = 1_000
"""What half of a depth costs: a third of the usual fee."""

_QUOTED, _HISTORY = "embedded/quoted", "embedded/prices"
_SCALE = 10**6

Balances = Mapping[str, Mapping[str, int]]
"""By pool and asset."""


def note_quotes(work: Work, snapshot: Snapshot) -> None:
    """The makers have quoted: this is what depths are measured from."""
    held = {
        venue: {asset: str(amount) for asset, amount in assets.items()} for venue, assets in balances(snapshot).items()
    }
    work.meta.set(_QUOTED, json.dumps(held))


def note_prices(work: Work, snapshot: Snapshot) -> None:
    """Another moment of the market, for the history of its prices."""
    history = remembered(_history(work), Sample(snapshot.time_seconds, implied_prices(snapshot)))
    work.meta.set(_HISTORY, json.dumps(history))


def market_view(work: Work, snapshot: Snapshot) -> MarketView:
    """What is to be said of the market that is about to be cut."""
    realised = realised_ppm(_history(work))
    known = {asset: sigma and max(sigma, realised.get(asset, 0)) for asset, sigma in VOLATILITIES.items()}
    quoted = json.loads(work.meta.get(_QUOTED) or "{}")
    held = {venue: {asset: int(amount) for asset, amount in assets.items()} for venue, assets in quoted.items()}
    return MarketView(known, derivatives(snapshot, known), depths(balances(snapshot), held))


def balances(snapshot: Snapshot) -> dict[str, dict[str, int]]:
    """What the product pools hold."""
    return {venue.id: held for venue in snapshot.venues if (held := _balances(venue))}


def depths(now: Balances, quoted: Balances) -> dict[str, dict[str, DepthView]]:
    """How much of each pool's depth is used, by asset given; pools that were not quoted then have none."""
    return {
        venue: {
            asset: DepthView(max(1, int(held * DEPTH_SHARE)), max(0, now[venue][asset] - held), HALF_PRICE_PPM)
            for asset, held in assets.items()
            if asset in now[venue]
        }
        for venue, assets in quoted.items()
        if venue in now
    }


def implied_prices(snapshot: Snapshot) -> dict[str, int]:
    """By asset the median price that pools imply, the other asset being at its reference price.

    In millionths of a numeraire base unit for a whole asset, rounded down; assets of which that is 0 are left out.
    """
    found: dict[str, list[Fraction]] = {}
    for venue in snapshot.venues:
        held = _balances(venue)
        for asset, amount in held.items():
            for other, others in held.items():
                price = snapshot.price(other)
                if other != asset and price is not None:
                    ratio = Fraction(others, amount) * _weight(venue, asset) / _weight(venue, other)
                    found.setdefault(asset, []).append(ratio * price)
    scaled = {
        asset: int(median(prices) * 10 ** snapshot.assets[asset].decimals * _SCALE) for asset, prices in found.items()
    }
    return {asset: price for asset, price in sorted(scaled.items()) if price > 0}


def derivatives(snapshot: Snapshot, volatilities: Mapping[str, int]) -> dict[str, Derivative]:
    """How each option with a quote moves with its underlying, at the volatility that is known of that."""
    found = {}
    for venue in snapshot.venues:
        if isinstance(venue, OrderBookState):
            option = parse_option(venue.base)
            underlying = ASSETS[CHAINS[0]][option.underlying].id
            leverage = _leverage(snapshot, venue, option, underlying, volatilities[underlying])
            if leverage is not None:
                found[venue.base] = Derivative(underlying=underlying, leverage_permille=leverage)
    return found


def _leverage(snapshot: Snapshot, book: OrderBookState, option: Option, underlying: str, sigma_ppm: int) -> int | None:
    """None for an option without a quote or a price of what it is quoted in, or about to expire."""
    best = [side[0].price for side in (book.bids, book.asks) if side]
    quote, spot = snapshot.price(book.quote), snapshot.price(underlying)
    seconds = option.expiry_seconds - snapshot.time_seconds
    if not best or quote is None or spot is None or seconds <= 0 or sigma_ppm == 0:
        return None
    value = Fraction(sum(best), len(best)) * Fraction(*book.tick) * quote
    whole = spot * 10 ** snapshot.assets[underlying].decimals
    forward = whole / 10 ** snapshot.assets[snapshot.numeraire].decimals
    smile = Smile(forward, seconds, Fraction(sigma_ppm, PPM), Fraction(0), Fraction(0))
    delta = smile.delta(Fraction(option.strike), option.right)
    return leverage_permille(delta, whole / 10**OPTION_DECIMALS, value)


def _balances(venue: VenueState) -> dict[str, int]:
    if isinstance(venue, ConstantProductState):
        return dict(venue.reserves)
    if isinstance(venue, WeightedState):
        return {asset: token.balance for asset, token in venue.tokens.items()}
    return {}


def _weight(venue: VenueState, asset: str) -> int:
    return venue.tokens[asset].weight if isinstance(venue, WeightedState) else 1


def _history(work: Work) -> tuple[Sample, ...]:
    return tuple(Sample(seconds, prices) for seconds, prices in json.loads(work.meta.get(_HISTORY) or "[]"))
