"""The chance of one seeded run, drawn once and shared by every policy that is compared (common random numbers).

Arrivals are Poisson, service requirements exponential, slow phases an alternating renewal process with exponential
phases, each from its own generator of the seed: a world without one of them changes no number of the rest. Interarrival and
service times are scaled so that a run's means are exactly those asked for: moment matching, which takes the chance of a
busy seed out of every figure and biases it by the order of one over the customers (far below the intervals). What a policy
draws itself comes from its `Memory`, never from here. A unit is the mean service time of a node of speed 1, `UNIT_US`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.network.draws import Ints

UNIT_US = 1_000_000
"""One service time."""

KEYS = 4096
"""Affinity keys are uniform below this."""


class Stream(NamedTuple):
    """Customers in order of arrival, int64[customers], and when each machine changes its pace."""

    arrival_us: Ints
    work_us: Ints
    """Service time at speed 1, at least 1."""
    region: Ints
    key: Ints
    value: Ints
    """What a customer is worth: 1, unless the caller puts other values in."""
    switch_us: Ints
    """int64[machines, changes]: a machine is slow from each even position (0, 2, ...) until the next; ascending."""


class Phases(NamedTuple):
    """An antagonist beside each machine: mean times, in units, without and with it."""

    calm: float
    slow: float


def draw(
    seed: int, customers: int, rate: float, demand: tuple[float, ...], machines: int, phases: Phases | None
) -> Stream:
    """The stream of a seed: `rate` arrivals per unit, `demand` the share of each region (sum 1)."""
    arrivals, work, regions, keys, switches = (np.random.default_rng([seed, k]) for k in range(5))
    gaps = _scaled(arrivals.exponential(1.0, customers), UNIT_US / rate)
    arrival_us = _rounded(np.cumsum(gaps))
    return Stream(
        arrival_us=arrival_us,
        work_us=np.maximum(_rounded(_scaled(work.exponential(1.0, customers), UNIT_US)), 1),
        region=_regions(regions, demand, customers),
        key=keys.integers(0, KEYS, customers, dtype=np.int64),
        value=np.ones(customers, dtype=np.int64),
        switch_us=_switches(switches, machines, phases, float(arrival_us[-1])),
    )


def _regions(generator: np.random.Generator, demand: tuple[float, ...], customers: int) -> Ints:
    if len(demand) == 1:
        return np.zeros(customers, dtype=np.int64)
    bounds = np.cumsum(demand)[:-1]
    return np.searchsorted(bounds, generator.random(customers), side="right").astype(np.int64)


def _switches(generator: np.random.Generator, machines: int, phases: Phases | None, end_us: float) -> Ints:
    """Enough changes to outlast the run by half; a machine keeps its last pace after them."""
    if phases is None:
        return np.zeros((machines, 0), dtype=np.int64)
    cycles = int(1.5 * end_us / UNIT_US / (phases.calm + phases.slow)) + 20
    lengths = np.empty((machines, 2 * cycles))
    lengths[:, 0::2] = generator.exponential(phases.calm * UNIT_US, (machines, cycles))
    lengths[:, 1::2] = generator.exponential(phases.slow * UNIT_US, (machines, cycles))
    return _rounded(np.cumsum(lengths, axis=1))


def _scaled(values: NDArray[np.float64], mean: float) -> NDArray[np.float64]:
    return values * (mean / float(values.mean()))


def _rounded(times: NDArray[np.float64]) -> Ints:
    return np.rint(times).astype(np.int64)
