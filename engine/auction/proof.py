"""Follows advice with integers alone: the proposed set is judged, and each leaf of the proof multiplied out.

Weak duality. Let a leaf fix some vertices in and some out. For any prices y >= 0 of rows (sum a x <= b) that every
feasible set keeps, a set of the leaf weighs at most

    B = weight(in) + sum over rows y * (b - what `in` takes of it) + sum over free vertices v of max(0, r(v)),
    r(v) = weight(v) - sum over rows y * a(v).

So if B does not exceed the weight of the incumbent, the leaf is closed. If it does, a set with v weighs at most
B + min(0, r(v)): every v for which that is no more than the incumbent is out of all heavier sets, and what is left is
searched exactly (engine.auction.search). Weights have their tie part (engine.auction.select), so a proof covers ties.

Guarantees those of `search`: nothing in the advice is believed. Raises InputError `bad_advice` where it names what is not
there, calls a clique what is none, or a clause what nobody refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from engine.auction.search import Found, MaskNoGood, Node, Search, members
from intents.errors import InputError


@dataclass(frozen=True)
class Row:
    """Sum of `draws` over the vertices of a set is at most `limit`. A price is for `unit` of it."""

    draws: Mapping[int, int]
    limit: int
    unit: int = 1

    @cached_property
    def drawers(self) -> int:
        """The vertices that draw on it, as a mask."""
        return sum(1 << v for v, drawn in self.draws.items() if drawn > 0)


@dataclass(frozen=True, slots=True)
class MaskStep:
    """Cases over `vertex`, or, where that is None, a leaf: prices of rows in units of weight, and work."""

    vertex: int | None
    prices: tuple[int, ...] = ()
    work: int = 0


@dataclass(frozen=True, slots=True)
class MaskAdvice:
    """Advice over vertices (engine.auction.advice). Of `groups` and `cliques` a set holds at most one; `stocks` are rows."""

    best: int
    judged: Sequence[int]
    groups: Sequence[int]
    stocks: Sequence[Row]
    cliques: Sequence[int]
    clauses: Sequence[MaskNoGood]
    tree: Sequence[MaskStep]


def follow(search: Search, advice: MaskAdvice, work: int) -> Found:
    """The heaviest set found. Judging what is proposed and each leaf counts one; leaves are searched as far as `work` goes."""
    for mask in (advice.best, *advice.judged):
        if any(search.rows[v] & mask for v in members(mask)):
            raise InputError("bad_advice", "", expected="sets no two of which exclude each other", actual="another set")
    for mask in advice.judged:
        search.feasible(mask)
    search.offer(advice.best)
    if not search.best:
        search.start()
    rows = _rows(search, advice)
    priced: list[list[tuple[int, int]]] = [[] for _ in search.weights]
    for i, row in enumerate(rows):
        for v, drawn in row.draws.items():
            priced[v].append((i, drawn))
    everything = (1 << len(search.weights)) - 1
    stack: list[tuple[int, int] | None] = [(0, everything)]
    open_bound = 0
    for step in advice.tree:
        case = stack.pop()
        if step.vertex is not None:
            stack += _cases(search, case, step.vertex)
        elif case is not None:
            open_bound = max(open_bound, _close(search, rows, priced, case, step, work))
    bound = max(search.best_weight, open_bound)
    return Found(search.best, search.best_weight, bound, search.used, bound == search.best_weight)


def _cases(search: Search, case: tuple[int, int] | None, vertex: int) -> list[tuple[int, int] | None]:
    """The case with the vertex out, below the one with it in; None where there is no such set."""
    if case is None:
        return [None, None]
    chosen, free = case
    bit = 1 << vertex
    if free & bit:
        return [(chosen, free & ~bit), (chosen | bit, free & ~bit & ~search.rows[vertex])]
    return [None, case] if chosen & bit else [case, None]


def _close(
    search: Search,
    rows: Sequence[Row],
    priced: Sequence[Sequence[tuple[int, int]]],
    case: tuple[int, int],
    step: MaskStep,
    work: int,
) -> int:
    """A bound on the leaf's sets that the incumbent does not reach; 0 where there are none."""
    chosen, free = case
    if len(step.prices) != len(rows):
        raise InputError("bad_advice", "/tree", expected=f"{len(rows)} prices", actual=str(len(step.prices)))
    search.used += 1
    weight = bound = sum(search.weights[v] for v in members(chosen))
    prices = []
    for row, y in zip(rows, step.prices, strict=True):
        left = row.limit - sum(row.draws.get(v, 0) for v in members(chosen))
        if left < 0 and left < sum(drawn for v, drawn in row.draws.items() if drawn < 0 and free >> v & 1):
            return 0
        # A row that no free vertex draws on needs no price here. Rounded up, and what a vertex draws down, so that the
        # bound can only grow.
        prices.append(y if row.drawers & free else 0)
        bound += -(-prices[-1] * left // row.unit)
    reduced: dict[int, int] = {}
    for v in members(free):
        left = search.weights[v]
        for i, drawn in priced[v]:
            left -= prices[i] * drawn // rows[i].unit
        reduced[v] = left
        bound += max(0, left)
    if bound <= search.best_weight:
        return 0
    if step.work == 0 or search.used >= work:
        return bound
    kernel = sum(1 << v for v, left in reduced.items() if bound + min(0, left) > search.best_weight)
    rest = search.walk(Node(chosen, weight, kernel), min(work, search.used + step.work))
    return min(bound, rest)


def _rows(search: Search, advice: MaskAdvice) -> list[Row]:
    for clique in advice.cliques:
        if any(clique & ~(1 << v) & ~search.rows[v] for v in members(clique)):
            raise InputError(
                "bad_advice", "/cliques", expected="bids each two of which exclude each other", actual="others"
            )
    known = set(search.clauses)
    if not known.issuperset(advice.clauses):
        raise InputError("bad_advice", "/clauses", expected="sets known to be refused", actual="others")
    rows = [Row(dict.fromkeys(members(mask), 1), 1) for mask in advice.groups]
    rows += advice.stocks
    rows += [Row(dict.fromkeys(members(mask), 1), 1) for mask in advice.cliques]
    for present, absent in advice.clauses:
        draws = dict.fromkeys(members(present), 1) | dict.fromkeys(members(absent), -1)
        rows.append(Row(draws, present.bit_count() - 1))
    return rows
