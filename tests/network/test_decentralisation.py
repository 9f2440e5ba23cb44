"""Measures of concentration on shares whose values are known."""

from __future__ import annotations

from fractions import Fraction
from math import exp, log

import pytest

from engine.network.decentralisation import Measures, intervals, measure, nakamoto, worst
from intents.errors import InputError


def test_equal_shares() -> None:
    found = measure([5] * 12)

    assert found.hhi == pytest.approx(1 / 12)
    assert found.gini == pytest.approx(0)
    assert exp(found.entropy) == pytest.approx(12)
    assert found.nakamoto == (5, 7, 9)  # 4 of 12 are a third, 6 a half, 8 two thirds: not more


def test_one_holder_has_it_all() -> None:
    found = measure([0, 7, 0])

    assert (found.hhi, found.entropy, found.nakamoto) == (1.0, 0.0, (1, 1, 1))
    assert found.gini == pytest.approx(2 / 3)


def test_ethereums_builders_of_february_2026() -> None:
    found = measure([495, 284, 173, 48])

    assert found.hhi == pytest.approx(0.36, abs=0.005)
    assert found.nakamoto == (1, 2, 2)


def test_unequal_shares_by_hand() -> None:
    # Mean difference of 1, 2, 3 over all pairs is 8/9, twice the mean 4: Gini 2/9.
    found = measure([3, 1, 2])

    assert found.gini == pytest.approx(2 / 9)
    assert found.entropy == pytest.approx(-(log(1 / 2) / 2 + log(1 / 3) / 3 + log(1 / 6) / 6))


def test_the_coefficient_needs_more_than_the_threshold() -> None:
    assert [nakamoto([1, 1, 1], Fraction(1, 3)), nakamoto([10**30 + 1, 10**30, 10**30], Fraction(1, 3))] == [2, 1]


def test_intervals_shrink_with_the_sample_and_hold_the_truth() -> None:
    few, many = (intervals([5 * n, 3 * n, 2 * n], seed=1, samples=400) for n in (10, 1_000))

    assert few.hhi.low < 0.38 < few.hhi.high
    assert many.hhi.low < 0.38 < many.hhi.high
    assert many.hhi.high - many.hhi.low < (few.hhi.high - few.hhi.low) / 5
    assert few.nakamoto[1].low <= 1 <= few.nakamoto[1].high
    assert intervals([5, 3, 2], seed=1, samples=50) == intervals([5, 3, 2], seed=1, samples=50)


def test_the_worst_division_counts() -> None:
    by_operator, by_region = measure([4, 3, 2, 1]), measure([5, 5])
    found = worst([by_operator, by_region])

    assert found == Measures(by_region.hhi, by_operator.gini, by_region.entropy, (1, 2, 2))


@pytest.mark.parametrize("amounts", [[], [0, 0], [3, -1]])
def test_nothing_has_no_measures(amounts: list[int]) -> None:
    with pytest.raises(InputError) as caught:
        measure(amounts)

    assert caught.value.code == "no_shares"
