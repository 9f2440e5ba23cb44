"""Power of two choices: of two usable nodes drawn, the one of shorter reported queue (Mitzenmacher 2001; Envoy's default)."""

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
    return first if sight.reported[first] <= sight.reported[second] else second
