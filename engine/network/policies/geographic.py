"""Sharding by geography with spill-over: two usable nodes drawn from the region of the demand and one from elsewhere.

The one of least (own in flight + 1) * service time + round trip is taken, so demand leaves its region only when
queueing at home costs more than distance: stable as long as the regions together are. (Hard shards without the third
candidate are stable only while each region is.)
"""

from __future__ import annotations

from engine.network.compiling import shared
from engine.network.draws import below
from engine.network.policies.base import NEVER, Memory, Request, Sight, usable


@shared
def choose(sight: Sight, request: Request, memory: Memory) -> int:
    """The node to send to; -1 where none is usable. Of equals the first drawn, those at home before."""
    best, least = -1, NEVER
    first = -1
    for candidate in range(3):
        home = int(candidate < 2)
        node = _drawn(sight, memory, request.region, home, first)
        if candidate == 0:
            first = node
        if node >= 0:
            cost = int((sight.own[node] + 1) * sight.service_us[node] + sight.rtt_us[request.region, node])
            if cost < least:
                best, least = node, cost
    return best


@shared
def _drawn(sight: Sight, memory: Memory, region: int, home: int, other_than: int) -> int:
    count = 0
    for node in range(len(sight.cap)):
        count += int(_fits(sight, node, region, home, other_than))
    if count == 0:
        return -1
    left = below(memory.draws, count)
    for node in range(len(sight.cap)):
        if _fits(sight, node, region, home, other_than):
            if left == 0:
                return node
            left -= 1
    return -1


@shared
def _fits(sight: Sight, node: int, region: int, home: int, other_than: int) -> bool:
    return node != other_than and int(sight.region[node] == region) == home and usable(sight, node)
