"""What a bid moves at which stage, prepared once a bid and used by every replay that the bid is in.

Everything here follows from the bid and the problem alone: its groups, the order of its legs, the running balance of the
settlement itself (docs/rules.md, section 4, rule 2), and the changes of accounts that rule 3 adds up over bids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from engine.auction.case import Case, CaseFill, gas_of
from engine.auction.problem import Problem
from engine.auction.solution import MAX_STAGE, Solution
from engine.auction.verdict import Fault, pointer
from engine.market.venues import kind_of
from engine.market.venues.base import Trade
from intents.identifiers import place_of, solver_account
from intents.outcome import is_derivative

LAST = MAX_STAGE + 1
"""The stage after the last one: where the output of a delayed leg of the last stage, and lines, arrive."""


class LegKey(NamedTuple):
    """The order of legs in a replay."""

    stage: int
    group: str
    bid: str
    position: int


class PlannedLeg(NamedTuple):
    """A leg as the replay executes it: its stated input is given, its output compared with the stated one."""

    key: LegKey
    venue: str
    trade: Trade
    stated: int


class Change(NamedTuple):
    """At the end of `stage` the account's balance has changed by `delta`."""

    account: str
    asset: str
    stage: int
    delta: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """A bid made ready for replays. `lines` are credits after the last stage, by (account, asset).

    `derivative_fills` give or get a derivative; `bounded_fills` are of intents with exposure bounds.
    """

    groups: tuple[str, ...]
    legs: tuple[PlannedLeg, ...]
    fault: Fault | None
    changes: tuple[Change, ...]
    gas: Mapping[str, int]
    lines: Mapping[tuple[str, str], int]
    fills: tuple[CaseFill, ...]
    derivative_fills: tuple[CaseFill, ...]
    bounded_fills: tuple[CaseFill, ...]

    def fills_at(self, account: str, place: str) -> list[int]:
        """The positions of the fills that change the account's balances at the place."""
        return [
            item.index
            for item in self.fills
            if (item.intent.outcome.owner == account and any(place_of(asset) == place for asset in item.fill.ins))
            or (item.intent.outcome.receiver == account and any(place_of(asset) == place for asset in item.fill.outs))
        ]


def prepare(problem: Problem, solution: Solution, solver: str, bid: str) -> Prepared:
    """Make a bid ready. All names in it must be known (`checks_names`)."""
    case = Case(problem, solution, None)
    account = solver_account(solver) if solver else ""
    groups = tuple(sorted({item.intent.group for item in case.fills}))
    gas = gas_of(problem, solution.legs) if account else {}
    lines: Counter[tuple[str, str]] = Counter()
    for line in solution.lines:
        lines[line.account, line.asset] += line.amount
    return Prepared(
        groups=groups,
        legs=tuple(sorted(_planned(solution, groups[0], bid))),
        fault=_stage_fault(problem, solution),
        changes=tuple(_changes(case, account, gas)),
        gas=gas,
        lines=dict(lines),
        fills=case.fills,
        derivative_fills=tuple(
            item for item in case.fills if any(is_derivative(asset) for asset in (*item.fill.ins, *item.fill.outs))
        ),
        bounded_fills=tuple(item for item in case.fills if item.intent.outcome.exposure_bounds),
    )


def _planned(solution: Solution, group: str, bid: str) -> list[PlannedLeg]:
    legs = []
    for position, leg in enumerate(solution.legs):
        ((asset_in, amount_in),), ((asset_out, stated),) = leg.ins.items(), leg.outs.items()
        trade = Trade(asset_in, amount_in, asset_out, leg.level)
        legs.append(PlannedLeg(LegKey(leg.stage, group, bid, position), leg.venue, trade, stated))
    return legs


def _changes(case: Case, account: str, gas: Mapping[str, int]) -> list[Change]:
    """Changes of owners, receivers and the solver, lines aside, in a fixed order."""
    totals: Counter[tuple[str, str, int]] = Counter()
    for item in case.fills:
        for asset, amount in item.fill.ins.items():
            totals[item.intent.outcome.owner, asset, 0] -= amount
        for asset, amount in item.fill.outs.items():
            totals[item.intent.outcome.receiver, asset, item.fill.stage] += amount
    for transfer in case.solution.transfers:
        for asset, amount in transfer.give.items():
            totals[account, asset, transfer.stage] -= amount
        for asset, amount in transfer.take.items():
            totals[account, asset, transfer.stage] += amount
    for asset, amount in gas.items():
        totals[account, asset, 0] -= amount
    return [Change(*key, delta) for key, delta in sorted(totals.items())]


def _stage_fault(problem: Problem, solution: Solution) -> Fault | None:
    """`bridge_output_early`, `negative_balance`: the settlement's own balance at the end of each stage."""
    moves: dict[str, Counter[int]] = {}
    delayed: set[tuple[str, int]] = set()

    def move(asset: str, stage: int, amount: int) -> None:
        moves.setdefault(asset, Counter())[stage] += amount

    for fill in solution.fills:
        for asset, amount in fill.ins.items():
            move(asset, 0, amount)
        for asset, amount in fill.outs.items():
            move(asset, fill.stage, -amount)
    for transfer in solution.transfers:
        for asset, amount in transfer.give.items():
            move(asset, transfer.stage, amount)
        for asset, amount in transfer.take.items():
            move(asset, transfer.stage, -amount)
    for leg in solution.legs:
        venue = problem.venues_by_id[leg.venue]
        late = kind_of(venue).delay_seconds(venue) > 0
        for asset, amount in leg.ins.items():
            move(asset, leg.stage, -amount)
        for asset, amount in leg.outs.items():
            move(asset, leg.stage + late, amount)
            if late:
                delayed.add((asset, leg.stage))
    faults = []
    for asset, by_stage in moves.items():
        balance = 0
        for stage in range(LAST):
            balance += by_stage[stage]
            if balance < 0:
                faults.append((stage, asset, balance))
                break
    if not faults:
        return None
    stage, asset, balance = min(faults)
    code = "bridge_output_early" if (asset, stage) in delayed else "negative_balance"
    expected = f"at least 0 of {asset} at the end of stage {stage}"
    return Fault(code, _user_of(solution, asset, stage), expected, str(balance))


def _user_of(solution: Solution, asset: str, stage: int) -> str:
    """The first part of the solution that takes the asset out of the settlement at the stage.

    There is one, since the balance was not below zero before.
    """
    legs = ((leg.stage, leg.ins, ("legs", i, "in")) for i, leg in enumerate(solution.legs))
    fills = ((fill.stage, fill.outs, ("fills", i, "out")) for i, fill in enumerate(solution.fills))
    transfers = ((moved.stage, moved.take, ("transfers", i, "take")) for i, moved in enumerate(solution.transfers))
    users = (path for at, amounts, path in chain(legs, fills, transfers) if at == stage and asset in amounts)
    return pointer(*next(users), asset)
