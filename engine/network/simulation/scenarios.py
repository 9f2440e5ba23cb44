"""The scenarios of the bench: each a list of cases, a case being one world at one load and the policies compared in it.

Times are in units (mean service times of a node of speed 1). `rho` is the arrival rate over the capacity that the nodes
nominally have. S1 equal nodes, S2 old state, S3 unequal speeds, S4 antagonists, S5 regions, S8 adversaries; S6 and S7
(failures and overload) are simulations of their own. Worlds built from recorded data are in `real_worlds`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from engine.network.simulation.streams import Phases

BOUND = "lwl"
"""One central queue for all machines: no first-come first-served dispatch to identical machines has shorter waits."""

SHARED_STATE = ("random", "round_robin", "power_of_two", "power_of_two_own", "least_loaded", "least_loaded_own")
ALL = (
    *SHARED_STATE,
    "stake_weighted",
    "weighted_least_connections",
    "peak_ewma",
    "prequal",
    "shortest_expected_delay",
    "geographic",
    "consistent_hash",
    "equilibrium",
)


@dataclass(frozen=True, slots=True)
class Case:
    """One world at one load."""

    scenario: str
    variant: str
    """What tells it from other cases of the scenario; empty where n and rho do."""
    rho: float
    speeds: tuple[float, ...]
    """Of the machines."""
    policies: tuple[str, ...]
    bound: str = BOUND
    machine: tuple[int, ...] = ()
    """Machine of each node; by default one each."""
    lies: tuple[int, ...] = ()
    """Nodes that always report an empty queue."""
    stakes: tuple[float, ...] = ()
    """Of the nodes, any scale; by default equal."""
    demand: tuple[float, ...] = (1.0,)
    region: tuple[int, ...] = ()
    rtt: tuple[tuple[float, ...], ...] = ()
    """From each region of demand to each node."""
    report: float = 0.0
    """Time between reports; 0 is fresh state."""
    batched: bool = False
    staggered: bool = False
    phases: Phases | None = None
    slowdown: int = 1
    customers: int = 300_000
    """Measured, for each seed."""
    warm_up: int = 30_000
    identities: int = 0
    """How many of the first nodes are watched as one operator; their share of the customers is reported."""
    stake_caps: bool = False
    """Whether operators' shares are capped linearly in stake (for policies that hold ceilings)."""

    @property
    def nodes(self) -> int:
        """Identities that the dispatcher knows."""
        return len(self.machine) or len(self.speeds)

    @property
    def rate(self) -> float:
        """Arrivals per unit."""
        return self.rho * sum(self.speeds)


def equal(n: int) -> tuple[float, ...]:
    """Machines of speed 1."""
    return (1.0,) * n


def s1() -> list[Case]:
    """Equal nodes, fresh state."""
    small = [Case("S1", "", rho, equal(10), ALL) for rho in (0.5, 0.8, 0.95)]
    compared = ("random", "round_robin", "power_of_two", "least_loaded_own", "equilibrium")
    # Two thousand units of warm-up at the highest load, in which random dispatch has long to go from an empty start.
    large = [
        Case("S1", "", rho, equal(100), compared, customers=200_000, warm_up=warm_up)
        for rho, warm_up in ((0.5, 50_000), (0.8, 50_000), (0.95, 200_000))
    ]
    return small + large


def s2() -> list[Case]:
    """Old state. Receipts come with the reports alone, as on the reference page; then the two ways to know more."""
    cases = [
        Case("S2", f"D={age:g}", rho, equal(10), (*SHARED_STATE, "equilibrium"), report=age, batched=True)
        for rho in (0.8, 0.95)
        for age in (0.1, 1.0, 2.0, 5.0, 10.0, 20.0)
    ]
    old = next(case for case in cases if case.variant == "D=5" and case.rho == 0.8)
    cases.append(replace(old, variant="D=5, reports in turn", staggered=True))
    cases.append(replace(old, variant="D=5, receipts at once", batched=False))
    return cases


SPEEDS = (2.0, 2.0, 2.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5)


def s3() -> list[Case]:
    """Unequal speeds, known to the dispatcher."""
    policies = tuple(name for name in ALL if name != "geographic")
    return [Case("S3", "", rho, SPEEDS, (*policies, BOUND), "shortest_expected_delay") for rho in (0.5, 0.8, 0.95)]


def s4() -> list[Case]:
    """Each machine four times slower for Exp(50) out of Exp(450) + Exp(50); the dispatcher sees only what comes of it."""
    policies = tuple(name for name in ALL if name not in {"geographic", "stake_weighted"})
    return [Case("S4", "", rho, equal(10), policies, phases=Phases(450.0, 50.0), slowdown=4) for rho in (0.5, 0.7, 0.8)]


def s5() -> list[Case]:
    """Three regions with 60, 30 and 10 % of the demand, four nodes each, round trips .1 inside and 1 across."""
    region = tuple(node // 4 for node in range(12))
    rtt = tuple(tuple(0.1 if here == there else 1.0 for there in region) for here in range(3))
    policies = ("random", "power_of_two", "power_of_two_own", "least_loaded_own", "peak_ewma", "geographic")
    return [
        Case(
            "S5",
            "",
            rho,
            equal(12),
            (*policies, "shortest_expected_delay", "equilibrium"),
            "shortest_expected_delay",
            demand=(0.6, 0.3, 0.1),
            region=region,
            rtt=rtt,
        )
        for rho in (0.5, 0.8, 0.9, 0.95)
    ]


def s8() -> list[Case]:
    """Adversaries: nodes that lie, an identity split in four, stakes that have nothing to do with speed."""
    return [*_liars(), *_sybils(), *_whales()]


def _liars() -> list[Case]:
    policies = ("least_loaded", "power_of_two", "least_loaded_own", "power_of_two_own", "prequal", "equilibrium")
    return [
        Case("S8", variant, rho, equal(10), policies, lies=lies)
        for rho in (0.5, 0.8)
        for variant, lies in (("honest", ()), ("2 of 10 lie", (0, 1)))
    ]


SPLIT = 4
"""Identities into which a sybil splits its one machine; each keeps its part of the stake."""


def _sybils() -> list[Case]:
    policies = ("stake_weighted", "least_loaded_own", "equilibrium")
    whole = Case("S8", "one identity", 0.8, equal(10), policies, identities=1, stake_caps=True)
    split = replace(
        whole,
        variant=f"split in {SPLIT}",
        machine=(0,) * SPLIT + tuple(range(1, 10)),
        stakes=(1.0 / SPLIT,) * SPLIT + (1.0,) * 9,
        identities=SPLIT,
    )
    return [whole, split]


def _whales() -> list[Case]:
    policies = ("stake_weighted", "shortest_expected_delay", "equilibrium")
    return [
        Case("S8", "stake whales", rho, SPEEDS, policies, "shortest_expected_delay", stakes=pareto_stakes(10, 1.2))
        for rho in (0.5, 0.8, 0.9)
    ]


def pareto_stakes(nodes: int, shape: float) -> tuple[float, ...]:
    """Stakes of one seeded draw from Pareto's distribution (least 1), the same in every run."""
    drawn = 1.0 + np.random.default_rng([8, nodes]).pareto(shape, nodes)
    return tuple(float(stake) for stake in drawn)


SCENARIOS = {"S1": s1, "S2": s2, "S3": s3, "S4": s4, "S5": s5, "S8": s8}
