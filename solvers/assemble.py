"""From a Plan to exact solutions: first one over everything it fills, then the same split into independent parts.

Guarantees
1. Every amount is exact: routes are executed hop by hop (`assemble_flow`), group prices are exact totals and fills
   round against the owners (`assemble_fill`); conservation is an equality per asset, residues being dust and cycle gain.
2. The parts are the connected components of groups linked by routes and crosses (and by an owner whose balance does
   not cover all of its intents); the whole is their sum, each with the same amounts.
3. What does not settle after a bounded number of repairs is dropped and its reason counted; nothing broken is returned:
   each solution has passed `engine.auction.verify`.
4. It is deterministic: the same plan gives the same bytes.

It charges no fees and takes no view on which plan is good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.auction.problem import Problem
from engine.auction.solution import Fill, Proposal, Solution
from engine.auction.verify import verify
from engine.market.venues import kind_of
from intents.identifiers import solver_account
from solvers.assemble_fill import Settled, settle
from solvers.assemble_flow import Executor, Flow, Part
from solvers.assemble_parts import Piece, piece_of, portfolio_fill, solution_of, split_parts, tied_groups
from solvers.assemble_repair import Draft
from solvers.common import count_by_reason, is_open, leg_gas
from solvers.plan import Plan


@dataclass(frozen=True, slots=True)
class Assembled:
    """The whole (absent where nothing is filled), then its parts where there are several; why planned intents were left out."""

    solutions: tuple[Solution, ...]
    reasons: Mapping[str, str]


def assemble(problem: Problem, plan: Plan, solver_name: str) -> tuple[Solution, ...]:
    """The whole, then its parts where there is more than one; () where nothing can be filled."""
    return assemble_with_reasons(problem, plan, solver_name).solutions


def propose(
    problem: Problem,
    plan: Plan,
    solver_name: str,
    *,
    stopped_by: Literal["finished", "time", "work"],
    work: int,
    notes: Mapping[str, str] | None = None,
) -> Proposal:
    """Assemble a plan and count every intent of the problem that it leaves out, by the assembler's or the plan's reason."""
    made = assemble_with_reasons(problem, plan, solver_name)
    filled = {fill.intent for solution in made.solutions for fill in solution.fills}
    reasons = []
    for intent in problem.intents:
        if intent.id not in filled:
            unable = None if is_open(problem, intent) else "not_valid"
            reasons.append(unable or made.reasons.get(intent.id) or plan.reasons.get(intent.id) or "not_chosen")
    return Proposal(
        solutions=made.solutions,
        stopped_by=stopped_by,
        work=work,
        unfilled=count_by_reason(reasons),
        notes=dict(notes or {}),
    )


def assemble_with_reasons(problem: Problem, plan: Plan, solver_name: str) -> Assembled:
    """As `assemble`, with the reason for each planned intent that was left out."""
    draft = Draft(problem, plan)
    ties = tied_groups(problem)
    while True:
        pieces = _settle_all(draft, ties, solver_account(solver_name))
        unpaid = _beyond_gas(problem, pieces, solver_account(solver_name))
        if unpaid is not None:
            _drop_piece(draft, unpaid, "no_gas")
            continue
        broken, alone = _verified(problem, pieces, solver_name)
        if broken is None:
            return Assembled(alone, draft.reasons)
        _drop_piece(draft, *broken)


def _settle_all(draft: Draft, ties: tuple[tuple[str, ...], ...], account: str) -> list[Piece]:
    """Repair until every part settles in one and the same execution. Ends, since corrections are counted by group."""
    while True:
        parts = split_parts(draft, ties)
        flows = Executor(draft.problem, account, _may_be_staged(draft)).run(parts)
        pieces = [_settle_part(draft, part, flows[part.key]) for part in parts]
        settled = [piece for piece in pieces if piece is not None]
        if len(settled) == len(pieces):
            return settled


def _settle_part(draft: Draft, part: Part, flow: Flow) -> Piece | None:
    """The settled part; None where the draft had to be repaired first."""
    if _repair_flow(draft, part, flow):
        return None
    fills: list[Fill] = []
    prices: dict[str, tuple[int, int]] = {}
    repaired = False
    for group in part.groups:
        if group in draft.portfolios:
            portfolio = draft.portfolios[group]
            intent = draft.problem.intents_by_id[portfolio.intent]
            made = portfolio_fill(intent, portfolio, flow.costs[portfolio.intent])
            if isinstance(made, str):
                repaired = True
                if not draft.drop_crosses(group):
                    draft.drop_portfolio(group, made)
            else:
                fills.append(made)
                if intent.outcome.is_plain_swap:
                    prices[group] = (sum(made.outs.values()), sum(made.ins.values()))
            continue
        members = draft.members(group)
        paid = sum(flow.used[i] for i, route in enumerate(part.routes) if route.source == group)
        got = sum(flow.got[i] for i, route in enumerate(part.routes) if route.sink == group)
        if not (members and paid and got):
            repaired = True
            draft.drop_group(group, "no_route")
            continue
        outcome = settle(members, paid, got, rigid=draft.is_rigid(group))
        if isinstance(outcome, Settled):
            stage = max(flow.stages[i] for i, route in enumerate(part.routes) if route.sink == group)
            fills.extend(fill.model_copy(update={"stage": stage}) for fill in outcome.fills)
            prices[group] = outcome.price
        else:
            repaired = True
            draft.correct(group, outcome, part, flow)
    return None if repaired else piece_of(part.key, flow, fills, prices)


def _repair_flow(draft: Draft, part: Part, flow: Flow) -> bool:
    """Drop or shrink what could not be executed; whether anything was changed."""
    repaired = bool(flow.failed or flow.no_depth)
    for index in flow.failed:
        draft.drop_route(part.numbers[index])
    for index, (usable, arrived) in flow.spilled.items():
        if index not in flow.failed:
            repaired |= draft.shrink_route(part.numbers[index], usable, arrived)
    for portfolio in part.portfolios:
        if portfolio.intent in flow.no_depth:
            draft.drop_portfolio(draft.problem.intents_by_id[portfolio.intent].group, "no_depth")
    return repaired


def _may_be_staged(draft: Draft) -> frozenset[str]:
    """Groups all of whose wanted intents signed a refund and live longer than the slowest bridge takes."""
    problem = draft.problem
    slowest = max((kind_of(venue).delay_seconds(venue) for venue in problem.snapshot.venues), default=0)
    latest = problem.snapshot.time_seconds + slowest
    return frozenset(
        group
        for group, members in draft.groups.items()
        if all(i.outcome.refund and latest < i.outcome.valid_until for i in members if draft.wanted.get(i.id))
    )


def _beyond_gas(problem: Problem, pieces: Sequence[Piece], account: str) -> Piece | None:
    """The first piece whose gas, after the pieces before it and all loans, the solver cannot pay."""
    lent: dict[str, int] = {}
    for piece in pieces:
        for transfer in piece.transfers:
            for asset, amount in transfer.give.items():
                lent[asset] = lent.get(asset, 0) + amount
    burnt: dict[str, int] = {}
    for piece in pieces:
        for leg in piece.legs:
            native, amount = leg_gas(problem, problem.venues_by_id[leg.hop.venue])
            if native is not None and amount:
                burnt[native] = burnt.get(native, 0) + amount
                if burnt[native] + lent.get(native, 0) > problem.free(account, native):
                    return piece
    return None


def _drop_piece(draft: Draft, piece: Piece, reason: str) -> None:
    for fill in piece.fills:
        draft.drop_group(draft.problem.intents_by_id[fill.intent].group, reason)


def _verified(
    problem: Problem, pieces: Sequence[Piece], solver: str
) -> tuple[tuple[Piece, str] | None, tuple[Solution, ...]]:
    """The solutions, each verified; or the piece that breaks the whole, with the code of the fault.

    A piece that does not verify alone (say, a short that another fill of its owner covers) stays in the whole only.
    """
    if not pieces:
        return None, ()
    whole = solution_of(problem, solver, pieces)
    fault = verify(problem, whole, solver=solver).fault
    if len(pieces) == 1:
        return ((pieces[0], fault.code), ()) if fault is not None else (None, (whole,))
    parts = [solution_of(problem, solver, [piece]) for piece in pieces]
    alone = [verify(problem, part, solver=solver).fault is None for part in parts]
    if fault is not None:
        broken = [piece for piece, good in zip(pieces, alone, strict=True) if not good]
        return ((broken or list(pieces))[-1], fault.code), ()
    return None, (whole, *(part for part, good in zip(parts, alone, strict=True) if good))
