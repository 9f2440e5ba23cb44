"""Shortest expected delay: least (own in flight + 1) * service time + round trip, over all usable nodes."""

from __future__ import annotations

from engine.network.compiling import shared
from engine.network.policies.base import NEVER, Memory, Request, Sight, least_cost, usable


@shared
def choose(sight: Sight, request: Request, memory: Memory) -> int:
    """The node to send to; -1 where none is usable. Of equals one by chance."""
    for node in range(len(sight.cap)):
        memory.cost[node] = (
            (sight.own[node] + 1) * sight.service_us[node] + sight.rtt_us[request.region, node]
            if usable(sight, node)
            else NEVER
        )
    return least_cost(memory)
