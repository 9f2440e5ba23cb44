"""The most that positions can lose by their expiry, without any model: payoffs on the grid of strikes.

Guarantees: exact; over every fixing price from 0 up, not samples (intents.payoff); per settlement asset, underlying,
index, style and expiry, never netted between those. Options and futures count by what they pay at expiry: the price of
what was bought has changed hands; a future that was not pays its move from the forward at which the inputs mark it.
Perpetuals have no expiry, hence no worst loss; they are left out, and `margin_of` covers them.
Source: the maximum-loss part of Derive's standard margin; docs/rules.md section 3 for inverse payoffs.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from engine.market.margin.inputs import Instrument, RiskInputs, terms_of
from intents.errors import InputError
from intents.identifiers import AssetId
from intents.instruments import Style, parse_instrument
from intents.payoff import PiecewiseLinear, combine, instrument_payoff


class LossClass(NamedTuple):
    """Positions that settle against the same fixing in the same asset."""

    settlement: AssetId
    underlying: str
    settlement_index: str
    style: Style
    expiry_seconds: int


def worst_losses(inputs: RiskInputs, positions: Mapping[AssetId, int]) -> dict[LossClass, int | None]:
    """The supremum of the loss of each class, in base units of its settlement asset, rounded up; None where unbounded.

    Raises InputError `unknown_instrument`.
    """
    payoffs: dict[LossClass, list[tuple[int, PiecewiseLinear]]] = {}
    for asset, position in sorted(positions.items()):
        if asset not in inputs.instruments:
            raise InputError("unknown_instrument", "/positions", expected="an instrument of the tables", actual=asset)
        terms = terms_of(asset, inputs.instruments[asset])
        if position and terms.expiry_seconds is not None:
            group = LossClass(terms.settlement, terms.underlying, terms.index, terms.style, terms.expiry_seconds)
            payoffs.setdefault(group, []).append((position, _unit_payoff(asset, inputs.instruments[asset])))
    bounds = {group: combine(terms).loss_supremum(group.style).amount for group, terms in sorted(payoffs.items())}
    return {group: None if bound is None else ceil(bound) for group, bound in bounds.items()}


def _unit_payoff(asset: AssetId, instrument: Instrument) -> PiecewiseLinear:
    """What one base unit pays at expiry in base units of the settlement asset (inverse: times S)."""
    contract = instrument.contract
    if contract is None:
        return instrument_payoff(parse_instrument(asset), instrument.settlement_decimals, instrument.decimals)
    unit = Fraction(contract.size) * Fraction(10**instrument.settlement_decimals, 10**instrument.decimals)
    forward = Fraction(instrument.forward)
    if contract.style == "linear":
        return PiecewiseLinear(-unit * forward, unit)
    return PiecewiseLinear(-unit, unit / forward)  # X/F - X/S coins, times S
