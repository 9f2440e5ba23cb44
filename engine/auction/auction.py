"""One auction: proposals in, the record of every decision out.

    record = clear(problem, {"greedy": proposal, ...}, work=100_000)

Guarantees
1. Every solution of every proposal becomes a bid with a status and, unless it won, a machine-readable reason.
2. The record is a function of the arguments and of the advice in it: no order, clock or environment enters, so
   `engine.audit.replay` can redo it.
3. Winners are disjoint in groups and jointly feasible; this is replayed once more over all of them together.

The problem must have passed `check_problem`. The solver key of section 7 of docs/rules.md is the key of a submission's seal,
and the solver's name where nothing is sealed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.auction.apply import After, apply, filled_units
from engine.auction.contention import Contention
from engine.auction.ids import bid_id, commitment, tie_key, tie_seed
from engine.auction.problem import Problem
from engine.auction.replay import Bid, Replayed, replay
from engine.auction.sealed import check_seal
from engine.auction.select import Advisers, Candidate, Decision, Selection, decide
from engine.auction.solution import Proposal, Solution
from engine.auction.verdict import Fault, Verdict
from engine.auction.verify import verify
from engine.audit.record import (
    BidRecord,
    Reason,
    Record,
    ReservationRecord,
    SelectionRecord,
    Settlement,
    Submission,
    Unreadable,
)
from intents.errors import ClearwayError, InputError
from intents.values import content_hash


class SelectionError(ClearwayError):
    """Winners found feasible apart are not so together: a proof in engine.auction.contention does not hold."""

    code = "selection_broken"


@dataclass(frozen=True, slots=True)
class _Entry:
    """A bid as entered, its ids, and what verification said."""

    bid: Bid | None
    id: str
    solver: str
    index: int
    solution_hash: str
    tie_key: str
    verdict: Verdict


def clear(
    problem: Problem,
    proposals: Mapping[str, Proposal | Submission],
    *,
    work: int,
    advisers: Advisers | None = None,
) -> Record:
    """Verify, score, filter and select; `work` is what the search may look at.

    What `advisers` say is checked and recorded, so the record follows from the proposals and the advice in it.
    Raises InputError for a seal that is not this auction's or not of what is submitted, SelectionError for a bug of ours.
    """
    return clear_unsealed(problem, proposals, work=work, advisers=advisers).sealed()


def clear_unsealed(
    problem: Problem,
    proposals: Mapping[str, Proposal | Submission],
    *,
    work: int,
    advisers: Advisers | None = None,
) -> Record:
    """The record of `clear` without its hash and leaf digests, for who compares it with one whose own were checked."""
    submissions = {
        solver: proposal if isinstance(proposal, Submission) else Submission.of(proposal)
        for solver, proposal in sorted(proposals.items())
    }
    commitments = {solver: _commitment(problem, solver, given) for solver, given in submissions.items()}
    keys = {solver: solver if given.sealed is None else given.sealed.key for solver, given in submissions.items()}
    seed = tie_seed(problem.hash, {keys[solver]: committed for solver, committed in commitments.items()})
    entries = [
        _enter(problem, solver, index, solution, bid_id(keys[solver], commitments[solver], index), seed)
        for solver, submission in submissions.items()
        for index, solution in enumerate(submission.solutions)
    ]
    valid = {entry.id: entry.bid for entry in entries if entry.bid is not None and entry.verdict.fault is None}
    contention = Contention(problem, valid.values())
    candidates = [
        Candidate(entry.id, entry.tie_key, entry.verdict.group_scores, contention.resources[entry.id])
        for entry in entries
        if entry.id in valid
    ]
    decision = decide(
        candidates, contention.judge, contention.no_goods, work=work, advisers=advisers, stocks=contention.stocks
    )
    winners = [valid[bid] for bid in decision.winners.ids]
    replayed = replay(problem, winners)
    if isinstance(replayed, Fault):
        raise SelectionError(f"expected feasible winners, got {replayed}")
    return Record(
        problem=problem,
        problem_hash=problem.hash,
        proposals=submissions,
        commitments=commitments,
        tie_seed=seed,
        selection_work=work,
        bids=tuple(_bid_record(problem, entry, decision, winners) for entry in entries),
        baselines=dict(decision.baselines),
        baseline_selection=selection_record(decision.baseline_set),
        winner_selection=selection_record(decision.winners),
        winners=decision.winners.ids,
        total_score=decision.winners.certificate.score,
        prices={group: price for bid in winners for group, price in sorted(bid.solution.prices.items())},
        settlement=settlement_of(problem, replayed),
    )


def next_state(record: Record) -> After:
    """The world that the auction leaves. Raises SelectionError where the record's winners are not feasible."""
    return apply(record.problem, replayed_winners(record))


