"""`supply` for smooth concave curves: a staircase of marginal rates that never lies below the curve.

On a geometric grid x_0 = 0 < x_1 < ... the rate of segment i is the slope of the chord over segment i - 1 (the spot
rate for the first). A concave function's slope on a segment is at most its mean slope on the segment before, so the
staircase lies on or above the curve. The stated error is the largest measured at grid points, widened to hold
between them (both sides are concave and the staircase is linear there).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import ceil

from engine.market.venues.base import Segment, Supply

GRID_STEPS = 40
"""Number of segments."""

GRID_RATIO = Fraction(3, 2)
"""Ratio of neighbouring grid points; the first is `scale` / 2**20."""


def supply_of_curve(
    real: Callable[[int], Fraction], spot: Fraction, *, scale: int, limit: int, slack: Fraction = Fraction(0)
) -> Supply:
    """Build the staircase.

    `real(x)`: the concave curve without rounding (or a lower value whose distance from it is at most `slack` relative);
    `spot`: an upper bound of its slope at 0; `scale`: a typical size of the input (a reserve); `limit`: the largest input.
    """
    points = [0]
    step = Fraction(max(scale, 1), 2**20)
    for _ in range(GRID_STEPS):
        point = min(int(step), limit)
        if point > points[-1]:
            points.append(point)
        step *= GRID_RATIO
    values = [Fraction(0), *(real(x) for x in points[1:])]
    segments: list[Segment] = []
    rate, total, worst = spot * (1 + slack), Fraction(0), Fraction(0)
    for i in range(1, len(points)):
        width = points[i] - points[i - 1]
        rate = _rounded_up(rate)
        segments.append(Segment(width, rate))
        total += width * rate
        if values[i] > 0:
            worst = max(worst, total / values[i] - 1)
        upper = values[i] * (1 + slack)
        rate = min(rate, (upper - values[i - 1]) / width)
    # Between grid points the curve is at least its chord, so the error there is at most that of the two ends plus the
    # first segment's, which starts at 0; one unit covers the floor of `execute`.
    return Supply(tuple(segments), relative_error=worst, units_error=1)


def _rounded_up(rate: Fraction) -> Fraction:
    """The rate with 64 binary digits: sums over segments then keep small denominators, and never fall below."""
    shift = 64 - rate.numerator.bit_length() + rate.denominator.bit_length()
    scale = Fraction(2) ** shift
    return Fraction(ceil(rate * scale)) / scale
