"""Random: each usable node with equal chance. The baseline of every table."""

from __future__ import annotations

from engine.network.compiling import shared
from engine.network.policies.base import Memory, Request, Sight, pick


@shared
def choose(sight: Sight, request: Request, memory: Memory) -> int:
    """The node to send to; -1 where none is usable."""
    return pick(sight, memory, -1)