def replayed_winners(record: Record) -> Replayed:
    """What the winners do, all together. Raises SelectionError where they are not feasible."""
    solutions = {bid.id: record.proposals[bid.solver].solutions[bid.index] for bid in record.bids}
    solvers = {bid.id: bid.solver for bid in record.bids}
    winners = [
        Bid(bid, solvers[bid], solution) for bid in record.winners if isinstance(solution := solutions[bid], Solution)
    ]
    replayed = replay(record.problem, winners)
    if isinstance(replayed, Fault):
        raise SelectionError(f"expected feasible winners, got {replayed}")
    return replayed


def _commitment(problem: Problem, solver: str, submission: Submission) -> str:
    """What the solver committed to; a seal binds whether or not its solutions were revealed."""
    made = commitment([solution.content_hash for solution in submission.solutions])
    if submission.sealed is None:
        return made
    try:
        check_seal(submission.sealed, problem.auction, problem.hash, made if submission.solutions else None)
    except InputError as error:
        where = f"/proposals/{solver}/sealed{error.where}"
        raise InputError(error.code, where, expected=error.expected, actual=error.actual) from None
    return submission.sealed.commitment


def _enter(problem: Problem, solver: str, index: int, solution: Solution | Unreadable, bid: str, seed: str) -> _Entry:
    key, digest = tie_key(seed, bid), solution.content_hash
    if isinstance(solution, Unreadable):
        return _Entry(None, bid, solver, index, digest, key, Verdict(solution.fault()))
    verdict = verify(problem, solution, solver=solver, in_auction=True)
    return _Entry(Bid(bid, solver, solution), bid, solver, index, digest, key, verdict)


def _bid_record(problem: Problem, entry: _Entry, decision: Decision, winners: list[Bid]) -> BidRecord:
    verdict = entry.verdict
    reason: Reason | None
    if verdict.fault is not None or entry.bid is None:
        status, reason = "invalid", None if verdict.fault is None else _fault_reason(verdict.fault)
    elif entry.id in decision.winners.ids:
        status, reason = "won", None
    elif entry.id in decision.filtered:
        short = decision.filtered[entry.id]
        group, least, actual = short.group, str(short.baseline), str(short.score)
        reason = Reason(code="below_baseline", group=group, expected=least, actual=actual, bids=(short.by,))
        status = "filtered"
    else:
        status, reason = "lost", _loss_reason(problem, entry.bid, winners)
    return BidRecord.model_validate(
        {
            "id": entry.id,
            "solver": entry.solver,
            "index": entry.index,
            "solution_hash": entry.solution_hash,
            "tie_key": entry.tie_key,
            "status": status,
            "reason": reason,
            "score": verdict.score,
            "group_scores": verdict.group_scores,
            "unpriced": tuple(fill.intent for fill in verdict.fills if fill.unpriced),
        }
    )


def _fault_reason(fault: Fault) -> Reason:
    return Reason(
        code=fault.code, where=fault.where, expected=fault.expected, actual=fault.actual, resource=fault.resource
    )


def _loss_reason(problem: Problem, bid: Bid, winners: list[Bid]) -> Reason:
    """Why a valid bid is not among the winners."""
    groups = set(bid.groups(problem))
    for winner in winners:
        shared = groups.intersection(winner.groups(problem))
        if shared:
            return Reason(code="group_conflict", group=min(shared), bids=(winner.id,))
    result = replay(problem, [*winners, bid])
    if isinstance(result, Fault):
        return Reason(
            code="joint_infeasible",
            where=result.where,
            expected=result.expected,
            actual=result.actual,
            cause=result.code,
            resource=result.resource,
            bids=tuple(other for other in result.bids if other != bid.id),
        )
    return Reason(code="search_cut_off")


def selection_record(selection: Selection) -> SelectionRecord:
    """How a record tells of a selection."""
    certificate = selection.certificate
    return SelectionRecord(
        method=certificate.method,
        work=certificate.work,
        score=certificate.score,
        bound=certificate.bound,
        optimal=certificate.optimal,
        bids=selection.ids,
        advice=selection.advice,
    )


def settlement_of(problem: Problem, replayed: Replayed) -> Settlement:
    """What a record says of a feasible set of bids."""
    return Settlement(
        balances=_nonzero(replayed.balances),
        gas=_nonzero(replayed.gas),
        replay_gains={asset: amount for asset, amount in sorted(replayed.replay_gains.items()) if amount},
        reservations=tuple(
            ReservationRecord(account=item.account, asset=item.asset, amount=item.amount)
            for item in replayed.reservations
        ),
        filled_units=filled_units(problem, replayed),
        venues_hash=content_hash(
            "clearway/venues/1", [state.to_wire() for _, state in sorted(replayed.venues.items())]
        ),
    )


def _nonzero(amounts: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    kept = {account: {asset: n for asset, n in sorted(held.items()) if n} for account, held in sorted(amounts.items())}
    return {account: held for account, held in kept.items() if held}
