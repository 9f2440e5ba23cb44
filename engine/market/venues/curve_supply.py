"""`supply` for smooth concave curves: a staircase of marginal rates that never lies below the curve.

On a geometric grid x_0 = 0 < x_1 < ... the rate of segment i is the slope of the chord over segment i - 1 (the spot
rate for the first). A concave function's slope on a segment is at most its mean slope on the segment before, so the
staircase lies on or above the curve. The stated error is the largest measured at grid points, widened to hold
between them (both sides are concave and the staircase is linear there). All in integers of 2**-128 output units.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import ceil

from engine.market.venues.base import Segment, Supply
from intents.values import ceil_div

GRID_STEPS = 40
"""Number of segments."""

GRID_SCALE = 2**20
"""The first grid point is a reserve divided by this; each is half as much again as the one before."""

FINE = 2**128
"""Curves are handed in as integers of 1 / FINE output units."""

Bounds = tuple[int, int]
"""A value from below and from above."""


def supply_of_curve(
    curve: Callable[[int], Bounds], spot: Fraction, *, scale: int, limit: int, loss: Fraction = Fraction(1)
) -> Supply:
    """Build the staircase.

    `curve(x)`: bounds of the concave curve in units of 1 / FINE; `spot`: an upper bound of its slope at 0; `scale`: a
    typical size of the input (a reserve); `limit`: the largest input; `loss`: by how many output units `execute` may
    stay below the curve, which it never exceeds.
    """
    points = _grid(scale, limit)
    rate, total, low = ceil(spot * FINE), 0, 0
    worst, unseen = (0, 1), 0
    segments: list[Segment] = []
    for i in range(1, len(points)):
        width = points[i] - points[i - 1]
        segments.append(Segment(width, Fraction(rate, FINE)))
        total += width * rate
        low_before, (low, high) = low, curve(points[i])
        if low and (total - low) * worst[1] > worst[0] * low:
            worst = (total - low, low)
        elif not low:
            unseen = total
        rate = min(rate, ceil_div(high - low_before, width))
    # Between grid points the curve is at least its chord, so the error there is at most that of the two ends; the
    # staircase begins at 0, so the first segment's is at most that of its end.
    # Where the lower bound is 0 there is no relative error: all that is shown there is in units.
    relative = Fraction(*worst)
    return Supply(
        tuple(segments), relative_error=relative, units_error=ceil(loss * (1 + relative) + Fraction(unseen, FINE))
    )


def growing_shares() -> Iterator[tuple[int, int]]:
    """(numerator, denominator) of 1.5^j / GRID_SCALE for j = 0 .. GRID_STEPS - 1."""
    numerator, denominator = 1, GRID_SCALE
    for _ in range(GRID_STEPS):
        yield numerator, denominator
        numerator, denominator = numerator * 3, denominator * 2


def _grid(scale: int, limit: int) -> list[int]:
    points = [0]
    for numerator, denominator in growing_shares():
        point = min(max(scale, 1) * numerator // denominator, limit)
        if point > points[-1]:
            points.append(point)
    return points
