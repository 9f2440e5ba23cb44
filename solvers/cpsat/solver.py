"""The CP-SAT solver: what is whole is decided exactly: all-or-nothing intents, lots, and whether a leg earns its gas.

A linear relaxation (GLOP) first narrows the market to the venues worth deciding about and gives a hint; then one
integer program over swaps and derivative wishes is solved with one worker, a fixed seed and a deterministic limit:
the same problem, work and seed give the same bytes. Work is counted in millionths of CP-SAT's deterministic time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from engine.auction.problem import Problem
from engine.auction.solution import Proposal
from engine.auction.verify import verify
from solvers.assemble import propose
from solvers.cpsat.desk import DeskModel, add_desk, read_desk
from solvers.cpsat.model import SwapModel, add_swaps, read_swaps
from solvers.cpsat.relax import solve_relaxation
from solvers.cpsat.scaling import Scale, worst_loss
from solvers.flow_model import FlowValues, surplus_weight
from solvers.flows import closing_edges
from solvers.lots import Exchange, settle_in_lots
from solvers.network import Edge, Network, Swap
from solvers.protocol import Budget
from solvers.rounds import TINY, Run, plan_of, run_rounds
from solvers.wishes import Desk

WORK_PER_TIME = 1_000_000
"""Units of work in one unit of CP-SAT's deterministic time (seconds of one core, up to about ten)."""

MOST_TIME = 0.8
"""Deterministic time of one run, at most: a larger problem is answered with the best found by then."""

MOST_GROWTH = 2.5
"""In a larger market an edge carries at most this multiple of what the relaxation sends through it."""

SMALL_MARKET = 60
"""A market of at most so many edges is decided about in full."""

GAP = 1e-6
"""An answer proven to be within this share of the optimum is finished."""

OBJECTIVE_SIZE = 2**44
"""The objective's largest coefficient times its variable's bound is at most about this."""

Stop = Literal["finished", "time", "work"]


@dataclass
class Outcome:
    """What CP-SAT answered."""

    stopped_by: Stop
    work: int
    swaps: tuple[Network, FlowValues] | None
    units: dict[str, int]
    positions: dict[str, dict[str, int]]
    notes: dict[str, str]


class CpSatSolver:
    """The competitor `cpsat`."""

    name = "cpsat"

    def solve(self, problem: Problem, budget: Budget, seed: int) -> Proposal:
        """Propose fills. Notes state the scale and the worst rounding loss of each asset."""
        run = run_rounds(problem, self.name, solve_relaxation, budget)
        relaxed = run.solution
        if relaxed is None:
            plan = plan_of(run, None, Exchange((), ()), {})
            return propose(problem, plan, self.name, stopped_by="time", work=run.work)
        answer = _decide(run, relaxed, budget, seed)
        solution = answer.swaps or (relaxed[0], replace(relaxed[1], shares=dict.fromkeys(relaxed[1].shares, 0.0)))
        filled = {intent: units for intent, units in answer.units.items() if units}
        desk = replace(run.desk, wishes=tuple(wish for wish in run.desk.wishes if wish.intent in filled))
        exchange, refused = settle_in_lots(desk, filled, answer.positions, relaxed[1].derivative_prices)
        refused.update({wish.intent: "not_in_optimum" for wish in run.desk.wishes if wish.intent not in filled})
        made = [
            propose(problem, plan, self.name, stopped_by=answer.stopped_by, work=answer.work, notes=notes)
            for plan, notes in (
                (plan_of(run, solution, exchange, refused), answer.notes),
                (plan_of(run, relaxed, exchange, refused), {**answer.notes, "swaps_from": "relaxation"}),
            )
        ]
        # Proven answers stand. One stopped by its limit may be behind the relaxation's flows, rounded by the assembler.
        return made[0] if answer.stopped_by == "finished" else max(made, key=lambda p: _score(problem, p))


def _score(problem: Problem, proposal: Proposal) -> int:
    return verify(problem, proposal.solutions[0], solver="cpsat").score if proposal.solutions else 0


def _decide(run: Run, relaxed: tuple[Network, FlowValues], budget: Budget, seed: int) -> Outcome:
    """Build and solve the integer program."""
    from ortools.sat.python import cp_model  # noqa: PLC0415  # only a process that solves pays for loading it

    network, values = relaxed
    edges = _candidates(network, values)
    network = replace(network, swaps=_open_swaps(network, values, edges), edges=_trimmed(network, values))
    cp: Any = cp_model.CpModel()
    swaps = add_swaps(cp, network, edges, values.rates if run.polished else {})
    weights = {
        wish.quote: surplus_weight(network, wish.quote) * network.values.get(wish.quote, 1.0)
        for wish in run.desk.wishes
    }
    desk = add_desk(cp, _narrow(run.desk, values), _assets(run.desk, values), weights)
    _maximise(cp, [*swaps.gains, *desk.gains])
    _hint(cp, swaps, values)
    solver: Any = cp_model.CpSolver()
    work_left = budget.work / WORK_PER_TIME
    solver.parameters.num_workers = 1
    solver.parameters.interleave_search = True  # all strategies in turn in one thread: deterministic, and far better
    solver.parameters.random_seed = seed % 2**31
    solver.parameters.relative_gap_limit = GAP
    solver.parameters.max_deterministic_time = min(MOST_TIME, work_left)
    solver.parameters.max_time_in_seconds = max(1.0, budget.seconds)
    status = solver.solve(cp)
    notes = _notes(swaps, desk, proven=status == cp_model.OPTIMAL)
    stopped = _stopped(solver, budget, optimal=status == cp_model.OPTIMAL)
    work = int(solver.response_proto.deterministic_time * WORK_PER_TIME)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Outcome(stopped, work, None, {}, {}, notes)
    found = read_swaps(swaps, solver.value)
    closing = closing_edges(network.edges, found.edge_flows, network.values)
    found = replace(found, edge_flows={i: flow for i, flow in found.edge_flows.items() if i not in closing})
    return Outcome(stopped, work, (network, found), *read_desk(desk, solver.value), notes)


