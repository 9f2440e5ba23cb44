"""What optimising solvers see of a problem: wishes to swap, and venues as concave edges. Floats only as model values.

Guarantees
1. An edge's points are exact outputs of `execute` on the snapshot's state, on their upper hull: between two points a
   pool gives at least the chord (up to one unit of rounding), so a model that uses chords never promises more than
   one trade through the edge delivers. Trades of one venue over several pairs of assets interact; that is not seen
   here but by `solvers.assemble`, which executes everything.
2. Every intent is either in the network or counted in `left_out` under one reason.
3. Nothing depends on the order of sets or dictionaries: equal problems give equal networks.

It does not optimise. Derivative intents are in `solvers.wishes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from engine.auction.problem import Intent, Problem
from engine.market.venues import kind_of
from engine.market.venues.base import Trade, TradeRefusedError, VenueState
from engine.market.venues.bridge import BridgeState
from engine.market.venues.order_book import OrderBookState
from intents.identifiers import place_of
from intents.outcome import is_derivative
from intents.values import ceil_div
from solvers.common import leg_gas_value, leg_wait_cost
from solvers.margins import spendable

GRID_STEP = 3
"""Every third point of a venue's supply grid is a point of the coarse model (inputs grow by 27/8)."""

FINE_FACTORS = (
    Fraction(1, 2),
    Fraction(4, 5),
    Fraction(19, 20),
    Fraction(1),
    Fraction(21, 20),
    Fraction(5, 4),
    Fraction(2),
)
"""Inputs of the refined model, as multiples of the flow that the coarse one found."""

Point = tuple[int, int]

Lane = tuple[str, int]
"""A group's use of an edge: the group, and the edge's index."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One directed pair of a venue (books: one level): exact (input, output) points from (0, 0), concave."""

    venue: str
    asset_in: str
    asset_out: str
    level: str | None
    points: tuple[Point, ...]
    gas_value: float
    lot: int = 1
    wait_cost: float = 0.0
    """Share of the value sent through it that waiting costs."""

    @property
    def capacity(self) -> int:
        """The largest input in base units."""
        return self.points[-1][0]

    @property
    def first_rate(self) -> float:
        """Output per input on the first chord: the best there is."""
        return self.points[1][1] / self.points[1][0]


@dataclass(frozen=True, slots=True)
class Swap:
    """The open part of an intent that gives one token for one asset: at most `pays` for at least `receives`."""

    intent: str
    group: str
    owner: str
    asset_in: str
    asset_out: str
    pays: int
    receives: int
    open_units: int
    least_units: int
    surplus_is_paid: bool

    @property
    def least_share(self) -> float:
        """The smallest share of the open units that may be filled."""
        return self.least_units / self.open_units

    @property
    def limit(self) -> float:
        """Output wanted per input, in base units."""
        return self.receives / self.pays


@dataclass(frozen=True)
class Network:
    """Swaps, edges and model values.

    `budgets` is the free balance, as far as no margin needs it, by (owner, asset paid); `values` are numeraire base units per base unit (reference
    prices, else implied ones); `priced` are the assets with a reference price. From `solvers.presolve`: `reach` bounds
    what each intent's money can get per unit, `lanes` has the edges each group's money may use, with the most it brings.
    `states` are those that the edges were read from, by venue.
    """

    swaps: tuple[Swap, ...]
    edges: tuple[Edge, ...]
    budgets: dict[tuple[str, str], int]
    values: dict[str, float]
    priced: frozenset[str]
    left_out: dict[str, tuple[str, ...]]
    reach: dict[str, float] = field(default_factory=dict)
    lanes: dict[str, dict[int, int]] = field(default_factory=dict)
    states: Mapping[str, VenueState] = field(default_factory=dict)

    def lanes_by_edge(self) -> dict[int, list[tuple[str, int]]]:
        """By edge: the groups whose money may use it, with the most that each can bring."""
        found: dict[int, list[tuple[str, int]]] = {}
        for group, lanes in sorted(self.lanes.items()):
            for index, most in lanes.items():
                found.setdefault(index, []).append((group, most))
        return found

    def without_swaps(self, gone: dict[str, str]) -> Network:
        """The network without the swaps of some intents; `gone` gives the reason of each."""
        if not gone:
            return self
        kept = tuple(swap for swap in self.swaps if swap.intent not in gone)
        return replace(self, swaps=kept, left_out=merged_reasons(self.left_out, gone))


