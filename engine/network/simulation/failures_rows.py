"""Rows of the bench from runs with failures: the common keys, and recovery.

None stands for a value that is infinite: it never came, or more than that share never ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite

from engine.network.simulation.bench import Row
from engine.network.simulation.failures_run import Units, quantile
from engine.network.simulation.statistics import Estimate, estimate


def finite(value: float) -> float | None:
    """The value to four places, or None where it is infinite or no number."""
    return round(value, 4) if isfinite(value) else None


def base_row(scenario: str, variant: str, policy: str, nodes: int, load: float, samples: Sequence[Units]) -> Row:
    """The keys that every row of the bench has, from the latencies of each seed.

    The mean is over requests that ended; a p99 is None where more than 1 % of a seed's did not. Intervals are half widths.
    """
    ended = [sample[sample < inf] for sample in samples]
    means = _estimate([float(sample.mean()) if len(sample) else inf for sample in ended])
    tails = _estimate([quantile(sample, 0.99) if len(sample) else inf for sample in samples])
    return {
        "scenario": scenario,
        "variant": variant,
        "policy": policy,
        "n": nodes,
        "rho": load,
        "seeds": len(samples),
        "mean": finite(means.value),
        "p99": finite(tails.value),
        "mean_ci95": finite(means.half_width),
        "p99_ci95": finite(tails.half_width),
    }


def _estimate(values: Sequence[float]) -> Estimate:
    return estimate(values) if max(values) < inf else Estimate(inf, inf)


def recovery(bad: Sequence[bool], window: float) -> float | None:
    """Units to the end of the last bad window; None where the last of all is bad."""
    if bad[-1]:
        return None
    return window * max((index + 1 for index, value in enumerate(bad) if value), default=0)
