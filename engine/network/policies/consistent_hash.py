"""Consistent hashing with bounded load, for work that is cheaper where its key was before (caches, nonces).

Rendezvous hashing (Thaler and Ravishankar 1998): of the usable nodes the one of highest hash of (key, node), so that
when one of N comes or goes exactly the keys it holds, 1/N of them, move. Bounded load (Mirrokni, Thorup, Zadimoghaddam
2018): a node holds at most 1 + 1/4 times the mean load, rounded up; past that its keys go to their next highest node.
"""

from __future__ import annotations

from engine.network.compiling import shared
from engine.network.draws import mixed
from engine.network.policies.base import Memory, Request, Sight, usable


@shared
def choose(sight: Sight, request: Request, memory: Memory) -> int:
    """The node to send to; -1 where none is usable."""
    total, count = 1, 0
    for node in range(len(sight.cap)):
        if usable(sight, node):
            total += int(sight.own[node])
            count += 1
    best, most = -1, -1
    for node in range(len(sight.cap)):
        if usable(sight, node) and sight.own[node] * 4 * count < 5 * total:
            high, low = mixed(request.key, int(sight.identity[node]) + 1)
            score = (high << 30) | (low >> 2)
            if score > most:
                best, most = node, score
    return best
