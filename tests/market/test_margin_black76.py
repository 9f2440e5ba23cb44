"""Black-76 against QuantLib, which nobody here wrote, and against its own laws."""

from decimal import Decimal
from itertools import product
from math import exp, isclose, sqrt
from random import Random
from typing import Any, Literal

import pytest

from engine.market.margin.black76 import Black76, normal_cdf
from engine.market.smile import normal_cdf as decimal_cdf
from intents.errors import InputError

STRIKES = (1000.0, 8000.0, 9990.0, 10000.0, 10010.0, 12500.0, 60000.0)
YEARS = (1 / 365, 30 / 365, 1.0, 5.0)
VOLATILITIES = (0.05, 0.4, 0.9, 2.5)
RIGHTS: tuple[Literal["C", "P"], ...] = ("C", "P")
CASES = list(product(STRIKES, YEARS, VOLATILITIES, RIGHTS, (0.0, 0.05)))
FORWARD = 10000.0


@pytest.fixture(scope="module")
def quantlib() -> Any:
    return pytest.importorskip("QuantLib", reason="QuantLib is not installed: pip install 'clearway[dev]'")


def oracle(quantlib: Any, option: Black76, volatility: float) -> Any:
    kind = quantlib.Option.Call if option.right == "C" else quantlib.Option.Put
    payoff = quantlib.PlainVanillaPayoff(kind, option.strike)
    discount = exp(-option.rate * option.years)
    return quantlib.BlackCalculator(payoff, option.forward, volatility * sqrt(option.years), discount)


def test_price_and_greeks_are_quantlibs(quantlib: Any) -> None:
    for strike, years, volatility, right, rate in CASES:
        option = Black76(FORWARD, strike, years, right, "linear", rate)
        theirs, ours = oracle(quantlib, option, volatility), option.greeks(volatility)
        vega, theta = theirs.vega(years), theirs.theta(FORWARD, years)

        assert isclose(option.price(volatility), theirs.value(), rel_tol=1e-12, abs_tol=1e-12 * FORWARD)
        assert isclose(ours.delta, theirs.deltaForward(), rel_tol=1e-12, abs_tol=1e-12)
        assert isclose(ours.gamma, theirs.gammaForward(), rel_tol=1e-12, abs_tol=1e-12 / FORWARD)
        assert isclose(ours.vega, vega, rel_tol=1e-12, abs_tol=1e-12 * FORWARD)
        assert isclose(ours.theta, theta, rel_tol=1e-12, abs_tol=1e-12 * FORWARD)


def test_inverse_greeks_are_derivatives_of_quantlibs_price_in_coin(quantlib: Any) -> None:
    step = FORWARD * 1e-4
    for strike, years, volatility, right, rate in CASES:
        if volatility * sqrt(years) < 0.02:
            continue  # the payoff's kink is sharper than the step
        option = Black76(FORWARD, strike, years, right, "inverse", rate)
        low, mid, high = (
            oracle(quantlib, Black76(at, strike, years, right, "linear", rate), volatility).value() / at
            for at in (FORWARD - step, FORWARD, FORWARD + step)
        )
        ours, theirs = option.greeks(volatility), oracle(quantlib, option, volatility)

        assert isclose(option.price(volatility), mid, rel_tol=1e-12, abs_tol=1e-12)
        assert isclose(ours.delta * FORWARD, (high - low) / (2 * step) * FORWARD, rel_tol=1e-4, abs_tol=1e-6)
        assert isclose(
            ours.gamma * FORWARD**2, (high - 2 * mid + low) / (step / FORWARD) ** 2, rel_tol=2e-3, abs_tol=1e-5
        )
        assert isclose(ours.vega, theirs.vega(years) / FORWARD, rel_tol=1e-12, abs_tol=1e-12)
        assert isclose(ours.theta, theirs.theta(FORWARD, years) / FORWARD, rel_tol=1e-12, abs_tol=1e-12)


def test_implied_volatility_of_quantlibs_premium(quantlib: Any) -> None:
    compared = 0
    for style, (strike, years, volatility, right, rate) in product(("linear", "inverse"), CASES):
        option = Black76(FORWARD, strike, years, right, "inverse" if style == "inverse" else "linear", rate)
        calculator = oracle(quantlib, option, volatility)
        value = calculator.value()
        if calculator.vega(years) < 1e-2 * FORWARD:
            continue  # the premium, in double precision, does not determine the volatility to 1e-12
        compared += 1

        found = option.implied_volatility(value if style == "linear" else value / FORWARD)

        assert isclose(found, volatility, rel_tol=1e-12, abs_tol=1e-12)
    assert compared > 200


def test_implied_volatility_is_as_exact_as_the_premium(quantlib: Any) -> None:
    chance = Random(1)
    for _ in range(2000):
        forward, years, deviation = (
            10 ** chance.uniform(-3, 6),
            10 ** chance.uniform(-3, 1),
            10 ** chance.uniform(-2.5, 0.5),
        )
        strike, volatility = forward * exp(chance.gauss(0, 1.5) * deviation), deviation / sqrt(years)
        option = Black76(forward, strike, years, chance.choice(RIGHTS))
        theirs = oracle(quantlib, option, volatility)

        error = abs(option.implied_volatility(theirs.value()) - volatility)

        assert error * theirs.vega(years) <= 1e-15 * max(forward, strike)


@pytest.mark.parametrize("deviations", [0.5, 3, 8, 20, 35])
def test_a_tiny_premium_out_of_the_money_still_gives_its_volatility(deviations: float) -> None:
    volatility, years = 0.6, 7 / 365
    strike = FORWARD * exp(deviations * volatility * sqrt(years))
    call = Black76(FORWARD, strike, years, "C")

    assert isclose(call.implied_volatility(call.price(volatility)), volatility, rel_tol=1e-12)


def test_the_normal_distribution_is_that_of_decimal_arithmetic() -> None:
    for x in (Decimal(step) / 8 for step in range(-63, 64)):
        assert isclose(normal_cdf(float(x)), float(decimal_cdf(x)), rel_tol=2e-14 if x < 0 else 1e-15)
        assert isclose(normal_cdf(float(x)), float(decimal_cdf(x)), rel_tol=0, abs_tol=1e-15)


def test_parity_and_zero_volatility() -> None:
    for strike, years in product(STRIKES, YEARS):
        call, put = (Black76(FORWARD, strike, years, right) for right in RIGHTS)

        assert isclose(call.price(0.7) - put.price(0.7), FORWARD - strike, rel_tol=1e-14, abs_tol=1e-11)
        assert call.price(0.0) == max(0.0, FORWARD - strike)


@pytest.mark.parametrize("premium", [0.0, -1.0, 10000.0, 20000.0, float("nan")])
def test_a_premium_without_a_volatility_is_refused(premium: float) -> None:
    with pytest.raises(InputError) as error:
        Black76(FORWARD, 12000.0, 1.0, "C").implied_volatility(premium)

    assert error.value.code == "price_out_of_range"


@pytest.mark.parametrize("field", ["forward", "strike", "years"])
@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
def test_bad_inputs_are_refused(field: str, bad: float) -> None:
    given = {"forward": 1.0, "strike": 1.0, "years": 1.0, field: bad}

    with pytest.raises(InputError) as error:
        Black76(given["forward"], given["strike"], given["years"], "C")

    assert error.value.code == "bad_pricing_input"
    assert field in error.value.expected
