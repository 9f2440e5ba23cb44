"""Delta, gamma and vega of positions as an interval: what the tables prove on either side, exactly.

A table's greek is a lower bound and at most `greek_width` too low (engine.market.margin.tables). So the sum over positions
is enclosed by two sums of rationals, brought to the numeraire at the collateral's price without a haircut. Greeks are in
money: a delta is what the positions would gain if the forward doubled at this rate.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Literal, NamedTuple

from engine.market.margin.inputs import terms_of
from engine.market.margin.place import PlaceRisk
from intents.identifiers import AssetId

Measure = Literal["delta", "gamma", "vega"]


class Exposure(NamedTuple):
    """The greek is at least `low` and at most `high`, in base units of the numeraire."""

    low: Fraction
    high: Fraction


def exposure_of(risk: PlaceRisk, positions: Mapping[AssetId, int], underlying: str, measure: Measure) -> Exposure:
    """The greek of the positions (base units of each) that have a row and this underlying, over settlement assets."""
    low = high = Fraction(0)
    for asset, position in positions.items():
        row, instrument = risk.tables.rows.get(asset), risk.tables.inputs.instruments.get(asset)
        if row is None or instrument is None:
            continue
        terms = terms_of(asset, instrument)
        if terms.underlying != underlying:
            continue
        size = Fraction(position, 10**instrument.decimals) * Fraction(*risk.rules.collateral[terms.settlement].price)
        least: int = getattr(row, measure)
        ends = size * least, size * (least + row.greek_width)
        low, high = low + min(ends), high + max(ends)
    return Exposure(low, high)
