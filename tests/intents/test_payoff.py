"""Payoff algebra against the definition, and the escrow vectors of the rules."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intents.errors import InputError
from intents.instruments import Option, Right, Style, parse_option
from intents.outcome import IndexHaircut, Knot, PayoffFloor
from intents.payoff import (
    ZERO,
    LossBound,
    PiecewiseLinear,
    combine,
    counted_position,
    floor_payoff,
    haircut_for,
    option_payoff,
)

KnotList = list[tuple[Fraction, Fraction]]

BTC = 10**8
CALL = parse_option("deribit:main/option:BTC-20200626T08-9000-C-inv-coin.BTC-deribit.btc")


def leg(right: Right, strike: str, style: Style = "inverse") -> PiecewiseLinear:
    """One whole option with four decimals, settled in an asset of eight."""
    return option_payoff(replace(CALL, right=right, strike=strike, style=style), 8, 4).scale(10**4)


rationals = st.builds(Fraction, st.integers(-50, 50), st.integers(1, 6))
prices = st.builds(Fraction, st.integers(1, 60), st.integers(1, 4))


@st.composite
def knot_lists(draw: st.DrawFn) -> KnotList:
    places = [Fraction(0), *sorted(draw(st.sets(prices, max_size=5)))]
    return [(at, draw(rationals)) for at in places]


functions = st.builds(PiecewiseLinear.from_knots, knot_lists(), rationals)


def interpolate(knots: KnotList, slope: Fraction, price: Fraction) -> Fraction:
    """The definition: the segment that holds the price, or the last slope."""
    for (at, before), (to, after) in pairwise(knots):
        if at <= price <= to:
            return before + (after - before) * (price - at) / (to - at)
    return knots[-1][1] + slope * (price - knots[-1][0])


@settings(max_examples=120, derandomize=True)
@given(knot_lists(), rationals, st.lists(prices, min_size=1, max_size=5))
def test_evaluation_is_interpolation(knots: KnotList, slope: Fraction, points: list[Fraction]) -> None:
    function = PiecewiseLinear.from_knots(knots, slope)
    for price in [*points, Fraction(0), *(at for at, _ in knots)]:
        assert function.evaluate(price) == interpolate(knots, slope, price)
    assert function.slope == slope
    assert set(function.knots) <= set(knots)
    assert PiecewiseLinear.from_knots(function.knots, slope) == function


@settings(max_examples=120, derandomize=True)
@given(st.lists(st.tuples(rationals, functions), max_size=4), prices)
def test_sums_are_pointwise_and_canonical(terms: list[tuple[Fraction, PiecewiseLinear]], price: Fraction) -> None:
    total = combine(terms)
    assert total.evaluate(price) == sum(weight * function.evaluate(price) for weight, function in terms)
    assert total == sum((function.scale(weight) for weight, function in reversed(terms)), ZERO)
    assert total - total == ZERO
    assert total + -total == ZERO
    assert all(change for _, change in total.kinks)
    assert [at for at, _ in total.kinks] == sorted({at for at, _ in total.kinks})


@settings(max_examples=120, derandomize=True)
@given(functions, functions)
def test_minimum_and_domination_hold_at_every_price(one: PiecewiseLinear, other: PiecewiseLinear) -> None:
    dense = [Fraction(i, 12) for i in range(0, 12 * 62, 5)] + [at for at, _ in one.knots + other.knots]
    least = one.minimum()
    if least is None:
        assert one.slope < 0
        assert one.evaluate(10**9) < -(10**6)
    else:
        assert least == min(one.evaluate(at) for at in [*dense, Fraction(10**9)])
    ahead = all(one.evaluate(at) >= other.evaluate(at) for at in [*dense, Fraction(10**9)])
    assert one.dominates(other) == ahead
    assert one.dominates(one)


@settings(max_examples=120, derandomize=True)
@given(functions, st.sampled_from(["linear", "inverse"]))
def test_the_loss_is_a_supremum_over_all_prices(function: PiecewiseLinear, style: Style) -> None:
    def payment(price: Fraction) -> Fraction:
        return function.evaluate(price) / (price if style == "inverse" else 1)

    dense = [Fraction(i, 12) for i in range(1, 12 * 62, 5)] + [at for at, _ in function.knots if at]
    ends = [Fraction(1, 10**9), Fraction(10**9)] + ([Fraction(0)] if style == "linear" else [])
    losses = [-payment(at) for at in [*dense, *ends]]
    bound = function.loss_supremum(style)
    if bound.amount is None:
        assert not bound.attained
        assert max(losses) > 10**6
        return
    assert bound.amount >= max([Fraction(0), *losses])
    if bound.attained:
        assert bound.amount == max([Fraction(0), *losses])
    else:
        assert bound.amount > max(losses)
        assert bound.amount - max(losses) < Fraction(1, 1000)


@pytest.mark.parametrize(
    ("legs", "style", "expected"),
    [
        # short the 9000/10000 inverse call spread: at S = 10000 it pays 1000 / 10000 BTC
        ([(-1, "C", "9000"), (1, "C", "10000")], "inverse", LossBound(Fraction(BTC, 10), True)),
        # a naked short inverse call pays (S - K) / S, which only approaches 1 BTC
        ([(-1, "C", "9000")], "inverse", LossBound(Fraction(BTC), False)),
        # a naked short inverse put pays (K - S) / S, without bound as S falls to 0
        ([(-1, "P", "9000")], "inverse", LossBound(None, False)),
        # bounded only when another put covers all of it at 0
        ([(-1, "P", "9000"), (1, "P", "8000")], "inverse", LossBound(None, False)),
        ([(-8, "P", "9000"), (9, "P", "8000")], "inverse", LossBound(Fraction(BTC), True)),
        ([(1, "P", "9000")], "inverse", LossBound(Fraction(0), True)),
        ([], "inverse", LossBound(Fraction(0), True)),
        ([(-1, "C", "9000"), (1, "C", "10000")], "linear", LossBound(Fraction(1000 * BTC), True)),
        ([(-1, "C", "9000")], "linear", LossBound(None, False)),
        ([(-1, "P", "9000")], "linear", LossBound(Fraction(9000 * BTC), True)),
    ],
)
def test_escrow_vectors(legs: list[tuple[int, Right, str]], style: Style, expected: LossBound) -> None:
    position = combine((count, leg(right, strike, style)) for count, right, strike in legs)
    assert position.loss_supremum(style) == expected


def test_put_call_parity_is_exact() -> None:
    forward = PiecewiseLinear.from_knots([(0, -9000 * BTC)], BTC)
    assert leg("C", "9000") - leg("P", "9000") == forward


def test_a_strike_with_decimals_and_coarse_options_stay_exact() -> None:
    payoff = option_payoff(replace(CALL, strike="0.1", right="P"), 0, 3)
    assert payoff.knots == ((Fraction(0), Fraction(1, 10000)), (Fraction(1, 10), Fraction(0)))
    assert payoff.slope == 0


@pytest.mark.parametrize("knots", [[], [(1, 0)], [(0, 0), (0, 1)], [(0, 0), (2, 1), (1, 1)]])
def test_bad_knots_are_refused(knots: list[tuple[int, int]]) -> None:
    with pytest.raises(InputError) as caught:
        PiecewiseLinear.from_knots(knots, 0)
    assert caught.value.code == "bad_knots"


FLOOR = PayoffFloor(
    underlying="BTC",
    index="deribit.btc",
    fixing_seconds=CALL.expiry_seconds,
    settlement=CALL.settlement,
    style="inverse",
    knots=(Knot(at="0", value=9000 * BTC), Knot(at="9000", value=0)),
    slope=0,
)


def test_a_put_is_exactly_the_put_floor() -> None:
    assert floor_payoff(FLOOR) == leg("P", "9000")
    assert leg("P", "9000").dominates(floor_payoff(FLOOR))
    assert not leg("P", "8999").dominates(floor_payoff(FLOOR))


def test_an_option_counts_only_toward_its_own_underlying_or_with_a_signed_haircut() -> None:
    allowed = [IndexHaircut(index="other.btc", haircut_bps=150)]
    assert haircut_for(CALL, FLOOR, allowed) == 0
    assert haircut_for(replace(CALL, index="other.btc"), FLOOR, allowed) == 150
    assert haircut_for(replace(CALL, index="other.btc"), FLOOR, []) is None
    others: tuple[Option, ...] = (
        replace(CALL, underlying="ETH"),
        replace(CALL, expiry_seconds=CALL.expiry_seconds + 3600),
        replace(CALL, style="linear"),
        replace(CALL, settlement="deribit:main/coin:ETH"),
    )
    assert [haircut_for(other, FLOOR, allowed) for other in others] == [None] * 4
    assert counted_position(1000, 150) == 985
    assert counted_position(-1000, 150) == -1015
    assert counted_position(3, 1) == Fraction(29997, 10000)
