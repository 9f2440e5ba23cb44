"""Executing a plan's routes and portfolios exactly, in replay order: the amounts that the assembler settles with.

Guarantees
1. Legs run in the order (stage, key of the part, position), on the states that the whole leaves and, in parallel, on
   the states that the part alone would see; the output of a leg is the smaller of the two, so that it can be stated
   in both solutions. Within a route each output is the next hop's input.
2. A bridge's output is used in the same stage only out of the solver's inventory, which the bridge repays; otherwise
   in the next stage. Inventory is lent once over all parts.
3. Input that a book would keep (beyond whole lots, beyond the level) is not given to it.

It does not form prices or fills and repairs nothing: what failed is named.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from engine.auction.problem import Problem
from engine.auction.solution import MAX_STAGE
from engine.market.venues import kind_of
from engine.market.venues.base import Trade, TradeRefusedError, VenueState
from engine.market.venues.order_book import OrderBookState, cost_of, level_index, named_levels, size_for
from solvers.plan import Cross, Hop, Portfolio, Route


@dataclass(frozen=True, slots=True)
class Part:
    """What is executed and settled together. `key` is its smallest group id, by which replay orders parts.

    `numbers` are the routes' numbers in the draft that the part was split from.
    """

    key: str
    groups: tuple[str, ...]
    routes: tuple[Route, ...] = ()
    numbers: tuple[int, ...] = ()
    portfolios: tuple[Portfolio, ...] = ()
    crosses: tuple[Cross, ...] = ()


@dataclass(frozen=True, slots=True)
class DoneLeg:
    """One executed leg with the output to state."""

    stage: int
    hop: Hop
    amount_in: int
    amount_out: int


@dataclass(frozen=True, slots=True)
class Loan:
    """Inventory of the solver lent at stage 0 and repaid by a bridge at `stage`."""

    asset: str
    amount: int
    stage: int


@dataclass(slots=True)
class Flow:
    """What executing one part gave. Lists are by position of the route."""

    legs: list[DoneLeg] = field(default_factory=list)
    loans: list[Loan] = field(default_factory=list)
    used: dict[int, int] = field(default_factory=dict)
    got: dict[int, int] = field(default_factory=dict)
    stages: dict[int, int] = field(default_factory=dict)
    spilled: dict[int, tuple[int, int]] = field(default_factory=dict)
    """(usable, arrived) at a level that a route's later hop overflows."""
    failed: dict[int, str] = field(default_factory=dict)
    costs: dict[str, dict[str, int]] = field(default_factory=dict)
    """Net payment by asset of each portfolio's intent, on books (what selling brings is negative)."""
    no_depth: set[str] = field(default_factory=set)
    """Intents whose portfolio the books cannot trade."""


@dataclass(frozen=True, slots=True)
class _Step:
    """Where a route is: its index, the position of its next hop, the stage, the amount that arrives there."""

    index: int
    position: int
    stage: int
    amount: int


