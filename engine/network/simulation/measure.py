"""One case, one seed, every policy on the same stream: what each did, in units."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from engine.network.draws import Ints
from engine.network.policies import POLICIES
from engine.network.policies.base import PPM, Memory, Sight, blank_memory, blank_sight
from engine.network.simulation.core import CENTRAL_QUEUE, Run, World, simulate
from engine.network.simulation.scenarios import BOUND, Case
from engine.network.simulation.streams import UNIT_US, Stream, draw
from engine.network.stake_caps import stake_ceilings_ppm

CODES = {**POLICIES, BOUND: CENTRAL_QUEUE}
"""What can be run, by name: the policies and the bound."""

_FULL = 0.97
"""Load up to which stake caps count on a node."""

_SLACK_PPM = 5_000
"""By how much of it stake caps exceed an operator's part of the stake: half of what a split may gain."""

_BURST = 64
"""Requests by which an operator may be ahead of its cap."""

RUNAWAY = 0.03
"""A machine whose work left at the end exceeds this share of the run's time is taken to be overloaded.

A machine at load 1 + x piles up x of the time; at load .95 a backlog of 3 % of these runs has a chance below 1e-9.
"""


@dataclass(frozen=True, slots=True)
class Observation:
    """One policy in one run: times in units after warm-up."""

    mean: float
    p99: float
    stable: bool
    shares: tuple[float, ...]
    """Of the customers, by node."""
    crossing: float
    """Share of customers served outside their region."""
    worst_load: float
    """Greatest load of a machine: work it was sent over the time that it took to arrive."""


def measure(case: Case, seed: int, policies: Iterable[str]) -> dict[str, Observation]:
    """Run each policy on the seed's stream. Names must be in `CODES`."""
    stream = draw(seed, case.warm_up + case.customers, case.rate, case.demand, len(case.speeds), case.phases)
    return {name: _observed(case, stream, _run(case, stream, seed, name)) for name in policies}


def _run(case: Case, stream: Stream, seed: int, policy: str) -> Run:
    return simulate(CODES[policy], world_of(case), stream, sight_of(case), memory_of(case, seed))


def world_of(case: Case) -> World:
    """The case's machines and what is heard of them."""
    lies = np.zeros(case.nodes, dtype=np.int64)
    lies[list(case.lies)] = 1
    return World(
        service_us=_service_us(case.speeds),
        machine=np.array(case.machine or range(len(case.speeds)), dtype=np.int64),
        lies=lies,
        report_us=round(case.report * UNIT_US),
        batched=case.batched,
        staggered=case.staggered,
        slowdown=case.slowdown,
        estimated=case.phases is not None,
    )


def sight_of(case: Case) -> Sight:
    """What the dispatcher knows before the first customer."""
    world = world_of(case)
    sight = blank_sight(case.nodes, len(case.demand))
    sight.service_us[:] = world.service_us[world.machine]
    sight.stake_ppm[:] = _ppm(case.stakes or (1.0,) * case.nodes)
    sight.share_ppm[:] = _ppm(tuple(1 / sight.service_us))
    if case.rtt:
        sight.rtt_us[:, :] = np.rint(np.array(case.rtt) * UNIT_US)
        sight.region[:] = case.region
    if case.batched:
        sight.seen_us[:] = 0
    return sight


def memory_of(case: Case, seed: int) -> Memory:
    """A policy's memory before the first choice; with the ceilings of `stake_caps` where the case has them."""
    memory = blank_memory(case.nodes, case.nodes, seed)
    if case.stake_caps:
        sight = sight_of(case)
        able = [round(_FULL * PPM * UNIT_US / (service_us * case.rate)) for service_us in sight.service_us.tolist()]
        memory.ceiling_ppm[:] = stake_ceilings_ppm(sight.stake_ppm.tolist(), able, _SLACK_PPM)
        memory.burst[0] = _BURST
    return memory


def _service_us(speeds: tuple[float, ...]) -> Ints:
    return np.rint(UNIT_US / np.array(speeds, dtype=np.float64)).astype(np.int64)


def _ppm(weights: tuple[float, ...]) -> Ints:
    values = np.array(weights, dtype=np.float64)
    shares: Ints = np.floor(values / values.sum() * PPM).astype(np.int64)
    return shares


def _observed(case: Case, stream: Stream, run: Run) -> Observation:
    served = run.node[case.warm_up :] >= 0
    sojourns = run.sojourn_us[case.warm_up :][served]
    nodes = run.node[case.warm_up :][served]
    elapsed_us = int(stream.arrival_us[-1])
    world = world_of(case)
    sent = run.node >= 0
    work_us = np.bincount(
        world.machine[run.node[sent]], stream.work_us[sent].astype(np.float64), minlength=len(case.speeds)
    )
    region = np.array(case.region or (0,) * case.nodes)
    return Observation(
        mean=float(sojourns.mean()) / UNIT_US,
        p99=float(np.quantile(sojourns, 0.99)) / UNIT_US,
        stable=bool((run.backlog_us <= RUNAWAY * elapsed_us).all()),
        shares=tuple(float(share) for share in np.bincount(nodes, minlength=case.nodes) / nodes.size),
        crossing=float(np.mean(region[nodes] != stream.region[case.warm_up :][served])),
        worst_load=float(np.max(work_us * world.service_us / UNIT_US / elapsed_us)),
    )
