"""What every solver reads out of a problem: who may be filled, by limit; prices and gas as floats for models.

Guarantees: pure functions of the problem; orders are total (limit, then id), never of hashing.
Floats here steer a model only. No amount of a solution is made from them.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import hypot

from engine.auction.margin import uncovered_bound
from engine.auction.problem import Intent, Problem
from engine.auction.solution import Solution
from engine.market.venues import kind_of
from engine.market.venues.base import VenueState
from engine.market.venues.bridge import BridgeState
from engine.market.venues.perpetual import PerpetualState
from engine.network.delay_price import PPM
from intents.identifiers import place_of
from intents.outcome import is_derivative
from intents.values import ceil_div

GAS_WEIGHT = 0.1
"""Weight of gas against surplus in greedy's choices. The rules score surplus alone, so gas decides between ways to fill
an intent; at full weight a solver would forgo most of what scores."""


def is_open(problem: Problem, intent: Intent) -> bool:
    """Whether the intent may be filled now: valid at the snapshot's time, something open, nothing unsupported asked."""
    outcome = intent.outcome
    now = problem.snapshot.time_seconds
    is_valid = outcome.valid_from <= now < outcome.valid_until and intent.open_units > 0
    return is_valid and uncovered_bound(problem, outcome.exposure_bounds) is None


def swap_assets(intent: Intent) -> tuple[str, str]:
    """(asset paid, asset received) of a plain swap."""
    (paid,), (received,) = intent.outcome.pays, intent.outcome.receives
    return paid, received


def swap_amounts(intent: Intent) -> tuple[int, int]:
    """(most it pays, least it receives) for all units of a plain swap."""
    (pays,), (receives,) = intent.outcome.pays.values(), intent.outcome.receives.values()
    return pays, receives


def limit_of(intent: Intent) -> Fraction:
    """Least received per unit paid of a plain swap; lower is easier to fill."""
    pays, receives = swap_amounts(intent)
    return Fraction(receives, pays)


def swap_groups(problem: Problem) -> dict[str, tuple[Intent, ...]]:
    """The fillable intents of each swap group, easiest limit first (ties by id). Zero amounts are left out."""
    found: dict[str, tuple[Intent, ...]] = {}
    for group, members in problem.groups.items():
        swaps = [i for i in members if i.outcome.is_plain_swap and is_open(problem, i) and 0 not in swap_amounts(i)]
        if swaps:
            found[group] = tuple(sorted(swaps, key=lambda intent: (limit_of(intent), intent.id)))
    return found


def derivative_intents(problem: Problem) -> tuple[Intent, ...]:
    """The open intents that are served by portfolios, by id: no plain swaps, or the only one to buy some derivative at books."""
    return tuple(
        i for i in problem.intents if is_open(problem, i) and (not i.outcome.is_plain_swap or _buys_alone(problem, i))
    )


def _buys_alone(problem: Problem, intent: Intent) -> bool:
    """Whether one intent buys a derivative that no market but books trades, so that walking them serves it."""
    if not intent.outcome.surplus_is_paid or len(problem.groups[intent.group]) != 1:
        return False
    wanted = swap_assets(intent)[1]
    markets = (venue for venue in problem.snapshot.venues if isinstance(venue, PerpetualState))
    return is_derivative(wanted) and all(venue.base != wanted for venue in markets)


def most_paid(intent: Intent, units: int) -> int:
    """The paid asset that `units` of a plain swap may cost at most (ceil, so that a balance covering it is enough)."""
    return ceil_div(units * swap_amounts(intent)[0], intent.outcome.units)


def affordable_units(intent: Intent, available: int) -> int:
    """The most open units of a plain swap that `available` of its paid asset covers; 0 where its minimum is not met."""
    pays = swap_amounts(intent)[0]
    units = min(intent.open_units, available * intent.outcome.units // pays)
    return units if units >= min(intent.outcome.min_units, intent.open_units) else 0


def tradable_pairs(problem: Problem) -> dict[str, tuple[tuple[str, str], ...]]:
    """(asset received, venue id) by asset given, both ascending: the edges of the market graph."""
    edges: dict[str, list[tuple[str, str]]] = {}
    for venue in problem.snapshot.venues:
        for asset_in, asset_out in kind_of(venue).pairs(venue):
            edges.setdefault(asset_in, []).append((asset_out, venue.id))
    return {asset: tuple(sorted(out)) for asset, out in sorted(edges.items())}


def price_float(problem: Problem, asset: str) -> float | None:
    """Reference price in numeraire base units per base unit, for models; None where unpriced."""
    price = problem.snapshot.price(asset)
    return None if price is None else float(price)


def leg_gas(problem: Problem, venue: VenueState) -> tuple[str | None, int]:
    """(native asset, base units of it) that one leg at the venue burns; (None, 0) where the place has no gas."""
    chain = problem.snapshot.chains.get(place_of(venue.id))
    if chain is None or chain.native is None:
        return None, 0
    return chain.native, venue.gas_units * chain.gas_price


def leg_gas_value(problem: Problem, venue: VenueState) -> float:
    """What one leg burns in numeraire base units; 0 where unpriced."""
    native, amount = leg_gas(problem, venue)
    price = price_float(problem, native) if native is not None else None
    return amount * price if price is not None else 0.0


def leg_wait_cost(problem: Problem, venue: VenueState, asset_in: str, asset_out: str) -> float:
    """What it costs that a leg at the venue lands later, or never, as a share of its value.

    A bridge's odds of failing count as value lost; the rest needs a network snapshot.

    Prices of two assets are taken as independent, so their expected moves add in squares; a bridge's are one underlying.
    On top comes what nearing the venue's depth costs. It is charged whole, unlike gas, for nobody pays it back: a winning
    bid is a promise, and the solver bears what the market does while it waits.
    """
    failing = venue.failure_ppm if isinstance(venue, BridgeState) else 0
    network = problem.network
    if network is None:
        return failing / PPM
    moves = (network.delay_prices.get(asset_in, 0), network.delay_prices.get(asset_out, 0))
    wait = max(moves) if kind_of(venue).delay_seconds(venue) else hypot(*moves)
    depth = network.depths.get(venue.id, {}).get(asset_in)
    return min(1.0, (wait + failing + (depth.price_ppm if depth is not None else 0)) / PPM)


def wait_cost(problem: Problem, solution: Solution) -> float:
    """What waiting costs all legs of a solution, in numeraire base units; inputs without a price count nothing."""
    total = 0.0
    for leg in solution.legs:
        ((asset_in, amount),), (asset_out,) = leg.ins.items(), leg.outs
        price = price_float(problem, asset_in)
        share = leg_wait_cost(problem, problem.venues_by_id[leg.venue], asset_in, asset_out)
        total += share * amount * price if price is not None else 0.0
    return total


def count_by_reason(reasons: Iterable[str]) -> dict[str, int]:
    """Reasons with how often each occurs, ascending."""
    counted: dict[str, int] = {}
    for reason in sorted(reasons):
        counted[reason] = counted.get(reason, 0) + 1
    return counted
