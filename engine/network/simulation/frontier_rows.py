"""Item 4 as rows of the bench: the online rule against the frontier, at the same load and floor on decentralisation.

`against` is a mean latency over that of the best fixed shares which keep the floor; `over_floor` is by how much the
greatest k - 1 operators' share of dispatched value ever passed the floor's threshold in the window of `frontier`
(0: the floor held throughout, in every run). Beside the online rule: equal shares, which keep every floor here, and the
frontier itself. Times are mean service times of the fleet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from fractions import Fraction

import numpy as np

from engine.network.equilibrium import latency_us
from engine.network.frontier import FLOORS, Point, example_fleet, floor_name, frontier
from engine.network.simulation.bench import Row

LOADS = (0.2, 0.6)
"""Where the floor binds most, and where queueing spreads the load by itself."""


def frontier_rows(seeds: Sequence[int], policies: Collection[str] | None = None) -> list[Row]:
    """Rows of scenario `frontier` for every floor at LOADS; those of the policies named."""
    made = [row for load in LOADS for floor in FLOORS if floor is not None for row in _rows(load, floor, len(seeds))]
    return [row for row in made if policies is None or row["policy"] in policies]


def _rows(load: float, floor: tuple[int, Fraction], seeds: int) -> Iterator[Row]:
    fleet = example_fleet(load)
    (point,) = frontier([fleet], [floor], seeds)
    if point.optimum is None or point.online is None:
        return
    service_us = float(np.mean(fleet.service_us))
    best = point.optimum.latency_us
    equal = latency_us(fleet, np.full(len(fleet.service_us), 1 / len(fleet.service_us)))
    online = point.online
    over = max(0.0, online.window - _threshold(point))
    latency = online.latency_us
    yield _row(
        point,
        "equilibrium",
        latency.value / service_us,
        seeds,
        mean_ci95=round(latency.half_width / service_us, 4),
        against=round(latency.value / best, 4),
        over_floor=round(over, 4),
        window=round(online.window, 4),
    )
    yield _row(point, "equal shares", equal / service_us, seeds, against=round(equal / best, 4))
    yield _row(point, "frontier", best / service_us, seeds, against=1.0)


def _threshold(point: Point) -> float:
    return 1.0 if point.floor is None else float(point.floor[1])


def _row(point: Point, policy: str, mean: float, seeds: int, **more: object) -> Row:
    finite = bool(np.isfinite(mean))
    found = {key: value for key, value in more.items() if finite or key != "against"}
    return {
        "scenario": "frontier",
        "variant": floor_name(point),
        "policy": policy,
        "n": 12,
        "rho": round(point.load, 6),
        "seeds": seeds,
        "mean": round(mean, 4) if finite else None,
        "p99": None,
        "mean_ci95": None,
        "p99_ci95": None,
        "stable": finite,
        **found,
    }
