"""The figures that load balancing is to reach, as data: where ours, a baseline's and the bound are among the bench's rows.

The mean over seeds decides whether a target is reached; its interval is printed beside it and excuses nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from engine.network.simulation.bench import Row

OURS = "equilibrium"


@dataclass(frozen=True, slots=True)
class Place:
    """Rows of the bench: those that agree with every key given."""

    scenario: str
    policy: str
    variant: str
    rho: float
    n: int = 10

    def find(self, rows: Iterable[Row]) -> Row | None:
        """The first such row."""
        wanted = {
            "scenario": self.scenario,
            "policy": self.policy,
            "variant": self.variant,
            "rho": self.rho,
            "n": self.n,
        }
        return next((row for row in rows if all(row[key] == value for key, value in wanted.items())), None)


@dataclass(frozen=True, slots=True)
class Target:
    """One figure to reach; a limit is a greatest value, or a least one where `least`."""

    item: int
    """Of the issue."""
    text: str
    key: str
    limit: float
    ours: Place
    baseline: Place | None = None
    bound: Place | None = None
    least: bool = False
    relative_to: Place | None = None
    """Where the figures are ratios to ours of the same key there."""

    @property
    def command(self) -> str:
        """What reproduces it."""
        command = f"clearway network bench --scenario {self.ours.scenario}"
        if self.ours.policy != OURS:
            return command
        policies = [place.policy for place in (self.ours, self.baseline, self.bound) if place is not None]
        return f"{command} --policies {','.join(dict.fromkeys(policies))}"

    def figure(self, place: Place | None, rows: Sequence[Row]) -> float | None:
        """Of ours, the baseline or the bound; None where the rows do not have it."""
        value = None if place is None else _number(place, self.key, rows)
        if self.relative_to is None or value is None:
            return value
        against = _number(self.relative_to, self.key, rows)
        return None if not against else value / against

    def reached(self, rows: Sequence[Row]) -> bool | None:
        """Whether the figure is within the limit; None where the rows do not have it."""
        if self.ours.find(rows) is None:
            return None
        value = self.figure(self.ours, rows)
        if value is None:
            return False  # it never came to pass
        return value >= self.limit if self.least else value <= self.limit


def _number(place: Place, key: str, rows: Sequence[Row]) -> float | None:
    row = place.find(rows)
    value = None if row is None else row.get(key)
    return float(value) if isinstance(value, int | float) else None


def _places(scenario: str, variant: str, rho: float, n: int = 10) -> Callable[[str], Place]:
    return lambda policy: Place(scenario, policy, variant, rho, n)


def _pair(
    item: int, text: str, limits: tuple[float | None, float | None], at: Callable[[str], Place], names: tuple[str, str]
) -> list[Target]:
    """Mean and p99 of `equilibrium` at a place, against a baseline and a bound there."""
    baseline, bound = names
    return [
        Target(item, f"{text}, {key}", key, limit, at(OURS), at(baseline), at(bound))
        for key, limit in zip(("mean", "p99"), limits, strict=True)
        if limit is not None
    ]


_OLD = "state 5 service times old, rho .8"
_SED = "shortest_expected_delay"

TARGETS: list[Target] = [
    *_pair(2, _OLD, (2.1, 8.2), _places("S2", "D=5", 0.8), ("least_loaded", "lwl")),
    *_pair(
        2,
        f"{_OLD}, nodes report in turn",
        (2.1, 8.2),
        _places("S2", "D=5, reports in turn", 0.8),
        ("least_loaded", "lwl"),
    ),
    *_pair(
        2,
        "reports 5 old, receipts as signed, rho .8",
        (2.1, 8.2),
        _places("S2", "D=5, receipts at once", 0.8),
        ("least_loaded", "lwl"),
    ),
    *(
        Target(
            2,
            f"fresh state: gap from random to bound closed, rho {rho:g}",
            "gap_closed",
            0.92,
            at(OURS),
            at("power_of_two"),
            at("lwl"),
            least=True,
        )
        for rho in (0.5, 0.8, 0.95)
        for at in [_places("S1", "", rho)]
    ),
    *_pair(2, "unequal speeds, rho .8", (None, 6.9), _places("S3", "", 0.8), ("power_of_two", _SED)),
    *_pair(2, "antagonists, rho .8", (None, 20.0), _places("S4", "", 0.8), ("random", "lwl")),
    *_pair(2, "three regions, rho .5", (1.57, 5.9), _places("S5", "", 0.5, 12), ("power_of_two", _SED)),
    *_pair(2, "three regions, rho .9", (3.4, 10.6), _places("S5", "", 0.9, 12), ("power_of_two", _SED)),
    Target(
        2,
        "three regions, rho .95: stable",
        "stable",
        1,
        Place("S5", OURS, "", 0.95, 12),
        Place("S5", "random", "", 0.95, 12),
        least=True,
    ),
    *(
        Target(
            3,
            f"{law}, rho .95, {what}: mean wait off by",
            "error",
            limit,
            Place("waiting", policy, law, 0.95),
            Place("waiting", "last_observed", law, 0.95),
            Place("waiting", bound, law, 0.95),
        )
        for law, limit in (("exponential", 0.05), ("lognormal SCV 4", 0.15))
        for policy, what, bound in (
            ("predicted", "rates known", "simulated"),
            ("online", "rates estimated from 100,000 customers", "sampling"),
        )
    ),
    *(
        Target(
            3,
            f"two choices of 100, rho {rho:g}: {what} off by",
            key,
            limit,
            Place("waiting", "predicted", "power of two choices", rho, 100),
        )
        for rho in (0.5, 0.8, 0.95)
        for what, key, limit in (
            ("mean wait", "error", 0.05),
            ("coverage of the 90 % interval", "off_coverage", 0.03),
        )
    ),
    *(
        Target(
            3,
            f"{law}, rho {rho:g}: coverage of the 90 % interval off what can be had by",
            "off_coverage",
            0.03,
            Place("waiting", "online", law, rho),
        )
        for law in ("fixed", "exponential", "lognormal SCV 4")
        for rho in (0.5, 0.95)
    ),
    *(
        Target(
            4,
            f"{floor}, rho {rho:g}: {text}",
            key,
            limit,
            Place("frontier", OURS, floor, rho, 12),
            Place("frontier", "equal shares", floor, rho, 12) if key == "against" else None,
            Place("frontier", "frontier", floor, rho, 12) if key == "against" else None,
        )
        for rho in (0.2, 0.6)
        for floor in ("N(1/3) ≥ 3", "N(1/3) ≥ 4", "N(1/2) ≥ 4", "N(1/2) ≥ 6")
        for text, key, limit in (
            ("mean latency over the frontier's", "against", 1.05),
            ("value share above the floor, worst window", "over_floor", 0.0),
        )
    ),
    Target(
        6,
        "20 % of challengers lie: error of the measured delay, 95 % quantile",
        "error",
        0.1,
        Place("trust", "median of 21", "liars", 0.2, 50),
        Place("trust", "one challenger", "liars", 0.2, 50),
        Place("trust", "21, none lying", "liars", 0.2, 50),
    ),
    Target(
        6,
        "forged, replayed, late receipts, heartbeats, echoes: share refused",
        "refused",
        1,
        Place("trust", "signed, once, in its window", "forgeries", 0.0, 22),
        least=True,
    ),
    Target(
        6,
        "honest node losing 40 % of everybody's: false accusations per test",
        "false_alarms",
        0.01,
        Place("trust", "sequential test of pairs", "accused", 0.4, 4000),
        Place("trust", "more than half of 20 lost", "accused", 0.4, 4000),
    ),
    Target(
        6,
        "operators with a quarter of the share drop a victim: P(delay > 2 slots)",
        "mean",
        0.0625,
        Place("trust", "fall-through", "dropped", 0.25, 20),
        Place("trust", "same node again", "dropped", 0.25, 20),
        Place("trust", "without replacement, exactly", "dropped", 0.25, 20),
    ),
    Target(
        6,
        "dispatch choices that replay bit for bit: share",
        "replayed",
        1,
        Place("trust", "all policies", "choices", 0.0, 5),
        least=True,
    ),
    *(
        Target(
            6,
            f"2 of 10 nodes lie, rho {rho:g}: p99 over that of honest nodes",
            "p99",
            1.1,
            Place("S8", OURS, "2 of 10 lie", rho),
            Place("S8", "least_loaded", "2 of 10 lie", rho),
            Place("S8", "lwl", "2 of 10 lie", rho),
            relative_to=Place("S8", OURS, "honest", rho),
        )
        for rho in (0.5, 0.8)
    ),
    *(
        Target(
            6,
            f"an identity split in 4, {policy}: its share over that of one",
            "share",
            1.01,
            Place("S8", policy, "split in 4", 0.8, 13),
            Place("S8", "least_loaded_own", "split in 4", 0.8, 13),
            relative_to=Place("S8", policy, "one identity", 0.8),
        )
        for policy in ("equilibrium", "stake_weighted")
    ),
    Target(
        2,
        "stake whales, rho .9: greatest load of a node",
        "worst_load",
        0.9999,
        Place("S8", OURS, "stake whales", 0.9),
        Place("S8", "stake_weighted", "stake whales", 0.9),
        Place("S8", _SED, "stake whales", 0.9),
    ),
    *(
        Target(
            5,
            f"offered load {load:g}: goodput over capacity",
            "goodput",
            0.95,
            Place("S7", "equilibrium + health", "ramp", load),
            Place("S7", "least_loaded_own, no limits", "ramp", load),
            least=True,
        )
        for load in (1.0, 1.1, 1.25, 1.5, 1.74)
    ),
    *(
        Target(
            5,
            f"offered load {load:g}: admitted p99 over that at rho .9",
            "p99",
            3.0,
            Place("S7", "equilibrium + health", "ramp", load),
            Place("S7", "least_loaded_own, no limits", "ramp", load),
            relative_to=Place("S7", "equilibrium + health", "ramp", 0.9),
        )
        for load in (1.0, 1.1, 1.25, 1.5, 1.74)
    ),
    *(
        Target(
            5,
            f"p99 back within 2x after 70 % of the nodes go, load {load:g} before, {load / 0.3:.2g} of what is left, units",
            "recovery_units",
            30,
            Place("S6", "equilibrium + health", variant, load, 100),
            Place("S6", "equilibrium, no ejection", variant, load, 100),
        )
        for load, variant in ((0.25, "crash 70 %, fits"), (0.6, "crash 70 %, overload"))
    ),
    *(
        Target(5, text, key, limit, Place("S6", "equilibrium + health", variant, load, n), least=least)
        for text, key, limit, variant, load, n, least in (
            (
                "70 of 100 nodes crash: last found, report intervals",
                "detection",
                2,
                "crash 70 %, fits",
                0.25,
                100,
                False,
            ),
            ("half of a node's answers fail: out after, answers", "detection", 20, "grey", 0.7, 10, False),
            ("the same, 95 % quantile", "detection_p95", 20, "grey", 0.7, 10, False),
            (
                "ejections of healthy nodes per hour, upper 95 % end",
                "false_ejections_upper95",
                1e-3,
                "calm",
                0.7,
                10,
                False,
            ),
            ("a node in or out at least, units", "fastest_change_units", 60, "recovery", 0.5, 10, True),
        )
    ),
    Target(
        5,
        "back to baseline after a 3x spike with retries, units",
        "recovery_units",
        200,
        Place("S7", "equilibrium + health", "spike", 0.7),
        Place("S7", "equilibrium, no limits, unbudgeted", "spike", 0.7),
    ),
]
"""Every figure of the issue that a scenario shows."""
