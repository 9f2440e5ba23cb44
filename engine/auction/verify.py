"""Verification: one solution against one problem, by the rules page alone (docs/rules.md, sections 2 to 5).

Guarantees
1. Nothing that the solution says about prices, outputs or feasibility is believed; the only code shared with solvers is
   the venues' `execute`.
2. The answer is a Verdict: the first broken rule in the order of the rules page, or the scores. It never raises for a
   solution that could be read, whatever is in it.
3. Pure: no clock, no randomness; the same arguments give the same verdict everywhere.

The problem must have passed `check_problem`; of it only the snapshot's hash is checked again (and kept).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from engine.auction.case import Case, gas_of
from engine.auction.checks_fills import check_fills
from engine.auction.checks_money import check_money
from engine.auction.checks_names import check_binding, check_names
from engine.auction.checks_prices import check_prices
from engine.auction.problem import Problem
from engine.auction.replay import Bid, replay
from engine.auction.score import score_fills, sum_by_group
from engine.auction.solution import Solution
from engine.auction.verdict import Fault, FillScore, Verdict

CHECKS: tuple[Callable[[Case], Fault | None], ...] = (
    check_binding,
    check_names,
    check_fills,
    check_prices,
    check_money,
)
"""Steps 1 to 8 of section 2, in order; step 9 is the replay."""


def verify(problem: Problem, solution: Solution, *, solver: str | None, in_auction: bool = False) -> Verdict:
    """Check and score a solution that `solver` (a name) proposes.

    In an auction the solution must name the problem's hash and the solver must hold an account in the problem. Outside
    one the solver is by default the one the solution states; a solution without any burns no gas, and can take no fee
    and move no inventory.
    """
    if solver is None and not in_auction:
        solver = solution.solver
    case = Case(problem, solution, solver, in_auction)
    for check in CHECKS:
        fault = check(case)
        if fault is not None:
            return Verdict(fault)
    replayed = replay(problem, (Bid("", solver or "", solution),))
    if isinstance(replayed, Fault):
        return Verdict(replace(replayed, bids=()))
    fills = score_fills(problem, solution)
    groups = sum_by_group(fills)
    return Verdict(None, sum(groups.values()), fills, groups, gas_of(problem, solution.legs))


__all__ = ["CHECKS", "Fault", "FillScore", "Verdict", "verify"]
