"""Arbitrage in a snapshot: cycles of trades that end with more of an asset than they began with, each with an amount that proves it.

    search   Bellman and Ford's negative cycles over -log2 of the first rates that venues show (`supply`), fees included;
             logs are integers of 2^-32, rounded so that a cycle below zero is one whose rates multiply to more than 1
    proof    the cycle is traded in integers (`execute`), from amounts that double and those at which a venue runs out, then
             by thirds of the interval around the best; what is reported is the largest gain found, with the trades that give it

Supplies may show more than venues pay, so a cycle that no amount proves is counted (`unproved`) and its narrowest step is
left out of the rest of the search. Venues of a proved cycle are left out too: proved gains can be had together.

Bounded: `MAX_ROUNDS` passes over the edges a search, `max_cycles` searches, about 128 + `TRIES` amounts a cycle. Missed may be a
cycle of more legs than passes, one whose excess is below 2^-32 a leg, and one that opens only behind a venue's first rate.
Gas is not counted. Bridges and whatever else delays its output are left out: what ends in a later stage is no arbitrage. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from engine.market.venues import kind_of
from engine.market.venues.base import Segment, Trade, TradeRefusedError, VenueState

LOG_BITS = 32
"""Binary places of a logarithm."""

MAX_ROUNDS = 24
"""Passes over all edges in one search."""

TRIES = 64
"""Amounts tried between the two around the best power of two."""

LOSING = 4
"""Once an amount gained, so many larger powers of two that gain no more end the search."""

MAX_AMOUNT = 2**128
"""No larger amount starts a cycle."""


@dataclass(frozen=True, slots=True)
class Edge:
    """What a venue shows first for one directed pair.

    `cost`: -log2 of the rate in units of 2^-LOG_BITS, rounded up. `reach`: the input up to which it shows anything at this
    level. `instant`: the output exists in the same stage.
    """

    venue: VenueState
    asset_in: str
    asset_out: str
    segment: Segment
    lot: int
    cost: int
    reach: int
    instant: bool


@dataclass(frozen=True, slots=True)
class Leg:
    """One proved trade."""

    venue: str
    level: str | None
    asset_in: str
    amount_in: int
    asset_out: str
    amount_out: int


@dataclass(frozen=True, slots=True)
class Cycle:
    """A proved arbitrage: `gain` base units of `asset` from `amount`; `excess` is the product of the rates shown, less 1."""

    asset: str
    amount: int
    gain: int
    excess: Fraction
    legs: tuple[Leg, ...]


def log2_floor(value: Fraction) -> int:
    """log2 of a positive rational in units of 2^-LOG_BITS, rounded down (by repeated squaring; off by at most one unit)."""
    exponent = value.numerator.bit_length() - value.denominator.bit_length()
    shift = 64 - exponent
    scaled = value.numerator << shift if shift >= 0 else value.numerator >> -shift
    mantissa = scaled // value.denominator
    if mantissa < 2**64:  # below 1 after the shift
        exponent -= 1
        mantissa <<= 1
    result = exponent
    for _ in range(LOG_BITS):
        mantissa = mantissa * mantissa >> 64
        result *= 2
        if mantissa >= 2**65:
            mantissa >>= 1
            result += 1
    return result


def edges_of(venues: Iterable[VenueState]) -> list[Edge]:
    """The first rate of every directed pair of venues."""
    found = []
    for venue in venues:
        kind = kind_of(venue)
        instant = not kind.delay_seconds(venue)
        for asset_in, asset_out in kind.pairs(venue):
            supply = kind.supply(venue, asset_in, asset_out)
            if not supply.segments or supply.segments[0].rate <= 0:
                continue
            first = supply.segments[0]
            reach = sum(segment.amount_in for segment in supply.segments if segment.level == first.level)
            cost = -log2_floor(first.rate)
            found.append(Edge(venue, asset_in, asset_out, first, supply.lot, cost, reach, instant))
    return found


def find_cycles(
    edges: Sequence[Edge], time_seconds: int, priced: frozenset[str], max_cycles: int
) -> tuple[list[Cycle], int, bool]:
    """Proved cycles through different venues, how many were not proved, and whether the search ended by itself.

    A cycle starts at an asset of `priced` where it has one, so that its gain has a value.
    """
    proved: list[Cycle] = []
    unproved, left = 0, [edge for edge in edges if edge.instant]
    for _ in range(max_cycles):
        cycle = negative_cycle(left)
        if cycle is None:
            return proved, unproved, True
        cycle = _from_priced(cycle, priced)
        found = prove(cycle, time_seconds)
        if found is None:
            unproved += 1
            narrow = _narrowest(cycle)
            left = [edge for edge in left if edge is not narrow]
        else:
            proved.append(found)
            used = {edge.venue.id for edge in cycle}
            left = [edge for edge in left if edge.venue.id not in used]
    return proved, unproved, negative_cycle(left) is None


def negative_cycle(edges: Sequence[Edge]) -> list[Edge] | None:
    """A cycle whose shown rates multiply to more than 1, by its edges in order; None where MAX_ROUNDS passes find none."""
    best: dict[tuple[str, str], Edge] = {}
    for edge in edges:
        pair = edge.asset_in, edge.asset_out
        if pair not in best or edge.cost < best[pair].cost:
            best[pair] = edge
    distance = dict.fromkeys((asset for pair in best for asset in pair), 0)
    before: dict[str, Edge] = {}
    for _ in range(MAX_ROUNDS):
        moved = False
        for (source, target), edge in best.items():
            if distance[source] + edge.cost < distance[target]:
                distance[target] = distance[source] + edge.cost
                before[target] = edge
                moved = True
        if not moved:
            return None
        cycle = _cycle_in(before)
        if cycle is not None:
            return cycle
    return None


def _cycle_in(before: Mapping[str, Edge]) -> list[Edge] | None:
    """A cycle of predecessors, if there is one."""
    seen: dict[str, str] = {}
    for start in before:
        asset = start
        while asset in before and asset not in seen:
            seen[asset] = start
            asset = before[asset].asset_in
        if seen.get(asset) == start and asset in before:
            cycle, place = [before[asset]], before[asset].asset_in
            while place != asset:
                cycle.append(before[place])
                place = before[place].asset_in
            return cycle[::-1]
    return None


def prove(cycle: Sequence[Edge], time_seconds: int) -> Cycle | None:
    """The largest gain found by trading the cycle in integers; None where no amount tried gains."""
    tried: dict[int, int] = {}

    def gain(amount: int) -> int:
        if amount not in tried:
            legs = traded(cycle, amount, time_seconds)
            tried[amount] = 0 if legs is None else legs[-1].amount_out - amount
        return tried[amount]

    tried[0], best, power, losing = 0, 0, 1, 0
    while power < MAX_AMOUNT and losing < LOSING:
        if gain(power) > gain(best):
            best, losing = power, 0
        elif best:
            losing += 1
        power *= 2
    best = max([best, *_limits(cycle)], key=gain)
    if gain(best) <= 0:
        return None
    low, high = best // 2, best * 2
    for _ in range(TRIES // 2):
        step = (high - low) // 3
        if step == 0:
            break
        if gain(low + step) >= gain(high - step):
            high -= step
        else:
            low += step
    amount = max(tried, key=lambda x: (tried[x], -x))
    legs = traded(cycle, amount, time_seconds)
    return None if legs is None else Cycle(cycle[0].asset_in, amount, tried[amount], _product(cycle) - 1, legs)


def _limits(cycle: Sequence[Edge]) -> list[int]:
    """Amounts at which, at the rates shown, a venue of the cycle has no more to show: books gain most at one of them."""
    rate, limits = Fraction(1), []
    for edge in cycle:
        whole = int(edge.reach / rate)
        limits += [whole, whole + 1]
        rate *= edge.segment.rate
    return [limit for limit in limits if 0 < limit < MAX_AMOUNT] or [1]


def traded(cycle: Sequence[Edge], amount: int, time_seconds: int) -> tuple[Leg, ...] | None:
    """The legs of the cycle from an amount, each venue as the legs before left it; None where one is refused."""
    states: dict[str, VenueState] = {}
    legs: list[Leg] = []
    for edge in cycle:
        state = states.get(edge.venue.id, edge.venue)
        trade = Trade(edge.asset_in, amount, edge.asset_out, edge.segment.level)
        try:
            out, after = kind_of(state).execute(state, "", trade, time_seconds)
        except TradeRefusedError as error:
            if error.code != "off_lot" or amount < edge.lot:
                return None
            trade = Trade(edge.asset_in, amount - amount % edge.lot, edge.asset_out, edge.segment.level)
            try:
                out, after = kind_of(state).execute(state, "", trade, time_seconds)
            except TradeRefusedError:
                return None
        states[state.id] = after
        legs.append(Leg(state.id, trade.level, trade.asset_in, trade.amount_in, trade.asset_out, out))
        amount = out
    return tuple(legs)


def _product(cycle: Sequence[Edge]) -> Fraction:
    product = Fraction(1)
    for edge in cycle:
        product *= edge.segment.rate
    return product


def _from_priced(cycle: list[Edge], priced: frozenset[str]) -> list[Edge]:
    """The cycle from its first priced asset by name, or from its first asset by name."""
    starts = [edge.asset_in for edge in cycle]
    start = starts.index(min([asset for asset in starts if asset in priced] or starts))
    return cycle[start:] + cycle[:start]


def _narrowest(cycle: Sequence[Edge]) -> Edge:
    """The edge whose first segment takes the least, measured in what the cycle starts with."""
    rate, widths = Fraction(1), []
    for edge in cycle:
        widths.append(edge.segment.amount_in / rate)
        rate *= edge.segment.rate
    return cycle[widths.index(min(widths))]
