"""The greedy solver: a plan by simple rules, made exact by the assembler.

Deterministic when it finishes: no clock but the budget's, no random numbers, sorted iteration throughout. The seed is
not used. Work is counted in quotes and costings (see `meter`).
"""

from __future__ import annotations

from engine.auction.problem import Problem
from engine.auction.solution import Proposal
from solvers.assemble import propose
from solvers.greedy.derivatives import plan_derivatives
from solvers.greedy.meter import Meter
from solvers.greedy.router import Router
from solvers.greedy.swaps import SwapRouter
from solvers.plan import Plan
from solvers.protocol import Budget


class Greedy:
    """Fills swaps by netting and routing, payoffs and structures by portfolios of listed options."""

    name = "greedy"

    def solve(self, problem: Problem, budget: Budget, seed: int) -> Proposal:
        """Propose fills for as many intents as it can; counts the others by reason."""
        meter = Meter(budget)
        swaps = SwapRouter(problem, Router(problem, meter)).run()
        derivatives = plan_derivatives(problem, meter)
        plan = Plan(
            takes=tuple(swaps.takes),
            routes=tuple(swaps.routes),
            portfolios=tuple(portfolio for _, portfolio in sorted(derivatives.portfolios.items())),
            crosses=tuple(derivatives.crosses),
            reasons=swaps.reasons | derivatives.reasons,
        )
        return propose(problem, plan, self.name, stopped_by=meter.stopped_by() or "finished", work=meter.work)


SOLVER = Greedy()
