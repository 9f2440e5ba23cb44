"""Power of two choices on the reported queue plus own sends less receipts since the report."""

from __future__ import annotations

from engine.network.compiling import shared
from engine.network.policies.base import Memory, Request, Sight, pick


@shared
def choose(sight: Sight, request: Request, memory: Memory) -> int:
    """The node to send to; -1 where none is usable. Of equals the first drawn."""
    first = pick(sight, memory, -1)
    second = pick(sight, memory, first)
    if second < 0:
        return first
    return first if _load(sight, first) <= _load(sight, second) else second


@shared
def _load(sight: Sight, node: int) -> int:
    return int(sight.reported[node] + sight.since[node])
