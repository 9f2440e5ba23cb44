"""Exact algebra of payoffs: piecewise-linear functions of a fixing price S >= 0, in rationals.

Guarantees
1. Every result is exact; equal functions are equal values (no knot lies on a straight line).
2. `minimum`, `dominates` and `loss_supremum` look at every S >= 0, not at samples: a piecewise-linear function has
   its extremes at S = 0, at its knots, or along its last slope.
3. A sum costs time linear in its knots (and one sort of them), whatever the number of terms.

What a function's value means is the style's: for `linear` it is the payment in base units of the settlement asset,
for `inverse` it is S times that payment (docs/rules.md section 3), because a contract settled in its own underlying
pays a fraction of 1 / S. The loss of an inverse payoff is therefore the supremum of -f(S) / S over S > 0.
Functions of different underlyings, settlement assets or styles must not be added; the caller keeps them apart.
Contract terms: Deribit's specifications of 2020 (a call pays max(S - K, 0) / S of the coin).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import pairwise

from intents.errors import InputError
from intents.instruments import Instrument, Option, Style
from intents.outcome import IndexHaircut, PayoffFloor

Exact = int | Fraction

BASIS = 10_000
"""Basis points in one."""


@dataclass(frozen=True)
class LossBound:
    """The supremum of a loss in base units of the settlement asset: 0 where nothing can be lost, None if unbounded.

    `attained` says whether some S loses exactly that; a loss that is only approached, or unbounded, is not attained.
    """

    amount: Fraction | None
    attained: bool


@dataclass(frozen=True)
class PiecewiseLinear:
    """A continuous function on S >= 0: worth `start` at 0, rising by `first_slope`, bending by `change` at each kink.

    `kinks` are (price, change of slope) at strictly ascending prices above 0, no change being 0. Build with
    `from_knots`, `instrument_payoff` or `combine`, which keep that; all numbers are Fractions.
    """

    start: Fraction
    first_slope: Fraction
    kinks: tuple[tuple[Fraction, Fraction], ...] = ()

    @classmethod
    def from_knots(cls, knots: Iterable[tuple[Exact, Exact]], slope: Exact) -> PiecewiseLinear:
        """The function through (price, value) knots at strictly ascending prices from 0, then going on with `slope`.

        Raises InputError `bad_knots`.
        """
        points = [(Fraction(at), Fraction(value)) for at, value in knots]
        if not points or points[0][0] != 0 or any(left[0] >= right[0] for left, right in pairwise(points)):
            actual = str([str(at) for at, _ in points])
            raise InputError("bad_knots", "", expected="knots at strictly ascending prices from 0", actual=actual)
        slopes = [(after - before) / (to - at) for (at, before), (to, after) in pairwise(points)] + [Fraction(slope)]
        bends = ((at, right - left) for (at, _), (left, right) in zip(points[1:], pairwise(slopes), strict=True))
        return cls(points[0][1], slopes[0], tuple(bend for bend in bends if bend[1]))

    @cached_property
    def knots(self) -> tuple[tuple[Fraction, Fraction], ...]:
        """(price, value) at 0 and at each kink."""
        at, value, slope = Fraction(0), self.start, self.first_slope
        points = [(at, value)]
        for price, change in self.kinks:
            value += slope * (price - at)
            at, slope = price, slope + change
            points.append((at, value))
        return tuple(points)

    @cached_property
    def slope(self) -> Fraction:
        """The slope beyond the last knot."""
        return sum((change for _, change in self.kinks), self.first_slope)

    def evaluate(self, price: Exact) -> Fraction:
        """The value at S = price >= 0."""
        value = self.start + self.first_slope * price
        for at, change in self.kinks:
            if at >= price:
                break
            value += change * (price - at)
        return value

    def scale(self, factor: Exact) -> PiecewiseLinear:
        """The function times a factor of any sign."""
        return combine([(factor, self)])

    def __add__(self, other: PiecewiseLinear) -> PiecewiseLinear:
        return combine([(1, self), (1, other)])

    def __sub__(self, other: PiecewiseLinear) -> PiecewiseLinear:
        return combine([(1, self), (-1, other)])

    def __neg__(self) -> PiecewiseLinear:
        return combine([(-1, self)])

    def minimum(self) -> Fraction | None:
        """The least value over S >= 0; None where it falls without bound."""
        return None if self.slope < 0 else min(value for _, value in self.knots)

    def dominates(self, other: PiecewiseLinear) -> bool:
        """Whether it is at least the other at every S >= 0."""
        least = (self - other).minimum()
        return least is not None and least >= 0

    def loss_supremum(self, style: Style) -> LossBound:
        """The most that the payment can be below zero, over S >= 0 (linear) or S > 0 (inverse)."""
        return self._linear_loss() if style == "linear" else self._inverse_loss()

    def _linear_loss(self) -> LossBound:
        least = self.minimum()
        return LossBound(None, attained=False) if least is None else LossBound(max(-least, Fraction(0)), attained=True)

    def _inverse_loss(self) -> LossBound:
        # Between knots -f(S)/S is monotone, so its supremum is at a knot or approached at an end. Towards 0 it grows
        # without bound if f(0) < 0, falls if f(0) > 0, and is constant if f(0) = 0. Towards infinity it tends to -slope.
        if self.start < 0:
            return LossBound(None, attained=False)
        reached = [-value / at for at, value in self.knots[1:]]
        if self.start == 0:
            reached.append(-self.first_slope)
        attained = max(reached, default=Fraction(0))
        if attained >= -self.slope or self.slope >= 0:
            return LossBound(max(attained, Fraction(0)), attained=True)
        return LossBound(-self.slope, attained=False)


ZERO = PiecewiseLinear(Fraction(0), Fraction(0))
"""Pays nothing at any price."""


def combine(terms: Iterable[tuple[Exact, PiecewiseLinear]]) -> PiecewiseLinear:
    """The sum of weight times function over the terms, with merged knots."""
    start = first_slope = Fraction(0)
    bends: dict[Fraction, Fraction] = {}
    for weight, payoff in terms:
        if payoff.start:
            start += weight * payoff.start
        if payoff.first_slope:
            first_slope += weight * payoff.first_slope
        for price, change in payoff.kinks:
            bends[price] = bends.get(price, 0) + weight * change
    return PiecewiseLinear(start, first_slope, tuple(sorted(bend for bend in bends.items() if bend[1])))


@lru_cache(maxsize=8192)
def option_payoff(option: Option, settlement_decimals: int, option_decimals: int) -> PiecewiseLinear:
    """What one base unit of the option pays its holder, in base units of the settlement asset (inverse: times S).

    max(S - K, 0) or max(K - S, 0), times 10^settlement_decimals / 10^option_decimals, for either style.
    """
    unit = Fraction(10**settlement_decimals, 10**option_decimals)
    strike = Fraction(option.strike)
    if option.right == "C":
        return PiecewiseLinear(Fraction(0), Fraction(0), ((strike, unit),))
    return PiecewiseLinear(strike * unit, -unit, ((strike, unit),))


@lru_cache(maxsize=8192)
def instrument_payoff(instrument: Instrument, settlement_decimals: int, decimals: int) -> PiecewiseLinear:
    """What one base unit of any derivative pays its holder, as `option_payoff`; of a perpetual, what it is worth at S.

    A future or perpetual is worth S (linear) or 1 / S (inverse, times S: 1); its price was paid when it was bought.
    """
    if isinstance(instrument, Option):
        return option_payoff(instrument, settlement_decimals, decimals)
    unit, nothing = Fraction(10**settlement_decimals, 10**decimals), Fraction(0)
    return PiecewiseLinear(nothing, unit) if instrument.style == "linear" else PiecewiseLinear(unit, nothing)


@lru_cache(maxsize=8192)
def floor_payoff(floor: PayoffFloor) -> PiecewiseLinear:
    """The function that a payoff floor asks for, for all units of its outcome together."""
    return PiecewiseLinear.from_knots(((Fraction(knot.at), knot.value) for knot in floor.knots), floor.slope)


def haircut_for(instrument: Instrument, floor: PayoffFloor, allowed: Iterable[IndexHaircut]) -> int | None:
    """The haircut in basis points at which the instrument counts toward the floor; None where it does not count.

    Underlying, fixing time, settlement asset and style must be the floor's; the index too, or be allowed. A perpetual
    has no fixing and counts toward none.
    """
    wanted = (floor.underlying, floor.fixing_seconds, floor.settlement, floor.style)
    if (instrument.underlying, instrument.expiry_seconds, instrument.settlement, instrument.style) != wanted:
        return None
    if instrument.index == floor.index:
        return 0
    return next((entry.haircut_bps for entry in allowed if entry.index == instrument.index), None)


def counted_position(position: int, haircut_bps: int) -> Fraction:
    """What a position counts as under a haircut: longs less, shorts more."""
    return Fraction(position * (BASIS - haircut_bps if position > 0 else BASIS + haircut_bps), BASIS)
