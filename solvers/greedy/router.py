"""Finding and executing paths over evolving venue states, in exact integers.

Guarantees
1. A quote is what `execute` gives on the states as they are now and on those that the part being routed would see
   alone, whichever is less, as the assembler will state it; `commit` makes the quoted states the current ones.
2. Paths are simple: no asset and no venue twice, so stale prices cannot be circled, at most `MAX_HOPS` venues.
3. The order in which paths are tried never depends on hashing.

It does not guarantee the best path: per number of hops and asset only the `WIDTH` best prefixes are kept.

Work is counted in quotes: one execution of one venue, wanted or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Literal

from engine.auction.problem import Problem
from engine.market.venues import kind_of
from engine.market.venues.base import Trade, TradeRefusedError, VenueState
from engine.market.venues.order_book import OrderBookState, cost_of, named_levels, size_for
from intents.outcome import is_derivative
from solvers.common import GAS_WEIGHT, leg_gas_value, leg_wait_cost, price_float, tradable_pairs
from solvers.greedy.meter import Meter
from solvers.greedy.spots import Spots
from solvers.plan import Hop

MAX_HOPS = 4
"""Most venues on a path."""

WIDTH = 2
"""Prefixes kept per asset and number of hops."""

SPILL_TRIES = 4
"""How often a chunk is cut where a book's level on the way is too small for it."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One venue in one direction."""

    venue: str
    asset_in: str
    asset_out: str


Path = tuple[Edge, ...]

Both = tuple[VenueState, VenueState]
"""A venue after everything so far, and after the part being routed alone; the same object where only that part traded."""

States = dict[str, Both]


@dataclass(frozen=True, slots=True)
class Quote:
    """What a path would give for `used` of its input, the hops with their levels, and the states afterwards."""

    used: int
    out: int
    hops: tuple[Hop, ...]
    states: Mapping[str, Both]


@dataclass(frozen=True, slots=True)
class _Step:
    used: int
    out: int
    level: str | None
    states: Both


