"""The settlement record: what was planned, sent, proved and decided, and what it moved. Self-contained beside the auction's.

Guarantees
1. `check_settlement` recomputes everything that follows: the plan from the auction's record, the fates from the signed
   reports, the bids that hold, balances, gas and venue states. What differs first is named.
2. Each send went to the node that the policy chooses from what is recorded (engine.settlement.choices), and was
   admitted, or held back before, as its class and the budget of retries say (engine.settlement.admissions).
3. Each winning bid has one effect: it landed whole and is in `outcome`, or every step of it that landed has a
   compensation that landed too.

It shows that a quorum of each chain's nodes signed what it says, not that these nodes spoke the truth; whose keys they are
is in the plan's network.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, Self

from engine.auction.auction import settlement_of
from engine.auction.solution import Count
from engine.audit.record import Integer, Record, Settlement
from engine.network.health.admission import Admission
from engine.network.shares import Shares
from engine.settlement.admissions import check_admissions
from engine.settlement.choices import check_choices
from engine.settlement.plan import Plan, plan_of
from engine.settlement.progress import Attempt, Progress
from engine.settlement.reconcile import FailureCode, Outcome, hold_together, outcome_of
from engine.settlement.reports import Fate, Report, check_report, fates_of
from intents.errors import InputError
from intents.identifiers import AssetId, Digest, OwnerId
from intents.values import Value, canonical_bytes, content_hash


class SettlementRecord(Value):
    """How one auction was settled. `outcome` is what the landed bids and all burnt gas move; `refused` counts false answers."""

    format: Literal["clearway/settlement/1"] = "clearway/settlement/1"
    plan: Plan
    plan_hash: Digest
    attempts: tuple[Attempt, ...]
    admissions: tuple[Admission, ...]
    shares: tuple[Shares, ...]
    reports: tuple[Report, ...]
    refused: Count
    landed: tuple[Digest, ...]
    failed: dict[Digest, FailureCode]
    outcome: Settlement
    unpaid_gas: dict[OwnerId, dict[AssetId, Integer]]
    settlement_hash: Digest = "sha256:" + "0" * 64

    def sealed(self) -> Self:
        """This record with its hash, which covers all else."""
        covered = self.to_wire()
        del covered["settlement_hash"]
        return self.model_copy(update={"settlement_hash": content_hash("clearway/settlement/1", covered)})


def settlement_record(record: Record, plan: Plan, progress: Progress) -> tuple[SettlementRecord, Outcome]:
    """The record of a settlement that is done, and its outcome for the books. Raises SettlementError."""
    fates = fates_of(plan, progress.reports)
    landed = progress.decision or ()
    outcome = outcome_of(record, plan, fates, landed)
    made = SettlementRecord(
        plan=plan,
        plan_hash=plan.hash,
        attempts=progress.attempts,
        admissions=progress.admissions,
        shares=progress.shares,
        reports=progress.reports,
        refused=progress.refused,
        landed=landed,
        failed=dict(outcome.failed),
        outcome=settlement_of(record.problem, outcome.replayed),
        unpaid_gas=outcome.unpaid_gas,
    )
    return made.sealed(), outcome


def settlement_bytes(record: SettlementRecord) -> bytes:
    """The file: RFC 8785 bytes."""
    return canonical_bytes(record)


def check_settlement(record: Record, settled: SettlementRecord) -> Outcome:
    """Recompute a settlement from the auction's record and its own. What it did; raises InputError where they differ.

    Codes: `other_plan`, `bad_signature`, `unknown_node`, `duplicate_entry`, `no_fate`, `not_undone`,
    `other_settlement`, and those of `check_choices` and `check_admissions`.
    """
    plan = settled.plan
    again = plan_of(record, plan.network, plan.start_us)
    if plan != again:
        raise InputError("other_plan", "/plan", expected=again.hash, actual=plan.hash)
    for position, report in enumerate(settled.reports):
        chain = plan.network.chains.get(report.chain)
        if chain is None:
            raise InputError(
                "unknown_node", f"/reports/{position}", expected="a chain of the plan", actual=report.chain
            )
        check_report(report, chain)
    check_choices(plan, settled.attempts, settled.shares)
    check_admissions(plan, settled.attempts, settled.admissions)
    fates = fates_of(plan, settled.reports)
    attempted = {attempt.transaction for attempt in settled.attempts}
    whole = tuple(_whole_bids(plan, fates, attempted))
    decision = hold_together(record, whole)
    _check_undone(plan, fates, decision)
    progress = Progress(
        attempts=settled.attempts,
        admissions=settled.admissions,
        shares=settled.shares,
        reports=settled.reports,
        refused=settled.refused,
        decision=decision,
    )
    expected, outcome = settlement_record(record, plan, progress)
    where = _first_difference(expected.to_wire(), settled.to_wire(), "")
    if where is not None:
        raise InputError(
            "other_settlement", where, expected="what follows from the plan and the reports", actual="other"
        )
    return outcome


def _whole_bids(plan: Plan, fates: dict[str, Fate], attempted: set[str]) -> Iterator[str]:
    for bid, steps in plan.bids.items():
        for step in steps:
            if step.id in attempted and step.id not in fates:
                expected = "proof of what became of every transaction that was sent"
                raise InputError("no_fate", "/reports", expected=expected, actual=f"none for {step.id}")
        if all(step.id in fates and fates[step.id].status == "landed" for step in steps):
            yield bid


def _check_undone(plan: Plan, fates: dict[str, Fate], decision: tuple[str, ...]) -> None:
    for step in plan.steps:
        fate, undone = fates.get(step.id), fates.get(plan.undoing[step.id].id)
        landed = fate is not None and fate.status == "landed"
        reversed_ = undone is not None and undone.status == "landed"
        if reversed_ != (landed and step.bid not in decision):
            expected = "one effect for each winning bid: landed and kept, or landed and undone"
            raise InputError("not_undone", "/reports", expected=expected, actual=f"{step.id}: {fate}, then {undone}")


def _first_difference(expected: Any, actual: Any, where: str) -> str | None:
    if type(expected) is type(actual) and isinstance(expected, dict):
        for key in sorted(expected.keys() | actual.keys()):
            if key not in expected or key not in actual:
                return f"{where}/{key}"
            found = _first_difference(expected[key], actual[key], f"{where}/{key}")
            if found is not None:
                return found
        return None
    return None if expected == actual else where
