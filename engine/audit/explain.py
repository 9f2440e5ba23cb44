"""Why an intent was not filled in an auction, read from the auction's record alone.

Guarantees
1. Every statement is in the record: the bids that would have filled the intent with the reasons recorded for them, the
   owner's free balances, the limit and the reference prices of the snapshot.
2. `code` is the first that applies of: `filled`, `filled_in_part`, `intent_not_valid`; `lost`, `filtered`, `invalid` (what
   became of the best of its bids); and where nobody bid on it `insufficient_balance`, `limit_beyond_reference`, `no_bid`.

It does not know why a solver proposed nothing: solvers say so only in sums over all intents.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

from engine.auction.problem import Intent, Problem
from engine.auction.solution import Solution
from engine.audit.record import Integer, Reason, Record
from intents.errors import InputError
from intents.identifiers import AssetId, Digest, IntentId, Text
from intents.outcome import is_derivative
from intents.values import Amount, Value

Code = Literal[
    "filled",
    "filled_in_part",
    "intent_not_valid",
    "lost",
    "filtered",
    "invalid",
    "insufficient_balance",
    "limit_beyond_reference",
    "no_bid",
]

_STATUSES: tuple[Literal["lost", "filtered", "invalid"], ...] = ("lost", "filtered", "invalid")


class Attempt(Value):
    """A bid that fills the intent. `group_score` is what it scores for the intent's group, in base units of the numeraire."""

    bid: Digest
    solver: Text
    status: Literal["won", "lost", "filtered", "invalid"]
    units: Amount
    group_score: Integer
    reason: Reason | None


class Limit(Value):
    """Of a plain swap: base units received for one paid, as signed and by reference prices (None where unpriced)."""

    limit: tuple[Amount, Amount]
    reference: tuple[Integer, Integer] | None
    beyond_reference: bool


class Shortage(Value):
    """The most that the smallest allowed fill pays of a token, and the less that its owner had free."""

    asset: AssetId
    needed: Amount
    free: Integer


class Explanation(Value):
    """What became of one intent in one auction. `filled_units` were filled in it, `open_units` are left after it."""

    auction: Text
    intent: IntentId
    code: Code
    units: Amount
    filled_units: Amount
    open_units: Amount
    bids: tuple[Attempt, ...]
    limit: Limit | None
    shortages: tuple[Shortage, ...]


def explain(record: Record, intent_id: str) -> Explanation:
    """The explanation of an intent in a recorded auction. Raises InputError `unknown_intent` where it was not part of it."""
    problem = record.problem
    intent = problem.intents_by_id.get(intent_id)
    if intent is None:
        raise InputError("unknown_intent", "", expected=f"an intent of auction {problem.auction}", actual=intent_id)
    after = record.settlement.filled_units.get(intent_id, intent.filled_units)
    filled = after - intent.filled_units
    attempts = _attempts(record, intent)
    limit = _limit(problem, intent)
    shortages = _shortages(problem, intent)
    return Explanation(
        auction=problem.auction,
        intent=intent_id,
        code=_code(problem, intent, filled, attempts, limit, shortages),
        units=intent.outcome.units,
        filled_units=filled,
        open_units=intent.outcome.units - after,
        bids=attempts,
        limit=limit,
        shortages=shortages,
    )


def _code(
    problem: Problem,
    intent: Intent,
    filled: int,
    attempts: tuple[Attempt, ...],
    limit: Limit | None,
    shortages: tuple[Shortage, ...],
) -> Code:
    if filled:
        return "filled" if filled == intent.open_units else "filled_in_part"
    if not intent.outcome.valid_from <= problem.snapshot.time_seconds < intent.outcome.valid_until:
        return "intent_not_valid"
    became = {attempt.status for attempt in attempts}
    for status in _STATUSES:
        if status in became:
            return status
    if shortages:
        return "insufficient_balance"
    return "limit_beyond_reference" if limit is not None and limit.beyond_reference else "no_bid"


def _attempts(record: Record, intent: Intent) -> tuple[Attempt, ...]:
    attempts = []
    for bid in record.bids:
        solution = record.proposals[bid.solver].solutions[bid.index]
        fills = solution.fills if isinstance(solution, Solution) else ()
        units = sum(fill.units for fill in fills if fill.intent == intent.id)
        if units:
            score = bid.group_scores.get(intent.group, 0)
            attempts.append(
                Attempt(
                    bid=bid.id, solver=bid.solver, status=bid.status, units=units, group_score=score, reason=bid.reason
                )
            )
    return tuple(attempts)


def _limit(problem: Problem, intent: Intent) -> Limit | None:
    if not intent.outcome.is_plain_swap:
        return None
    ((paid, most),), ((received, least),) = intent.outcome.pays.items(), intent.outcome.receives.items()
    price_paid, price_received = problem.snapshot.price(paid), problem.snapshot.price(received)
    if price_paid is None or price_received is None or not most:
        return Limit(limit=(least, most), reference=None, beyond_reference=False)
    reference = price_paid / price_received
    return Limit(
        limit=(least, most),
        reference=(reference.numerator, reference.denominator),
        beyond_reference=Fraction(least, most) > reference,
    )


def _shortages(problem: Problem, intent: Intent) -> tuple[Shortage, ...]:
    outcome = intent.outcome
    units = min(outcome.min_units, intent.open_units)
    shortages = []
    for asset, most in sorted(outcome.pays.items()):
        needed, free = most * units // outcome.units, problem.free(outcome.owner, asset)
        if free < needed and not (is_derivative(asset) or problem.may_owe(outcome.owner, asset)):
            shortages.append(Shortage(asset=asset, needed=needed, free=free))
    return tuple(shortages)