class Router:
    """Paths over one problem's venues. Derivatives are never sold on the way."""

    def __init__(self, problem: Problem, meter: Meter) -> None:
        self.meter = meter
        self.states: States = {venue.id: (venue, venue) for venue in problem.snapshot.venues}
        self._problem = problem
        self._parts: dict[str, dict[str, VenueState]] = {}
        self._part = ""
        self._account = "solver:greedy"
        self._spots = Spots(problem, meter)
        self._edges = {
            asset: tuple(Edge(venue, asset, out) for out, venue in edges)
            for asset, edges in tradable_pairs(problem).items()
            if not is_derivative(asset)
        }
        self._gas = {venue.id: leg_gas_value(problem, venue) for venue in problem.snapshot.venues}
        self._kept = _kept_by_edge(problem, self._edges)

    def enter(self, part: str) -> None:
        """Route for a part from now on: its own states are those that it left, or the problem's."""
        self._parts[self._part] = {venue: alone for venue, (_, alone) in self.states.items()}
        own = self._parts.get(part, self._problem.venues_by_id)
        self.states = {venue: (whole, own[venue]) for venue, (whole, _) in self.states.items()}
        self._part = part

    def reaches(self, source: str, target: str) -> bool:
        """Whether any path of at most MAX_HOPS venues leads from one asset to another."""
        return source in self._spots.bounds_to(target, MAX_HOPS)[MAX_HOPS]

    def gas_in(self, path: Path, asset: str) -> float:
        """What the legs of a path burn, weighed, in base units of an asset; 0 where either is unpriced."""
        price = price_float(self._problem, asset)
        return GAS_WEIGHT * sum(self._gas[edge.venue] for edge in path) / price if price else 0.0

    def worth(self, amount: int, path: Path) -> float:
        """What an amount at the end of a path counts for: less what waiting costs on the way; itself where nothing does."""
        return amount * prod(self._kept[edge] for edge in path) if self._kept else amount

    def best_paths(self, source: str, target: str, amount: int, *, least: float, width: int = WIDTH) -> list[Path]:
        """Up to `width` paths for each number of hops, by falling worth of the output for the whole amount.

        Paths that could not even at first prices bring `least` are left out.
        """
        bounds = self._spots.bounds_to(target, MAX_HOPS)
        found: list[tuple[int, Path]] = []
        labels: dict[str, list[tuple[int, Path]]] = {source: [(amount, ())]}
        for hops_left in range(MAX_HOPS - 1, -1, -1):
            reached: dict[str, list[tuple[int, Path]]] = {}
            needed = {asset: least / bound for asset, bound in bounds[hops_left].items()}
            for asset, prefixes in labels.items():
                for held, path in prefixes:
                    if held * bounds[hops_left + 1].get(asset, 0.0) >= least:
                        self._extend(reached, asset, (held, path), needed, source)
            labels = {}
            for asset, options in reached.items():
                best = sorted(options, key=lambda option: (-self.worth(*option), _names(option[1])))[:width]
                if asset == target:
                    found.extend(best)
                else:
                    labels[asset] = best
        found.sort(key=lambda option: (-self.worth(*option), len(option[1]), _names(option[1])))
        return [path for _, path in found]

    def _extend(
        self,
        reached: dict[str, list[tuple[int, Path]]],
        asset: str,
        prefix: tuple[int, Path],
        needed: Mapping[str, float],
        source: str,
    ) -> None:
        """Quote every edge from a prefix after which the target can still be reached with `needed` of each asset."""
        held, path = prefix
        visited = {source, *(edge.asset_out for edge in path)}
        venues = {edge.venue for edge in path}
        for edge in self._edges.get(asset, ()):
            if edge.asset_out not in needed or edge.asset_out in visited or edge.venue in venues:
                continue
            step = self._step(edge, held, self.states[edge.venue])
            if step is not None and step.out >= needed[edge.asset_out]:
                reached.setdefault(edge.asset_out, []).append((step.out, (*path, edge)))

    def quote(self, path: Path, amount: int) -> Quote | None:
        """Execute a path for an amount, or for the part of it that fits its order books; None where it is refused."""
        for _ in range(SPILL_TRIES):
            quote, cut = self._run(path, amount)
            if cut is None or cut == 0:
                return quote
            amount = cut
        return None

    def _run(self, path: Path, amount: int) -> tuple[Quote | None, int | None]:
        """The quote; or (None, a smaller amount) where a later hop cannot use what arrives."""
        states: States = {}
        hops: list[Hop] = []
        used, held = amount, amount
        for position, edge in enumerate(path):
            step = self._step(edge, held, self.states[edge.venue])
            if step is None:
                return None, None
            if position == 0:
                used = step.used
            elif step.used < held - held // 1000:
                return None, amount * step.used // held
            hops.append(Hop(edge.venue, edge.asset_in, edge.asset_out, step.level))
            states[edge.venue] = step.states
            held = step.out
        return Quote(used, held, tuple(hops), states), None

    def commit(self, quote: Quote) -> None:
        """Make a quote's states the current ones."""
        self.states.update(quote.states)

    def _step(self, edge: Edge, amount: int, states: Both) -> _Step | None:
        self.meter.work += 1
        whole, alone = states
        level, used = None, amount
        if isinstance(whole, OrderBookState):
            level, used = _best_level(whole, "ask" if edge.asset_in == whole.quote else "bid", amount)
        if not used:
            return None
        trade = Trade(edge.asset_in, used, edge.asset_out, level)
        now, execute = self._problem.snapshot.time_seconds, kind_of(whole).execute
        try:
            out, after = execute(whole, self._account, trade, now)
            if alone is whole:
                return _Step(used, out, level, (after, after))
            out_alone, after_alone = execute(alone, self._account, trade, now)
        except TradeRefusedError:
            return None
        return _Step(used, min(out, out_alone), level, (after, after_alone))


def _kept_by_edge(problem: Problem, edges: Mapping[str, tuple[Edge, ...]]) -> dict[Edge, float]:
    """The share of its value that a leg keeps after what waiting costs; empty where no leg loses any."""
    venues = problem.venues_by_id
    kept = {
        edge: 1 - leg_wait_cost(problem, venues[edge.venue], edge.asset_in, edge.asset_out)
        for leaving in edges.values()
        for edge in leaving
    }
    return kept if any(share < 1 for share in kept.values()) else {}


def _best_level(state: OrderBookState, side: Literal["ask", "bid"], amount: int) -> tuple[str | None, int]:
    """The best level that has anything, and the part of the amount that it can use in whole lots."""
    for name, level in named_levels(state, side):
        if not level.size:
            continue
        if side == "bid":
            return name, min(amount, level.size) // state.lot * state.lot
        size = min(size_for(state, level, amount), level.size)
        return name, cost_of(state, level, size) if size else 0
    return None, 0


def _names(path: Path) -> tuple[str, ...]:
    return tuple(edge.venue for edge in path)
