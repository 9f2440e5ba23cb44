"""S7: load beyond capacity. A ramp from 75 to 174 % of capacity, and a threefold spike whose clients try again.

Ramp: ten equal nodes, a Poisson load that rises in steps and falls to none; a client waits 40 units for its answer and
asks once. Goodput is answers that somebody still waited for, over capacity. `lwl` in the bound's rows is what no
dispatch to these nodes exceeds: min(load, 1).

Spike: load .7 of capacity, three times that for 60 units, then .7 again; a client asks again at once when refused, failed
or unanswered after 40 units, four times in all. With 2.8 times the base load in retries a collapse keeps itself up.
`recovery_units` counts from the spike's end to the end of the last window of 10 units in which, over the seeds together,
the share of requests that succeed is more than 2 % below its value before the spike, or the p99 of those admitted is
above 1.5 times it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from engine.network.health.shedding import CRITICAL
from engine.network.simulation.bench import Row
from engine.network.simulation.failures_core import Run
from engine.network.simulation.failures_drawn import Play, drawn, no_faults
from engine.network.simulation.failures_rows import base_row, finite, recovery
from engine.network.simulation.failures_run import (
    Clients,
    Protection,
    asked,
    latencies,
    quantile,
    runs,
    succeeded,
    success_share,
)

NODES = 10
RAMP = (0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 1.74)
STEP_UNITS = 1000.0
SETTLING_UNITS = 200.0
"""Left out at the start of each step."""

OURS = "equilibrium + health"
PROTECTIONS = {
    OURS: Protection("equilibrium"),
    "equilibrium, no shedding": Protection("equilibrium", shed=False),
    "prequal": Protection("prequal", health=False, shed=False, budget=False),
    "least_loaded_own, no limits": Protection("least_loaded_own", health=False, shed=False, budget=False),
    "random, no limits": Protection("random", health=False, shed=False, budget=False),
}

SPIKE_LOAD = 0.7
SPIKE_TIMES = 3.0
CALM_UNITS, SPIKE_UNITS, AFTER_UNITS = 200.0, 60.0, 400.0
WINDOW_UNITS = 10.0
STORM = Clients(tries=4)
SPIKE_PROTECTIONS = {
    OURS: Protection("equilibrium"),
    "equilibrium + health, unbudgeted clients": Protection("equilibrium", budget=False),
    "equilibrium, no limits, budget": Protection("equilibrium", health=False, shed=False),
    "equilibrium, no limits, unbudgeted": Protection("equilibrium", health=False, shed=False, budget=False),
    "prequal, unbudgeted": Protection("prequal", health=False, shed=False, budget=False),
}


def rows(seeds: Sequence[int], policies: Collection[str] | None = None) -> list[Row]:
    """The rows of S7, of the protections named or of all."""
    return [*ramp_rows(seeds, policies), *spike_rows(seeds, policies)]


def ramp_rows(seeds: Sequence[int], policies: Collection[str] | None = None) -> list[Row]:
    """One row for each protection and step of the ramp."""
    steps = [(STEP_UNITS, load * NODES) for load in RAMP]
    plays = [drawn(seed, steps, 1) for seed in seeds]
    made: list[Row] = []
    for name, protection in asked(PROTECTIONS, policies):
        ran = runs(protection, NODES, plays, no_faults(NODES), Clients(), seeds)
        made += [_ramp_row(name, load, step, ran) for step, load in enumerate(RAMP)]
    return made


def _ramp_row(name: str, load: float, step: int, ran: Sequence[tuple[Play, Run]]) -> Row:
    start, end = step * STEP_UNITS + SETTLING_UNITS, (step + 1) * STEP_UNITS
    goodput = [succeeded(done, start, end) / (end - start) / NODES for _, done in ran]
    samples = [latencies(play, done, start, end) for play, done in ran]
    row = base_row("S7", "ramp", name, NODES, load, samples)
    row["goodput"] = finite(float(np.mean(goodput)))
    row["goodput_bound"] = min(load, 1.0)
    row["critical_share"] = finite(
        float(np.mean([success_share(play, done, start, end, CRITICAL) for play, done in ran]))
    )
    return row


def spike_rows(seeds: Sequence[int], policies: Collection[str] | None = None, *, plain: bool = False) -> list[Row]:
    """One row for each protection: load and latency are those of the last 100 units. `plain` runs uncompiled."""
    base = SPIKE_LOAD * NODES
    steps = [(CALM_UNITS, base), (SPIKE_UNITS, base * SPIKE_TIMES), (AFTER_UNITS, base)]
    plays = [drawn(seed, steps, STORM.tries) for seed in seeds]
    made = []
    for name, protection in asked(SPIKE_PROTECTIONS, policies):
        ran = runs(protection, NODES, plays, no_faults(NODES), STORM, seeds, plain=plain)
        made.append(_spike_row(name, ran))
    return made


def _spike_row(name: str, ran: Sequence[tuple[Play, Run]]) -> Row:
    over = CALM_UNITS + SPIKE_UNITS
    before = np.concatenate([latencies(play, done, 50.0, CALM_UNITS) for play, done in ran])
    share = float(np.mean([success_share(play, done, 50.0, CALM_UNITS) for play, done in ran]))
    calm_p99 = quantile(before, 0.99)
    bad = []
    windows = np.arange(over, over + AFTER_UNITS, WINDOW_UNITS)
    for start in windows:
        end = start + WINDOW_UNITS
        succeeds = float(np.mean([success_share(play, done, start, end) for play, done in ran]))
        p99 = quantile(np.concatenate([latencies(play, done, start, end) for play, done in ran]), 0.99)
        bad.append(succeeds < share - 0.02 or p99 > 1.5 * calm_p99)
    last = over + AFTER_UNITS - 100.0
    samples = [latencies(play, done, last, over + AFTER_UNITS) for play, done in ran]
    row = base_row("S7", "spike", name, NODES, SPIKE_LOAD, samples)
    row["goodput"] = finite(
        float(np.mean([succeeded(done, last, over + AFTER_UNITS) / 100.0 / NODES for _, done in ran]))
    )
    row["calm_p99"] = finite(calm_p99)
    row["recovery_units"] = recovery(bad, WINDOW_UNITS)
    row["spike_share"] = finite(float(np.mean([success_share(play, done, CALM_UNITS, over) for play, done in ran])))
    return row
