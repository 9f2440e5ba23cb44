"""What an auction would have come to with a solver left out or added, or under another bound on the search. Pure.

    other = rerun(record, without=["greedy"])
    compare(record, other)

The same problem and the same proposals are cleared by the same rules, so the difference is the change's and nothing else's;
but solvers might have bid otherwise had they known. Ties are drawn anew, since the tie seed covers all commitments.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from engine.auction.auction import clear
from engine.auction.select import Advisers
from engine.auction.solution import Proposal
from engine.audit.record import Record, Submission
from intents.errors import InputError


class GroupChange(NamedTuple):
    """Who wins a group, before and after: solver and score in base units of the numeraire; None where nobody does."""

    group: str
    before: tuple[str, int] | None
    after: tuple[str, int] | None


class Comparison(NamedTuple):
    """What is other: total scores, groups won otherwise, and by intent its units filled before and after, where they differ."""

    score_before: int
    score_after: int
    groups: tuple[GroupChange, ...]
    units: dict[str, tuple[int, int]]


def rerun(
    record: Record,
    *,
    without: Collection[str] = (),
    added: Mapping[str, Proposal | Submission] | None = None,
    work: int | None = None,
    advisers: Advisers | None = None,
) -> Record:
    """The record of the changed auction. Raises InputError `unknown_solver`, `duplicate_solver`, and as `clear` does."""
    unknown = sorted(set(without) - record.proposals.keys())
    if unknown:
        raise InputError("unknown_solver", "", expected=" or ".join(record.proposals), actual=", ".join(unknown))
    kept: dict[str, Proposal | Submission] = {
        name: given for name, given in record.proposals.items() if name not in without
    }
    twice = sorted(kept.keys() & (added or {}).keys())
    if twice:
        raise InputError("duplicate_solver", "", expected="a solver that is not there", actual=", ".join(twice))
    allowed = record.selection_work if work is None else work
    return clear(record.problem, {**kept, **(added or {})}, work=allowed, advisers=advisers)


def compare(before: Record, after: Record) -> Comparison:
    """What differs between two auctions of one problem."""
    won = [
        {
            group: (bid.solver, score)
            for bid in record.bids
            if bid.status == "won"
            for group, score in bid.group_scores.items()
        }
        for record in (before, after)
    ]
    groups = tuple(
        GroupChange(group, won[0].get(group), won[1].get(group))
        for group in sorted(won[0].keys() | won[1].keys())
        if won[0].get(group) != won[1].get(group)
    )
    filled = [record.settlement.filled_units for record in (before, after)]
    first = {intent.id: intent.filled_units for intent in before.problem.intents}
    units = {
        intent: (filled[0].get(intent, had) - had, filled[1].get(intent, had) - had)
        for intent, had in sorted(first.items())
        if filled[0].get(intent, had) != filled[1].get(intent, had)
    }
    return Comparison(before.total_score, after.total_score, groups, units)
