"""Rounds of linear programs that end in a Plan: what the LP solver does, with any backend that solves a `Linear`.

1. Coarse: all lanes, gas spread over capacity. While its flows have cycles, the lanes that close them are barred.
2. Refined: only lanes used so far, finer points around their flows, gas spread over their flows, and intents with a
   minimum that came out between nothing and their minimum fixed: up from one half, else to nothing. If that can not
   be, all of them to nothing.
3. Refined again around the new flows.
4. Polish: the best round by surplus less what its legs cost, its edges and intents settled, without gas (it is spent), twice:
   the second time with the marginal rates of the first as the least that each group gets.

Guarantees: a Plan whose amounts are integers and whose reasons cover every intent that it leaves out. Deterministic if
the backend is and time does not run out. Work is counted in columns of linear programs solved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from engine.auction.problem import Problem
from solvers.common import GAS_WEIGHT
from solvers.flow_model import Choices, FlowModel, weights_by_group
from solvers.flow_values import FlowValues, build_model, read_values
from solvers.flows import GroupFlow, closing_lanes, decompose
from solvers.linear import Linear, Optimum
from solvers.lots import Exchange
from solvers.network import Network, Swap, refined
from solvers.plan import Plan, Take
from solvers.presolve import without_hopeless
from solvers.protocol import Budget
from solvers.wishes import Desk, build_desk

MOST_PROGRAMS = 60
"""Linear programs in one run, at most."""

POLISHES = 2
"""Rounds that only divide what is settled."""

REFINEMENTS = 2
"""Rounds after the coarse one."""

ROUND_UP_FROM = 0.5
"""A share of its minimum from which an intent with a minimum is tried at its minimum."""

TINY = 1e-7
"""Shares below this are nothing."""

Status = Literal["optimal", "infeasible", "time"]
Backend = Callable[[Linear, float], tuple[Status, Optimum | None]]
Stop = Literal["finished", "time", "work"]


@dataclass
class Run:
    """State of one run. `start`: the network before it was refined."""

    problem: Problem
    account: str
    desk: Desk
    network: Network
    backend: Backend
    budget: Budget
    start: Network
    work: int = 0
    programs: int = 0
    stopped_by: Stop = "finished"
    choices: Choices = field(default_factory=Choices)
    best: tuple[float, Network, FlowValues] | None = None
    polished: tuple[Network, FlowValues] | None = None

    def solve(self) -> FlowValues | None:
        """Solve the model as it stands; None where it is infeasible or a limit stops the run."""
        model = build_model(self.network, self.desk, self.choices)
        if self.best is not None and self._at_limit(model):
            return None
        status, optimum = self.backend(model.linear, self.budget.seconds)
        self.work += len(model.linear.gain)
        self.programs += 1
        if status == "time":
            self.stopped_by = "time"
        return None if optimum is None else read_values(model, optimum)

    def _at_limit(self, model: FlowModel) -> bool:
        if self.work + len(model.linear.gain) > self.budget.work or self.programs >= MOST_PROGRAMS:
            self.stopped_by = "work"
        elif self.budget.expired():
            self.stopped_by = "time"
        else:
            return False
        return True

    @property
    def solution(self) -> tuple[Network, FlowValues] | None:
        """The polished solution, else the best; None where there is none."""
        return self.polished or (None if self.best is None else self.best[1:])

    def keep(self, values: FlowValues) -> None:
        """Remember the solution if it is the best so far by surplus less what its legs cost."""
        worth = net_worth(self.network, values)
        if self.best is None or worth > self.best[0]:
            self.best = (worth, self.network, values)


def net_worth(network: Network, values: FlowValues) -> float:
    """Surplus less the weighed gas of each lane used and what waiting costs its flow, in the numeraire."""
    gas = GAS_WEIGHT * sum(network.edges[index].gas_value for _, index in values.lane_flows)
    weights = weights_by_group(network)
    waiting = sum(
        weights[group] * edge.wait_cost * given * network.values[edge.asset_in]
        for (group, index), (given, _) in values.lane_flows.items()
        if (edge := network.edges[index]).wait_cost
    )
    return values.surplus_value - gas - waiting


def run_rounds(problem: Problem, network: Network, account: str, backend: Backend, budget: Budget) -> Run:
    """All rounds; the run holds the best solution, its polished form, the work, and what stopped it."""
    network = without_hopeless(network)
    run = Run(problem, account, build_desk(problem), network, backend, budget, start=network)
    values = _acyclic(run)
    for _ in range(REFINEMENTS):
        if not network.swaps or values is None or run.stopped_by != "finished":
            break
        _refine(run, values)
        values = _acyclic(run) or _without_started(run)
    _polish(run)
    return run


def _acyclic(run: Run, *, keep: bool = True) -> FlowValues | None:
    """Solve and bar the edges that close cycles until there are none; the last solution, its cycles cut if it must."""
    values = run.solve()
    while values is not None:
        closing = closing_lanes(run.network.edges, values.lane_flows, run.network.values)
        if not closing:
            break
        run.choices = replace(run.choices, barred=run.choices.barred | closing)
        better = run.solve()
        if better is None:
            flows = {lane: flow for lane, flow in values.lane_flows.items() if lane not in closing}
            values = replace(values, lane_flows=flows)
            break
        values = better
    if values is not None and keep:
        run.keep(values)
    return values


def _refine(run: Run, values: FlowValues) -> None:
    flows = {lane: given for lane, (given, _) in values.lane_flows.items()}
    unused = {(group, i) for group, lanes in run.network.lanes.items() for i in lanes if (group, i) not in flows}
    through: dict[int, float] = {}
    for (_, index), given in flows.items():
        through[index] = through.get(index, 0.0) + given
    run.network = refined(run.problem, run.network, {i: int(flow) for i, flow in through.items()}, run.account)
    shares = dict(run.choices.shares)
    for intent, least in _minima(run).items():
        share = values.shares.get(intent, 0.0)
        if intent not in shares and TINY < share < least * (1 - TINY):
            shares[intent] = (least, 1.0) if share >= ROUND_UP_FROM * least else (0.0, 0.0)
    run.choices = Choices(shares, run.choices.barred | frozenset(unused), flows)


def _polish(run: Run) -> None:
    if run.best is None or not run.network.swaps or run.stopped_by != "finished":
        return
    _, run.network, values = run.best
    minima = _minima(run)
    shares = {
        intent: (minima[intent] if minima[intent] < 1 else 1.0, 1.0)
        if share > TINY and share >= minima[intent] * (1 - TINY)
        else (0.0, 0.0)
        for intent, share in values.shares.items()
    }
    for _ in range(POLISHES):
        _refine(run, values)
        run.choices = replace(
            run.choices, shares=shares, gas_counts=False, fair_rates=values.rates if run.polished else {}
        )
        found = _acyclic(run, keep=False)
        if found is None:
            break
        values, run.polished = found, (run.network, found)


def _without_started(run: Run) -> FlowValues | None:
    """Solve with every intent that was held at its minimum given up, where holding them all was not possible."""
    if run.stopped_by != "finished":
        return None
    held = {intent: (0.0, 0.0) for intent, (low, _) in run.choices.shares.items() if low > 0}
    if not held:
        return None
    run.choices = replace(run.choices, shares={**run.choices.shares, **held})
    return _acyclic(run)


def _minima(run: Run) -> dict[str, float]:
    minima = {swap.intent: swap.least_share for swap in run.network.swaps}
    minima.update({wish.intent: wish.least_units / wish.open_units for wish in run.desk.wishes})
    return minima


def plan_of(
    run: Run, solution: tuple[Network, FlowValues] | None, exchange: Exchange, refused: Mapping[str, str]
) -> Plan:
    """The plan of a solution for swaps and an exchange for wishes; `refused` says why wishes are left out."""
    reasons = {
        intent: reason
        for side in (run.network.left_out, run.desk.left_out)
        for reason, ids in side.items()
        for intent in ids
    }
    if solution is None:
        left = [swap.intent for swap in run.network.swaps] + [wish.intent for wish in run.desk.wishes]
        return Plan(reasons={**reasons, **dict.fromkeys(left, "no_solution_in_time")})
    network, values = solution
    units = {swap.intent: units_of(swap, values.shares[swap.intent]) for swap in network.swaps}
    reasons.update({intent: "not_in_optimum" for intent, count in units.items() if count == 0})
    return Plan(
        takes=tuple(Take(intent, count) for intent, count in units.items() if count),
        routes=decompose(network.edges, values.lane_flows, group_flows(network, values, units)),
        portfolios=exchange.portfolios,
        crosses=exchange.crosses,
        reasons={**reasons, **refused},
    )


def units_of(swap: Swap, share: float) -> int:
    """Units for a share: all from almost one, none below the minimum."""
    units = swap.open_units if share > 1 - TINY else int(share * swap.open_units)
    return units if share > TINY and units >= swap.least_units else 0


def group_flows(network: Network, values: FlowValues, units: dict[str, int]) -> tuple[GroupFlow, ...]:
    """What each group pays for the units taken, and what of it groups give each other."""
    paid: dict[str, int] = {}
    ways: dict[str, tuple[str, str]] = {}
    for swap in network.swaps:
        count = units[swap.intent]
        if count:
            ways[swap.group] = (swap.asset_in, swap.asset_out)
            paid[swap.group] = paid.get(swap.group, 0) + swap.pays * count // swap.open_units
    for (group, is_paid), surplus in values.group_surplus.items():
        if group in paid and is_paid:
            paid[group] = max(0, paid[group] - int(surplus))
    return tuple(
        GroupFlow(group, *ways[group], paid[group], values.given.get(group, 0.0), values.taken.get(group, 0.0))
        for group in sorted(ways)
    )
