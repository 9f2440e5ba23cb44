"""Who can be served, and through which venues: intents out of reach, and for each group the edges its money may use.

`without_hopeless` sends PROBE of what an intent pays along the best path of at most MAX_HOPS arcs: edges, and other
swaps (which take what they receive and give what they pay, at their limit). What arrives per unit is the intent's
`reach`. Pools are concave, so a share below the probe might still get a little more, which is why the bound is no
proof; it is on purpose blind to pools so small that only dust trades at their rate.

A lane is a group's use of an edge: one of the best for some share of an intent's payment, by which the limit is met if
what comes before and after the edge is the best there is.

Guarantee: each swap left out has its reason, `no_path` or `limit_out_of_reach`. Repeated until nothing changes, since
a hopeless intent is no arc for others. Deterministic.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from solvers.network import Network, Swap

MAX_HOPS = 4
"""Longest path that the bound looks at."""

PROBE = 0.01
"""Share of an intent's payment that is sent."""

LANE_PROBES = (PROBE, 0.2, 1.0)
"""Shares of an intent's payment for which its best edges are looked for."""

MOST_LANES = 25
"""Edges that one intent brings to its group for each probe, at most."""

SLACK = 1e-9
"""Relative tolerance of the bound: float interpolation of exact points is off by less."""


@dataclass(frozen=True, slots=True)
class _Arc:
    """A way from one asset to another: what arrives by what is sent, linear between points, flat after the last.

    `edge` is its index in the network; -1 for a swap.
    """

    target: str
    sent: tuple[float, ...]
    arriving: tuple[float, ...]
    edge: int = -1

    def at(self, amount: float) -> float:
        """What arrives."""
        i = bisect_right(self.sent, amount)
        if i == len(self.sent):
            return self.arriving[-1]
        x0, x1, y0, y1 = self.sent[i - 1], self.sent[i], self.arriving[i - 1], self.arriving[i]
        return y0 + (y1 - y0) * (amount - x0) / (x1 - x0)


Ways = dict[str, list[_Arc]]


def without_hopeless(network: Network) -> Network:
    """Leave out swaps whose limit is above their reach; state the reach of the others, and the lanes of their groups."""
    through = _edge_ways(network)
    while True:
        ways = _with_swaps(through, network.swaps)
        reach, gone = {}, {}
        steps = {asset: _steps_to(ways, asset) for asset in {swap.asset_out for swap in network.swaps}}
        for swap in network.swaps:
            arrived = _spread(ways, steps[swap.asset_out], swap, PROBE).get(swap.asset_out)
            best = None if arrived is None else arrived / (swap.pays * PROBE)
            if best is None:
                gone[swap.intent] = "no_path"
            elif best * (1 + SLACK) < swap.limit:
                gone[swap.intent] = "limit_out_of_reach"
            else:
                reach[swap.intent] = best
        if not gone:
            return replace(network, reach=reach, lanes=_lanes(through, network.swaps))
        network = network.without_swaps(gone)


def _edge_ways(network: Network) -> Ways:
    ways: Ways = defaultdict(list)
    for index, edge in enumerate(network.edges):
        sent, arriving = zip(*edge.points, strict=True)
        ways[edge.asset_in].append(_Arc(edge.asset_out, tuple(map(float, sent)), tuple(map(float, arriving)), index))
    return ways


def _with_swaps(through: Ways, swaps: tuple[Swap, ...]) -> Ways:
    ways = defaultdict(list, {asset: list(arcs) for asset, arcs in through.items()})
    for swap in swaps:
        wanted = max(float(swap.receives), 1.0)
        ways[swap.asset_out].append(_Arc(swap.asset_in, (0.0, wanted), (0.0, float(swap.pays))))
    return ways


