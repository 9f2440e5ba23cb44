"""The rewards and penalties of a recorded auction, once it is known what settled. Pure; nothing is verified again.

    rewards = rewards_of(record, rules, failed=settled.failed, advisers=advisers())
    check_rewards(record, rewards)          # by whoever has both: raises where they do not follow

`Rewards` names its record by hash and holds the rules, what failed, who was late, and of each reference both selections
with the advice they followed, so that it can be redone without whoever advised.

It takes as given that the record replays (engine.audit.replay), what failed (engine.settlement.record proves it), and who
revealed late, which no record shows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Literal

from engine.auction.auction import selection_record
from engine.auction.contention import Contention
from engine.auction.ids import commitment
from engine.auction.protocol_fees import fee_worth
from engine.auction.replay import Bid
from engine.auction.reward import Contest, RewardRules, Share, reward_of
from engine.auction.select import Advisers, Candidate
from engine.auction.solution import Solution
from engine.audit.record import Integer, Record, SelectionRecord, Submission, recorded_advice
from engine.audit.replay import first_difference
from intents.errors import InputError
from intents.identifiers import Digest, Text
from intents.values import Amount, Value, content_hash


class Penalty(Value):
    """A fixed penalty by the rules. `bid` is the one that did not settle; None for what the solver as a whole did."""

    code: Literal["not_settled", "not_revealed", "late_reveal"]
    bid: Digest | None = None
    amount: Amount


class Reference(Value):
    """The auction without one solver. Its score, `winner_selection.score`, is the solver's reference score."""

    baseline_selection: SelectionRecord
    winner_selection: SelectionRecord


class SolverReward(Value):
    """Of one solver. `fees` are those of its bids that settled, `reward` is negative where it is charged.

    `reference` is None for a solver without winning bids, which earns 0.
    """

    solver: Text
    reference: Reference | None
    fees: Integer
    reward: Integer
    penalties: tuple[Penalty, ...]

    @property
    def charge(self) -> int:
        """What it owes: a negative reward and its penalties."""
        return max(0, -self.reward) + sum(penalty.amount for penalty in self.penalties)


class Rewards(Value):
    """One auction's. `solvers` are those with a winning bid or a penalty, ascending; `failed` as in the settlement record."""

    format: Literal["clearway/rewards/1"] = "clearway/rewards/1"
    record_hash: Digest
    rules: RewardRules
    failed: dict[Digest, Text]
    late: tuple[Text, ...]
    solvers: tuple[SolverReward, ...]

    @property
    def hash(self) -> str:
        """The hash of all of it."""
        return content_hash("clearway/rewards/1", self)


def contest_of(record: Record) -> Contest:
    """The bids that the record says were verified, as selection saw them."""
    problem = record.problem
    bids = [
        Bid(bid.id, bid.solver, solution)
        for bid in record.bids
        if bid.status != "invalid"
        and isinstance(solution := record.proposals[bid.solver].solutions[bid.index], Solution)
    ]
    contention = Contention(problem, bids)
    entered = {bid.id: bid for bid in record.bids}
    candidates = [
        Candidate(bid.id, entered[bid.id].tie_key, entered[bid.id].group_scores, contention.resources[bid.id])
        for bid in bids
    ]
    owners = {bid.id: bid.solver for bid in bids}
    return Contest(candidates, owners, contention.judge, contention.no_goods, contention.stocks)


def rewards_of(
    record: Record,
    rules: RewardRules,
    *,
    failed: Mapping[str, str],
    late: Collection[str] = (),
    advisers: Advisers | None = None,
) -> Rewards:
    """Rewards and penalties. Each reference may do the work that the auction's own selection was allowed.

    Raises InputError `not_a_winner` for a failed bid that did not win, `not_late` for a late solver that is not without
    its solutions in the record.
    """
    return _rewards(record, rules, failed, late, lambda _solver: advisers)


def check_rewards(record: Record, rewards: Rewards) -> None:
    """Redo them. Raises InputError `other_record` or `other_rewards` with the first place that differs, and as `rewards_of`."""
    if rewards.record_hash != record.record_hash:
        raise InputError("other_record", "/record_hash", expected=record.record_hash, actual=rewards.record_hash)
    kept = {one.solver: one.reference for one in rewards.solvers if one.reference is not None}

    def advise(solver: str) -> Advisers | None:
        return recorded_advice(kept[solver]) if solver in kept else None

    again = _rewards(record, rewards.rules, rewards.failed, rewards.late, advise)
    difference = first_difference(again.to_wire(), rewards.to_wire(), "")
    if difference is not None:
        where, expected, actual = difference
        raise InputError("other_rewards", where, expected=expected, actual=actual)


def _rewards(
    record: Record,
    rules: RewardRules,
    failed: Mapping[str, str],
    late: Collection[str],
    advise: Callable[[str], Advisers | None],
) -> Rewards:
    strangers = sorted(failed.keys() - set(record.winners))
    if strangers:
        raise InputError("not_a_winner", "/failed", expected="winning bids", actual=strangers[0])
    silent = {solver for solver, given in record.proposals.items() if _is_silent(given)}
    punctual = sorted(set(late) - silent)
    if punctual:
        raise InputError("not_late", "/late", expected="solvers whose solutions are missing", actual=punctual[0])
    contest = contest_of(record)
    won: dict[str, dict[str, int]] = {}
    for bid in record.bids:
        if bid.status == "won":
            won.setdefault(bid.solver, {})[bid.id] = bid.score
    fees = _fees(record)
    told = []
    for solver in sorted(won.keys() | silent):
        share = Share(record.total_score, won.get(solver, {}), fees, failed)
        reference, reward = None, 0
        if share.scores:
            decision = contest.decide(without=[solver], work=record.selection_work, advisers=advise(solver))
            selections = selection_record(decision.baseline_set), selection_record(decision.winners)
            reference = Reference(baseline_selection=selections[0], winner_selection=selections[1])
            reward = reward_of(rules, share, decision.winners.certificate)
        penalties = tuple(_penalties(rules, share, silent=solver in silent, late=solver in late))
        told.append(
            SolverReward(
                solver=solver, reference=reference, fees=share.fees_settled, reward=reward, penalties=penalties
            )
        )
    return Rewards(
        record_hash=record.record_hash,
        rules=rules,
        failed=dict(sorted(failed.items())),
        late=tuple(sorted(set(late))),
        solvers=tuple(told),
    )


def _is_silent(given: Submission) -> bool:
    """Whether it sealed solutions and none of them are in the record."""
    return given.sealed is not None and not given.solutions and given.sealed.commitment != commitment([])


def _fees(record: Record) -> dict[str, int]:
    """By winning bid, the worth of its fills' protocol fees in base units of the numeraire."""
    worth = {}
    for bid in record.bids:
        solution = record.proposals[bid.solver].solutions[bid.index]
        if bid.status == "won" and isinstance(solution, Solution):
            worth[bid.id] = sum(fee_worth(record.problem, fill) for fill in solution.fills)
    return worth


def _penalties(rules: RewardRules, share: Share, *, silent: bool, late: bool) -> Iterator[Penalty]:
    for bid in share.at_fault:
        yield Penalty(code="not_settled", bid=bid, amount=rules.not_settled)
    if late:
        yield Penalty(code="late_reveal", amount=rules.late_reveal)
    elif silent:
        yield Penalty(code="not_revealed", amount=rules.not_revealed)
