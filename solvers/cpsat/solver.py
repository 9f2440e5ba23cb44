"""The CP-SAT solver: what is whole is decided exactly: all-or-nothing intents, lots, and whether a leg earns its gas.

A linear relaxation (GLOP) first narrows the market to the venues worth deciding about and gives a hint; then one
integer program over swaps and derivative wishes is solved with one worker, a fixed seed and a deterministic limit:
the same problem, work and seed give the same bytes. Work is counted in millionths of CP-SAT's deterministic time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from engine.auction.problem import Problem
from engine.auction.solution import Proposal
from intents.identifiers import solver_account
from solvers.cpsat.desk import DeskModel, add_desk, read_desk
from solvers.cpsat.model import SwapModel, add_swaps, read_swaps
from solvers.cpsat.relax import solve_relaxation
from solvers.cpsat.scaling import Scale, worst_loss
from solvers.flow_model import surplus_weight
from solvers.flow_values import FlowValues
from solvers.flows import closing_lanes
from solvers.lots import Exchange, settle_in_lots
from solvers.network import Edge, Lane, Network, Swap
from solvers.plan import Plan
from solvers.protocol import Budget
from solvers.retry import Made, Stop, propose_with_retries
from solvers.rounds import TINY, Run, plan_of, run_rounds
from solvers.wishes import Desk

WORK_PER_TIME = 1_000_000
"""Units of work in one unit of CP-SAT's deterministic time (seconds of one core, up to about ten)."""

MOST_TIME = 0.8
"""Deterministic time of one integer program, at most: a larger one is answered with the best found by then."""

MOST_GROWTH = 2.5
"""In a larger market an edge carries at most about this multiple of what the relaxation sends through it."""

SMALL_MARKET = 60
"""A market of at most so many lanes is decided about in full."""

GAP = 1e-6
"""An answer proven to be within this share of the optimum is finished."""

WATCH_SECONDS = 0.02
"""How often the search is asked whether its time is up."""

OBJECTIVE_SIZE = 2**44
"""The objective's largest coefficient times its variable's bound is at most about this."""


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

        def method(problem: Problem, network: Network, budget: Budget) -> Made:
            return _plan(problem, network, budget, seed)

        return propose_with_retries(problem, self.name, method, budget)


def _plan(problem: Problem, network: Network, budget: Budget, seed: int) -> Made:
    run = run_rounds(problem, network, solver_account(CpSatSolver.name), solve_relaxation, budget)
    relaxed = run.solution
    if relaxed is None:
        return Made((plan_of(run, None, Exchange((), ()), {}),), run.start, "time", run.work, {})
    answer = _decide(run, relaxed, budget, seed)
    solution = answer.swaps or (relaxed[0], replace(relaxed[1], shares=dict.fromkeys(relaxed[1].shares, 0.0)))
    filled = {intent: units for intent, units in answer.units.items() if units}
    desk = replace(run.desk, wishes=tuple(wish for wish in run.desk.wishes if wish.intent in filled))
    exchange, refused = settle_in_lots(desk, filled, answer.positions, relaxed[1].derivative_prices)
    refused.update({wish.intent: "not_in_optimum" for wish in run.desk.wishes if wish.intent not in filled})
    plans: tuple[Plan, ...] = tuple(plan_of(run, flows, exchange, refused) for flows in (solution, relaxed))
    # Proven answers stand. One stopped by its limit may be behind the relaxation's flows, rounded by the assembler.
    plans = plans[:1] if answer.stopped_by == "finished" else plans
    return Made(plans, run.start, answer.stopped_by, answer.work, answer.notes)


