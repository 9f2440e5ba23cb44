"""The chance of one run with failures or overload, drawn once for every protection that is compared.

Arrivals are Poisson with a rate that changes in steps, made from one stream of unit exponentials by time change, so that
runs of one seed share it whatever their rates. Each attempt of a request has a service requirement (exponential, mean
`UNIT_US`) and a uniform draw that decides whether it fails; a retry gets new ones, the same under every policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from engine.network.draws import Ints
from engine.network.simulation.streams import UNIT_US

PPM = 1_000_000

CLASSES = (0.2, 0.5, 0.3)
"""Shares of requests that are critical, normal and sheddable."""

Steps = Sequence[tuple[float, float]]
"""Load as (units of time, arrivals per unit), one after the other."""


class Play(NamedTuple):
    """Requests in order of arrival."""

    arrival_us: Ints
    klass: Ints
    work_us: Ints
    """int64[requests, tries]."""
    luck_ppm: Ints
    """int64[requests, tries], uniform below PPM: the attempt fails where it is below the node's failure rate."""
    end_us: int


class Faults(NamedTuple):
    """Columns of what befalls each node; NEVER where nothing does."""

    crash_us: int = 0
    """What it has is lost, and it is silent until `back_us`, when it starts empty."""
    back_us: int = 1
    grey_us: int = 2
    """From here until `cured_us` it fails half of its requests, and those ten times as fast as it serves."""
    cured_us: int = 3


W = Faults()
NEVER = 2**62


def drawn(seed: int, steps: Steps, tries: int) -> Play:
    """The requests of a seed."""
    arrivals, work, luck, classes = (np.random.default_rng([seed, k]) for k in range(4))
    units = np.array([length for length, _ in steps])
    rates = np.array([rate for _, rate in steps])
    ends = np.cumsum(units)
    expected = np.concatenate([[0.0], np.cumsum(units * rates)])
    count = int(expected[-1] + 6 * np.sqrt(expected[-1]) + 20)
    passed = np.cumsum(arrivals.exponential(1.0, count))
    passed = passed[passed < expected[-1]]
    step = np.searchsorted(expected, passed, side="right") - 1
    times = (ends - units)[step] + (passed - expected[step]) / rates[step]
    shape = (len(passed), tries)
    return Play(
        arrival_us=np.rint(times * UNIT_US).astype(np.int64),
        klass=np.searchsorted(np.cumsum(CLASSES)[:-1], classes.random(len(passed)), side="right").astype(np.int64),
        work_us=np.maximum(np.rint(work.exponential(UNIT_US, shape)), 1).astype(np.int64),
        luck_ppm=luck.integers(0, PPM, shape, dtype=np.int64),
        end_us=round(float(ends[-1]) * UNIT_US),
    )


def no_faults(nodes: int) -> Ints:
    """int64[nodes, len(Faults)] in which nothing happens."""
    return np.full((nodes, len(W)), NEVER, dtype=np.int64)
