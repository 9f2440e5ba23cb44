"""What an oracle perpetual shows optimisers: marginal prices over equal parts of what may be traded.

With f the slope of the fill price, k the skew that a trade takes to zero first and d the size so far, one unit more costs

    p(d) (1 + fee)                                  p(d) = price at the skew after d; fee is maker's, then taker's
    p(d) (1 + taker) - f k (taker - maker)          beyond k: the contract charges both parts at the mean price

and both grow with d. A part of the staircase has the least of these prices inside it, so it is never above what
`execute` asks, but for the units that the contract cuts off; the greatest of them gives the stated relative error.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import ceil

from engine.market.venues.base import Segment, Supply
from engine.market.venues.perpetual_math import UNIT, Fees

PARTS = 32
"""Parts of equal size on each side of the point where the fee changes."""


def supply_of(*, price: int, skew: int, scale: int, fees: Fees, sign: int, most: int, step: int, cost: int) -> Supply:
    """The staircase for buying (sign 1; inputs are quote, `cost` what `most` costs) or selling (-1; inputs are sizes).

    `most`: the largest size that may be traded; sizes in base units, price and fees in 10^-18.
    """
    turn = max(0, min(most, -sign * skew))
    marks = sorted({_mark(start, end, i) for start, end in ((0, turn), (turn, most)) for i in range(PARTS + 1)})
    noise = 4 * (price // UNIT + 4)
    segments: list[Segment] = []
    error, spent = Fraction(0), Fraction(0)
    for low, high in pairwise(marks):
        first, last = (
            _marginal(size, price, skew, scale, fees, sign=sign, maker=high <= turn, turn=turn) for size in (low, high)
        )
        if sign > 0:
            cheapest = first - noise
            segments.append(Segment(ceil((high - low) * cheapest / UNIT), UNIT / cheapest))
            error, spent = max(error, (last + noise) / cheapest - 1), spent + segments[-1].amount_in
        else:
            dearest = first + noise
            segments.append(Segment(high - low, dearest / UNIT))
            error = max(error, dearest / (last - noise) - 1)
    if not segments:
        return Supply((), relative_error=Fraction(0), units_error=0, lot=step)
    if sign > 0:
        # All the room is bought with its cost: what the staircase asks less for is bought at the last price.
        left = max(0, ceil(cost - spent))
        segments[-1] = Segment(segments[-1].amount_in + left, segments[-1].rate)
    coarse = 16 + (2 * step + ceil(Fraction(16 * UNIT, price)) if sign > 0 else 0)
    above = 16 + (ceil(Fraction(16 * UNIT, price)) if sign > 0 else 0)
    return Supply(tuple(segments), relative_error=error, units_error=coarse, lot=step, units_above=above)


def _mark(start: int, end: int, part: int) -> int:
    return start + (end - start) * part // PARTS


def _marginal(
    size: int, price: int, skew: int, scale: int, fees: Fees, *, sign: int, maker: bool, turn: int
) -> Fraction:
    """The price of one unit more after `size`, fee included, in 10^-18; before the turn at the maker's rate."""
    here = price * (1 + Fraction(skew + sign * size, scale))
    rate = Fraction(fees.dynamic + (fees.maker if maker else fees.taker), UNIT)
    mean = 0 if maker else Fraction(price * turn * (fees.taker - fees.maker), 2 * scale * UNIT)
    return here * (1 + sign * rate) - mean
