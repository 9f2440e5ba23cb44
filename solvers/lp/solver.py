"""The LP solver: one linear program over all intents and venues, solved with PuLP, rounded to exact integers.

What it can not see: fixed costs and minima other than by rounding (see `solvers.rounds`); the CP-SAT solver can.
Work is counted in columns of linear programs.
"""

from __future__ import annotations

from engine.auction.problem import Problem
from engine.auction.solution import Proposal
from solvers.assemble import propose
from solvers.lots import Exchange
from solvers.lp.backend import solve_linear
from solvers.lp.derivatives import exchange_in_lots
from solvers.protocol import Budget
from solvers.rounds import plan_of, run_rounds

NO_EXCHANGE: tuple[Exchange, dict[str, str]] = (Exchange((), ()), {})


class LpSolver:
    """The competitor `lp`."""

    name = "lp"

    def solve(self, problem: Problem, budget: Budget, seed: int) -> Proposal:
        """Propose fills; the seed is not used, since the simplex needs no chance."""
        run = run_rounds(problem, self.name, solve_linear, budget)
        solution = run.solution
        exchange, refused = NO_EXCHANGE if solution is None else exchange_in_lots(run, solution[1])
        plan = plan_of(run, solution, exchange, refused)
        notes = {"linear_programs": str(run.programs), "columns": str(run.work)}
        return propose(problem, plan, self.name, stopped_by=run.stopped_by, work=run.work, notes=notes)
