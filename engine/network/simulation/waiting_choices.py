"""How good the predictions of waiting are where customers choose among queues: the shorter of two random ones, or of all.

Rows as in `waiting`, exponential service, fresh state. `simulated` is the policy, `predicted` the law, with the share of
customers within its 90 % interval of the time in system:
    power of two choices     the policy `power_of_two`; the mean-field limit, exact for queues without number
    shortest of all queues   the policy `least_loaded_own`; `shortest_queue_wait`, by which snapshots forecast
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from engine.network.outlook import COVERAGE
from engine.network.policies import POLICIES
from engine.network.policies.base import blank_memory, blank_sight
from engine.network.queueing import (
    interval,
    power_of_d_beyond,
    power_of_d_sojourn,
    shortest_queue_wait,
    sojourn_beyond,
)
from engine.network.seen import exponential_sample
from engine.network.simulation.core import World, simulate
from engine.network.simulation.statistics import estimate
from engine.network.simulation.streams import UNIT_US, draw

Row = dict[str, str | int | float | None]

WARM_UP = 100_000
CASES = tuple((servers, load) for servers in (5, 10, 100) for load in (0.5, 0.8, 0.95))


@dataclass(frozen=True, slots=True)
class Law:
    """A policy, and by (servers, load) its predicted mean wait and P(time in system > t), in service times."""

    variant: str
    policy: str
    mean: Callable[[int, float], float]
    beyond: Callable[[int, float, float], float]


def _shortest_beyond(servers: int, load: float, time: float) -> float:
    services = [each / UNIT_US for each in exponential_sample(UNIT_US)]
    return sojourn_beyond(shortest_queue_wait(servers, load, 1.0), services, time)


TWO = Law(
    "power of two choices",
    "power_of_two",
    lambda _, load: power_of_d_sojourn(2, load) - 1,
    lambda _, load, time: power_of_d_beyond(2, load, time),
)
ALL = Law(
    "shortest of all queues",
    "least_loaded_own",
    lambda servers, load: shortest_queue_wait(servers, load, 1.0).mean,
    _shortest_beyond,
)


def choice_rows(
    seeds: int = 10,
    customers: int = 300_000,
    laws: Sequence[Law] = (TWO, ALL),
    cases: Sequence[tuple[int, float]] = CASES,
) -> Iterator[Row]:
    """The rows of every law and case over seeds 0 .. seeds - 1, at least two."""
    for law in laws:
        for servers, load in cases:
            yield from _rows(
                law, servers, load, [_sojourns(law, servers, load, seed, customers) for seed in range(seeds)]
            )


Times = np.ndarray[tuple[int], np.dtype[np.float64]]


def _rows(law: Law, servers: int, load: float, found: Sequence[Times]) -> Iterator[Row]:
    mean = estimate([float(times.mean()) - 1 for times in found])
    tail = estimate([float(np.quantile(times, 0.99)) - 1 for times in found])
    predicted = law.mean(servers, load)
    low, high = interval(partial(law.beyond, servers, load), COVERAGE)
    covered = estimate([float(((times >= low) & (times <= high)).mean()) for times in found]).value

    def row(policy: str, value: float, error: float, **more: float | None) -> Row:
        made: Row = {"scenario": "waiting", "variant": law.variant, "policy": policy, "n": servers, "rho": load}
        made.update(seeds=len(found), mean=value, p99=None, mean_ci95=None, p99_ci95=None, error=error, coverage=None)
        return {**made, **more}

    yield row("simulated", mean.value, 0.0, p99=tail.value, mean_ci95=mean.half_width, p99_ci95=tail.half_width)
    off = abs(predicted / mean.value - 1)
    yield row("predicted", predicted, off, coverage=covered, off_coverage=abs(covered - COVERAGE))


def _sojourns(law: Law, servers: int, load: float, seed: int, customers: int) -> Times:
    """Times in system, in service times, of all customers after the first `WARM_UP`."""
    stream = draw(seed, WARM_UP + customers, load * servers, (1.0,), servers, None)
    world = World(
        service_us=np.full(servers, UNIT_US, dtype=np.int64),
        machine=np.arange(servers, dtype=np.int64),
        lies=np.zeros(servers, dtype=np.int64),
        report_us=0,
        batched=False,
        staggered=False,
        slowdown=1,
        estimated=False,
    )
    memory = blank_memory(servers, servers, seed)
    run = simulate(POLICIES[law.policy], world, stream, blank_sight(servers), memory)
    return run.sojourn_us[WARM_UP:] / UNIT_US
