"""Proves a set by a tree of linear programs: at each leaf the dual prices close the case, in floats as far as seen here.

The relaxation: maximise sum score x, of each group and clique at most 1, of each stock its capacity (a clause: sum present -
sum absent at most one less than all present), 0 <= x <= 1. Where its value is beyond the incumbent and a bid is fractional, the tree has cases over it.

Bids outside the incumbent are given a little more than they score (NUDGE). If the incumbent is the only optimum of a
leaf, the prices then exceed every other bid's score by that little, so rounding them can not bring one back, and the
exact check needs no search at all. Where others are as good, the bids among which it is undecided are few.

Deterministic: GLOP, a fixed order, and limits in programs solved. What it returns is checked by engine.auction.proof.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any

import ortools.linear_solver.pywraplp as pywraplp  # noqa: PLR0402 - mypy does not find it in the package

from engine.advisers.incumbent import accepted, incumbent, rounded
from engine.advisers.model import Model, model_of
from engine.auction.advice import Advice, Clause, Step
from engine.auction.select import Component

TOP = 1000.0
"""The greatest score in the linear programs."""

NUDGE = TOP * 1e-7
"""Far above GLOP's tolerances (1e-6 absolute in its own scaling) and the rounding of prices, far below any score that counts."""

PRICE_BITS = 40
"""Bits of the greatest score in units of price."""

PROGRAMS = 40_000
"""Programs solved in a tree, times candidates; at least 40, at most 400 programs."""

FIRST_PROGRAMS = 24
"""Programs solved before CP-SAT is asked."""

HOPELESS = 0.01
"""Share of the root's value by which it may exceed the incumbent's if a second tree is to be tried on many bids."""

SEARCHED = 200
"""Candidates up to which an unfinished tree is left to the exact search, with all work there is."""

LEAF_WORK = 2_000
"""Work for what the prices of a finished tree's leaf leave undecided."""

RESTARTS = 4
"""Trees begun anew, one for each better set that a program finds."""

Path = tuple[tuple[int, bool], ...]


@dataclass(frozen=True, slots=True)
class Solved:
    """A program's value, its share of each bid, the bid to split it over, if any is fractional, and the prices of the rows."""

    value: float
    shares: list[float]
    split: int | None
    prices: tuple[int, ...]

    @property
    def whole(self) -> list[int]:
        """The bids that it takes, where it splits none."""
        return [i for i, share in enumerate(self.shares) if share > 0.5]


