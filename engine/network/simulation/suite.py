"""The whole bench by scenario: S1 to S5, S8 and real nodes from cases; failures, overload and waits from their own modules.

A name here is what `--scenario` takes. Each gives rows with the keys of `bench`, and its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
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
    "waiting": lambda seeds, _: [dict(row) for row in (*waiting_rows(len(seeds)), *choice_rows(len(seeds)))],
    "trust": lambda seeds, _: [dict(row) for row in trust_rows(len(seeds))],
}
"""Scenarios whose rows come whole from a module of their own. Their policies have names of their own."""


def run(
    names: Sequence[str], seeds: int, policies: Collection[str] | None, folder: Path, progress: Progress
) -> list[Row]:
    """Rows of the scenarios named, `folder` being the recorded data that R1 and R2 read.

    Raises InputError `unknown_scenario`, `unknown_policy`, `missing_data`, `bad_data`, before anything runs.
    """
    for name in names:
        known(name, TITLES, "unknown_scenario")
    if policies is not None and not set(names) <= set(SIMULATIONS):
        for policy in policies:
            known(policy, CODES, "unknown_policy")
    cases = {name: SCENARIOS[name]() for name in names if name in SCENARIOS}
    cases |= {name: REAL[name](folder) for name in names if name in REAL}
    made: list[Row] = []
    for name in names:
        progress(f"{name}: {TITLES[name]}")
        if name in cases:
            made += rows(cases[name], seeds, policies, progress)
        else:
            made += SIMULATIONS[name](range(seeds), policies)
    return made
