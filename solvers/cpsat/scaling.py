"""Integers for CP-SAT: amounts of each asset in whole units of a stated number of base units, far below 2^63.

CP-SAT computes in 64 bits; one amount with 18 decimals overflows above 9.2 units. So each asset gets a unit of a whole
number of base units such that everything the model can move of it is at most MOST_UNITS of them: sums of
2^10 amounts times ratios of 2^20 stay below 2^63. What an intent needs is rounded up and what a venue gives is rounded
down, so a solution in units is feasible in base units; `worst_loss` says how many base units that can cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import gcd

MOST_UNITS = 2**32
"""Units of an asset in one amount, at most."""

RATIO_BITS = 20
"""Ratios are integers of about this many bits over a common denominator."""

MOST_SUM = 2**60
"""Largest sum of absolute terms that a row may reach."""


@dataclass(frozen=True)
class Scale:
    """Base units in one unit, by asset."""

    units: Mapping[str, int]

    def down(self, asset: str, amount: int) -> int:
        """Whole units in an amount, rounded down."""
        return amount // self.units[asset]

    def up(self, asset: str, amount: int) -> int:
        """Whole units that cover an amount."""
        return -(-amount // self.units[asset])


def scale_of(amounts: Mapping[str, Iterable[int]]) -> Scale:
    """The finest scale at which all of an asset's amounts together are at most MOST_UNITS."""
    return Scale({asset: max(1, -(-sum(sizes) // MOST_UNITS)) for asset, sizes in amounts.items()})


def worst_loss(scale: Scale, roundings: Mapping[str, int]) -> dict[str, str]:
    """Per asset: its unit, and the most base units that rounding can cost, given how many amounts were rounded."""
    return {
        f"scale:{asset}": f"1 unit = {unit} base units; worst rounding loss {(unit - 1) * roundings.get(asset, 0)}"
        for asset, unit in sorted(scale.units.items())
    }


def whole_row(weights: list[Fraction], bounds: list[int]) -> tuple[list[int], Fraction]:
    """Integer weights for a row sum weight x >= 0 with 0 <= x <= bound, and how much of the row's size they give up.

    Exact where the common multiple fits; else each weight is rounded down (towards minus infinity), which can only
    make the row stricter.
    """
    multiple = 1
    for weight in weights:
        multiple = multiple * weight.denominator // gcd(multiple, weight.denominator)
    whole = [int(weight * multiple) for weight in weights]
    divisor = gcd(*whole) or 1
    whole = [weight // divisor for weight in whole]
    size = sum(abs(weight) * bound for weight, bound in zip(whole, bounds, strict=True))
    if size <= MOST_SUM:
        return whole, Fraction(0)
    shrink = -(-size // MOST_SUM)
    return [weight // shrink for weight in whole], Fraction(shrink * len(whole), size)
