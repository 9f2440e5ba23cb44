"""Joint replay: what a set of bids really does, executed on the problem's venues (docs/rules.md, section 4).

Guarantees
1. Pure and exact: the same bids give the same result in any order, since legs run by (stage, smallest group of the bid,
   bid id, position) and everything else adds up.
2. A set is jointly feasible if and only if the answer is no Fault.
3. What venues give beyond the stated outputs is a replay gain of the protocol's account; a shortfall is a fault.

It does not check a bid's own promises (`engine.auction.verify`): every name in a bid must be known to the problem.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from engine.auction.escrow import BidFill, Reservation, reserve_escrow
from engine.auction.margin import check_exposures, check_margin
from engine.auction.problem import Problem
from engine.auction.solution import Solution
from engine.auction.stages import PlannedLeg, Prepared, prepare
from engine.auction.verdict import Fault, pointer
from engine.market.venues import kind_of
from engine.market.venues.base import TradeRefusedError, VenueState
from intents.identifiers import PROTOCOL, solver_account
from intents.outcome import is_derivative


@dataclass(frozen=True)
class Bid:
    """A solution entered by a solver. `solver` is its name, "" where nobody claims it (then it burns no gas)."""

    id: str
    solver: str
    solution: Solution

    def groups(self, problem: Problem) -> tuple[str, ...]:
        """The groups that it fills intents of, ascending."""
        return self.prepared(problem).groups

    def prepared(self, problem: Problem) -> Prepared:
        """What follows from the bid and the problem alone; computed once for a problem and kept with the bid."""
        kept: tuple[Problem, Prepared] | None = self.__dict__.get("_prepared")
        if kept is None or kept[0] is not problem:
            kept = (problem, prepare(problem, self.solution, self.solver, self.id))
            self.__dict__["_prepared"] = kept
        return kept[1]


@dataclass(frozen=True, slots=True)
class ExecutedLeg:
    """One trade as it ran; `actual` >= `stated` is what the venue gave."""

    bid: str
    position: int
    stage: int
    venue: str
    asset_in: str
    amount_in: int
    asset_out: str
    stated: int
    actual: int


@dataclass(frozen=True, slots=True)
class Replayed:
    """The world after a feasible set of bids.

    `venues`: every venue's state afterwards. `balances`: change by account and asset: owners, receivers, solvers (fee
    lines and gas included), `protocol` (its lines and the replay gains). `gas`: what of it solvers burned.
    `reservations`: what is newly reserved for escrow.
    """

    bids: tuple[Bid, ...]
    venues: Mapping[str, VenueState]
    legs: tuple[ExecutedLeg, ...]
    balances: Mapping[str, Mapping[str, int]]
    gas: Mapping[str, Mapping[str, int]]
    replay_gains: Mapping[str, int]
    reservations: tuple[Reservation, ...]


def replay(problem: Problem, bids: Sequence[Bid]) -> Replayed | Fault:
    """Execute the bids together. A Fault names the resource they compete for and the bids involved."""
    ordered = tuple(sorted(bids, key=lambda bid: bid.id))
    prepared = {bid.id: bid.prepared(problem) for bid in ordered}
    fault = group_conflict(problem, ordered)
    if fault is not None:
        return fault
    run = _run_legs(problem, ordered, prepared)
    if isinstance(run, Fault):
        return run
    venues, legs = run
    for bid in ordered:
        own = prepared[bid.id].fault
        if own is not None:
            return replace(own, bids=(bid.id,))
    fault = _check_balances(problem, prepared)
    if fault is not None:
        return fault
    reservations = _reserve(problem, prepared)
    if isinstance(reservations, Fault):
        return reservations
    fault = check_margin(problem, prepared) or check_exposures(problem, prepared)
    if fault is not None:
        return fault
    return _result(ordered, prepared, venues, legs, reservations)


def group_conflict(problem: Problem, bids: Iterable[Bid]) -> Fault | None:
    """`group_conflict`: two bids fill intents of one group."""
    taken: dict[str, str] = {}
    for bid in bids:
        for group in bid.groups(problem):
            if group in taken:
                involved = tuple(sorted((taken[group], bid.id)))
                return Fault("group_conflict", "", f"one bid filling {group}", "two", resource=group, bids=involved)
            taken[group] = bid.id
    return None


def _run_legs(
    problem: Problem, bids: Sequence[Bid], prepared: Mapping[str, Prepared]
) -> tuple[dict[str, VenueState], list[ExecutedLeg]] | Fault:
    states = dict(problem.venues_by_id)
    time = problem.snapshot.time_seconds
    accounts = {bid.id: solver_account(bid.solver) for bid in bids}
    planned = sorted(leg for part in prepared.values() for leg in part.legs)
    executed: list[ExecutedLeg] = []
    for i, leg in enumerate(planned):
        state = states[leg.venue]
        try:
            actual, after = kind_of(state).execute(state, accounts[leg.key.bid], leg.trade, time)
        except TradeRefusedError as error:
            expected, found = "a trade that the venue takes", str(error)
            return _venue_fault(problem, planned[: i + 1], code=error.code, out=(), expected=expected, actual=found)
        if leg.stated > actual:
            return _venue_fault(
                problem,
                planned[: i + 1],
                code="output_overstated",
                out=("out", leg.trade.asset_out),
                expected=f"at most {actual}",
                actual=str(leg.stated),
            )
        states[leg.venue] = after
        trade, key = leg.trade, leg.key
        executed.append(
            ExecutedLeg(
                key.bid,
                key.position,
                key.stage,
                leg.venue,
                trade.asset_in,
                trade.amount_in,
                trade.asset_out,
                leg.stated,
                actual,
            )
        )
    return states, executed


def _venue_fault(
    problem: Problem, run: Sequence[PlannedLeg], *, code: str, out: tuple[str, ...], expected: str, actual: str
) -> Fault:
    """A fault of the last of the legs run, with all bids whose legs competed with it until then."""
    last = run[-1]
    state = problem.venues_by_id[last.venue]
    kind = kind_of(state)
    keys = kind.conflict_keys(state, last.trade)
    involved = {
        leg.key.bid
        for leg in run
        if leg.venue == last.venue and not set(keys).isdisjoint(kind.conflict_keys(state, leg.trade))
    }
    where = pointer("legs", last.key.position, *out)
    return Fault(code, where, expected, actual, resource=keys[0], bids=tuple(sorted(involved)))


def _check_balances(problem: Problem, prepared: Mapping[str, Prepared]) -> Fault | None:
    """`insufficient_balance`: tokens of everyone, and all assets of solvers, at the end of every stage.

    But for tokens that margin accounts may owe: those are a matter of margin.
    """
    totals: dict[tuple[str, str], Counter[int]] = {}
    for part in prepared.values():
        for account, asset, stage, delta in part.changes:
            if account.startswith("solver:") or not (is_derivative(asset) or problem.may_owe(account, asset)):
                totals.setdefault((account, asset), Counter())[stage] += delta
    faults = []
    for (account, asset), by_stage in totals.items():
        balance = problem.free(account, asset)
        for stage in sorted(by_stage):
            balance += by_stage[stage]
            if balance < 0:
                faults.append((stage, account, asset, balance))
                break
    if not faults:
        return None
    stage, account, asset, balance = min(faults)
    involved = [
        bid
        for bid, part in prepared.items()
        if any(c.account == account and c.asset == asset and c.delta < 0 for c in part.changes)
    ]
    return Fault(
        "insufficient_balance",
        "",
        f"a free balance of {account} of at least 0 {asset} at the end of stage {stage}",
        str(balance),
        resource=f"{account} {asset}",
        bids=tuple(sorted(involved)),
    )


def _reserve(problem: Problem, prepared: Mapping[str, Prepared]) -> tuple[Reservation, ...] | Fault:
    by_owner: dict[str, list[BidFill]] = {}
    for bid, part in sorted(prepared.items()):
        for item in part.derivative_fills:
            by_owner.setdefault(item.intent.outcome.owner, []).append(BidFill(bid, item))
    if not by_owner:
        return ()
    changes: dict[str, Counter[str]] = {owner: Counter() for owner in by_owner}
    for part in prepared.values():
        for change in part.changes:
            if change.account in changes:
                changes[change.account][change.asset] += change.delta
    reservations: list[Reservation] = []
    for owner, fills in sorted(by_owner.items()):
        reserved = reserve_escrow(problem, owner, fills, changes[owner])
        if isinstance(reserved, Fault):
            return reserved
        reservations += reserved
    return tuple(reservations)


def _result(
    bids: tuple[Bid, ...],
    prepared: Mapping[str, Prepared],
    venues: dict[str, VenueState],
    legs: list[ExecutedLeg],
    reservations: tuple[Reservation, ...],
) -> Replayed:
    balances: dict[str, Counter[str]] = {}
    gas: dict[str, Counter[str]] = {}
    gains: Counter[str] = Counter()
    for bid in bids:
        part = prepared[bid.id]
        for account, asset, _, delta in part.changes:
            balances.setdefault(account, Counter())[asset] += delta
        for (account, asset), amount in part.lines.items():
            balances.setdefault(account, Counter())[asset] += amount
        for asset, amount in part.gas.items():
            gas.setdefault(solver_account(bid.solver), Counter())[asset] += amount
    for leg in legs:
        if leg.actual > leg.stated:
            gains[leg.asset_out] += leg.actual - leg.stated
    if gains:
        balances.setdefault(PROTOCOL, Counter()).update(gains)
    return Replayed(bids, venues, tuple(legs), balances, gas, gains, reservations)
