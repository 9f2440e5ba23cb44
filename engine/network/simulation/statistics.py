"""Means, quantiles and their intervals over seeds. Each seed is one independent observation.

The interval is Student's t over the seeds' values (two-sided 95 %), which is right for any run length as long as warm-up
is cut off; customers of one run are correlated and are never counted as independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt

import numpy as np
from scipy import stats


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds and the half width of its 95 % interval (infinite with one seed)."""

    value: float
    half_width: float

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end."""
        return self.value - self.half_width, self.value + self.half_width

    def holds(self, value: float) -> bool:
        """Whether the interval covers a value."""
        low, high = self.interval
        return low <= value <= high


def estimate(values: Sequence[float]) -> Estimate:
    """The mean of at least one value, one for each seed."""
    sample = np.asarray(values, dtype=np.float64)
    if sample.size < 2:
        return Estimate(float(sample.mean()), inf)
    error = float(sample.std(ddof=1)) / sqrt(sample.size)
    return Estimate(float(sample.mean()), float(stats.t.ppf(0.975, sample.size - 1)) * error)


def gap_closed(random: float, ours: float, bound: float) -> float:
    """Share of the way from random dispatch to the bound; 1 is the bound, below 0 is worse than random."""
    return (random - ours) / (random - bound)
