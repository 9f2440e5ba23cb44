"""Rewards: what a solver's bids added to an auction, capped by the protocol fees of what it settled (docs/rewards.md).

Guarantees
1. Exact integers in base units of the numeraire; the one rounding is the floor of the share of the fees, so never above it.
2. A solver without winners earns 0. What did not settle earns nothing, and no reward exceeds the fees of the solver's
   settled bids: where no fees are charged, as under rules version 1 without a schedule, none is paid.
3. A reference is the same decision, filter included, over the bids of all others, their tie keys held. Where its search
   was cut off a reward counts from its bound and a charge from its score, so nobody gains by what is not proven.
4. What a period pays stays within its budget, whatever the order of its auctions.

It moves no money: that is engine.ledger.reward_entries. Source: the second-price rule of CIP-20 and CIP-74 of CoW DAO; here
with exact selection, the filter rerun, integer caps and penalties of their own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Self

from pydantic import model_validator

from engine.auction.select import Advisers, Candidate, Certificate, Decision, Judge, NoGood, Stock, decide
from intents.errors import InputError
from intents.values import Amount, Ratio, Value

NOT_LANDED = "not_landed"
"""The failure that is the solver's own (engine.settlement.reconcile); a bid that fell with another's is not to blame."""


class RewardRules(Value):
    """The caps and fixed penalties of an auction, in base units of the numeraire; `fee_share` is a ratio of at most 1.

    A reward is at most `most` and `fee_share` of the fees, a charge for having lowered the total at most `least`.
    `not_settled` is for each winning bid that failed by itself, the others for each solver that sealed.
    """

    fee_share: Ratio = (1, 1)
    most: Amount
    least: Amount
    not_settled: Amount
    not_revealed: Amount
    late_reveal: Amount

    @model_validator(mode="after")
    def _make_sense(self) -> Self:
        numerator, denominator = self.fee_share
        if not numerator <= denominator or not denominator:
            actual = f"{numerator}/{denominator}"
            raise InputError("bad_reward_rules", "/fee_share", expected="a ratio in [0, 1]", actual=actual)
        if self.late_reveal > self.not_revealed:
            # Else whoever is late had better say nothing.
            expected = f"at most not_revealed, {self.not_revealed}"
            raise InputError("bad_reward_rules", "/late_reveal", expected=expected, actual=str(self.late_reveal))
        return self


@dataclass(frozen=True)
class Contest:
    """The verified bids of an auction as selection sees them, and `solvers`, by bid whose it is."""

    candidates: Collection[Candidate]
    solvers: Mapping[str, str]
    judge: Judge
    no_goods: Collection[NoGood] = ()
    stocks: Collection[Stock] = ()

    def decide(self, *, without: Collection[str] = (), work: int, advisers: Advisers | None = None) -> Decision:
        """Baselines, filter and winners over the bids of all but the solvers `without`."""
        kept = [candidate for candidate in self.candidates if self.solvers[candidate.id] not in without]
        return decide(kept, self.judge, self.no_goods, work=work, advisers=advisers, stocks=self.stocks)


@dataclass(frozen=True, slots=True)
class Share:
    """What a reward counts: the auction's `total`, by winning bid of one solver its score and the worth of its fees.

    `failed` says of winning bids why they did not settle.
    """

    total: int
    scores: Mapping[str, int]
    fees: Mapping[str, int]
    failed: Mapping[str, str]

    @property
    def fees_settled(self) -> int:
        """The worth of the fees of the solver's bids that settled."""
        return sum(self.fees[bid] for bid in self.scores if bid not in self.failed)

    @property
    def at_fault(self) -> list[str]:
        """The bids that failed by themselves, ascending."""
        return sorted(bid for bid in self.scores if self.failed.get(bid) == NOT_LANDED)


def reward_of(rules: RewardRules, share: Share, reference: Certificate) -> int:
    """The solver's reward, negative where it is charged for having lowered the total; 0 without winning bids.

    Total less what did not settle less the reference, capped. Only bids that failed by themselves count toward a charge.
    """
    if not share.scores:
        return 0
    missing = sum(score for bid, score in share.scores.items() if bid in share.failed)
    own = sum(share.scores[bid] for bid in share.at_fault)
    gain, loss = share.total - missing - reference.bound, share.total - own - reference.score
    numerator, denominator = rules.fee_share
    if gain > 0:
        return min(gain, rules.most, numerator * share.fees_settled // denominator)
    return max(min(loss, 0), -rules.least)


def pay_period(earned: Iterable[tuple[str, int]], budget: int) -> dict[str, int]:
    """What a period pays: by solver the sum of its positive rewards, all scaled down where they exceed the budget.

    `earned` are (solver, reward) of all auctions, in any order. Each is floored, so the rest stays in the budget. Those
    who get nothing are not named. Raises InputError `bad_budget` for a negative one.
    """
    if budget < 0:
        raise InputError("bad_budget", "/budget", expected="at least 0", actual=str(budget))
    owed: dict[str, int] = {}
    for solver, reward in earned:
        owed[solver] = owed.get(solver, 0) + max(0, reward)
    total = sum(owed.values())
    paid = owed if total <= budget else {solver: sum_ * budget // total for solver, sum_ in owed.items()}
    return {solver: amount for solver, amount in sorted(paid.items()) if amount}
