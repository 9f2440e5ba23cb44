"""S6: nodes crash, answer wrongly, and come back.

`crash 70 %, fits`: a hundred equal nodes at a quarter of their capacity; seventy stop at once and for good, which leaves
30 at load .83. `crash 70 %, overload`: the same at .6 of capacity, so that twice what is left is offered: no dispatcher
can serve it, and what counts is the p99 of the requests admitted while the rest is refused by class. `rho` is the load
before the crash, `rho_after` the load over what remains. A request that was admitted and never succeeds has an infinite
latency. `recovery_units` counts from the crash to the end of the last window of 10 units (20 with ten nodes; arrivals of all
seeds together) whose p99 is above twice the p99 before. `detection` is the time from crash to exclusion, the longest of all nodes and
seeds, in intervals of reports (5 units).

`grey`: ten nodes at load .7; two fail half of what they are given, those ten times as fast as they serve, so that they look
idle. `detection` is the mean number of answers until a node is out, `detection_p95` its 95 % quantile; `failed` the share
of requests that never succeed while the two are grey. `recovery`: three of ten nodes at load .5 crash and are back after
60 units; `readmission` is the mean time in units from return to being in for good.
`calm`: ten healthy nodes at load .7 for 36 hours a seed, a unit being a second: ejections per node-hour, and the
upper end of their exact 95 % interval (one-sided, Poisson).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import chi2

from engine.network.draws import Ints
from engine.network.health.membership import IN, OUT, Decision, Evidence
from engine.network.health.shedding import CRITICAL
from engine.network.simulation.bench import Row
from engine.network.simulation.failures_core import Run
from engine.network.simulation.failures_drawn import Play, Steps, W, drawn, no_faults
from engine.network.simulation.failures_rows import base_row, finite, recovery
from engine.network.simulation.failures_run import (
    REPORT_UNITS,
    Clients,
    Protection,
    asked,
    latencies,
    quantile,
    runs,
    success_share,
)
from engine.network.simulation.streams import UNIT_US

OURS = "equilibrium + health"
BARE = {"health": False, "shed": False, "budget": False}
PROTECTIONS = {
    OURS: Protection("equilibrium"),
    "equilibrium, no ejection": Protection("equilibrium", **BARE),
    "prequal": Protection("prequal", **BARE),
    "random, no ejection": Protection("random", **BARE),
}

RETRYING = Clients(tries=3)
FAULT_UNITS = 100.0
SETTLED_UNITS, LEFT_UNITS = 20.0, 20.0
"""What arrives from the one after the start until the other before the fault counts as before it."""
HOUR_UNITS = 3600.0


class Case(NamedTuple):
    """One world of S6."""

    variant: str
    nodes: int
    load: float
    units: float
    faults: Ints
    window: float = 10.0
    """Units in which recovery is counted."""


def crash(share: float, load: float, nodes: int = 100, back: float | None = None, units: float = 250.0) -> Case:
    """The first nodes stop at `FAULT_UNITS`, for good or until `back` units later."""
    faults = no_faults(nodes)
    gone = round(share * nodes)
    faults[:gone, W.crash_us] = round(FAULT_UNITS * UNIT_US)
    if back is not None:
        faults[:gone, W.back_us] = round((FAULT_UNITS + back) * UNIT_US)
    left = nodes - gone if back is None else nodes
    window = 10.0 if nodes > 10 else 20.0
    name = "recovery" if back is not None else f"crash {share:.0%}, {'fits' if load * nodes < left else 'overload'}"
    return Case(name.replace("%", " %"), nodes, load, units, faults, window)


def grey(sick: int, load: float, nodes: int = 10, units: float = 300.0) -> Case:
    """The first nodes fail half of their requests from `FAULT_UNITS` on."""
    faults = no_faults(nodes)
    faults[:sick, W.grey_us] = round(FAULT_UNITS * UNIT_US)
    return Case("grey", nodes, load, units, faults, 20.0)


def rows(seeds: Sequence[int], policies: Collection[str] | None = None) -> list[Row]:
    """The rows of S6, of the protections named or of all."""
    cases = (crash(0.7, 0.25), crash(0.7, 0.6), grey(2, 0.7), crash(0.3, 0.5, 10, 60.0, 400.0))
    made = [row for case in cases for row in case_rows(case, seeds, policies)]
    if any(name == OURS for name, _ in asked(PROTECTIONS, policies)):
        made.append(calm_row(seeds))
    return made


def case_rows(
    case: Case, seeds: Sequence[int], policies: Collection[str] | None = None, *, plain: bool = False
) -> list[Row]:
    """One row for each protection; `plain` runs uncompiled, for cases that are short."""
    steps: Steps = [(case.units, case.load * case.nodes)]
    plays = [drawn(seed, steps, RETRYING.tries) for seed in seeds]
    made = []
    for name, protection in asked(PROTECTIONS, policies):
        ran = runs(protection, case.nodes, plays, case.faults, RETRYING, seeds, plain=plain)
        made.append(_row(case, name, protection, ran))
    return made


def _row(case: Case, name: str, protection: Protection, ran: Sequence[tuple[Play, Run]]) -> Row:
    """Mean and p99 are of what arrived more than 30 units after the fault."""
    samples = [latencies(play, done, FAULT_UNITS + 30.0, case.units) for play, done in ran]
    row = base_row("S6", case.variant, name, case.nodes, case.load, samples)
    before = np.concatenate([latencies(play, done, SETTLED_UNITS, FAULT_UNITS - LEFT_UNITS) for play, done in ran])
    calm_p99 = quantile(before, 0.99)
    bad = []
    for start in np.arange(FAULT_UNITS, case.units, case.window):
        window = [latencies(play, done, start, start + case.window) for play, done in ran]
        bad.append(quantile(np.concatenate(window), 0.99) > 2 * calm_p99)
    left = case.nodes - int((case.faults[:, W.crash_us] < case.units * UNIT_US).sum())
    row["rho_after"] = finite(case.load * case.nodes / left)
    row["calm_p99"] = finite(calm_p99)
    row["recovery_units"] = recovery(bad, case.window)
    row["attempts"] = finite(float(np.mean([done.tries.mean() for _, done in ran])))
    lost = [1 - success_share(play, done, FAULT_UNITS, case.units) for play, done in ran]
    row["failed"] = finite(float(np.mean(lost)))
    lost = [1 - success_share(play, done, FAULT_UNITS, case.units, CRITICAL) for play, done in ran]
    row["critical_failed"] = finite(float(np.mean(lost)))
    if protection.health:
        row.update(_found(case, [done for _, done in ran]))
    return row


def _found(case: Case, runs: Sequence[Run]) -> Row:
    """What the log of changes shows: how soon faults were found, and how often others were taken for faults."""
    out = [change for done in runs for change in _changes(done) if change[1].state == OUT]
    faulty = np.minimum(case.faults[:, W.crash_us], case.faults[:, W.grey_us])
    false = [seen for seen, _ in out if seen.now_us < faulty[seen.node]]
    sick = int((faulty < case.units * UNIT_US).sum())
    found: Row = {"false_ejections": len(false), "fastest_change_units": _fastest(runs)}
    if case.variant == "grey":
        answers = [int(done.answers[node]) for done in runs for node in range(sick)]
        found["detection"] = finite(float(np.mean(answers)))
        found["detection_p95"] = quantile(np.array(answers, dtype=np.float64), 0.95)
        return found
    first: list[float] = []
    for done in runs:
        for node in range(sick):
            times = [seen.now_us for seen, made in _changes(done) if seen.node == node and made.state == OUT]
            first.append((min(times) / UNIT_US - FAULT_UNITS) / REPORT_UNITS if times else float("inf"))
    found["detection"] = finite(max(first))
    if case.variant == "recovery":
        found["readmission"] = _readmission(case, runs, sick)
    return found


def _readmission(case: Case, runs: Sequence[Run], sick: int) -> float | None:
    times = []
    for done in runs:
        for node in range(sick):
            last = [seen.now_us for seen, made in _changes(done) if seen.node == node and made.state == IN]
            times.append((last[-1] - int(case.faults[node, W.back_us])) / UNIT_US if last else float("inf"))
    return finite(float(np.mean(times)))


def calm_row(seeds: Sequence[int], hours: float = 36.0, nodes: int = 10, load: float = 0.7) -> Row:
    """Ejections of healthy nodes per node-hour, with the upper end of the 95 % interval (Poisson)."""
    plays = [drawn(seed, [(hours * HOUR_UNITS, load * nodes)], 1) for seed in seeds]
    ran = runs(PROTECTIONS[OURS], nodes, plays, no_faults(nodes), Clients(), seeds)
    samples = [latencies(play, done, SETTLED_UNITS, hours * HOUR_UNITS) for play, done in ran]
    count = sum(made.state == OUT for _, done in ran for _, made in _changes(done))
    row = base_row("S6", "calm", OURS, nodes, load, samples)
    node_hours = hours * nodes * len(seeds)
    row["node_hours"] = node_hours
    row["false_ejections"] = count
    row["false_ejections_per_node_hour"] = finite(count / node_hours)
    row["false_ejections_upper95"] = finite(float(chi2.ppf(0.95, 2 * count + 2)) / 2 / node_hours)
    return row


def _changes(done: Run) -> list[tuple[Evidence, Decision]]:
    """The changes of a run in order."""
    split = len(Evidence._fields)
    return [
        (Evidence(*(int(value) for value in row[:split])), Decision(*(int(value) for value in row[split:])))
        for row in done.changes
    ]


def _fastest(runs: Sequence[Run]) -> float | None:
    """The shortest time in units that a node was in or out before it was the other; None where none changed twice."""
    gaps: list[float] = []
    for done in runs:
        last: dict[int, int] = {}
        for seen, made in _changes(done):
            if IN in {seen.state, made.state}:
                if seen.node in last:
                    gaps.append((seen.now_us - last[seen.node]) / UNIT_US)
                last[seen.node] = seen.now_us
    return min(gaps, default=None)
