"""What did not settle is decided again on the market that the rest leaves, until nothing is gained.

A model sees chords; the assembler executes. Where a group's plan does not survive that, or its partner in netting was
dropped, there may still be other ways for it. So a method plans, its plan is assembled, and it plans again for the
groups left out, on venues as the filled groups leave them; both plans together are assembled once more.

Guarantee: the proposal returned is the one of greatest exact score, less what waiting costs where the problem has a
network, among those made. Deterministic if the method is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from engine.auction.problem import Holding, Problem
from engine.auction.score import score_solution
from engine.auction.solution import Proposal, Solution
from engine.market.venues import kind_of
from engine.market.venues.base import Trade
from intents.identifiers import solver_account
from solvers.assemble import propose
from solvers.common import wait_cost
from solvers.network import Network, build_network, on_venues_of
from solvers.plan import Plan
from solvers.protocol import Budget

MOST_TRIES = 3
"""Plans made in one run, at most."""

Stop = Literal["finished", "time", "work"]


@dataclass(frozen=True)
class Made:
    """What a method made of a problem: plans to choose from, what stopped it, the work it took, and notes.

    `network`: the one given without the intents that have no hope there.
    """

    plans: tuple[Plan, ...]
    network: Network
    stopped_by: Stop
    work: int
    notes: Mapping[str, str]


Method = Callable[[Problem, Network, Budget], Made]
"""Plans for a problem whose network is given, as `build_network` makes it."""


def propose_with_retries(problem: Problem, solver: str, method: Method, budget: Budget) -> Proposal:
    """The best proposal of up to MOST_TRIES plans. Notes are those of the first plan; work is that of all.

    `finished` only if every plan was: one that stops at its limit of work is improved on like any other.
    """
    account = solver_account(solver)
    budget = replace(budget, seconds=budget.seconds / MOST_TRIES)  # what one call of an optimiser may take
    made = method(problem, build_network(problem, account), budget)
    work, stopped_by = made.work, made.stopped_by
    plan, best = _best(problem, solver, made, made.plans)
    for _ in range(1, MOST_TRIES):
        if stopped_by == "time" or not best.unfilled:
            break
        if work + made.work > budget.work or budget.expired():
            stopped_by = "time" if budget.expired() else "work"
            break
        left = _problem_after(problem, best.solutions[0] if best.solutions else None, solver)
        made = method(left, on_venues_of(left, made.network, account), replace(budget, work=budget.work - work))
        work += made.work
        stopped_by = made.stopped_by if stopped_by == "finished" else stopped_by
        tried = tuple(_both(problem, best, plan, again) for again in made.plans)
        plan, better = _best(problem, solver, replace(made, notes=best.notes), tried)
        if _worth(problem, better) <= _worth(problem, best):
            break
        best = better
    return best.model_copy(update={"work": work, "stopped_by": stopped_by})


def _best(problem: Problem, solver: str, made: Made, plans: tuple[Plan, ...]) -> tuple[Plan, Proposal]:
    """The plan that assembles best, the first among equals, and its proposal."""
    proposals = [
        (plan, propose(problem, plan, solver, stopped_by=made.stopped_by, work=made.work, notes=made.notes))
        for plan in plans
    ]
    return max(proposals, key=lambda pair: _worth(problem, pair[1]))


def _worth(problem: Problem, proposal: Proposal) -> float:
    """The exact score where waiting costs nothing."""
    if not proposal.solutions:
        return 0
    score, waiting = (
        sum(score_solution(problem, proposal.solutions[0]).values()),
        wait_cost(problem, proposal.solutions[0]),
    )
    return score - waiting if waiting else score


def _problem_after(problem: Problem, solution: Solution | None, solver: str) -> Problem:
    """The problem without the groups that the solution fills, on venues and with balances as it leaves them."""
    if solution is None:
        return problem
    account, now = solver_account(solver), problem.snapshot.time_seconds
    venues = dict(problem.venues_by_id)
    for leg in solution.legs:
        ((asset_in, amount),), (asset_out,) = leg.ins.items(), leg.outs
        state = venues[leg.venue]
        _, venues[leg.venue] = kind_of(state).execute(
            state, account, Trade(asset_in, amount, asset_out, leg.level), now
        )
    holdings = {owner: dict(held) for owner, held in problem.holdings.items()}
    spent = [(problem.intents_by_id[fill.intent].outcome.owner, fill.ins) for fill in solution.fills]
    spent += [(account, transfer.give) for transfer in solution.transfers]
    for owner, amounts in spent:
        for asset, amount in amounts.items():
            held = holdings[owner].get(asset, Holding(amount=0))
            holdings[owner][asset] = Holding(amount=held.amount - amount, reserved=held.reserved)
    filled = _filled_groups(problem, solution)
    snapshot = problem.snapshot.model_copy(update={"venues": tuple(venues.values())})
    intents = tuple(intent for intent in problem.intents if intent.group not in filled)
    # Built without validation: what a solver asks its own model is no problem that anyone else sees.
    fields = {name: getattr(problem, name) for name in type(problem).model_fields}
    return Problem.model_construct(**{**fields, "snapshot": snapshot, "intents": intents, "holdings": holdings})


def _filled_groups(problem: Problem, solution: Solution) -> set[str]:
    return {problem.intents_by_id[fill.intent].group for fill in solution.fills}


def _both(problem: Problem, settled: Proposal, first: Plan, second: Plan) -> Plan:
    """What settled of the first plan, and the second plan."""
    filled = _filled_groups(problem, settled.solutions[0]) if settled.solutions else set()

    def stays(*intents: str) -> bool:
        return all(problem.intents_by_id[intent].group in filled for intent in intents)

    return Plan(
        takes=(*(take for take in first.takes if stays(take.intent)), *second.takes),
        routes=(*(r for r in first.routes if r.source in filled and r.sink in filled), *second.routes),
        portfolios=(*(held for held in first.portfolios if stays(held.intent)), *second.portfolios),
        crosses=(*(cross for cross in first.crosses if stays(cross.giver, cross.taker)), *second.crosses),
        reasons={**first.reasons, **second.reasons},
    )
