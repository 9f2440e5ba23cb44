"""Which node gets a transaction next when one did not include it: drawn so that nobody could choose, inside a deadline.

Guarantees
1. The order is a pure function of (seed, transaction, candidates); the seed is the hash of a settlement's plan, stored
   before its first send, so a node cannot arrange to be asked next.
2. Each operator is asked once. The next is drawn by share among those left, so if operators with share c of the whole drop
   the transaction, k drawn are all of them with probability at most c^k: taking away one that drops lowers the share of
   those that drop among the rest. Who is asked first is the policy's choice, within operators' ceilings of value.
3. `pause_us` gives each node asked as long as leaves room for `ASKED` operators before the inclusion deadline.
4. `narrowed` is all that is done to the caps a policy sees, from what is on record: so it can be done again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from intents.values import content_hash

ASKED = 6
"""Operators for which there is to be time: with a quarter of the shares dropping, five draws all drop one in a thousand times."""


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
    left = list(candidates)
    order: list[str] = []
    while (chosen := _drawn(seed, transaction, len(order), left)) is not None:
        order.append(chosen.node)
        left = [candidate for candidate in left if candidate.operator != chosen.operator]
    return tuple(order)


def _drawn(seed: str, transaction: str, number: int, candidates: Sequence[Candidate]) -> Candidate | None:
    """Draw `number` of the order; None where nobody has weight."""
    left = sorted(candidate for candidate in candidates if candidate.weight > 0)
    if not left:
        return None
    drawn = content_hash("clearway/fall-through/1", seed, transaction, number)
    rest = int(drawn.removeprefix("sha256:"), 16) % sum(candidate.weight for candidate in left)
    for candidate in left[:-1]:
        if rest < candidate.weight:
            return candidate
        rest -= candidate.weight
    return left[-1]


class Fleet(NamedTuple):
    """A chain's nodes at a choice, in order: operators, shares, requests in flight, and how many there may be."""

    names: Sequence[str]
    operators: Sequence[int]
    share_ppm: Sequence[int]
    own: Sequence[int]
    cap: Sequence[int]


class Tried(NamedTuple):
    """A transaction that falls through: the plan's hash, its id, how often it was sent, and to whom in this lap."""

    seed: str
    transaction: str
    attempt: int
    nodes: Collection[str]


def narrowed(fleet: Fleet, tried: Tried, shut: Collection[str], *, above: bool) -> list[int]:
    """The caps that the policy is shown: 0 for who is not to be chosen.

    Out are operators that were tried and nodes that are shut out, if others may take it; else the nodes tried and those
    shut out; else the latter; else nobody. Where some were tried, one of the rest is drawn, and all others are out.
    `above`: where all are at their limits, any with a limit takes one more.
    """
    places = [i for i, name in enumerate(fleet.names) if name in tried.nodes]
    barred = {i for i, name in enumerate(fleet.names) if name in shut}
    theirs = {fleet.operators[i] for i in places}
    same = {i for i, operator in enumerate(fleet.operators) if operator in theirs}
    caps = list(fleet.cap)
    free: list[int] = []
    for out in (same | barred, {*places} | barred, barred, set[int]()):
        caps = [0 if i in out else cap for i, cap in enumerate(fleet.cap)]
        free = [i for i, cap in enumerate(caps) if fleet.own[i] < cap]
        if free:
            break
    if not free:
        return [own + 1 if cap > 0 else 0 for own, cap in zip(fleet.own, fleet.cap, strict=True)] if above else caps
    if not places:
        return caps
    candidates = [Candidate(fleet.names[i], str(fleet.operators[i]), fleet.share_ppm[i]) for i in free]
    drawn = _drawn(tried.seed, tried.transaction, tried.attempt, candidates)
    return caps if drawn is None else [cap if fleet.names[i] == drawn.node else 0 for i, cap in enumerate(caps)]


def slots(now_us: int, deadline_us: int, slot_us: int) -> int:
    """How many nodes can be asked, one every `slot_us`, with a whole slot left for the last; at least 0."""
    return max(0, (deadline_us - now_us) // slot_us)


def pause_us(asked_us: int, deadline_us: int | None, usual_us: int, least_us: int, left: int) -> int:
    """How long to wait for the node asked then, so that `left` operators more can be asked as long before the deadline."""
    if deadline_us is None or slots(asked_us, deadline_us, usual_us) > left:
        return usual_us
    return min(usual_us, max(least_us, (deadline_us - asked_us) // (left + 1)))
