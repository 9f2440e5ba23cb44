"""Cases on real nodes: Solana validators at their true distances, Ethereum staking entities with their true stakes.

R1: the 24 validators of most stake that can be reached, one machine of speed 1 each (the data say nothing of speeds),
demand 40 % from the United States, 40 % from Germany and 20 % from Japan, mean country round trips, a service time of
100 ms. R2: the 20 largest staking entities, one machine of speed 1 each: stake says nothing of speed.
"""

from __future__ import annotations

from pathlib import Path

from engine.network.simulation.real_nodes import entities, reachable, round_trips, validators
from engine.network.simulation.scenarios import Case, equal

DEMAND = {"US": 0.4, "DE": 0.4, "JP": 0.2}
SERVICE_MS = 100.0
VALIDATORS = 24
ENTITIES = 20
LOADS = (0.5, 0.8, 0.9)

_COMPARED = (
    "random",
    "stake_weighted",
    "power_of_two",
    "least_loaded_own",
    "peak_ewma",
    "geographic",
    "shortest_expected_delay",
    "equilibrium",
)


def r1(folder: Path) -> list[Case]:
    """Validators of `folder`, the recorded data. Raises InputError as the loaders do."""
    known = round_trips(folder)
    countries = tuple(DEMAND)
    nodes, _ = reachable(validators(folder), countries, known)
    nodes = nodes[:VALIDATORS]
    rtt = tuple(tuple(known[here, node.country] / SERVICE_MS for node in nodes) for here in countries)
    # A node stands in the region of demand that it is closest to.
    region = tuple(min(range(len(countries)), key=lambda here: rtt[here][node]) for node in range(len(nodes)))
    return [
        Case(
            "R1",
            "validators",
            rho,
            equal(len(nodes)),
            _COMPARED,
            "shortest_expected_delay",
            stakes=tuple(float(node.stake) for node in nodes),
            demand=tuple(DEMAND.values()),
            region=region,
            rtt=rtt,
        )
        for rho in LOADS
    ]


def r2(folder: Path) -> list[Case]:
    """Staking entities of `folder`, the recorded data. Raises InputError as the loaders do."""
    stakes = tuple(entity.validators for entity in entities(folder)[:ENTITIES])
    policies = ("random", "stake_weighted", "power_of_two", "shortest_expected_delay", "equilibrium")
    return [Case("R2", "staking entities", rho, equal(len(stakes)), policies, stakes=stakes) for rho in LOADS]


REAL = {"R1": r1, "R2": r2}
