"""Payoff floors and worst losses of one fill (docs/rules.md, section 3, first two rules).

Both look at the fill's change of derivatives alone: what was held before, and what changes hands now, is no part of it.
Everything is exact: functions are compared at every S >= 0 by `intents.payoff`.
"""

from __future__ import annotations

from fractions import Fraction

from engine.auction.case import Case, CaseFill
from engine.auction.verdict import Fault, pointer
from engine.market.snapshot import Snapshot
from intents.instruments import Instrument, Style, parse_instrument
from intents.outcome import is_derivative
from intents.payoff import PiecewiseLinear, combine, counted_position, floor_payoff, haircut_for, instrument_payoff

Position = tuple[Instrument, str, int]
"""A derivative, its asset id and the signed change in base units."""


def check_payoffs(case: Case, item: CaseFill) -> Fault | None:
    """`floor_not_met`, `worst_loss_exceeded`."""
    if not item.intent.outcome.payoff_floors and not item.intent.outcome.worst_loss:
        return None
    change = [(parse_instrument(asset), asset, amount) for asset, amount in derivative_change(item).items()]
    return _check_floors(case, item, change) or _check_worst_loss(case, item, change)


def derivative_change(item: CaseFill) -> dict[str, int]:
    """What the fill adds to its owner's and receiver's derivative positions together (no asset is on both sides)."""
    signed = {**item.fill.outs, **{asset: -amount for asset, amount in item.fill.ins.items()}}
    return {asset: amount for asset, amount in signed.items() if is_derivative(asset)}


def unit_payoff(snapshot: Snapshot, instrument: Instrument, asset: str) -> PiecewiseLinear:
    """The payoff of one base unit of the derivative, with the decimals that the snapshot gives."""
    infos = snapshot.asset_infos
    return instrument_payoff(instrument, infos[instrument.settlement].decimals, infos[asset].decimals)


def _check_floors(case: Case, item: CaseFill, change: list[Position]) -> Fault | None:
    outcome = item.intent.outcome
    for floor in outcome.payoff_floors:
        terms = []
        for instrument, asset, amount in change:
            haircut = haircut_for(instrument, floor, outcome.allowed_indices)
            if haircut is not None:
                terms.append((counted_position(amount, haircut), unit_payoff(case.problem.snapshot, instrument, asset)))
        asked = floor_payoff(floor)
        left_over = combine(
            [(outcome.units * weight, payoff) for weight, payoff in terms] + [(-item.fill.units, asked)]
        )
        least = left_over.minimum()
        if least is None or least < 0:
            shortfall = "without bound" if least is None else f"by {-least / outcome.units}"
            place = pointer("fills", item.index, "out")
            wanted = f"at least {item.fill.units}/{outcome.units} of the floor on {floor.underlying} everywhere"
            return Fault("floor_not_met", place, wanted, f"below it {shortfall}")
    return None


def _check_worst_loss(case: Case, item: CaseFill, change: list[Position]) -> Fault | None:
    outcome, snapshot = item.intent.outcome, case.problem.snapshot
    classes: dict[tuple[str, tuple[str, str, int | None], Style], list[tuple[int, PiecewiseLinear]]] = {}
    for instrument, asset, amount in change:
        fixing = (instrument.underlying, instrument.index, instrument.expiry_seconds)
        key = (instrument.settlement, fixing, instrument.style)
        classes.setdefault(key, []).append((amount, unit_payoff(snapshot, instrument, asset)))
    for settlement, limit in sorted(outcome.worst_loss.items()):
        loss: Fraction | None = Fraction(0)
        for key, terms in classes.items():
            if key[0] == settlement and loss is not None:
                bound = combine(terms).loss_supremum(key[2]).amount
                loss = None if bound is None else loss + bound
        if loss is None or loss * outcome.units > item.fill.units * limit:
            place = pointer("fills", item.index)
            most = f"a loss of at most {Fraction(item.fill.units * limit, outcome.units)} of {settlement}"
            return Fault("worst_loss_exceeded", place, most, "unbounded" if loss is None else str(loss))
    return None