def _steps_to(ways: Mapping[str, list[_Arc]], asset: str) -> dict[str, int]:
    """By asset: the fewest arcs to this one; absent where there are more than MAX_HOPS."""
    coming: dict[str, set[str]] = defaultdict(set)
    for source, arcs in ways.items():
        for arc in arcs:
            coming[arc.target].add(source)
    steps, latest = {asset: 0}, {asset}
    for count in range(1, MAX_HOPS + 1):
        latest = {source for target in latest for source in coming[target] if source not in steps}
        steps.update(dict.fromkeys(latest, count))
    return steps


def _spread(ways: Mapping[str, list[_Arc]], steps: Mapping[str, int], swap: Swap, share: float) -> dict[str, float]:
    """The most of each asset that a share of the payment becomes on its way to what the swap wants.

    `steps`: how far each asset is from there; what is too far is not followed.
    """
    best = {swap.asset_in: swap.pays * share}
    changed = dict(best)
    for left in range(MAX_HOPS - 1, -1, -1):
        found: dict[str, float] = {}
        for asset, amount in changed.items():
            for arc in ways.get(asset, ()):
                if steps.get(arc.target, MAX_HOPS) > left:
                    continue
                arriving = arc.at(amount)
                if arriving > best.get(arc.target, 0.0) and arriving > found.get(arc.target, 0.0):
                    found[arc.target] = arriving
        best.update(found)
        changed = {asset: amount for asset, amount in found.items() if asset != swap.asset_out}
    return best


def _lanes(through: Ways, swaps: tuple[Swap, ...]) -> dict[str, dict[int, int]]:
    """For each group the edges its money may use, and the most that it can bring to each."""
    lanes: dict[str, dict[int, int]] = defaultdict(dict)
    steps = {asset: _steps_to(through, asset) for asset in {swap.asset_out for swap in swaps}}
    for swap in swaps:
        own = lanes[swap.group]
        for share in LANE_PROBES:
            rated = _rated_edges(through, steps[swap.asset_out], swap, share)
            for index in sorted(rated, key=lambda i: (-rated[i][0], i))[:MOST_LANES]:
                own[index] = max(own.get(index, 0), int(rated[index][1] / share) + 1)
    return {group: dict(sorted(own.items())) for group, own in lanes.items()}


def _steps_along(through: Ways, there: Mapping[str, float], start: str) -> dict[str, int]:
    """The fewest arcs from the start to each of the assets there."""
    steps, latest = {start: 0}, {start}
    for count in range(1, MAX_HOPS + 1):
        latest = {
            arc.target for asset in latest for arc in through.get(asset, ()) if arc.target in there
        } - steps.keys()
        steps.update(dict.fromkeys(latest, count))
    return steps


def _rated_edges(through: Ways, steps: Mapping[str, int], swap: Swap, share: float) -> dict[int, tuple[float, float]]:
    """By edge that can meet the limit: output per input of the best path through it, and what arrives before it."""
    there = _spread(through, steps, swap, share)
    since = _steps_along(through, there, swap.asset_in)
    hops = [
        (asset, arc.target, arc.at(amount) / amount, arc.edge)
        for asset, amount in there.items()
        if asset != swap.asset_out and amount > 0
        for arc in through.get(asset, ())
        if arc.target != swap.asset_in and since[asset] + steps.get(arc.target, MAX_HOPS) < MAX_HOPS
    ]
    before, after = [{swap.asset_in: 1.0}], [{swap.asset_out: 1.0}]
    for _ in range(MAX_HOPS - 1):
        further, earlier = dict(before[-1]), dict(after[-1])
        for asset, target, rate, _ in hops:
            if asset in before[-1]:
                further[target] = max(further.get(target, 0.0), before[-1][asset] * rate)
            if target in after[-1]:
                earlier[asset] = max(earlier.get(asset, 0.0), rate * after[-1][target])
        before.append(further)
        after.append(earlier)
    rated = {}
    for asset, target, rate, index in hops:
        befores = range(since[asset], MAX_HOPS - steps[target])
        best = rate * max(before[k].get(asset, 0.0) * after[MAX_HOPS - 1 - k].get(target, 0.0) for k in befores)
        if best > 0 and best * (1 + SLACK) >= swap.limit:
            rated[index] = (best, there[asset])
    return rated
