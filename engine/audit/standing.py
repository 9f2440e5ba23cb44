"""Where each bid of an auction stands: its rank, and by how much it missed. Pure; read from what was decided.

The rank counts from 1, by score, over all valid bids; equal scores share a rank. The gap is what the winners of the bid's
groups score in those groups more than the bid does there, in base units of the numeraire: 0 for a winner, and for a bid that a
tie, a filter or a venue cost its place; never less than 0. Why a bid did not win is its reason (docs/rules.md, section 6).
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.audit.record import BidRecord, Integer
from intents.identifiers import Digest
from intents.values import Value


class BidStanding(Value):
    """A bid's place; `rank` is None where it is invalid."""

    bid: Digest
    rank: int | None
    gap: Integer


def standings_of(bids: Sequence[BidRecord]) -> tuple[BidStanding, ...]:
    """The standing of every bid, in the order given."""
    won: dict[str, int] = {}
    for bid in bids:
        if bid.status == "won":
            won.update(bid.group_scores)
    scores = sorted((bid.score for bid in bids if bid.status != "invalid"), reverse=True)
    ranks: dict[int, int] = {}
    for place, score in enumerate(scores, start=1):
        ranks.setdefault(score, place)
    return tuple(
        BidStanding(
            bid=bid.id,
            rank=None if bid.status == "invalid" else ranks[bid.score],
            gap=max(0, sum(won.get(group, 0) for group in bid.group_scores) - bid.score),
        )
        for bid in bids
    )
