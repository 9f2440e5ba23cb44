"""Option prices from a parametric smile, in decimal arithmetic of fixed precision: the same digits on every machine.

    premium of a call = F N(d1) - K N(d2),   d1 = (ln(F/K) + v/2) / sqrt(v),   d2 = d1 - sqrt(v),   v = iv^2 t

undiscounted (Black 1976, "The pricing of commodity contracts"); puts by parity. The implied volatility at strike K is
iv = level + skew m + curvature m^2 with m = ln(K/F). Used to make up markets, never to check or score anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

from intents.instruments import Right

YEAR_SECONDS = 365 * 86_400
"""Volatilities are per year of this length."""

_C = Context(prec=40, rounding=ROUND_HALF_EVEN)
_TWO_PI = Decimal("6.283185307179586476925286766559005768394")
_FAR = 8
"""Beyond this many deviations the normal distribution is 0 or 1 to 15 digits."""


@dataclass(frozen=True)
class Smile:
    """One expiry: forward price, seconds to expiry, and the volatility's three parameters (0.6 is 60 % a year)."""

    forward: Fraction
    seconds: int
    level: Fraction
    skew: Fraction
    curvature: Fraction

    def volatility(self, strike: Fraction) -> Fraction:
        """The implied volatility at a strike, at least 5 %."""
        moneyness = Fraction(_C.ln(_decimal(strike / self.forward)))
        return max(Fraction(1, 20), self.level + self.skew * moneyness + self.curvature * moneyness**2)

    def premium(self, strike: Fraction, right: Right) -> Fraction:
        """The undiscounted premium in quote per underlying, correct to about 15 digits; never negative."""
        d1, deviation = self._d1(strike)
        d2 = _C.subtract(d1, deviation)
        call = self.forward * Fraction(normal_cdf(d1)) - strike * Fraction(normal_cdf(d2))
        return max(Fraction(0), call if right == "C" else call - self.forward + strike)

    def delta(self, strike: Fraction, right: Right) -> Fraction:
        """What the premium changes by with the forward, the volatility held: N(d1), for puts less 1."""
        call = Fraction(normal_cdf(self._d1(strike)[0]))
        return call if right == "C" else call - 1

    def _d1(self, strike: Fraction) -> tuple[Decimal, Decimal]:
        """(d1, sqrt(v))."""
        variance = self.volatility(strike) ** 2 * Fraction(self.seconds, YEAR_SECONDS)
        deviation = _C.sqrt(_decimal(variance))
        return _C.divide(_C.ln(_decimal(self.forward / strike)) + _decimal(variance / 2), deviation), deviation


def normal_cdf(x: Decimal) -> Decimal:
    """The standard normal distribution: 1/2 + density(x) * (x + x^3/3 + x^5/(3*5) + ...), exactly 0 or 1 far out."""
    if abs(x) > _FAR:
        return Decimal(x > 0)
    term = total = x
    n = 1
    while abs(term) > Decimal("1e-30"):
        n += 2
        term = _C.divide(_C.multiply(_C.multiply(term, x), x), n)
        total = _C.add(total, term)
    half_square = _C.divide(_C.multiply(x, x), 2)
    density = _C.divide(_C.exp(-half_square), _C.sqrt(_TWO_PI))
    return _C.add(Decimal("0.5"), _C.multiply(density, total))


def _decimal(value: Fraction) -> Decimal:
    return _C.divide(value.numerator, value.denominator)
