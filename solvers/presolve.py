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

from collections import defaultdict
from dataclasses import replace

import numpy as np

from solvers.network import Network, Swap
from solvers.spread import Arc, Arcs, Probes, rated, spread

PROBE = 0.01
"""Share of an intent's payment that is sent."""

LANE_PROBES = (PROBE, 0.2, 1.0)
"""Shares of an intent's payment for which its best edges are looked for."""

MOST_LANES = 25
"""Edges that one intent brings to its group for each probe, at most."""

SLACK = 1e-9
"""Relative tolerance of the bound: float interpolation of exact points is off by less."""

MOST_CELLS = 2_000_000
"""Numbers in one table of probes by arcs, about: as many probes as fit are sent at once."""


def without_hopeless(network: Network) -> Network:
    """Leave out swaps whose limit is above their reach; state the reach of the others, and the lanes of their groups."""
    edges = tuple(
        Arc(edge.asset_in, edge.asset_out, *zip(*((float(x), float(y)) for x, y in edge.points), strict=True))
        for edge in network.edges
    )
    while True:
        swaps = network.swaps
        arcs = Arcs((*edges, *(_arc_of(swap) for swap in swaps)), _endpoints(swaps))
        arrived = [amount for batch in _batches(arcs, swaps) for amount in _arriving(arcs, batch)]
        reach, gone = {}, {}
        for swap, amount in zip(swaps, arrived, strict=True):
            best = amount / (swap.pays * PROBE)
            if amount == 0:
                gone[swap.intent] = "no_path"
            elif best * (1 + SLACK) < swap.limit:
                gone[swap.intent] = "limit_out_of_reach"
            else:
                reach[swap.intent] = best
        if not gone:
            return replace(network, reach=reach, lanes=_lanes(Arcs(edges, _endpoints(swaps)), swaps))
        network = network.without_swaps(gone)


def _arc_of(swap: Swap) -> Arc:
    """What others may get from a swap: what it pays for what it receives, at its limit."""
    wanted = max(float(swap.receives), 1.0)
    return Arc(swap.asset_out, swap.asset_in, (0.0, wanted), (0.0, float(swap.pays)))


def _endpoints(swaps: tuple[Swap, ...]) -> set[str]:
    return {asset for swap in swaps for asset in (swap.asset_in, swap.asset_out)}


def _batches(arcs: Arcs, swaps: tuple[Swap, ...]) -> list[tuple[Swap, ...]]:
    size = max(1, MOST_CELLS // max(1, arcs.count))
    return [swaps[i : i + size] for i in range(0, len(swaps), size)]


def _probes(arcs: Arcs, swaps: tuple[Swap, ...], share: float) -> Probes:
    """A share of each swap's payment on its way."""
    return Probes(
        start=arcs.indices(swap.asset_in for swap in swaps),
        goal=arcs.indices(swap.asset_out for swap in swaps),
        amount=np.array([swap.pays * share for swap in swaps], dtype=np.float64),
    )


def _arriving(arcs: Arcs, swaps: tuple[Swap, ...]) -> list[float]:
    """What PROBE of each swap's payment becomes; 0 where no path leads there."""
    probes = _probes(arcs, swaps, PROBE)
    best = spread(arcs, probes)
    return [float(amount) for amount in best[np.arange(len(swaps)), probes.goal]]


def _lanes(edges: Arcs, swaps: tuple[Swap, ...]) -> dict[str, dict[int, int]]:
    """For each group the edges its money may use, and the most that it can bring to each."""
    lanes: dict[str, dict[int, int]] = defaultdict(dict)
    for batch in _batches(edges, swaps):
        for share in LANE_PROBES:
            found = rated(edges, _probes(edges, batch, share))
            for row, swap in enumerate(batch):
                own, rates = lanes[swap.group], found.rates[row]
                fits = np.flatnonzero((rates > 0) & (rates * (1 + SLACK) >= swap.limit))
                for index in fits[np.argsort(-rates[fits], kind="stable")][:MOST_LANES]:
                    most = int(float(found.before[row, index]) / share) + 1
                    own[int(index)] = max(own.get(int(index), 0), most)
    return {group: dict(sorted(own.items())) for group, own in lanes.items()}