def _decide(run: Run, relaxed: tuple[Network, FlowValues], budget: Budget, seed: int) -> Outcome:
    """Build and solve the integer program."""
    from ortools.sat.python import cp_model  # noqa: PLC0415  # only a process that solves pays for loading it

    network, values = relaxed
    lanes = _candidates(network, values)
    network = replace(network, swaps=_open_swaps(network, values, lanes), edges=_trimmed(network, values))
    cp: Any = cp_model.CpModel()
    swaps = add_swaps(cp, network, lanes, values.rates if run.polished else {})
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
    with _stopping(solver, budget.expired):
        status = solver.solve(cp)
    notes = _notes(swaps, desk, proven=status == cp_model.OPTIMAL)
    stopped = _stopped(solver, budget, optimal=status == cp_model.OPTIMAL)
    work = int(solver.response_proto.deterministic_time * WORK_PER_TIME)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Outcome(stopped, work, None, {}, {}, notes)
    found = read_swaps(swaps, solver.value)
    closing = closing_lanes(network.edges, found.lane_flows, network.values)
    found = replace(found, lane_flows={lane: flow for lane, flow in found.lane_flows.items() if lane not in closing})
    return Outcome(stopped, work, (network, found), *read_desk(desk, solver.value), notes)


def _stopped(solver: Any, budget: Budget, *, optimal: bool) -> Stop:
    if optimal:
        return "finished"
    return "time" if budget.expired() or solver.wall_time >= max(1.0, budget.seconds) * 0.98 else "work"


@contextmanager
def _stopping(solver: Any, expired: Callable[[], bool]) -> Iterator[None]:
    """Within it the search ends when the time is up: its own limit counts from its start, not from the budget's."""
    done = threading.Event()

    def watch() -> None:
        while not done.wait(WATCH_SECONDS):
            if expired():
                solver.stop_search()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _is_small(network: Network) -> bool:
    return sum(map(len, network.lanes.values())) <= SMALL_MARKET


def _candidates(network: Network, values: FlowValues) -> tuple[Lane, ...]:
    """Lanes to decide about: all of a small market, else those that the relaxation uses."""
    lanes = [(group, index) for group, indices in sorted(network.lanes.items()) for index in indices]
    return tuple(lane for lane in lanes if _is_small(network) or lane in values.lane_flows)


def _trimmed(network: Network, values: FlowValues) -> tuple[Edge, ...]:
    """Edges without points far beyond what the relaxation sends through them; all points of a small market's."""
    if _is_small(network):
        return network.edges
    most: dict[int, float] = {}
    for (_, index), (given, _) in values.lane_flows.items():
        most[index] = most.get(index, 0.0) + given * MOST_GROWTH
    return tuple(
        replace(edge, points=tuple(point for point in edge.points if point[0] <= most[index]))
        if index in most and edge.level is None
        else edge
        for index, edge in enumerate(network.edges)
    )


def _open_swaps(network: Network, values: FlowValues, lanes: tuple[Lane, ...]) -> tuple[Swap, ...]:
    """Swaps to decide about: those that the relaxation fills, and those with a minimum whose assets are in the market."""
    reached = {(group, network.edges[index].asset_out) for group, index in lanes}
    small = _is_small(network)
    return tuple(
        swap
        for swap in network.swaps
        if small
        or values.shares[swap.intent] > TINY
        or (swap.least_units > 1 and (swap.group, swap.asset_out) in reached)
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
    for lane, used in swaps.used.items():
        cp.add_hint(used, lane in values.lane_flows)
    for lane, got in swaps.got.items():
        edge = swaps.network.edges[lane[1]]
        if edge.level is None and lane in values.lane_flows:
            cp.add_hint(got, swaps.scale.down(edge.asset_out, int(values.lane_flows[lane][1])))


def _notes(swaps: SwapModel, desk: DeskModel, *, proven: bool) -> dict[str, str]:
    notes = worst_loss(swaps.scale, swaps.roundings)
    lots = worst_loss(Scale(desk.money_unit), dict.fromkeys(desk.money_unit, len(desk.desk.offers)))
    rows = {} if not desk.desk.wishes else {"payoff_rows": f"worst relative rounding {float(desk.worst_row_loss):.1e}"}
    return {**notes, **lots, **rows, "proven_optimal": "yes" if proven else "no"}
