"""How fast the event core is: `pytest -s tests/benchmarks/test_simulator_speed.py` with CLEARWAY_BENCHMARKS=1."""

from __future__ import annotations

import os
import time

import pytest

from engine.network.simulation.core import simulate
from engine.network.simulation.measure import CODES, memory_of, sight_of, world_of
from engine.network.simulation.scenarios import s1
from engine.network.simulation.streams import draw

CUSTOMERS = 1_000_000

pytestmark = pytest.mark.skipif(
    "CLEARWAY_BENCHMARKS" not in os.environ, reason="timed: set CLEARWAY_BENCHMARKS=1 and leave the machine alone"
)


@pytest.mark.parametrize("policy", ["lwl", "random", "round_robin", "power_of_two", "least_loaded_own", "equilibrium"])
def test_a_million_customers_a_second(policy: str) -> None:
    case = s1()[1]
    stream = draw(1, CUSTOMERS, case.rate, case.demand, case.nodes, None)
    best = 0.0
    for _ in range(3):
        sight, memory = sight_of(case), memory_of(case, 1)
        start = time.perf_counter()
        simulate(CODES[policy], world_of(case), stream, sight, memory)
        best = max(best, CUSTOMERS / (time.perf_counter() - start))
    print(f"\n{policy}: {best / 1e6:.1f} million customers a second")  # noqa: T201  # the figure is what this is for

    assert best >= 1e6
