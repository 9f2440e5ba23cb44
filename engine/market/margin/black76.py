"""Black's model for options on a forward: price, greeks and implied volatility, in floating point.

    linear    V = D (w F N(w d1) - w K N(w d2)),   w = 1 for calls, -1 for puts,   D = exp(-r t)
              d1 = ln(F/K) / s + s/2,   d2 = d1 - s,   s = volatility * sqrt(t)
    inverse   V / F: the same contract paid in its own underlying, as Deribit quotes it

Guarantees
1. Prices and greeks follow QuantLib's within 1e-12 of the forward's scale (tests/market/test_margin_black76.py).
   An option out of the money is computed without subtracting its parity, so that its premium is right to about 1e-13
   of itself, however small.
2. `implied_volatility` gives back the volatility behind a premium as exactly as the premium determines it: to about
   1e-15 * max(F, K) / vega. It never leaves the bracket in which the price is known to lie, so it always ends.

It does not: round, know contract sizes, or enter any verdict. Only engine.market.margin.tables turns its floats into
integers. The result may differ in the last bits from one C library to another.
Sources: F. Black, "The pricing of commodity contracts" (1976); P. Jaeckel, "Let's be rational" (2015) for solving on
the premium out of the money and its logarithm; M. Abramowitz and I. Stegun 7.1.2 and 26.2.29 for N(x) = erfc(-x/sqrt 2)/2.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import copysign, erfc, exp, inf, isfinite, log, pi, sqrt

from intents.errors import InputError
from intents.instruments import Right, Style

_SQRT_2 = sqrt(2)
_SQRT_2_PI = sqrt(2 * pi)
_MOST_DEVIATION = 64.0
"""Beyond this total deviation N(s/2) is 1 to the last bit: no premium tells such volatilities apart."""
_ROUNDS = 200
"""Bisection alone ends within these; Newton takes about six."""


@dataclass(frozen=True, slots=True)
class Greeks:
    """Derivatives of the price: by the forward (once, twice), by the volatility (for 1.00), by calendar time (a year).

    All at a constant forward. Linear: in quote; inverse: of the price in the underlying, by the forward in quote.
    """

    delta: float
    gamma: float
    vega: float
    theta: float


@dataclass(frozen=True, slots=True)
class Black76:
    """An option on one unit of the underlying: forward and strike in quote, years to expiry, discount rate a year.

    Raises InputError `bad_pricing_input` for a forward, strike or time that is not positive and finite.
    """

    forward: float
    strike: float
    years: float
    right: Right
    style: Style = "linear"
    rate: float = 0.0

    def __post_init__(self) -> None:
        for name in ("forward", "strike", "years"):
            _require_positive(name, getattr(self, name))

    def price(self, volatility: float) -> float:
        """The premium: quote per underlying (linear) or underlying per underlying (inverse). Volatility 0 is intrinsic."""
        linear = self._discount() * self._undiscounted(self._deviation(volatility))
        return linear if self.style == "linear" else linear / self.forward

    def greeks(self, volatility: float) -> Greeks:
        """All greeks at a positive volatility."""
        _require_positive("volatility", volatility)
        deviation, discount = self._deviation(volatility), self._discount()
        d1 = log(self.forward / self.strike) / deviation + deviation / 2
        density = exp(-d1 * d1 / 2) / _SQRT_2_PI
        sign = self._sign()
        delta = discount * sign * normal_cdf(sign * d1)
        gamma = discount * density / (self.forward * deviation)
        vega = discount * self.forward * density * sqrt(self.years)
        value = discount * self._undiscounted(deviation)
        theta = self.rate * value - vega * volatility / (2 * self.years)
        if self.style == "linear":
            return Greeks(delta, gamma, vega, theta)
        forward = self.forward
        return Greeks(
            delta=(delta - value / forward) / forward,
            gamma=(gamma - 2 * (delta - value / forward) / forward) / forward,
            vega=vega / forward,
            theta=theta / forward,
        )

    def implied_volatility(self, price: float) -> float:
        """The volatility at which `price` is the premium.

        Raises InputError `price_out_of_range` unless the premium is above intrinsic value and below its limit at
        infinite volatility (the forward for a call, the strike for a put), both discounted.
        """
        linear = (price if self.style == "linear" else price * self.forward) / self._discount()
        most = self.forward if self.right == "C" else self.strike
        intrinsic = max(0.0, self._sign() * (self.forward - self.strike))
        if not intrinsic < linear < most:
            expected = f"{intrinsic!r} < undiscounted premium < {most!r}"
            raise InputError("price_out_of_range", "", expected=expected, actual=repr(linear))
        # By parity the premium above intrinsic value is that of the option out of the money.
        return self._solve(linear - intrinsic) / sqrt(self.years)

    def _solve(self, target: float) -> float:
        """The deviation at which the option out of the money is worth `target`: Newton on ln(price), kept in a bracket."""
        low, high = 0.0, _MOST_DEVIATION
        # The point of inflection in s; at the money the premium is close to F s / sqrt(2 pi).
        guess = max(
            sqrt(2 * abs(log(self.forward / self.strike))), target * _SQRT_2_PI / sqrt(self.forward * self.strike)
        )
        guess = min(guess, _MOST_DEVIATION / 2)
        goal = log(target)
        for _ in range(_ROUNDS):
            value = self._out_of_the_money(guess)
            low, high = (guess, high) if value < target else (low, guess)
            following = self._newton(guess, value, goal)
            if not low < following < high:
                following = (low + high) / 2
            if abs(following - guess) <= 4e-16 * guess:
                return following
            guess = following
        return guess

    def _newton(self, deviation: float, value: float, goal: float) -> float:
        if value <= 0:
            return inf
        d1 = log(self.forward / self.strike) / deviation + deviation / 2
        slope = self.forward * exp(-d1 * d1 / 2) / _SQRT_2_PI / value
        return deviation - (log(value) - goal) / slope if slope > 0 else inf

    def _undiscounted(self, deviation: float) -> float:
        return max(0.0, self._sign() * (self.forward - self.strike)) + self._out_of_the_money(deviation)

    def _out_of_the_money(self, deviation: float) -> float:
        """The undiscounted premium of the call if F <= K, of the put otherwise."""
        if deviation == 0:
            return 0.0
        sign = copysign(1.0, self.strike - self.forward)
        d1 = log(self.forward / self.strike) / deviation + deviation / 2
        d2 = d1 - deviation
        return max(0.0, sign * (self.forward * normal_cdf(sign * d1) - self.strike * normal_cdf(sign * d2)))

    def _deviation(self, volatility: float) -> float:
        if not (isfinite(volatility) and volatility >= 0):
            raise InputError("bad_pricing_input", "", expected="volatility >= 0 and finite", actual=repr(volatility))
        return volatility * sqrt(self.years)

    def _discount(self) -> float:
        return exp(-self.rate * self.years)

    def _sign(self) -> float:
        return 1.0 if self.right == "C" else -1.0


def normal_cdf(x: float) -> float:
    """The standard normal distribution function, right to about 1e-15 of 1 everywhere and relatively in the lower tail."""
    return erfc(-x / _SQRT_2) / 2


def _require_positive(name: str, value: float) -> None:
    if not (isfinite(value) and value > 0):
        raise InputError("bad_pricing_input", "", expected=f"{name} > 0 and finite", actual=repr(value))