def advise(component: Component) -> Advice:
    """A set and the proof, or, where the tree grew too large, the root's prices alone.

    The set is the first program's where it splits no bid; else that program rounded, and CP-SAT's where no small tree
    proves it.
    """
    model = model_of(component)
    root = _Programs(component, model, []).solve(())
    best = root.whole
    if root.split is not None or not accepted(component, model, best):
        best = rounded(component, model, root.shares)
    programs, steps = _grown(component, model, best, FIRST_PROGRAMS)
    if steps is None:
        best = incumbent(component, model, programs.best)
        near = root.value - programs.worth <= HOPELESS * root.value
        most = min(400, max(40, PROGRAMS // len(model.ids))) if near or len(model.ids) <= SEARCHED else 0
        programs, steps = _grown(component, model, best, most)
    if steps is None:
        work = 2**53 - 1 if len(model.ids) <= SEARCHED else 0
        steps = [Step(prices=programs.solve(()).prices, work=work)]
    return Advice(
        first=component.first,
        best=model.named(programs.best),
        judged=tuple(model.named(judged) for judged in model.judged),
        cliques=tuple(model.named(clique) for clique in model.cliques),
        clauses=tuple(Clause(present=model.named(p), absent=model.named(a)) for p, a in model.clauses),
        scale=programs.scale,
        tree=tuple(steps),
    )


def _grown(component: Component, model: Model, best: list[int], most: int) -> tuple[_Programs, list[Step] | None]:
    """The programs of the best set, after those that they find, and the tree that proves it, if it takes no more."""
    programs = _Programs(component, model, best)
    steps = programs.tree(most)
    for _ in range(RESTARTS):
        if programs.better is None:
            break
        programs = _Programs(component, model, programs.better)
        steps = programs.tree(most)
    return programs, steps


class _Programs:
    """One program whose bounds are moved from case to case."""

    def __init__(self, component: Component, model: Model, best: list[int]) -> None:
        self.component = component
        self.model = model
        self.best = best
        self.better: list[int] | None = None
        self.top = max(model.scores) or 1
        self.scale = max(self.top.bit_length() - PRICE_BITS, -len(model.ids))
        self.units = float(self.top / Fraction(2) ** self.scale)
        self.solver: Any = pywraplp.Solver.CreateSolver("GLOP")
        self.columns = [self.solver.NumVar(0, 1, "") for _ in model.ids]
        self.rows: list[Any] = []
        for group in model.groups:
            self._row(dict.fromkeys(group, 1), 1)
        for takes, capacity in model.stocks:
            most = max(takes.values())
            self._row({i: n / most for i, n in takes.items()}, capacity / most)
        for clique in model.cliques:
            self._row(dict.fromkeys(clique, 1), 1)
        for present, absent in model.clauses:
            self._row(dict.fromkeys(present, 1) | dict.fromkeys(absent, -1), len(present) - 1)
        inside = set(best)
        objective = self.solver.Objective()
        for i, score in enumerate(model.scores):
            objective.SetCoefficient(
                self.columns[i], score * TOP / self.top + (NUDGE if best and i not in inside else 0)
            )
        objective.SetMaximization()
        self.worth = sum(model.scores[i] for i in best) * TOP / self.top

    def _row(self, draws: Mapping[int, float], most: float) -> None:
        row = self.solver.RowConstraint(-self.solver.infinity(), most, "")
        for i, drawn in draws.items():
            row.SetCoefficient(self.columns[i], drawn)
        self.rows.append(row)

    def tree(self, most: int) -> list[Step] | None:
        """The steps of the proof in preorder; None where it takes more programs, or `better` was found on the way."""
        steps: list[Step] = []
        stack: list[Path] = [()]
        margin = NUDGE * (len(self.best) + 4)
        while stack:
            if most == 0:
                return None
            most -= 1
            path = stack.pop()
            solved = self.solve(path)
            if solved.split is None and solved.value > self.worth + margin:
                self.better = self._accepted(solved.whole)
                if self.better is not None:
                    return None
            if solved.split is None or solved.value <= self.worth + margin:
                steps.append(Step(prices=solved.prices, work=LEAF_WORK))
            else:
                steps.append(Step(bid=self.model.ids[solved.split]))
                stack += [(*path, (solved.split, False)), (*path, (solved.split, True))]
        return steps

    def _accepted(self, whole: list[int]) -> list[int] | None:
        """A set that a program found, if it is better and not refused."""
        better = self.model.score(whole) > self.model.score(self.best)
        # Rows are fixed by now, so what a refusal teaches is left to the exact search of the leaf.
        return whole if better and self.component.judge(frozenset(self.model.named(whole))) is None else None

    def solve(self, path: Path) -> Solved:
        """The program of a case; prices of zero where it has no solution."""
        for i, inside in path:
            self.columns[i].SetBounds(int(inside), int(inside))
        if self.solver.Solve() == pywraplp.Solver.OPTIMAL:
            values = [column.solution_value() for column in self.columns]
            prices = tuple(ceil(max(0.0, row.dual_value()) / TOP * self.units) for row in self.rows)
            value = self.solver.Objective().Value()
        else:
            values, prices, value = [], (0,) * len(self.rows), 0.0
        for i, _ in path:
            self.columns[i].SetBounds(0, 1)
        fractional = [i for i, share in enumerate(values) if 1e-6 < share < 1 - 1e-6]
        split = max(fractional, key=lambda i: (min(values[i], 1 - values[i]) * self.model.scores[i], -i), default=None)
        return Solved(value, values, split, prices)
