"""`supply` for venues on the stable invariant: the true curve, and how far the contract's integers may be off it.

The true curve is the same invariant solved with 64 more binary digits than the contract has. The contract's D and y are
each off by a few units; a unit of D moves y by dy/dD, which is measured here (it is large where a pool is far out of
balance). `NOISE` times that is what `execute` may be off the curve on either side; Balancer V2 divides early in addition,
which only costs the trader.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from engine.market.venues.base import Supply
from engine.market.venues.curve_supply import FINE, Bounds, supply_of_curve
from engine.market.venues.stable_math import Arithmetic, curve_balance, invariant

MORE_BITS = 64
"""Binary digits of the true curve beyond the contract's."""

NOISE = 6
"""Units by which the contract's invariant and balance may be off together, in its own scale."""

LARGEST_INPUT = 8
"""The largest input that is shown, as a multiple of the balance."""

_CLOSE = 2**12
_FINE_ARITHMETIC = Arithmetic(close=_CLOSE, limit=2**8192)


@dataclass(frozen=True, slots=True)
class StablePair:
    """One directed pair of a pool: scaled `balances`, where the pair is in them, amplification and its precision.

    `scale_in`, `scale_out`: scaled units per base unit. `kept_in`, `kept_out`: shares left of the input and of the output
    after fees. `coarse`: by how many units of a balance the contract's own quotients may be rounded.
    `least`: scaled amounts below it are refused.
    """

    amplification: int
    precision: int
    balances: Sequence[int]
    source: int
    target: int
    scale_in: Fraction
    scale_out: Fraction
    kept_in: Fraction
    kept_out: Fraction
    coarse: int = 1
    least: int = 0


def stable_supply(pair: StablePair) -> Supply:
    """A staircase over the true curve, with the contract's noise stated."""
    fine = [balance << MORE_BITS for balance in pair.balances]
    try:
        found = invariant(pair.amplification, fine, pair.precision, arithmetic=_FINE_ARITHMETIC)
    except ValueError:
        return Supply((), Fraction(0), 0)  # so far out of balance that the contract can not trade either
    entered, left = pair.scale_in * pair.kept_in, pair.kept_out / pair.scale_out

    def balance_after(added: int, more: int = 0) -> int:
        balances = [*fine]
        balances[pair.source] += added
        return curve_balance(pair.amplification, balances, pair.target, found + more, pair.precision, _FINE_ARITHMETIC)

    start, nudge = balance_after(0), found >> 40

    def noise_at(added: int, after: int) -> Fraction:
        """Output units that D, y and early divisions may cost or bring at this point."""
        slope = Fraction(abs(balance_after(added, nudge) - after) + 2, nudge)
        ann = pair.amplification * len(fine)
        steep = 2 * after + sum(fine) - fine[pair.target] + added + found * pair.precision // ann - found
        early = Fraction(pair.coarse * (fine[pair.target] + after), max(steep, 1))
        return (NOISE * (1 + slope) + early + 1) * left

    noises = [noise_at(0, start)]

    def curve(amount: int) -> Bounds:
        added = int(amount * entered * 2**MORE_BITS)
        after = balance_after(added)
        noises.append(noise_at(added, after))
        out, error = start - after, 8 * _CLOSE  # by what the search for the true curve may be off
        shift = FINE >> MORE_BITS
        low, high = max(0, out - error) * shift * left, (out + error) * shift * left
        return int(low), ceil(high)

    # A concave curve is at least as steep just before its start.
    probe = fine[pair.source] >> 30
    spot = Fraction(balance_after(-probe) - start + 8 * _CLOSE, probe) * entered * left
    scale = ceil(pair.balances[pair.source] / pair.scale_in)
    shown = supply_of_curve(curve, spot, scale=scale, limit=LARGEST_INPUT * scale, loss=Fraction(0))
    noise = max(noises)
    refused = pair.least * (left + spot / entered)
    loss = ceil((noise + refused + 2 + spot) * (2 + shown.relative_error))
    return Supply(shown.segments, shown.relative_error, loss, units_above=ceil(noise))
