"""Round robin: the next usable node after the last one chosen. Best where all requests and nodes are alike."""

from __future__ import annotations

from engine.network.compiling import shared
from engine.network.policies.base import Memory, Request, Sight, usable


@shared
def choose(sight: Sight, request: Request, memory: Memory) -> int:
    """The node to send to; -1 where none is usable."""
    nodes = len(sight.cap)
    for step in range(1, nodes + 1):
        node = (int(memory.cursor[0]) + step) % nodes
        if usable(sight, node):
            memory.cursor[0] = node
            return node
    return -1
