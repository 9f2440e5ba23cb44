"""From flows through edges to Routes: whose money goes where.

A model says how much flows through each edge, what each group pays and what it gets. `decompose` gives every group's
money a way: first to what the group itself wants (own routes, so that what can stand alone stays single-group), then
to whoever wants what is left. `closing_edges` names the edges to bar so that flows have no cycles: a cycle through
mispriced pools has no source of money, so no route can follow it.

Guarantees: routes use each edge for at most its flow and each group's money once, up to float rounding, and the
amounts of a group's routes add up exactly to the integer it pays. Deterministic: ties go by order of edges and groups.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from solvers.network import Edge
from solvers.plan import Hop, Route

SLIGHT = 0.01
"""Routes to others below this share of what a group pays go its own way instead, where it has one."""

NEGLIGIBLE = 1e-9
"""Flows and money below this share of where they began are rounding."""


@dataclass(frozen=True, slots=True)
class GroupFlow:
    """What a group pays (an integer, base units) and about what it gets."""

    group: str
    asset_in: str
    asset_out: str
    paid: int
    got: float


def closing_edges(
    edges: Sequence[Edge], flows: Mapping[int, tuple[float, float]], values: Mapping[str, float]
) -> set[int]:
    """Edges whose removal leaves no cycle in the flows: of each cycle met, the one that carries the least value."""
    left = {i: flow[0] * values[edges[i].asset_in] for i, flow in sorted(flows.items())}
    closing: set[int] = set()
    while cycle := _a_cycle(edges, left):
        least = min(cycle, key=lambda index: (left[index], index))
        closing.add(least)
        del left[least]
    return closing


def _a_cycle(edges: Sequence[Edge], flows: Mapping[int, float]) -> list[int]:
    """Edges of some directed cycle; empty where there is none."""
    ways: dict[str, list[int]] = defaultdict(list)
    for index in flows:
        ways[edges[index].asset_in].append(index)
    done: set[str] = set()
    for start in tuple(ways):
        if start in done:
            continue
        path: list[int] = []
        depth = {start: 0}
        stack = [(start, iter(ways.get(start, ())))]
        while stack:
            asset, onward = stack[-1]
            index = next(onward, -1)
            if index < 0:
                stack.pop()
                done.add(asset)
                del depth[asset]
                if path:
                    path.pop()
                continue
            target = edges[index].asset_out
            if target in depth:
                return [*path[depth[target] :], index]
            if target not in done:
                path.append(index)
                depth[target] = len(path)
                stack.append((target, iter(ways.get(target, ()))))
    return []


class _Money:
    """Flows still to be given away, in base units."""

    def __init__(
        self, edges: Sequence[Edge], flows: Mapping[int, tuple[float, float]], groups: Sequence[GroupFlow]
    ) -> None:
        self.edges = edges
        self.rates = {i: got / given for i, (given, got) in flows.items() if given > 0}
        self.room = {i: given for i, (given, _) in flows.items() if given > 0}
        self.least = {i: given * NEGLIGIBLE for i, given in self.room.items()}
        self.ways: dict[str, list[int]] = defaultdict(list)
        for index in sorted(self.rates):
            self.ways[edges[index].asset_in].append(index)
        self.paid = {g.group: float(g.paid) for g in groups}
        self.wanted = {g.group: g.got for g in groups}
        self.routes: list[tuple[str, str, float, tuple[int, ...]]] = []

    def path(self, start: str, targets: Mapping[str, str]) -> tuple[str, list[int]] | None:
        """The shortest way from an asset to one of the targets (asset -> group): the group and the edges."""
        if start in targets:
            return targets[start], []
        came: dict[str, int] = {}
        queue, seen = deque([start]), {start}
        while queue:
            asset = queue.popleft()
            for index in self.ways.get(asset, ()):
                target = self.edges[index].asset_out
                if target in seen or self.room[index] <= self.least[index]:
                    continue
                seen.add(target)
                came[target] = index
                if target in targets:
                    return targets[target], self._back(came, start, target)
                queue.append(target)
        return None

    def _back(self, came: Mapping[str, int], start: str, end: str) -> list[int]:
        path = []
        while end != start:
            path.append(came[end])
            end = self.edges[came[end]].asset_in
        return path[::-1]

    def push(self, source: GroupFlow, sink: str, path: Sequence[int]) -> None:
        """Send as much as source, edges and sink allow."""
        factor, most = 1.0, self.paid[source.group]
        for index in path:
            most = min(most, self.room[index] / factor)
            factor *= self.rates[index]
        if factor > 0:
            most = min(most, self.wanted[sink] / factor)
        self.routes.append((source.group, sink, most, tuple(path)))
        self.paid[source.group] -= most
        arriving = most
        for index in path:
            self.room[index] -= arriving
            arriving *= self.rates[index]
        self.wanted[sink] -= arriving


def decompose(
    edges: Sequence[Edge], flows: Mapping[int, tuple[float, float]], groups: Sequence[GroupFlow]
) -> tuple[Route, ...]:
    """Routes for all the groups' money; a group whose money finds no way has none. Flows must have no cycles."""
    money = _Money(edges, flows, groups)
    for own in (True, False):
        for group in groups:
            _send(money, group, groups, own=own)
    return _as_routes(money, groups)


def _send(money: _Money, group: GroupFlow, groups: Sequence[GroupFlow], *, own: bool) -> None:
    """Give the group's money ways until none is left, to itself or to any."""
    least_paid = group.paid * NEGLIGIBLE
    while money.paid[group.group] > least_paid:
        sinks = [group] if own else groups
        targets: dict[str, str] = {}
        for sink in sinks:
            if money.wanted[sink.group] > sink.got * NEGLIGIBLE:
                targets.setdefault(sink.asset_out, sink.group)
        found = money.path(group.asset_in, targets)
        if found is None:
            return
        money.push(group, *found)


def _as_routes(money: _Money, groups: Sequence[GroupFlow]) -> tuple[Route, ...]:
    """Integer amounts; what rounding and unrouted rests leave of a group's payment goes to its largest route."""
    paid = {group.group: group.paid for group in groups}
    amounts = [0 if _is_slight(money, i, paid) else int(route[2]) for i, route in enumerate(money.routes)]
    for group in groups:
        own = [i for i, route in enumerate(money.routes) if route[0] == group.group]
        if own:
            largest = max(
                own, key=lambda i: (money.routes[i][1] == group.group, amounts[i], -i) if amounts[i] else (False, 0, -i)
            )
            amounts[largest] += paid[group.group] - sum(amounts[i] for i in own)
    return tuple(
        Route(source, sink, amount, tuple(_hop(money.edges[index]) for index in path))
        for (source, sink, _, path), amount in zip(money.routes, amounts, strict=True)
        if amount > 0
    )


def _is_slight(money: _Money, number: int, paid: Mapping[str, int]) -> bool:
    """Whether a route gives another group too little to tie two groups together that could stand alone."""
    source, sink, amount, _ = money.routes[number]
    has_own = any(route[0] == route[1] == source for route in money.routes)
    return source != sink and has_own and amount < paid[source] * SLIGHT


def _hop(edge: Edge) -> Hop:
    return Hop(edge.venue, edge.asset_in, edge.asset_out, edge.level)