def merged_reasons(reasons: dict[str, tuple[str, ...]], more: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """Intents by reason, with more intents and the reason of each added."""
    result = {reason: list(intents) for reason, intents in reasons.items()}
    for intent, reason in more.items():
        result.setdefault(reason, []).append(intent)
    return {reason: tuple(sorted(intents)) for reason, intents in sorted(result.items())}


def build_network(problem: Problem, solver_account: str) -> Network:
    """Everything of a problem that swaps and their venues need, before any pruning."""
    left_out: dict[str, str] = {}
    swaps = []
    for intent in problem.intents:
        if not is_swap(intent):
            continue
        found = _swap(problem, intent)
        if isinstance(found, Swap):
            swaps.append(found)
        else:
            left_out[intent.id] = found
    endpoints = {swap.asset_in for swap in swaps} | {swap.asset_out for swap in swaps}
    edges = tuple(_edges(problem, endpoints, solver_account)) if swaps else ()
    prices = {asset: float(Fraction(*price.ratio)) for asset, price in problem.snapshot.prices.items()}
    budgets = {(swap.owner, swap.asset_in): spendable(problem, swap.owner, swap.asset_in) for swap in swaps}
    return Network(
        swaps=tuple(swaps),
        edges=edges,
        budgets=budgets,
        values=_implied_values(prices, edges, swaps),
        priced=frozenset(prices),
        left_out=merged_reasons({}, left_out),
        states=problem.venues_by_id,
    )


def on_venues_of(problem: Problem, network: Network, solver_account: str) -> Network:
    """The network for fewer intents on other states of some venues: their edges are made anew, bridges' too.

    A bridge's edge depends on the solver's inventory. Values stay; reach and lanes are to be found again.
    """
    fresh = [v for v in problem.snapshot.venues if isinstance(v, BridgeState) or v is not network.states.get(v.id)]
    pairs = {(edge.venue, edge.asset_in, edge.asset_out) for edge in network.edges}
    made = [
        edge
        for venue in fresh
        for pair in kind_of(venue).pairs(venue)
        if (venue.id, *pair) in pairs
        for edge in _edges_of_pair(problem, venue, *pair, solver_account)
    ]
    changed = {venue.id for venue in fresh}
    there = {intent.id for intent in problem.intents}
    swaps = tuple(swap for swap in network.swaps if swap.intent in there)
    return replace(
        network,
        swaps=swaps,
        edges=(*(edge for edge in network.edges if edge.venue not in changed), *made),
        budgets={key: spendable(problem, *key) for key in network.budgets},
        states=problem.venues_by_id,
    )


def is_swap(intent: Intent) -> bool:
    """Whether the intent exchanges one token for one asset and asks for nothing about derivatives it holds."""
    outcome = intent.outcome
    one_each = len(outcome.pays) == 1 and len(outcome.receives) == 1
    plain = not (outcome.payoff_floors or outcome.exposure_bounds or outcome.worst_loss)
    return one_each and plain and not any(is_derivative(asset) for asset in outcome.pays)


def allowed_places(problem: Problem) -> set[str]:
    """Places of all venues, that an intent's `allowed_venues` must cover to be mixed with others."""
    return {place_of(venue.id) for venue in problem.snapshot.venues}


def _swap(problem: Problem, intent: Intent) -> Swap | str:
    """The intent's swap, or the reason why it is left out."""
    outcome, time = intent.outcome, problem.snapshot.time_seconds
    if not outcome.valid_from <= time < outcome.valid_until:
        return "not_valid_now"
    if outcome.allowed_venues and not allowed_places(problem) <= set(outcome.allowed_venues):
        return "restricted_venues"
    (asset_in, pays), (asset_out, receives) = *outcome.pays.items(), *outcome.receives.items()
    open_units = intent.open_units
    pays_open = pays * open_units // outcome.units
    if pays_open == 0:
        return "nothing_to_pay"
    least = min(outcome.min_units, open_units)
    if spendable(problem, outcome.owner, asset_in) * outcome.units < least * pays:
        return "insufficient_balance"
    receives_open = ceil_div(receives * open_units, outcome.units)
    return Swap(
        intent=intent.id,
        group=intent.group,
        owner=outcome.owner,
        asset_in=asset_in,
        asset_out=asset_out,
        pays=pays_open,
        receives=receives_open,
        open_units=open_units,
        least_units=least,
        surplus_is_paid=outcome.surplus_is_paid,
    )


def _edges(problem: Problem, endpoints: set[str], solver_account: str) -> Iterable[Edge]:
    pairs: list[Pair] = [(venue, *pair) for venue in problem.snapshot.venues for pair in kind_of(venue).pairs(venue)]
    for venue, asset_in, asset_out in _useful(pairs, endpoints):
        if isinstance(venue, OrderBookState) and _expired(venue, problem.snapshot.time_seconds):
            continue
        yield from _edges_of_pair(problem, venue, asset_in, asset_out, solver_account)


def _expired(venue: OrderBookState, time_seconds: int) -> bool:
    return venue.expiry_seconds is not None and time_seconds >= venue.expiry_seconds


Pair = tuple[VenueState, str, str]


def _useful(pairs: list[Pair], endpoints: set[str]) -> list[Pair]:
    """Pairs that a flow between endpoints can use: an inner asset with fewer than two venues carries none (2-core)."""
    while True:
        touching: dict[str, set[str]] = {}
        for venue, asset_in, asset_out in pairs:
            touching.setdefault(asset_in, set()).add(venue.id)
            touching.setdefault(asset_out, set()).add(venue.id)
        useful = {asset for asset, venues in touching.items() if asset in endpoints or len(venues) > 1}
        kept = [pair for pair in pairs if pair[1] in useful and pair[2] in useful]
        if len(kept) == len(pairs):
            return kept
        pairs = kept


def _edges_of_pair(problem: Problem, venue: VenueState, asset_in: str, asset_out: str, account: str) -> Iterable[Edge]:
    supply = kind_of(venue).supply(venue, asset_in, asset_out)
    gas, wait = leg_gas_value(problem, venue), leg_wait_cost(problem, venue, asset_in, asset_out)
    if any(segment.level is not None for segment in supply.segments):
        for segment in supply.segments:
            points = points_of(problem, venue, (asset_in, asset_out, segment.level), [segment.amount_in], account)
            if len(points) > 1:
                yield Edge(venue.id, asset_in, asset_out, segment.level, points, gas, supply.lot, wait)
        return
    total, inputs = 0, []
    for i, segment in enumerate(supply.segments):
        total += segment.amount_in
        if i % GRID_STEP == GRID_STEP - 1 or i == len(supply.segments) - 1:
            inputs.append(total)
    if isinstance(venue, BridgeState):
        # A fixed fee is no concave cost: it is counted with the gas, and the rate is the proportional one.
        fee = venue.fee_fixed * _price(problem, asset_in)
        inputs = [bridge_limit(problem, venue, account, total)]
        if inputs[0] <= venue.fee_fixed:
            return
        rate = supply.segments[0].rate
        points = ((0, 0), (inputs[0], int(inputs[0] * rate)))
        yield Edge(venue.id, asset_in, asset_out, None, points, gas + fee, wait_cost=wait)
        return
    points = points_of(problem, venue, (asset_in, asset_out, None), inputs, account)
    if len(points) > 1:
        yield Edge(venue.id, asset_in, asset_out, None, points, gas, wait_cost=wait)


def bridge_limit(problem: Problem, venue: BridgeState, account: str, most: int) -> int:
    """The largest input: what the solver can advance on the far side, unless someone there accepts staged delivery."""
    staged = any(intent.outcome.refund and venue.asset_out in intent.outcome.receives for intent in problem.intents)
    if staged:
        return most
    advance = max(0, problem.free(account, venue.asset_out))
    return min(most, advance * venue.rate[1] // venue.rate[0])


def points_of(
    problem: Problem, venue: VenueState, way: tuple[str, str, str | None], inputs: Iterable[int], account: str
) -> tuple[Point, ...]:
    """Exact (input, output) points of one way through a venue, reduced to their upper hull from (0, 0)."""
    asset_in, asset_out, level = way
    kind, hull = kind_of(venue), [(0, 0)]
    for amount in sorted({amount for amount in inputs if amount > 0}):
        try:
            out, _ = kind.execute(
                venue, account, Trade(asset_in, amount, asset_out, level), problem.snapshot.time_seconds
            )
        except TradeRefusedError:
            continue  # too small to give anything, or beyond the venue's capacity: no point of the curve
        while len(hull) > 1 and _above(hull[-2], hull[-1], (amount, out)):
            hull.pop()
        hull.append((amount, out))
    return tuple(hull)


def _above(first: Point, middle: Point, last: Point) -> bool:
    """Whether the middle point is on or below the chord from first to last."""
    rise, run = middle[1] - first[1], middle[0] - first[0]
    return rise * (last[0] - first[0]) <= (last[1] - first[1]) * run


def refined(problem: Problem, network: Network, flows: dict[int, int], account: str) -> Network:
    """The network with finer points around the flows of a first solution (edge index -> input); books stay exact."""
    edges = list(network.edges)
    for index, flow in flows.items():
        edge = edges[index]
        venue = problem.venues_by_id[edge.venue]
        if edge.level is not None or isinstance(venue, BridgeState) or flow == 0:
            continue
        around = [int(flow * factor) for factor in FINE_FACTORS]
        coarse = [point[0] for point in edge.points]
        points = points_of(problem, venue, (edge.asset_in, edge.asset_out, None), around + coarse, account)
        edges[index] = replace(edge, points=points)
    return replace(network, edges=tuple(edges))


def _price(problem: Problem, asset: str) -> float:
    price = problem.snapshot.price(asset)
    return 0.0 if price is None else float(price)


def _implied_values(prices: dict[str, float], edges: tuple[Edge, ...], swaps: list[Swap]) -> dict[str, float]:
    """Reference prices, and for other assets the rate of the deepest edge to a valued one; then limits of swaps."""
    values = dict(prices)
    while True:
        deepest: dict[str, tuple[float, float]] = {}
        for edge in edges:
            if edge.asset_in not in values and edge.asset_out in values:
                depth = edge.points[-1][1] * values[edge.asset_out]
                value = edge.first_rate * values[edge.asset_out]
                deepest[edge.asset_in] = max(deepest.get(edge.asset_in, (0.0, 0.0)), (depth, value))
        found = {asset: value for asset, (_, value) in deepest.items() if value > 0}
        if not found:
            found = _limit_values(values, swaps)
        if not found:
            break
        values.update(found)
    for swap in swaps:  # islands without any price: a scale of their own
        values.setdefault(swap.asset_in, 1.0)
        values.setdefault(swap.asset_out, values[swap.asset_in] * swap.pays / max(1, swap.receives))
    for edge in edges:
        values.setdefault(edge.asset_in, 1.0)
        values.setdefault(edge.asset_out, 1.0)
    return values


def _limit_values(values: dict[str, float], swaps: list[Swap]) -> dict[str, float]:
    for swap in swaps:
        if swap.asset_in in values and swap.asset_out not in values and swap.receives:
            return {swap.asset_out: values[swap.asset_in] * swap.pays / swap.receives}
        if swap.asset_out in values and swap.asset_in not in values and swap.receives:
            return {swap.asset_in: values[swap.asset_out] * swap.receives / swap.pays}
    return {}
