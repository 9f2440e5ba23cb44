"""How good the predictions of waiting are where each customer takes the shorter of two random queues.

Rows as in `waiting`, of the variant `power of two choices`, exponential service: `simulated` is the policy `power_of_two` with
fresh state, `predicted` the mean-field limit (`queueing.power_of_d_sojourn`) and the share of customers within its 90 %
interval. The limit is for servers without number: what it misses with ten is in the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from engine.network.outlook import COVERAGE
from engine.network.policies import POLICIES
from engine.network.policies.base import blank_memory, blank_sight
from engine.network.queueing import interval, power_of_d_beyond, power_of_d_sojourn
from engine.network.simulation.core import World, simulate
from engine.network.simulation.statistics import estimate
from engine.network.simulation.streams import UNIT_US, draw

Row = dict[str, str | int | float | None]

POWER = "power of two choices"
WARM_UP = 100_000
CASES = tuple((servers, load) for servers in (10, 100) for load in (0.5, 0.8, 0.95))


def choice_rows(seeds: int = 10, customers: int = 300_000, cases: Sequence[tuple[int, float]] = CASES) -> Iterator[Row]:
    """The rows of every case over seeds 0 .. seeds - 1, at least two."""
    for servers, load in cases:
        found = [_sojourns(servers, load, seed, customers) for seed in range(seeds)]
        mean = estimate([float(times.mean()) - 1 for times in found])
        tail = estimate([float(np.quantile(times, 0.99)) - 1 for times in found])
        predicted = power_of_d_sojourn(2, load) - 1
        low, high = interval(partial(power_of_d_beyond, 2, load), COVERAGE)
        covered = estimate([float(((times >= low) & (times <= high)).mean()) for times in found]).value
        common: Row = {"scenario": "waiting", "variant": POWER, "n": servers, "rho": load, "seeds": seeds}
        yield {
            **common,
            "policy": "simulated",
            "mean": mean.value,
            "p99": tail.value,
            "mean_ci95": mean.half_width,
            "p99_ci95": tail.half_width,
            "error": 0.0,
            "coverage": None,
        }
        yield {
            **common,
            "policy": "predicted",
            "mean": predicted,
            "p99": None,
            "mean_ci95": None,
            "p99_ci95": None,
            "error": abs(predicted / mean.value - 1),
            "coverage": covered,
            "off_coverage": abs(covered - COVERAGE),
        }


def _sojourns(servers: int, load: float, seed: int, customers: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
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
    run = simulate(POLICIES["power_of_two"], world, stream, blank_sight(servers), memory)
    return run.sojourn_us[WARM_UP:] / UNIT_US
