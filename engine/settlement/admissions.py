"""That the sends of a settlement were admitted, or held back, as the rules say: replay from its record, bit for bit.

Guarantees: `check_admissions` gives every verdict again from what was recorded beside it. Classes follow from the plan and
from what was sent before; each chain's share of refusals and budget of retries go on from where the verdict before
left them, through any number of crashes; the admitted are the attempts, in their order; loads are those that the choice of
the node read, and no limit there is another than here, but of nodes it had to leave out.

What the first verdict of a chain remembers of earlier settlements, and limits and loads, are taken as recorded.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.network.health.admission import Admission, Desk, Klass, replayed
from engine.network.trust.dispatch_log import Choice
from engine.settlement.plan import Plan, Transaction
from engine.settlement.progress import Attempt
from intents.errors import InputError


def check_admissions(plan: Plan, attempts: Sequence[Attempt], admissions: Sequence[Admission]) -> None:
    """Raise InputError with the place: `other_admission`, or `malformed_admission`."""
    desks: dict[str, Desk] = {}
    sends: dict[str, int] = {}
    made = 0
    for position, admission in enumerate(admissions):
        where = f"/admissions/{position}"
        transaction = plan.transactions.get(admission.transaction)
        _same(f"{where}/chain", "" if transaction is None else transaction.chain, admission.chain)
        if transaction is not None:
            _same(f"{where}/klass", _class_of(plan, transaction, sends), admission.klass)
        _same(f"{where}/attempt", str(sends.get(admission.transaction, 0)), str(admission.attempt))
        desk = Desk(admission.refused_ppm, admission.tokens_milli, admission.counted_us)
        _same(f"{where}/refused_ppm", _text(desks.get(admission.chain, desk)), _text(desk))
        verdict, desks[admission.chain] = replayed(admission)
        _same(f"{where}/verdict", verdict, admission.verdict)
        if verdict == "admitted":
            _check_send(admission, attempts[made] if made < len(attempts) else None, where)
            sends[admission.transaction] = sends.get(admission.transaction, 0) + 1
            made += 1
    _same("/admissions", str(len(attempts)), str(made))


def _class_of(plan: Plan, transaction: Transaction, sends: dict[str, int]) -> Klass:
    if transaction.reverses is not None:
        return "undoing"
    others = (step.id for step in plan.bids[transaction.bid] if step.id != transaction.id)
    return "begun" if any(other in sends for other in others) else "first"


def _check_send(admission: Admission, attempt: Attempt | None, where: str) -> None:
    _same(f"{where}/transaction", "" if attempt is None else attempt.transaction, admission.transaction)
    if attempt is not None:
        _same(f"{where}/now_us", str(attempt.at_us), str(admission.now_us))
        if attempt.choice is not None:
            _check_sight(admission, attempt.choice, where)


def _check_sight(admission: Admission, choice: Choice, where: str) -> None:
    _same(f"{where}/own", choice.sight.get("own", ""), admission.own)
    if admission.klass != "undoing":  # what undoes may go above the limits
        limits = zip(admission.cap.split(), choice.sight.get("cap", "").split(), strict=False)
        kept = " ".join(seen if seen != "0" else cap for cap, seen in limits)
        _same(f"{where}/cap", kept, admission.cap)


def _text(desk: Desk) -> str:
    return " ".join(map(str, desk))


def _same(where: str, expected: str, actual: str) -> None:
    if expected != actual:
        raise InputError("other_admission", where, expected=expected, actual=actual)
