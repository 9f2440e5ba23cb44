"""Smooth weighted round robin by stake (nginx, ngx_http_upstream_round_robin.c, 2012).

Each usable node gains its stake as credit, the one of most credit is chosen and pays the sum. Of any run of choices a
node so gets its share to within one: an identity split in k gets what it got before. Stake says nothing of speed, so
this overloads slow nodes with much stake: it is a baseline, and stake elsewhere only a cap and an admission right.
"""

from __future__ import annotations

from engine.network.compiling import shared
from engine.network.policies.base import Memory, Request, Sight, usable


@shared
def choose(sight: Sight, request: Request, memory: Memory) -> int:
    """The node to send to; -1 where none is usable. Of equals the first."""
    best, total = -1, 0
    for node in range(len(sight.cap)):
        if usable(sight, node):
            memory.credit[node] += sight.stake_ppm[node]
            total += int(sight.stake_ppm[node])
            if best < 0 or memory.credit[node] > memory.credit[best]:
                best = node
    if best >= 0:
        memory.credit[best] -= total
    return best
