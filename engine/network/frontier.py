"""The frontier of latency and decentralisation over one fleet, and how near the online rule comes to it.

For each load and floor: the least latency that fixed shares can have (`equilibrium.optimum`), the price of the floor, how
concentrated those shares are; and the same of the online rule, simulated: the policy `equilibrium` with the ceilings of
the floor, Poisson arrivals, exponential service, values of dispatches log-normal (sigma 1).

The online rule sees queues, which fixed shares do not, so it may well be below the frontier; the floor is the same. It is
judged where it counts: on value in a window that forgets (EWMA over WINDOW dispatches), at every dispatch after warm-up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from scipy.signal import lfilter

from engine.network.decentralisation import Measures, measure
from engine.network.draws import Ints
from engine.network.equilibrium import Fleet, Floats, Floor, Optimum, ceilings_ppm, optimum, ppm
from engine.network.policies import POLICIES
from engine.network.policies.base import Memory, Sight, blank_memory, blank_sight
from engine.network.simulation.core import World, simulate
from engine.network.simulation.statistics import Estimate, estimate
from engine.network.simulation.streams import UNIT_US, draw
from intents.errors import InputError

WINDOW = 5_000
"""Dispatches after which the window has forgotten all but 1/e."""

MEAN_VALUE = 1000
"""Of a dispatch, in the simulation."""

BURST = 8
"""Mean values by which an operator may be ahead of its ceiling."""

CUSTOMERS = 100_000
WARM_UP = 20_000

THIRD = Fraction(1, 3)
HALF = Fraction(1, 2)
FLOORS = (None, (3, THIRD), (4, THIRD), (3, HALF), (4, HALF), (5, HALF), (6, HALF))
"""Floors (k, t), "Nakamoto coefficient at t >= k", that are compared; None is no floor."""

LOADS = (0.2, 0.4, 0.6, 0.8)

_HEADS = (
    "load",
    "floor",
    "best fixed shares, ms",
    "price, ms per 1 %",
    "HHI",
    "N 1/3, 1/2, 2/3",
    "online rule, ms",
    "against",
    "HHI",
    "N 1/3, 1/2, 2/3",
    "worst window",
)


@dataclass(frozen=True, slots=True)
class Online:
    """The online rule at a point: its mean latency, measures of dispatched value, and the floor in the window.

    `window`: the greatest share of value that the k - 1 greatest ever had there in any run (0 without floor).
    """

    latency_us: Estimate
    measures: Measures
    window: float


@dataclass(frozen=True, slots=True)
class Point:
    """One load and floor. `optimum` and what depends on it is None where no shares keep the floor."""

    load: float
    floor: tuple[int, Fraction] | None
    optimum: Optimum | None
    measures: Measures | None
    online: Online | None


def example_fleet(load: float) -> Fleet:
    """Twelve invented nodes of one operator each: round trips of 2 to 120 ms, near ones a little slower; 15 to 60 a second."""
    rtt_ms = np.array([2.0, 5, 9, 15, 24, 35, 48, 62, 77, 92, 106, 120])
    per_second = np.array([24.0, 40, 18, 52, 30, 60, 15, 45, 34, 22, 56, 27])
    return at_load(rtt_ms * 1000, 1e6 / per_second, np.arange(12), load)


def at_load(rtt_us: Floats, service_us: Floats, operator: Ints, load: float) -> Fleet:
    """The fleet with as many requests as make this load."""
    return Fleet(rtt_us, service_us, operator, load * float(np.sum(1 / service_us)))


def frontier(
    fleets: Iterable[Fleet], floors: Sequence[tuple[int, Fraction] | None] = FLOORS, seeds: int = 10
) -> Iterator[Point]:
    """The points, fleet by fleet; seeds 0, 1, ... are the same at every point. `seeds` 0 leaves out the online rule."""
    for fleet in fleets:
        for floor in floors:
            yield _point(fleet, floor, seeds)


def _point(fleet: Fleet, floor: tuple[int, Fraction] | None, seeds: int) -> Point:
    bound = None if floor is None else Floor(floor[0], float(floor[1]))
    try:
        found = optimum(fleet, bound)
    except InputError:
        return Point(fleet.load, floor, None, None, None)
    online = simulated(fleet, bound, found, seeds) if seeds else None
    return Point(fleet.load, floor, found, measure(ppm(found.held)), online)


def simulated(fleet: Fleet, floor: Floor | None, found: Optimum, seeds: int) -> Online:
    """The online rule with the ceilings of an optimum."""
    latencies, windows, held = [], [], np.zeros(fleet.operators, dtype=np.int64)
    for seed in range(seeds):
        latency_us, operators, values = _run(fleet, floor, found, seed)
        latencies.append(latency_us)
        held += np.bincount(operators, values, minlength=fleet.operators).astype(np.int64)
        windows.append(0.0 if floor is None else worst_window(operators, values, fleet.operators, floor.k - 1))
    return Online(estimate(latencies), measure(held.tolist()), max(windows))


def _run(fleet: Fleet, floor: Floor | None, found: Optimum, seed: int) -> tuple[float, Ints, Ints]:
    """Mean latency, and operator and value of every dispatch, after warm-up."""
    nodes = len(fleet.service_us)
    stream = draw(seed, WARM_UP + CUSTOMERS, fleet.rate * UNIT_US, (1.0,), nodes, None)
    stream = stream._replace(value=_values(seed, len(stream.value)))
    run = simulate(
        POLICIES["equilibrium"], _world(fleet), stream, _sight(fleet, found), _memory(fleet, floor, found, seed)
    )
    latency_us = float(np.mean(run.sojourn_us[WARM_UP:]))
    return latency_us, fleet.operator[run.node[WARM_UP:]], stream.value[WARM_UP:]


def worst_window(operators: Ints, values: Ints, count: int, greatest: int) -> float:
    """The greatest share of value that the `greatest` of `count` operators together had in the window, once it is full."""
    dispatched = np.zeros((len(values), count))
    dispatched[np.arange(len(values)), operators] = values
    held = lfilter([1.0], [1.0, 1 / WINDOW - 1], dispatched, axis=0)[3 * WINDOW :]
    top = np.sort(held, axis=1)[:, count - greatest :]
    return float(np.max(np.sum(top, axis=1) / np.sum(held, axis=1)))


def _values(seed: int, count: int) -> Ints:
    drawn = np.random.default_rng([seed, 9]).lognormal(np.log(MEAN_VALUE) - 0.5, 1.0, count)
    return np.maximum(np.rint(drawn), 1).astype(np.int64)


def _world(fleet: Fleet) -> World:
    nodes = len(fleet.service_us)
    return World(
        service_us=np.rint(fleet.service_us).astype(np.int64),
        machine=np.arange(nodes),
        lies=np.zeros(nodes, dtype=np.int64),
        report_us=0,
        batched=False,
        staggered=False,
        slowdown=1,
        estimated=False,
    )


def _sight(fleet: Fleet, found: Optimum) -> Sight:
    sight = blank_sight(len(fleet.service_us))
    sight.service_us[:] = np.rint(fleet.service_us)
    sight.rtt_us[0, :] = np.rint(fleet.rtt_us)
    sight.share_ppm[:] = ppm(found.shares)
    sight.operator[:] = fleet.operator
    return sight


def _memory(fleet: Fleet, floor: Floor | None, found: Optimum, seed: int) -> Memory:
    memory = blank_memory(len(fleet.service_us), fleet.operators, seed)
    if floor is not None:
        memory.ceiling_ppm[:] = ceilings_ppm(found.held, floor)
        memory.burst[0] = BURST * MEAN_VALUE
    return memory


def row(point: Point) -> dict[str, object]:
    """A point for people and files: times in ms, shares as fractions of one, None where the floor cannot be kept."""
    found, ours = point.optimum, point.online
    return {
        "load": round(point.load, 6),
        "floor": floor_name(point),
        "latency_ms": None if found is None else found.latency_us / 1000,
        "price_ms": None if found is None else found.price_us / 1000,
        **_measured("", point.measures),
        "online_latency_ms": None if ours is None else ours.latency_us.value / 1000,
        "online_latency_ms_ci95": None if ours is None else ours.latency_us.half_width / 1000,
        "online_window": None if ours is None else ours.window,
        **_measured("online_", None if ours is None else ours.measures),
    }


def floor_name(point: Point) -> str:
    """The floor for people, such as N(1/3) ≥ 3."""
    return "none" if point.floor is None else f"N({point.floor[1]}) ≥ {point.floor[0]}"


def _measured(prefix: str, measures: Measures | None) -> dict[str, object]:
    names = ("hhi", "gini", "entropy", "nakamoto")
    return {prefix + name: None if measures is None else getattr(measures, name) for name in names}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as Markdown; the price is latency per 1 % of share by which the floor's threshold is lowered."""
    lines = [
        f"| {' | '.join(_HEADS)} |",
        "| ---: | --- | ---: | ---: | ---: | --- | ---: | ---: | ---: | --- | ---: |",
    ]
    for each in rows:
        if each["latency_ms"] is None:
            lines.append(f"| {each['load']:g} | {each['floor']} | no shares keep it |" + " |" * 8)
            continue
        cells = [f"{each['load']:g}", each["floor"], f"{each['latency_ms']:.1f}", f"{each['price_ms'] / 100:.2f}"]
        cells += [f"{each['hhi']:.3f}", "/".join(map(str, each["nakamoto"]))]
        if each["online_latency_ms"] is None:
            cells += [""] * 5
        else:
            against = 100 * (each["online_latency_ms"] / each["latency_ms"] - 1)
            cells += [f"{each['online_latency_ms']:.1f} ±{each['online_latency_ms_ci95']:.1f}", f"{against:+.0f} %"]
            cells += [f"{each['online_hhi']:.3f}", "/".join(map(str, each["online_nakamoto"]))]
            cells += [f"{each['online_window']:.3f}" if each["floor"] != "none" else ""]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
