"""What waiting costs: the expected adverse move of a price over the expected time, in parts per million of the value.

    price = ceil( k * sigma * sqrt(T) * sqrt(2 / pi) )

sigma * sqrt(T) * sqrt(2/pi) is E|x| of a normal x with standard deviation sigma * sqrt(T): a driftless price's mean
absolute move. k says how much of it is a loss: 1 where the other side knows which way it went, 1/2 where moves for and
against are met alike.

Guarantees: exact integers; rounded up, against who promises; 0 only where T, sigma or k is 0. sqrt(E[T]) is at least
E[sqrt(T)], so an uncertain time costs no more than this.
A derivative's value moves by its leverage times its underlying's: |delta| * S / V to first order, with V its value and S its
underlying's (`leverage_permille`); gamma, which pays who holds it, and volatility's own moves are left out.

It does not forecast volatility, and takes returns as normal: tails are fatter, mean absolute moves little different.
Source: item 17 of the load-balancing notes; the half-normal mean.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, isqrt

from intents.values import ceil_div

PPM = 1_000_000
"""One whole, in parts per million; as a price, all of the value."""

YEAR_US = 365 * 24 * 3600 * 1_000_000
"""The year of annual volatilities."""

MOST_LEVERAGE = 100_000
"""Thousandths: a worthless option's has no bound."""

_SCALE = 10**15
_TWO_OVER_PI = 636_619_772_367_582
"""2 / pi times 10^15, rounded up."""


def delay_price_ppm(sigma_ppm: int, delay_us: int, k_permille: int = 1000) -> int:
    """The price of `delay_us` at an annual volatility of `sigma_ppm` (600,000 is 60 %), at most PPM."""
    square = k_permille**2 * sigma_ppm**2 * delay_us * _TWO_OVER_PI
    return min(PPM, _ceil_sqrt(ceil_div(square, 1000**2 * YEAR_US * _SCALE)))


def leverage_permille(delta: Fraction, underlying: Fraction, value: Fraction) -> int:
    """|delta| * underlying / value in thousandths, rounded up, at most MOST_LEVERAGE; the values > 0 in any one unit."""
    return min(MOST_LEVERAGE, ceil(abs(delta) * underlying * 1000 / value))


def leveraged_ppm(sigma_ppm: int, leverage: int) -> int:
    """A derivative's volatility from its underlying's and a leverage in thousandths, rounded up."""
    return ceil_div(sigma_ppm * leverage, 1000)


def crowding_price_ppm(move_ppm: int, pending: int, depth: int) -> int:
    """What nearing a pool's depth costs: ceil(move * pending / (depth - pending)), at most PPM, PPM from the depth on.

    Half of the depth costs `move_ppm`. Where `depth` is the input that moves the pool's price by that much and `pending` what was
    sent there and has not landed, small amounts cost the move that they make. The depth itself is a wall.
    """
    if pending >= depth:
        return PPM
    return min(PPM, ceil_div(move_ppm * pending, depth - pending))


def _ceil_sqrt(value: int) -> int:
    root = isqrt(value)
    return root if root * root == value else root + 1
