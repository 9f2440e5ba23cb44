"""The LP solver: one linear program over all intents and venues, solved with PuLP, rounded to exact integers.

What it can not see: fixed costs and minima other than by rounding (see `solvers.rounds`); the CP-SAT solver can.
Work is counted in columns of linear programs.
"""

from __future__ import annotations

from engine.auction.problem import Problem
from engine.auction.solution import Proposal
from intents.identifiers import solver_account
from solvers.lots import Exchange
from solvers.lp.backend import solve_linear
from solvers.lp.derivatives import exchange_in_lots
from solvers.network import Network
from solvers.protocol import Budget
from solvers.retry import Made, propose_with_retries
from solvers.rounds import plan_of, run_rounds

NO_EXCHANGE: tuple[Exchange, dict[str, str]] = (Exchange((), ()), {})


class LpSolver:
    """The competitor `lp`."""

    name = "lp"

    def solve(self, problem: Problem, budget: Budget, seed: int) -> Proposal:
        """Propose fills; the seed is not used, since the simplex needs no chance."""
        return propose_with_retries(problem, self.name, _plan, budget)


def _plan(problem: Problem, network: Network, budget: Budget) -> Made:
    run = run_rounds(problem, network, solver_account(LpSolver.name), solve_linear, budget)
    solution = run.solution
    exchange, refused = NO_EXCHANGE if solution is None else exchange_in_lots(run, solution[1])
    plan = plan_of(run, solution, exchange, refused)
    notes = {"linear_programs": str(run.programs), "columns": str(run.work)}
    return Made((plan,), run.start, run.stopped_by, run.work, notes)
