"""From flows of each group's money to Routes.

A model says how much of each group's money flows through each edge, what groups give each other, and what each pays.
`decompose` gives every group's money paths to what it wants, and pairs who gives with who takes. `closing_lanes` names
what to bar so that no group's flow has a cycle: a cycle through mispriced pools has no source of money, so no route
can follow it.

Guarantees: routes use each lane for at most its flow, up to float rounding, and the amounts of a group's routes add up
exactly to the integer it pays. Deterministic: ties go by order of edges and groups.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from solvers.network import Edge, Lane
from solvers.plan import Hop, Route

SLIGHT = 0.01
"""Less than this share of what either group trades is not netted: it would tie two groups that could stand alone."""

NEGLIGIBLE = 1e-9
"""Flows and money below this share of where they began are rounding."""

Flows = Mapping[Lane, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class GroupFlow:
    """What a group pays (an integer, base units), of that to others, and what it takes from others."""

    group: str
    asset_in: str
    asset_out: str
    paid: int
    given: float
    taken: float


def closing_lanes(edges: Sequence[Edge], flows: Flows, values: Mapping[str, float]) -> set[Lane]:
    """Lanes whose removal leaves no cycle in any group's flow: of each cycle met, the one that carries the least value."""
    closing: set[Lane] = set()
    for group in sorted({group for group, _ in flows}):
        left = {i: flow[0] * values[edges[i].asset_in] for (g, i), flow in sorted(flows.items()) if g == group}
        while cycle := _a_cycle(edges, left):
            least = min(cycle, key=lambda index: (left[index], index))
            closing.add((group, least))
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


def decompose(edges: Sequence[Edge], flows: Flows, groups: Sequence[GroupFlow]) -> tuple[Route, ...]:
    """Routes for all the groups' money; a group whose money finds no way has none. Flows must have no cycles."""
    routes: dict[str, list[Route]] = {group.group: [] for group in groups}
    for group in groups:
        routes[group.group] += _own_routes(edges, flows, group)
    for route in _netting(groups, routes):
        routes[route.source].append(route)
    return tuple(route for group in groups for route in _whole(routes[group.group], group.paid))


def _own_routes(edges: Sequence[Edge], flows: Flows, group: GroupFlow) -> list[Route]:
    """Paths of what the group does not give to others, the shortest first, until its flow is used up."""
    own = {index: flow for (g, index), flow in flows.items() if g == group.group and flow[0] > 0}
    room = {index: given for index, (given, _) in own.items()}
    left, found = group.paid - group.given, []
    while left > group.paid * NEGLIGIBLE:
        usable = [index for index in sorted(room) if room[index] > own[index][0] * NEGLIGIBLE]
        path = _shortest(edges, usable, group.asset_in, group.asset_out)
        if not path:
            break
        factor, most = 1.0, left
        for index in path:
            most = min(most, room[index] / factor)
            factor *= own[index][1] / own[index][0]
        arriving = most
        for index in path:
            room[index] -= arriving
            arriving *= own[index][1] / own[index][0]
        left -= most
        hops = tuple(Hop(edges[i].venue, edges[i].asset_in, edges[i].asset_out, edges[i].level) for i in path)
        found.append(Route(group.group, group.group, int(most), hops))
    return found


def _shortest(edges: Sequence[Edge], usable: Sequence[int], start: str, end: str) -> list[int]:
    """The fewest edges from one asset to another; empty where there is no way."""
    ways: dict[str, list[int]] = defaultdict(list)
    for index in usable:
        ways[edges[index].asset_in].append(index)
    came: dict[str, int] = {}
    queue, seen = deque([start]), {start}
    while queue and end not in came:
        for index in ways[queue.popleft()]:
            target = edges[index].asset_out
            if target not in seen:
                seen.add(target)
                came[target] = index
                queue.append(target)
    path = []
    while end != start and end in came:
        path.append(came[end])
        end = edges[came[end]].asset_in
    return path[::-1]


def _netting(groups: Sequence[GroupFlow], own: Mapping[str, Sequence[Route]]) -> list[Route]:
    """Who gives to whom: the largest givers of an asset to its largest takers."""
    found = []
    for asset in sorted({group.asset_in for group in groups}):
        give = {g.group: g.given for g in groups if g.asset_in == asset and _counts(g.given, g.paid, own[g.group])}
        take = {g.group: g.taken for g in groups if g.asset_out == asset and g.taken > 0}
        while give and take:
            giver = min(give, key=lambda group: (-give[group], group))
            taker = min(take, key=lambda group: (-take[group], group))
            amount = min(give[giver], take[taker])
            found.append(Route(giver, taker, int(amount)))
            for side, group in ((give, giver), (take, taker)):
                side[group] -= amount
                if side[group] <= amount * NEGLIGIBLE:
                    del side[group]
    return found


def _counts(given: float, paid: int, own: Sequence[Route]) -> bool:
    return given > (paid * SLIGHT if own else 0)


def _whole(routes: Sequence[Route], paid: int) -> list[Route]:
    """The routes, what rounding leaves of the payment added to the largest own one, else to the largest."""
    kept = [route for route in routes if route.amount_in > 0]
    if not kept:
        return []
    largest = max(range(len(kept)), key=lambda i: (bool(kept[i].hops), kept[i].amount_in, -i))
    rest = paid - sum(route.amount_in for route in kept)
    route = kept[largest]
    kept[largest] = Route(route.source, route.sink, max(0, route.amount_in + rest), route.hops)
    return [route for route in kept if route.amount_in > 0]
