"""One solution against one problem: what every check looks at.

`Case` only resolves names, so it may be built for any solution; `fills` may be read once `checks_names` has passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from engine.auction.problem import Intent, Problem
from engine.auction.solution import Fill, Leg, Solution
from intents.identifiers import place_of, solver_account


@dataclass(frozen=True, slots=True)
class CaseFill:
    """A fill, its position in the solution and the intent it fills."""

    index: int
    fill: Fill
    intent: Intent


@dataclass(frozen=True)
class Case:
    """A solution, the problem it answers, and who proposes it (None: nobody, so no fee and no transfer)."""

    problem: Problem
    solution: Solution
    solver: str | None
    in_auction: bool = False

    @cached_property
    def fills(self) -> tuple[CaseFill, ...]:
        """Every fill with its intent."""
        by_id = self.problem.intents_by_id
        return tuple(CaseFill(i, fill, by_id[fill.intent]) for i, fill in enumerate(self.solution.fills))

    @cached_property
    def first_legs(self) -> dict[str, int]:
        """Each place that legs trade at, with the position of its first leg, in ascending order of position."""
        first: dict[str, int] = {}
        for position, leg in enumerate(self.solution.legs):
            first.setdefault(place_of(leg.venue), position)
        return first

    @property
    def account(self) -> str | None:
        """The solver's account."""
        return None if self.solver is None else solver_account(self.solver)

    @property
    def time(self) -> int:
        """The snapshot's time, which is the time of every check."""
        return self.problem.snapshot.time_seconds


def amounts_in(solution: Solution) -> Iterator[tuple[tuple[str | int, ...], str, int]]:
    """Every (path without the asset, asset, amount) of a solution: fills, legs, transfers, lines, in this order."""
    for i, fill in enumerate(solution.fills):
        for side, amounts in (("in", fill.ins), ("out", fill.outs), ("fee", fill.fee)):
            for asset, amount in amounts.items():
                yield ("fills", i, side, asset), asset, amount
    for i, leg in enumerate(solution.legs):
        for side, amounts in (("in", leg.ins), ("out", leg.outs)):
            for asset, amount in amounts.items():
                yield ("legs", i, side, asset), asset, amount
    for i, transfer in enumerate(solution.transfers):
        for side, amounts in (("give", transfer.give), ("take", transfer.take)):
            for asset, amount in amounts.items():
                yield ("transfers", i, side, asset), asset, amount
    for i, line in enumerate(solution.lines):
        yield ("lines", i), line.asset, line.amount


def gas_of(problem: Problem, legs: Iterable[Leg]) -> dict[str, int]:
    """Gas that the legs burn, in base units of each place's native asset: gas_units * gas_price, summed."""
    burned: dict[str, int] = {}
    for leg in legs:
        chain = problem.snapshot.chains.get(place_of(leg.venue))
        if chain is None or chain.native is None:
            continue
        amount = problem.venues_by_id[leg.venue].gas_units * chain.gas_price
        if amount:
            burned[chain.native] = burned.get(chain.native, 0) + amount
    return burned
