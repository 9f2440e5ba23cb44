"""Which node has which shard: rendezvous hashing (Thaler and Ravishankar, 1998).

A shard belongs to the member whose draw for it is greatest, so a map depends on the set of members alone, and when one
of N comes or goes only its own shards move: 1/N of them in expectation, none between two others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from engine.network.draws import mixed

Owners = tuple[int, ...]
"""For each shard the position of its node, or -1 where there are no members."""


def node_seed(name: str) -> int:
    """64 bits that stand for a node, the same in every run."""
    return int.from_bytes(hashlib.sha256(f"clearway/shard-node/1/{name}".encode()).digest()[:8], "big", signed=True)


def shard_map(seeds: Sequence[int], members: Collection[int], shards: int) -> Owners:
    """The map of members, positions in `seeds`."""
    return reassigned((-1,) * shards, seeds, frozenset(), members)


def reassigned(owners: Owners, seeds: Sequence[int], before: Collection[int], after: Collection[int]) -> Owners:
    """The map of members `after`, from `owners` of members `before`: equal to making it anew, and as cheap as the change."""
    new = sorted(set(after) - set(before))
    everyone = sorted(set(after))
    kept = set(after) & set(before)

    def best(shard: int, rivals: Sequence[int]) -> int:
        return max(rivals, key=lambda node: (mixed(seeds[node], shard + 1), -node), default=-1)

    return tuple(
        best(shard, [owner, *new]) if owner in kept and new else owner if owner in kept else best(shard, everyone)
        for shard, owner in enumerate(owners)
    )


def moved(before: Owners, after: Owners) -> int:
    """How many shards changed hands."""
    return sum(old != new for old, new in zip(before, after, strict=True))
