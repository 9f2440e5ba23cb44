"""The bench: every policy of every case over seeds, as rows.

All policies of a case and seed face the same arrivals, requirements and slow phases, so rows of a case may be compared
more closely than their intervals say. Seeds are 0, 1, 2, ...; a row depends on nothing else. Rows of S6 and S7 come from
simulations of their own. Times in units; `mean_ci95` and `p99_ci95` are half widths.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from math import isfinite

from engine.network.policies.prequal import PROBES
from engine.network.simulation.measure import CODES, Observation, measure
from engine.network.simulation.scenarios import Case
from engine.network.simulation.statistics import Estimate, estimate, gap_closed
from intents.errors import InputError

Row = dict[str, object]
Progress = Callable[[str], None]

SEEDS = 10
"""By default."""

RANDOM = "random"


def rows(
    cases: Iterable[Case], seeds: int, policies: Collection[str] | None = None, progress: Progress = lambda _: None
) -> list[Row]:
    """The rows of the cases: of the policies named, or of all that a case compares and its bound.

    Raises InputError `unknown_policy`.
    """
    for name in policies or ():
        known(name, CODES, "unknown_policy", "policies")
    wanted = list(cases)
    made: list[Row] = []
    # Compiled code holds no lock, so threads are enough.
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for case, observations in _measured(pool, wanted, seeds, policies):
            made += _rows_of(case, observations, policies)
            progress(f"{case.scenario} {case.variant} n={case.nodes} rho={case.rho:g}: {len(made)} rows")
    return made


def known(name: str, names: Collection[str], code: str, where: str) -> None:
    """Raises InputError with the code and the place where the name is none of them."""
    if name not in names:
        raise InputError(code, where, expected=f"one of {', '.join(names)}", actual=repr(name))


def compared(case: Case, policies: Collection[str] | None) -> list[str]:
    """What runs in a case: the policies asked for, and random dispatch and the bound that they are measured against."""
    names = case.policies if policies is None else policies
    return list(dict.fromkeys([*names, RANDOM, case.bound]))


def _measured(
    pool: ThreadPoolExecutor, cases: list[Case], seeds: int, policies: Collection[str] | None
) -> Iterator[tuple[Case, list[dict[str, Observation]]]]:
    """Each case with its observations by seed."""
    jobs = [(number, case, seed) for number, case in enumerate(cases) for seed in range(seeds)]
    found = pool.map(lambda job: (job[0], measure(job[1], job[2], compared(job[1], policies))), jobs)
    for number, group in groupby(found, key=lambda item: item[0]):
        yield cases[number], [observed for _, observed in group]


def _rows_of(case: Case, seeds: list[dict[str, Observation]], policies: Collection[str] | None) -> list[Row]:
    names = [*case.policies, case.bound] if policies is None else policies
    random = _estimates([seed[RANDOM] for seed in seeds])
    bound = _estimates([seed[case.bound] for seed in seeds])
    return [_row(case, name, [seed[name] for seed in seeds], random, bound) for name in dict.fromkeys(names)]


def _estimates(seeds: list[Observation]) -> tuple[Estimate, Estimate]:
    return estimate([seed.mean for seed in seeds]), estimate([seed.p99 for seed in seeds])


def _row(
    case: Case,
    name: str,
    seeds: list[Observation],
    random: tuple[Estimate, Estimate],
    bound: tuple[Estimate, Estimate],
) -> Row:
    mean, p99 = _estimates(seeds)
    row: Row = {
        "scenario": case.scenario,
        "variant": case.variant,
        "policy": name,
        "n": case.nodes,
        "rho": case.rho,
        "seeds": len(seeds),
        "mean": round(mean.value, 4),
        "p99": round(p99.value, 4),
        "mean_ci95": _half_width(mean),
        "p99_ci95": _half_width(p99),
        "stable": all(seed.stable for seed in seeds),
        "staleness": case.report,
        "bound": case.bound,
        "bound_mean": round(bound[0].value, 4),
        "bound_p99": round(bound[1].value, 4),
        "gap_closed": round(gap_closed(random[0].value, mean.value, bound[0].value), 4),
        "gap_closed_p99": round(gap_closed(random[1].value, p99.value, bound[1].value), 4),
        "worst_load": round(max(seed.worst_load for seed in seeds), 4),
        "probes_per_request": PROBES if name == "prequal" else 0,
        "customers": case.customers,
    }
    if len(case.demand) > 1:
        row["cross_region"] = round(estimate([seed.crossing for seed in seeds]).value, 4)
    if case.identities:
        row["identities"] = case.identities
        row["share"] = round(estimate([sum(seed.shares[: case.identities]) for seed in seeds]).value, 5)
    if case.stakes:
        row["greatest_share"] = round(estimate([max(seed.shares) for seed in seeds]).value, 4)
        row["hhi"] = round(estimate([sum(share**2 for share in seed.shares) for seed in seeds]).value, 4)
    return row


def _half_width(value: Estimate) -> float | None:
    """Half of the 95 % interval; none where one seed gives none."""
    return round(value.half_width, 4) if isfinite(value.half_width) else None