def _stopped(solver: Any, budget: Budget, *, optimal: bool) -> Stop:
    if optimal:
        return "finished"
    return "time" if solver.wall_time >= max(1.0, budget.seconds) * 0.98 else "work"


def _candidates(network: Network, values: FlowValues) -> tuple[int, ...]:
    """Edges to decide about: all of a small market, else those that the relaxation uses; never one that closes a cycle."""
    indices = range(len(network.edges))
    if len(network.edges) <= SMALL_MARKET:
        return tuple(indices)
    return tuple(index for index in indices if index in values.edge_flows)


def _trimmed(network: Network, values: FlowValues) -> tuple[Edge, ...]:
    """Edges without points far beyond what the relaxation sends through them; all points of a small market's."""
    if len(network.edges) <= SMALL_MARKET:
        return network.edges
    most = {index: int(given * MOST_GROWTH) for index, (given, _) in values.edge_flows.items()}
    return tuple(
        replace(edge, points=tuple(point for point in edge.points if point[0] <= most[index]))
        if index in most and edge.level is None
        else edge
        for index, edge in enumerate(network.edges)
    )


def _open_swaps(network: Network, values: FlowValues, edges: tuple[int, ...]) -> tuple[Swap, ...]:
    """Swaps to decide about: those that the relaxation fills, and those with a minimum whose assets are in the market."""
    assets = {asset for index in edges for asset in (network.edges[index].asset_in, network.edges[index].asset_out)}
    small = len(network.edges) <= SMALL_MARKET
    return tuple(
        swap
        for swap in network.swaps
        if small
        or values.shares[swap.intent] > TINY
        or (swap.least_units > 1 and swap.asset_in in assets and swap.asset_out in assets)
    )


def _assets(desk: Desk, values: FlowValues) -> dict[str, tuple[str, ...]]:
    """Eligible assets that any wish holds in the relaxation: what is worth holding for one often is for another."""
    held = {
        asset for positions in values.positions.values() for asset, amount in positions.items() if abs(amount) > TINY
    }
    return {wish.intent: tuple(asset for asset in wish.eligible if asset in held) for wish in desk.wishes}


def _narrow(desk: Desk, values: FlowValues) -> Desk:
    """The desk with offers for what is held only."""
    held = {asset for assets in _assets(desk, values).values() for asset in assets}
    held |= {asset for wish in desk.wishes for asset in wish.fixed}
    return replace(desk, offers=tuple(offer for offer in desk.offers if offer.asset in held))


def _maximise(cp: Any, gains: list[tuple[float, Any]]) -> None:
    """The objective in integers: the largest weight becomes about OBJECTIVE_SIZE over 2^32, small ones at least 1 or 0."""
    largest = max((abs(weight) for weight, _ in gains), default=0.0)
    if largest > 0:
        cp.maximize(sum(round(weight / largest * OBJECTIVE_SIZE / 2**16) * term for weight, term in gains))


def _hint(cp: Any, swaps: SwapModel, values: FlowValues) -> None:
    """Where the relaxation ended: which intents are filled and which edges are used."""
    for swap in swaps.network.swaps:
        if swap.least_units < swap.open_units:
            cp.add_hint(swaps.paid[swap.intent], int(values.shares.get(swap.intent, 0.0) * swaps.most_paid(swap)))
    for index, used in swaps.used.items():
        cp.add_hint(used, index in values.edge_flows)
    for index, got in swaps.got.items():
        edge = swaps.network.edges[index]
        if edge.level is None and index in values.edge_flows:
            cp.add_hint(got, swaps.scale.down(edge.asset_out, int(values.edge_flows[index][1])))


def _notes(swaps: SwapModel, desk: DeskModel, *, proven: bool) -> dict[str, str]:
    notes = worst_loss(swaps.scale, swaps.roundings)
    lots = worst_loss(Scale(desk.money_unit), dict.fromkeys(desk.money_unit, len(desk.desk.offers)))
    rows = {} if not desk.desk.wishes else {"payoff_rows": f"worst relative rounding {float(desk.worst_row_loss):.1e}"}
    return {**notes, **lots, **rows, "proven_optimal": "yes" if proven else "no"}
