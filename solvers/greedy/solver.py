"""The greedy solver: a plan by simple rules, made exact by the assembler.

Deterministic when it finishes: no clock but the budget's, no random numbers, sorted iteration throughout. The seed is
not used. Work is counted in quotes (see `router`).
"""

from __future__ import annotations

from typing import Literal, cast

from engine.auction.problem import Problem
from engine.auction.solution import Proposal
from solvers.assemble import propose
from solvers.greedy.router import Router
from solvers.greedy.swaps import SwapRouter
from solvers.plan import Plan
from solvers.protocol import Budget


class Greedy:
    """Fills swaps by netting and routing, payoffs and structures by portfolios of listed options."""

    name = "greedy"

    def solve(self, problem: Problem, budget: Budget, seed: int) -> Proposal:
        """Propose fills for as many intents as it can; counts the others by reason."""
        router = Router(problem, budget)
        swaps = SwapRouter(problem, router).run()
        plan = Plan(takes=tuple(swaps.takes), routes=tuple(swaps.routes), reasons=swaps.reasons)
        stopped = cast('Literal["finished", "time", "work"]', router.stopped_by() or "finished")
        return propose(problem, plan, self.name, stopped_by=stopped, work=router.work)


SOLVER = Greedy()
