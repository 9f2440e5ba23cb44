"""Least loaded with own dispatches: the queue last reported plus own sends less receipts since.

The best simple rule on old reports (Mitzenmacher, "How useful is old information?", 2000, has why the naive one is not),
but it believes a node that reports itself idle.
"""

from __future__ import annotations

from engine.network.compiling import shared
from engine.network.policies.base import NEVER, Memory, Request, Sight, least_cost, usable


@shared
def choose(sight: Sight, request: Request, memory: Memory) -> int:
    """The node to send to; -1 where none is usable. Of equals one by chance."""
    for node in range(len(sight.cap)):
        memory.cost[node] = sight.reported[node] + sight.since[node] if usable(sight, node) else NEVER
    return least_cost(memory)
