"""Peak-EWMA (Twitter Finagle): of two usable nodes drawn, the one of lower latency * (own in flight + 1).

The latency is the peak-sensitive average of `observing.observe_latency`. A node without history that already has
requests is charged a penalty, so that an unknown node gets one request at a time until it answers.
"""

from __future__ import annotations

from engine.network.compiling import shared
from engine.network.policies.base import Memory, Request, Sight, pick
from engine.network.policies.observing import peak_latency_us

_PENALTY = 2**61
"""Finagle's no-history penalty (there 2^63 / 2^16 ns): above every real cost."""


@shared
def choose(sight: Sight, request: Request, memory: Memory) -> int:
    """The node to send to; -1 where none is usable. Of equals the first drawn."""
    first = pick(sight, memory, -1)
    second = pick(sight, memory, first)
    if second < 0:
        return first
    return first if _cost(sight, first, request.now_us) <= _cost(sight, second, request.now_us) else second


@shared
def _cost(sight: Sight, node: int, now_us: int) -> int:
    latency = peak_latency_us(sight, node, now_us)
    own = int(sight.own[node])
    if latency == 0 and own > 0:
        return _PENALTY + own
    return latency * (own + 1)