class Executor:
    """Runs parts over the venues of a problem. One per assembly round."""

    def __init__(self, problem: Problem, account: str, staged_sinks: frozenset[str]) -> None:
        self._problem = problem
        self._account = account
        self._staged = staged_sinks
        self._time = problem.snapshot.time_seconds
        self._whole: dict[str, VenueState] = {}
        self._alone: dict[str, dict[str, VenueState]] = {}
        self._lent: dict[str, int] = {}
        self._books = _books_by_base(problem)

    def run(self, parts: Sequence[Part]) -> dict[str, Flow]:
        """Execute the parts in replay order; flows by the parts' keys."""
        flows = {part.key: Flow() for part in parts}
        by_key = {part.key: part for part in parts}
        queue: list[tuple[int, str, int, int, int]] = []
        for part in parts:
            for index, route in enumerate(part.routes):
                heapq.heappush(queue, (0, part.key, index, 0, route.amount_in))
            if part.portfolios:
                heapq.heappush(queue, (0, part.key, len(part.routes), 0, 0))
        while queue:
            stage, key, index, position, amount = heapq.heappop(queue)
            part, flow = by_key[key], flows[key]
            if index == len(part.routes):
                self._trade_portfolios(part, flow)
                continue
            route = part.routes[index]
            if position == len(route.hops):
                flow.got[index], flow.stages[index] = amount, stage
                flow.used.setdefault(index, amount)
                continue
            step = self._hop(part, flow, _Step(index, position, stage, amount))
            if step is not None:
                heapq.heappush(queue, (step.stage, key, index, step.position, step.amount))
        return flows

    def _hop(self, part: Part, flow: Flow, step: _Step) -> _Step | None:
        """Execute one hop; where the route goes on, or None where it failed."""
        route, hop = part.routes[step.index], part.routes[step.index].hops[step.position]
        usable = self._usable(hop, step.amount)
        if step.position == 0:
            flow.used[step.index] = usable
        elif 0 < usable < step.amount and not self._is_rounding(hop, step.amount, usable):
            flow.spilled[step.index] = (usable, step.amount)
        out = self._execute(part.key, hop, usable) if usable else None
        if out is None:
            flow.failed[step.index] = "venue_refused"
            return None
        next_stage = step.stage
        if kind_of(self._state(hop.venue)).delay_seconds(self._state(hop.venue)):
            lent = self._lent.get(hop.asset_out, 0)
            if step.stage == 0 and self._problem.free(self._account, hop.asset_out) - lent >= out:
                self._lent[hop.asset_out] = lent + out
                flow.loans.append(Loan(hop.asset_out, out, stage=1))
            elif route.sink in self._staged and step.stage < MAX_STAGE:
                next_stage += 1
            else:
                flow.failed[step.index] = "no_inventory"
                return None
        flow.legs.append(DoneLeg(step.stage, hop, usable, out))
        return _Step(step.index, step.position + 1, next_stage, out)

    def _state(self, venue: str) -> VenueState:
        return self._whole.get(venue) or self._problem.venues_by_id[venue]

    def _execute(self, key: str, hop: Hop, amount: int) -> int | None:
        """Trade on both states; the smaller output, None where either refuses."""
        alone = self._alone.setdefault(key, {})
        first = self._problem.venues_by_id[hop.venue]
        trade = Trade(hop.asset_in, amount, hop.asset_out, hop.level)
        try:
            outputs = []
            for states in (self._whole, alone):
                state = states.get(hop.venue, first)
                out, after = kind_of(state).execute(state, self._account, trade, self._time)
                outputs.append((out, states, after))
        except TradeRefusedError:
            return None
        for _, states, after in outputs:
            states[hop.venue] = after
        return min(out for out, _, _ in outputs)

    def _usable(self, hop: Hop, amount: int) -> int:
        """The part of an input that a book would use: whole lots, at most the level; all of it elsewhere."""
        state = self._state(hop.venue)
        if not isinstance(state, OrderBookState):
            return amount
        side = "ask" if hop.asset_in == state.quote else "bid"
        levels = state.asks if side == "ask" else state.bids
        index = level_index(hop.level, side, len(levels))
        if index is None:
            return 0
        level = levels[index]
        if side == "bid":
            return min(amount, level.size) // state.lot * state.lot
        size = min(size_for(state, level, amount), level.size)
        return cost_of(state, level, size) if size else 0

    def _is_rounding(self, hop: Hop, amount: int, usable: int) -> bool:
        """Whether what a book leaves over is less than one lot, so that less input could not help."""
        state = self._state(hop.venue)
        if not isinstance(state, OrderBookState):
            return True
        if hop.asset_in == state.base:
            return amount - usable < state.lot
        name_level = dict(named_levels(state, "ask"))[hop.level or ""]
        return amount - usable <= cost_of(state, name_level, state.lot)

    def _trade_portfolios(self, part: Part, flow: Flow) -> None:
        for portfolio in part.portfolios:
            costs: dict[str, int] = {}
            on_books = dict(portfolio.positions)
            for cross in part.crosses:
                for intent, sign in ((cross.taker, 1), (cross.giver, -1)):
                    if intent == portfolio.intent:
                        on_books[cross.asset] = on_books.get(cross.asset, 0) - sign * cross.amount
                        costs[cross.pay_asset] = costs.get(cross.pay_asset, 0) + sign * cross.pay_amount
            for asset, wanted in sorted(on_books.items()):
                if not self._walk(part.key, flow, asset, wanted, costs):
                    flow.no_depth.add(portfolio.intent)
            flow.costs[portfolio.intent] = costs

    def _walk(self, key: str, flow: Flow, asset: str, wanted: int, costs: dict[str, int]) -> bool:
        """Buy (wanted > 0) or sell a derivative level by level from the best; False where something is left."""
        left = abs(wanted)
        for book_id in self._books.get(asset, ()) if left else ():
            book = cast("OrderBookState", self._state(book_id))
            for name, level in named_levels(book, "ask" if wanted > 0 else "bid"):
                size = min(left, level.size) // book.lot * book.lot
                if not size:
                    continue
                hop = Hop(book_id, book.quote, asset, name) if wanted > 0 else Hop(book_id, asset, book.quote, name)
                amount = cost_of(book, level, size) if wanted > 0 else size
                out = self._execute(key, hop, amount)
                if out is None:
                    return False
                flow.legs.append(DoneLeg(0, hop, amount, out))
                costs[book.quote] = costs.get(book.quote, 0) + (amount if wanted > 0 else -out)
                left -= size
        return left == 0


def _books_by_base(problem: Problem) -> Mapping[str, tuple[str, ...]]:
    books: dict[str, list[str]] = {}
    for venue in problem.snapshot.venues:
        if isinstance(venue, OrderBookState):
            books.setdefault(venue.base, []).append(venue.id)
    return {base: tuple(ids) for base, ids in books.items()}
