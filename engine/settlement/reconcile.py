"""From fates to what a settlement did: which bids hold, what they move, what gas was burnt. Pure.

Guarantees
1. A bid counts only if all of its steps landed. Those that did are replayed together (engine.auction.replay): who can not
   hold without a bid that failed fails too. Owners receive at least what a bid says, or it moves nothing.
2. What is left out is as little as dropping one bid at a time finds: no bid that fell could be put back alone. The same
   fates give the same bids, whoever decides.
3. Gas is what the chains burnt, steps and compensations alike, charged to the bid's solver. Of a bid that holds it is at
   most what the auction checked the solver for; of one that failed it is charged as far as the solver's free balance
   goes, and the rest is named `unpaid_gas`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from engine.auction.problem import Problem
from engine.auction.replay import Bid, Replayed, replay
from engine.auction.verdict import Fault
from engine.audit.record import Record
from engine.settlement.plan import Plan, winning_solutions
from engine.settlement.reports import Fate
from intents.errors import ClearwayError
from intents.identifiers import solver_account

FailureCode = Literal["not_landed", "not_jointly_feasible"]
"""Why a winning bid had no effect: a step did not land in time, or the bids that landed do not hold with it."""

Gas = dict[str, dict[str, int]]
"""Base units by account and native asset."""


class SettlementError(ClearwayError):
    """Bids that were found to hold together do not: a bug of ours. Code `settlement_broken`."""

    code = "settlement_broken"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a settlement did. `replayed` is of the landed bids, at the gas that was burnt, failed bids' included."""

    replayed: Replayed
    failed: Mapping[str, FailureCode]
    unpaid_gas: Gas


def hold_together(record: Record, whole: Sequence[str]) -> tuple[str, ...]:
    """Of winning bids that landed whole those that hold together, ascending."""
    winners = _winners(record)
    scores = {bid.id: bid.score for bid in record.bids}
    kept = {bid: winners[bid] for bid in sorted(whole)}
    dropped: list[str] = []
    while isinstance(fault := replay(record.problem, list(kept.values())), Fault):
        worst = min(fault.bids or tuple(kept), key=lambda bid: (scores[bid], bid))
        dropped.append(worst)
        del kept[worst]
    again = True
    while again:
        again = False
        for bid in sorted(dropped, key=lambda bid: (-scores[bid], bid)):
            if not isinstance(replay(record.problem, [*kept.values(), winners[bid]]), Fault):
                kept[bid] = winners[bid]
                dropped.remove(bid)
                again = True
    return tuple(sorted(kept))


def outcome_of(record: Record, plan: Plan, fates: Mapping[str, Fate], decision: Sequence[str]) -> Outcome:
    """What the settlement did, given every fate and the bids that were found to hold. Raises SettlementError."""
    winners = _winners(record)
    replayed = replay(record.problem, [winners[bid] for bid in decision])
    if isinstance(replayed, Fault):
        raise SettlementError(f"settlement_broken: expected bids that hold together, got {replayed}")
    failed: dict[str, FailureCode] = {
        bid: "not_jointly_feasible" if _whole(plan, fates, bid) else "not_landed"
        for bid in winners
        if bid not in decision
    }
    burnt = _burnt(record.problem, plan, fates, {bid.id: bid.solver for bid in record.bids})
    charged, unpaid = _charged(record.problem, replayed, burnt)
    return Outcome(_with_gas(replayed, charged), failed, unpaid)


def _winners(record: Record) -> dict[str, Bid]:
    solvers = {bid.id: bid.solver for bid in record.bids}
    return {bid: Bid(bid, solvers[bid], solution) for bid, solution in winning_solutions(record).items()}


def _whole(plan: Plan, fates: Mapping[str, Fate], bid: str) -> bool:
    return all((fate := fates.get(step.id)) is not None and fate.status == "landed" for step in plan.bids[bid])


def _burnt(problem: Problem, plan: Plan, fates: Mapping[str, Fate], solvers: Mapping[str, str]) -> Gas:
    """What the chains burnt, by solver's account."""
    burnt: Gas = {}
    for transaction in (*plan.steps, *plan.compensations):
        fate = fates.get(transaction.id)
        chain = problem.snapshot.chains.get(transaction.chain)
        if fate is None or not fate.gas * fate.gas_price or chain is None or chain.native is None:
            continue
        used = min(fate.gas, transaction.gas_units) * min(fate.gas_price, transaction.max_gas_price)
        of_solver = burnt.setdefault(solver_account(solvers[transaction.bid]), {})
        of_solver[chain.native] = of_solver.get(chain.native, 0) + used
    return burnt


def _charged(problem: Problem, replayed: Replayed, burnt: Gas) -> tuple[Gas, Gas]:
    """The burnt gas as far as free balances go after everything else, and what is left of it."""
    charged: Gas = {}
    unpaid: Gas = {}
    for account, amounts in sorted(burnt.items()):
        for asset, amount in sorted(amounts.items()):
            estimated = replayed.gas.get(account, {}).get(asset, 0)
            reserved = sum(r.amount for r in replayed.reservations if (r.account, r.asset) == (account, asset))
            moved = replayed.balances.get(account, {}).get(asset, 0) + estimated - reserved
            paid = min(amount, max(0, problem.free(account, asset) + moved))
            if paid:
                charged.setdefault(account, {})[asset] = paid
            if paid < amount:
                unpaid.setdefault(account, {})[asset] = amount - paid
    return charged, unpaid


def _with_gas(replayed: Replayed, charged: Gas) -> Replayed:
    """The same with this gas instead of the estimated one."""
    balances = {account: Counter(held) for account, held in replayed.balances.items()}
    for sign, gas in ((1, replayed.gas), (-1, charged)):
        for account, amounts in gas.items():
            for asset, amount in amounts.items():
                balances.setdefault(account, Counter())[asset] += sign * amount
    return replace(replayed, balances=balances, gas=charged)
