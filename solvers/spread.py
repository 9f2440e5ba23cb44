"""What an amount of one asset becomes along the best paths of a graph of arcs: for many amounts at once, as arrays.

An arc gives from one asset another, linear between its points and flat after the last. Paths have at most MAX_HOPS arcs
and stop where they are going. Tables have a row for each probe and a column for each asset or arc. The numbers
are those of a walk arc by arc: the same operations on the same floats, so they do not depend on how many go at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_HOPS = 4
"""Longest path."""

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Flags = NDArray[np.bool_]


class Arc(NamedTuple):
    """A way from one asset to another: what arrives by what is sent, from (0, 0) on, in ascending order."""

    source: str
    target: str
    sent: tuple[float, ...]
    arriving: tuple[float, ...]


class Probes(NamedTuple):
    """Amounts on their way, each from the asset `start` to the asset `goal` (indices of the arcs' assets)."""

    start: Indices
    goal: Indices
    amount: Floats


class Rated(NamedTuple):
    """By probe and arc: output per input of the best path through the arc (0 where there is none), and what comes to it."""

    rates: Floats
    before: Floats


class Arcs:
    """Arcs as arrays. `assets`: those that have a column though no arc may touch them."""

    def __init__(self, arcs: Sequence[Arc], assets: Iterable[str]) -> None:
        names = {*assets, *(arc.source for arc in arcs), *(arc.target for arc in arcs)}
        self._index = {name: i for i, name in enumerate(sorted(names))}
        self.count, self.assets = len(arcs), len(names)
        self.source, self.target = self.indices(a.source for a in arcs), self.indices(a.target for a in arcs)
        most = max((len(arc.sent) for arc in arcs), default=1)
        self._sent = np.full((most, self.count), np.inf)
        self._arriving = np.zeros((most, self.count))
        for i, arc in enumerate(arcs):
            self._sent[: len(arc.sent), i] = arc.sent
            self._arriving[:, i] = arc.arriving[-1]
            self._arriving[: len(arc.sent), i] = arc.arriving
        self._by_target, self._by_source = _Grouped(self.target), _Grouped(self.source)

    def indices(self, assets: Iterable[str]) -> Indices:
        """The columns of assets."""
        return np.array([self._index[asset] for asset in assets], dtype=np.intp)

    def through(self, amounts: Floats, wanted: Flags) -> Floats:
        """What arrives by each arc, of amounts by asset: for the cells wanted, 0 elsewhere."""
        given = amounts[:, self.source]
        found = np.zeros(given.shape)
        cells = np.nonzero(wanted & (given > 0))
        sent, arcs = given[cells], cells[1]
        after = np.zeros(len(sent), dtype=np.intp)  # how many of the arc's points are at or below what is sent
        for points in self._sent:
            after += sent >= points[arcs]
        last = len(self._sent) - 1
        low, high = after - 1, np.minimum(after, last)
        x0, x1 = self._sent[low, arcs], self._sent[high, arcs]
        y0, y1 = self._arriving[low, arcs], self._arriving[high, arcs]
        flat = (after > last) | np.isinf(x1)
        width = np.where(flat, 1.0, x1 - x0)
        found[cells] = np.where(flat, y0, y0 + (y1 - y0) * (sent - x0) / width)
        return found

    def most_at_target(self, values: Floats) -> Floats:
        """By asset: the greatest value (0 or more) of the arcs to it; 0 where there is none."""
        return self._by_target.most(values, self.assets)

    def most_at_source(self, values: Floats) -> Floats:
        """By asset: the greatest value (0 or more) of the arcs from it; 0 where there is none."""
        return self._by_source.most(values, self.assets)

    def steps_to(self, goal: Indices) -> Indices:
        """By probe and asset: the fewest arcs to the goal; MAX_HOPS + 1 where there are more than MAX_HOPS."""
        everywhere = np.ones((len(goal), self.assets), dtype=np.bool_)
        return _steps(goal, everywhere, lambda latest: self.most_at_source(latest[:, self.target]) > 0)

    def steps_from(self, start: Indices, within: Flags) -> Indices:
        """By probe and asset: the fewest arcs from the start over assets `within`; MAX_HOPS + 1 where there is no such way."""
        return _steps(start, within, lambda latest: self.most_at_target(latest[:, self.source]) > 0)


class _Grouped:
    """Columns in groups, for the greatest of each group."""

    def __init__(self, group: Indices) -> None:
        self._order = np.argsort(group, kind="stable")
        self._groups, self._starts = np.unique(group[self._order], return_index=True)

    def most(self, values: Floats, groups: int) -> Floats:
        found = np.zeros((len(values), groups))
        if len(self._groups):
            found[:, self._groups] = np.maximum.reduceat(values[:, self._order], self._starts, axis=1)
        return found


def _steps(first: Indices, within: Flags, neighbours: Callable[[Floats], Flags]) -> Indices:
    """By row and asset: how many steps from the first one, over assets within; MAX_HOPS + 1 beyond MAX_HOPS."""
    steps = np.full(within.shape, MAX_HOPS + 1, dtype=np.intp)
    steps[np.arange(len(first)), first] = 0
    for count in range(1, MAX_HOPS + 1):
        latest = (steps == count - 1).astype(np.float64)
        steps[neighbours(latest) & within & (steps > MAX_HOPS)] = count
    return steps


def spread(arcs: Arcs, probes: Probes) -> Floats:
    """By probe and asset: the most that its amount becomes there, on paths that can still reach the goal."""
    return _spread(arcs, probes, arcs.steps_to(probes.goal))


def _spread(arcs: Arcs, probes: Probes, steps: Indices) -> Floats:
    rows = np.arange(len(probes.start))
    best = np.zeros((len(rows), arcs.assets))
    best[rows, probes.start] = probes.amount
    for left in range(MAX_HOPS - 1, -1, -1):
        on_their_way = best.copy()
        on_their_way[rows, probes.goal] = 0.0
        arriving = arcs.through(on_their_way, steps[:, arcs.target] <= left)
        best = np.maximum(best, arcs.most_at_target(arriving))
    return best


def rated(arcs: Arcs, probes: Probes) -> Rated:
    """What each arc is good for: the best path through it whose arcs work at the rates that the spread amounts have there."""
    steps = arcs.steps_to(probes.goal)
    there = _spread(arcs, probes, steps)
    since, rows = arcs.steps_from(probes.start, there > 0), np.arange(len(probes.start))
    given = there[:, arcs.source]
    least = since[:, arcs.source]
    further = steps[:, arcs.target]
    fits = (given > 0) & (arcs.source != probes.goal[:, None]) & (arcs.target != probes.start[:, None])
    fits &= least + further < MAX_HOPS
    rate = arcs.through(there, fits) / np.where(fits, given, 1.0)
    before, after = np.zeros_like(there), np.zeros_like(there)
    before[rows, probes.start] = 1.0
    after[rows, probes.goal] = 1.0
    befores, afters = [before], [after]
    for _ in range(MAX_HOPS - 1):
        before = np.maximum(before, arcs.most_at_target(before[:, arcs.source] * rate))
        after = np.maximum(after, arcs.most_at_source(rate * after[:, arcs.target]))
        befores.append(before)
        afters.append(after)
    best = np.zeros_like(rate)
    for k, (before, after) in enumerate(zip(befores, reversed(afters), strict=True)):
        possible = (least <= k) & (k < MAX_HOPS - further)
        best = np.where(possible, np.maximum(best, before[:, arcs.source] * after[:, arcs.target]), best)
    return Rated(rate * best, given)
