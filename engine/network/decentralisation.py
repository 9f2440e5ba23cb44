"""How concentrated shares are: HHI, Gini, entropy, Nakamoto coefficients, each with an interval from the sample's size.

Identities can be made up, so measure per operator, region, client software and chain, and believe the worst: `worst`
takes the measures of each such division and gives the least decentralised values.

Nakamoto coefficient at t: the smallest k such that the k greatest together exceed t (Srinivasan and Lee, 2017), decided
in exact integers. Floats in the other measures.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple, TypeVar

import numpy as np

from intents.errors import InputError

T = TypeVar("T")

THRESHOLDS = (Fraction(1, 3), Fraction(1, 2), Fraction(2, 3))
"""Liveness, majority, safety."""


@dataclass(frozen=True, slots=True)
class Measures:
    """`hhi`: sum of squared shares. `gini`: 0 is equal. `entropy`: in nats. `nakamoto`: at each of THRESHOLDS."""

    hhi: float
    gini: float
    entropy: float
    nakamoto: tuple[int, int, int]


class Interval(NamedTuple):
    """A 95 % interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Intervals:
    """Of each of `Measures`."""

    hhi: Interval
    gini: Interval
    entropy: Interval
    nakamoto: tuple[Interval, Interval, Interval]


def measure(amounts: Sequence[int]) -> Measures:
    """The measures of what each party holds. Raises InputError `no_shares` unless amounts are >= 0 and some are not 0."""
    total = sum(amounts)
    if min(amounts, default=0) < 0 or total == 0:
        raise InputError("no_shares", "", expected="amounts >= 0, not all 0", actual=str(list(amounts)[:20]))
    shares = np.sort(np.array([amount / total for amount in amounts]))
    positive = shares[shares > 0]
    ranks = np.arange(1, len(shares) + 1)
    return Measures(
        hhi=float(np.sum(shares**2)),
        gini=float(np.sum((2 * ranks - len(shares) - 1) * shares) / len(shares)),
        entropy=float(-np.sum(positive * np.log(positive))) + 0.0,
        nakamoto=_each(nakamoto(amounts, threshold) for threshold in THRESHOLDS),
    )


def nakamoto(amounts: Sequence[int], threshold: Fraction) -> int:
    """The smallest k whose k greatest amounts together exceed the threshold, 0 <= threshold < 1, of the total."""
    total, held = sum(amounts), 0
    for k, amount in enumerate(sorted(amounts, reverse=True), start=1):
        held += amount
        if held > threshold * total:
            return k
    raise InputError("no_shares", "", expected="amounts of which some are not 0", actual=str(list(amounts)[:20]))


def intervals(counts: Sequence[int], seed: int, samples: int = 2000) -> Intervals:
    """95 % percentile intervals by multinomial bootstrap: as many draws as counts, from the observed shares."""
    total = sum(counts)
    measure(counts)
    drawn = np.random.default_rng(seed).multinomial(total, np.array(counts) / total, samples)
    found = [measure(row.tolist()) for row in drawn]

    def interval(values: Iterable[float]) -> Interval:
        low, high = np.quantile(np.fromiter(values, dtype=float), (0.025, 0.975))
        return Interval(float(low), float(high))

    return Intervals(
        hhi=interval(each.hhi for each in found),
        gini=interval(each.gini for each in found),
        entropy=interval(each.entropy for each in found),
        nakamoto=_each(interval(each.nakamoto[i] for each in found) for i in range(len(THRESHOLDS))),
    )


def worst(divisions: Iterable[Measures]) -> Measures:
    """Of several divisions of the same thing the least decentralised value of each measure."""
    found = list(divisions)
    return Measures(
        hhi=max(each.hhi for each in found),
        gini=max(each.gini for each in found),
        entropy=min(each.entropy for each in found),
        nakamoto=_each(min(each.nakamoto[i] for each in found) for i in range(len(THRESHOLDS))),
    )


def _each(values: Iterable[T]) -> tuple[T, T, T]:
    first, second, third = values
    return first, second, third
