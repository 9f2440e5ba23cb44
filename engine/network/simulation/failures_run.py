"""Protections by name, and what a run of one of them shows."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.network.draws import Ints
from engine.network.health.reducer import Settings, new_health
from engine.network.policies import POLICIES
from engine.network.policies.base import blank_memory, blank_sight
from engine.network.simulation.failures_core import Run, Setting, simulate
from engine.network.simulation.failures_drawn import Play
from engine.network.simulation.failures_guard import Guard
from engine.network.simulation.streams import UNIT_US

UNLIMITED = 2**31

Units = NDArray[np.float64]


SETTINGS = Settings()


@dataclass(frozen=True, slots=True)
class Protection:
    """A dispatch policy and what is around it."""

    policy: str
    health: bool = True
    shed: bool = True
    budget: bool = True


@dataclass(frozen=True, slots=True)
class Clients:
    """Those who ask: attempts at most, seconds (units) until one gives up waiting, pause before the next."""

    tries: int = 1
    deadline: float = 40.0
    backoff: float = 0.1


REPORT_UNITS = 5.0
"""Interval of reports: state five service times old."""

FAILURE_PPM = 5_000
LOST_PPM = 10_000
"""Of healthy nodes' answers, half a percent fail; of reports and probes, one percent are lost."""


def run(
    protection: Protection,
    nodes: int,
    play: Play,
    faults: Ints,
    clients: Clients,
    seed: int,
    *,
    settings: Settings = SETTINGS,
    plain: bool = False,
) -> Run:
    """One run; the same seed and play give the same one. The policy's name must be in `POLICIES`."""
    guard = Guard(
        health=protection.health,
        shed=protection.shed,
        budget=protection.budget,
        tries=clients.tries,
        deadline_us=round(clients.deadline * UNIT_US),
        backoff_us=round(clients.backoff * UNIT_US),
        report_us=round(REPORT_UNITS * UNIT_US),
        failure_ppm=FAILURE_PPM,
        lost_ppm=LOST_PPM,
    )
    sight = blank_sight(nodes)
    health = new_health(sight, np.zeros(nodes, dtype=np.int64), settings, 0)
    if not protection.health:
        sight.cap[:] = UNLIMITED
    setting = Setting(POLICIES[protection.policy], play, faults, guard, settings)
    return simulate(setting, sight, blank_memory(nodes, nodes, seed), health, plain=plain)


def runs(
    protection: Protection,
    nodes: int,
    plays: Sequence[Play],
    faults: Ints,
    clients: Clients,
    seeds: Sequence[int],
    *,
    plain: bool = False,
) -> list[tuple[Play, Run]]:
    """One run for each seed, beside its play."""

    def one(index: int) -> tuple[Play, Run]:
        return plays[index], run(protection, nodes, plays[index], faults, clients, seeds[index], plain=plain)

    # Compiled code holds no lock, so threads are enough.
    with ThreadPoolExecutor(1 if plain else os.cpu_count()) as pool:
        return list(pool.map(one, range(len(seeds))))


def asked(protections: Mapping[str, Protection], policies: Collection[str] | None) -> list[tuple[str, Protection]]:
    """Those named by themselves or by their policy; all, if none are named. Another policy that is named runs bare."""
    if policies is None:
        return list(protections.items())
    found = [(name, value) for name, value in protections.items() if name in policies or value.policy in policies]
    compared = {value.policy for value in protections.values()}
    others = [name for name in dict.fromkeys(policies) if name in POLICIES and name not in compared]
    return found + [(name, Protection(name, health=False, shed=False, budget=False)) for name in others]


def latencies(play: Play, done: Run, start: float, end: float, klass: int | None = None) -> Units:
    """Of the requests that arrived in [start, end) and were admitted: units to success, infinite for those without."""
    arrived = (play.arrival_us >= start * UNIT_US) & (play.arrival_us < end * UNIT_US) & (done.admitted == 1)
    if klass is not None:
        arrived &= play.klass == klass
    ended = done.ended_us[arrived]
    return np.where(ended >= 0, (ended - play.arrival_us[arrived]) / UNIT_US, np.inf)


def succeeded(done: Run, start: float, end: float) -> int:
    """Requests that succeeded in [start, end)."""
    return int(((done.ended_us >= start * UNIT_US) & (done.ended_us < end * UNIT_US)).sum())


def success_share(play: Play, done: Run, start: float, end: float, klass: int | None = None) -> float:
    """Share of the requests that arrived in [start, end) that succeeded at last, those refused counted as not."""
    arrived = (play.arrival_us >= start * UNIT_US) & (play.arrival_us < end * UNIT_US)
    if klass is not None:
        arrived &= play.klass == klass
    return float((done.ended_us[arrived] >= 0).mean())


def quantile(values: Units, share: float) -> float:
    """The smallest value that at least this share does not exceed; infinite where that many have no end."""
    ordered = np.sort(values)
    return float(ordered[max(int(np.ceil(share * len(ordered))) - 1, 0)])
