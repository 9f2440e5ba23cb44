"""The whole bench by scenario: S1 to S5, S8 and real nodes from cases; failures, overload and waits from their own modules.

A name here is what `--scenario` takes. Each gives rows with the keys of `bench`, and its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path

from engine.network.simulation import failures, overload
from engine.network.simulation.bench import Progress, Row, known, rows
from engine.network.simulation.frontier_rows import frontier_rows
from engine.network.simulation.measure import CODES
from engine.network.simulation.real_worlds import REAL
from engine.network.simulation.scenarios import SCENARIOS
from engine.network.simulation.trust_rows import trust_rows
from engine.network.simulation.waiting import waiting_rows
from engine.network.simulation.waiting_choices import choice_rows
from intents.errors import InputError

TITLES = {
    "S1": "Equal nodes, fresh state",
    "S2": "Old state, n = 10",
    "S3": "Unequal speeds, known (capacity 11.5)",
    "S4": "Antagonists: four times slower for Exp(50) out of Exp(450) + Exp(50)",
    "S5": "Three regions, demand 60/30/10 %, four nodes each, round trip .1 inside and 1 across",
    "S6": "Failures",
    "S7": "Overload",
    "S8": "Liars, sybils, stake whales",
    "R1": "Real nodes: 24 Solana validators, measured round trips, service time 100 ms",
    "R2": "Real stakes: the 20 largest Ethereum staking entities",
    "frontier": "The online rule against the frontier of latency and decentralisation",
    "waiting": "Predicted against simulated waits",
    "trust": "Liars, forgeries, censors, choices made again",
}
"""Every scenario by name, in the order in which they run."""

Simulation = Callable[[Sequence[int], Collection[str] | None], Sequence[Row]]

SIMULATIONS: dict[str, Simulation] = {
    "S6": failures.rows,
    "S7": overload.rows,
    "frontier": frontier_rows,
    "waiting": lambda seeds, policies: _of(chain(waiting_rows(len(seeds)), choice_rows(len(seeds))), policies),
    "trust": lambda seeds, policies: _of(trust_rows(len(seeds)), policies),
}
"""Scenarios whose rows come whole from a module of their own."""

PROTECTED: dict[str, Collection[str]] = {
    "S6": failures.PROTECTIONS,
    "S7": {**overload.PROTECTIONS, **overload.SPIKE_PROTECTIONS},
}
"""Scenarios that also compare policies with protections, which have names of their own."""


def run(
    names: Sequence[str], seeds: int, policies: Collection[str] | None, folder: Path, progress: Progress
) -> list[Row]:
    """Rows of the scenarios named, `folder` being the recorded data that R1 and R2 read.

    Raises InputError `unknown_scenario`, `missing_data`, `bad_data`, `unknown_policy`: one that no scenario named compares,
    before anything runs where the names are those of policies and protections.
    """
    for name in names:
        known(name, TITLES, "unknown_scenario", "scenario")
    if policies is not None and all(name not in SIMULATIONS or name in PROTECTED for name in names):
        compared = dict.fromkeys([*CODES, *(own for name in names for own in PROTECTED.get(name, ()))])
        for policy in policies:
            known(policy, compared, "unknown_policy", "policies")
    cases = {name: SCENARIOS[name]() for name in names if name in SCENARIOS}
    cases |= {name: REAL[name](folder) for name in names if name in REAL}
    made: list[Row] = []
    for name in names:
        progress(f"{name}: {TITLES[name]}")
        if name in cases:
            made += rows(cases[name], seeds, policies, progress)
        else:
            made += SIMULATIONS[name](range(seeds), policies)
    if policies and not made:
        raise InputError(
            "unknown_policy", "policies", expected="one that is compared there", actual=", ".join(policies)
        )
    shown = dict.fromkeys([*CODES, *(str(row["policy"]) for row in made)])
    for policy in policies or ():
        known(policy, shown, "unknown_policy", "policies")
    return made


def _of(made: Iterable[Mapping[str, object]], policies: Collection[str] | None) -> list[Row]:
    """The rows of the policies named; all, if none are named."""
    return [dict(row) for row in made if policies is None or row["policy"] in policies]
