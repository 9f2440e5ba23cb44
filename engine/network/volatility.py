"""Realised volatility of a price, from a history of samples: annual, in ppm, exact integers rounded up.

    sigma = sqrt( sum of squared returns / time between the first and the last sample, per year )

Samples lie at least `SPACING_SECONDS` apart and at most `WINDOW_SECONDS` back. Trades push a price to and fro, and the shorter the
spacing the more of that is taken for volatility (Andersen, Bollerslev, Diebold and Labys, 2001, sample every five minutes
for it); what is left of it makes the estimate too high, which is against who promises. It says what was, not what will be:
fewer than `LEAST` samples say nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import isqrt
from typing import NamedTuple

from intents.values import ceil_div

SPACING_SECONDS = 60
WINDOW_SECONDS = 3600
LEAST = 6

MOST_PPM = 100_000_000
"""What a snapshot may say: 10,000 %."""

_BILLION = 10**9
_YEAR_SECONDS = 365 * 24 * 3600


class Sample(NamedTuple):
    """Prices in any fixed small units, above 0, by asset, at a time."""

    seconds: int
    prices: Mapping[str, int]


def remembered(history: Sequence[Sample], sample: Sample) -> tuple[Sample, ...]:
    """The history with the sample, if it is not too soon for it, without what the window has left behind."""
    kept = [each for each in history if sample.seconds - WINDOW_SECONDS <= each.seconds <= sample.seconds]
    if not kept or sample.seconds - kept[-1].seconds >= SPACING_SECONDS:
        kept.append(sample)
    return tuple(kept)


def realised_ppm(history: Sequence[Sample]) -> dict[str, int]:
    """By asset that enough samples have; samples ascend in time."""
    found = {}
    for asset in sorted({asset for sample in history for asset in sample.prices}):
        seen = [(sample.seconds, sample.prices[asset]) for sample in history if asset in sample.prices]
        if len(seen) < LEAST:
            continue
        squares = sum(((new - old) * _BILLION // old) ** 2 for (_, old), (_, new) in pairwise(seen))
        yearly = ceil_div(squares * _YEAR_SECONDS, seen[-1][0] - seen[0][0])
        found[asset] = min(MOST_PPM, ceil_div(isqrt(yearly) + (1 if yearly else 0), 1000))
    return found
