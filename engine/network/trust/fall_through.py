"""Which node gets a transaction next when one did not include it: an order that nobody could choose, inside a deadline.

Guarantees
1. The order is a pure function of (seed, transaction, candidates); the seed is fixed after the log's root is
   (`challengers.round_seed`), so a node cannot arrange to be asked first.
2. Each operator is asked once. The next is drawn by share among those left, so if operators with share c of the whole drop
   the transaction, the first k asked are all of them with probability at most c^k: taking away one that drops lowers
   the share of those that drop among the rest.
3. `slots` says how many can be asked so that the last answer is in before the inclusion deadline.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from intents.values import content_hash


class Candidate(NamedTuple):
    """A node that can be asked; `weight` >= 0 is its share in any unit."""

    node: str
    operator: str
    weight: int


def asking_order(seed: str, transaction: str, candidates: Sequence[Candidate]) -> tuple[str, ...]:
    """Nodes in the order in which they are asked, one per operator; those without weight are left out.

    Draw k is H("clearway/fall-through/1", seed, transaction, k) modulo the weight left; with weights below 2^128 its
    bias is below 2^-128.
    """
    left = sorted(candidate for candidate in candidates if candidate.weight > 0)
    order: list[str] = []
    while left:
        total = sum(candidate.weight for candidate in left)
        drawn = content_hash("clearway/fall-through/1", seed, transaction, len(order))
        rest = int(drawn.removeprefix("sha256:"), 16) % total
        chosen = left[-1]
        for candidate in left:
            if rest < candidate.weight:
                chosen = candidate
                break
            rest -= candidate.weight
        order.append(chosen.node)
        left = [candidate for candidate in left if candidate.operator != chosen.operator]
    return tuple(order)


def slots(now_us: int, deadline_us: int, slot_us: int) -> int:
    """How many nodes can be asked, one every `slot_us`, with a whole slot left for the last; at least 0."""
    return max(0, (deadline_us - now_us) // slot_us)
