"""Intents that no model needs to see: their limit is out of reach at the best rates there are.

`without_hopeless` sends PROBE of what an intent pays along the best path of at most MAX_HOPS arcs: edges, and other
swaps (which take what they receive and give what they pay, at their limit). What arrives per unit is the intent's
`reach`. Pools are concave, so a share below the probe might still get a little more, which is why the bound is no
proof; it is on purpose blind to pools so small that only dust trades at their rate.

Guarantee: each swap left out has its reason, `no_path` or `limit_out_of_reach`. Repeated until nothing changes, since
a hopeless intent is no arc for others. Deterministic.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, replace

from solvers.network import Network, Swap

MAX_HOPS = 4
"""Longest path that the bound looks at."""

PROBE = 0.01
"""Share of an intent's payment that is sent."""

SLACK = 1e-9
"""Relative tolerance of the bound: float interpolation of exact points is off by less."""


@dataclass(frozen=True, slots=True)
class _Arc:
    """A way from one asset to another: what arrives by what is sent, linear between points, flat after the last."""

    target: str
    sent: tuple[float, ...]
    arriving: tuple[float, ...]

    def at(self, amount: float) -> float:
        """What arrives."""
        i = bisect_right(self.sent, amount)
        if i == len(self.sent):
            return self.arriving[-1]
        x0, x1, y0, y1 = self.sent[i - 1], self.sent[i], self.arriving[i - 1], self.arriving[i]
        return y0 + (y1 - y0) * (amount - x0) / (x1 - x0)


def without_hopeless(network: Network) -> Network:
    """Leave out swaps whose limit is above their reach, and state the reach of the others."""
    while True:
        ways = _ways(network)
        reach, gone = {}, {}
        for swap in network.swaps:
            best = _reach(ways, swap)
            if best is None:
                gone[swap.intent] = "no_path"
            elif best * (1 + SLACK) < swap.limit:
                gone[swap.intent] = "limit_out_of_reach"
            else:
                reach[swap.intent] = best
        if not gone:
            return replace(network, reach=reach)
        network = network.without_swaps(gone)


def _ways(network: Network) -> dict[str, list[_Arc]]:
    ways: dict[str, list[_Arc]] = defaultdict(list)
    for edge in network.edges:
        sent, arriving = zip(*edge.points, strict=True)
        ways[edge.asset_in].append(_Arc(edge.asset_out, tuple(map(float, sent)), tuple(map(float, arriving))))
    for swap in network.swaps:
        wanted = max(float(swap.receives), 1.0)
        ways[swap.asset_out].append(_Arc(swap.asset_in, (0.0, wanted), (0.0, float(swap.pays))))
    return ways


def _reach(ways: dict[str, list[_Arc]], swap: Swap) -> float | None:
    """The most that arrives of what the swap wants per unit of the probe; None where there is no path."""
    probe = swap.pays * PROBE
    best, changed = {swap.asset_in: probe}, {swap.asset_in: probe}
    for _ in range(MAX_HOPS):
        found: dict[str, float] = {}
        for asset, amount in changed.items():
            for arc in ways.get(asset, ()):
                arriving = arc.at(amount)
                if arriving > best.get(arc.target, 0.0) and arriving > found.get(arc.target, 0.0):
                    found[arc.target] = arriving
        best.update(found)
        changed = {asset: amount for asset, amount in found.items() if asset != swap.asset_out}
    arrived = best.get(swap.asset_out)
    return None if arrived is None else arrived / probe
