"""Weighted least connections: least (own in flight + 1) / weight, the weight being the node's target share.

Envoy's least_request with unequal weights, w / (active + 1)^bias at its default bias of 1, here by a full scan.
"""

from __future__ import annotations

from engine.network.compiling import shared
from engine.network.policies.base import NEVER, Memory, Request, Sight, least_cost, usable

_SCALE = 10**12


@shared
def choose(sight: Sight, request: Request, memory: Memory) -> int:
    """The node to send to; -1 where none is usable. Rounded down to millionths of a request; of equals one by chance."""
    for node in range(len(sight.cap)):
        weight = max(sight.share_ppm[node], 1)
        memory.cost[node] = (sight.own[node] + 1) * _SCALE // weight if usable(sight, node) else NEVER
    return least_cost(memory)
