"""Portfolios of listed options for payoff intents: the naive decomposition, and what it costs on the books.

The naive portfolio is one option per corner of the floor, by change of slope: puts left of a point where the floor is
zero, calls right of it. Corners without a listed strike take the next one that pays at least as much; amounts are
rounded to lots the same way. So a naive portfolio always dominates the floor; nothing says that it is cheap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from engine.auction.problem import Intent, Problem
from intents.instruments import Option, Right, is_option, parse_option
from intents.outcome import PayoffFloor
from intents.payoff import PiecewiseLinear, combine, counted_position, floor_payoff, haircut_for, option_payoff
from solvers.greedy.board import Board

Positions = dict[str, int]


@dataclass(frozen=True, slots=True)
class Instrument:
    """A listed option that counts toward a floor. `unit`: what one base unit pays; `lot`: its step of trading."""

    asset: str
    right: Right
    strike: Fraction
    unit: PiecewiseLinear
    haircut_bps: int
    lot: int


@dataclass(frozen=True, slots=True)
class Task:
    """One payoff intent with one floor, paid in `premium`, with the instruments that may serve it."""

    intent: Intent
    premium: str
    floor: PiecewiseLinear
    instruments: Mapping[str, Instrument]

    def by_strike(self, right: Right) -> dict[Fraction, Instrument]:
        """The instrument of each strike, ascending; of several the one with the least haircut, then id."""
        found: dict[Fraction, Instrument] = {}
        ordered = sorted(self.instruments.values(), key=lambda i: (i.strike, i.haircut_bps, i.asset))
        for instrument in ordered:
            if instrument.right == right:
                found.setdefault(instrument.strike, instrument)
        return found

    def shortfall_free(self, positions: Mapping[str, int], units: int) -> bool:
        """Whether positions pay at least the floor's share of `units` at every price."""
        terms = [
            (counted_position(a, self.instruments[i].haircut_bps), self.instruments[i].unit)
            for i, a in positions.items()
        ]
        share = Fraction(units, self.intent.outcome.units)
        least = combine([*terms, (-share, self.floor)]).minimum()
        return least is not None and least >= 0


def task_of(problem: Problem, intent: Intent, board: Board) -> Task | str:
    """The task of a payoff intent, or why this solver cannot take it."""
    outcome = intent.outcome
    if len(outcome.payoff_floors) != 1:
        return "several_floors"
    (wanted,) = outcome.payoff_floors
    money = sorted(outcome.pays.keys() | outcome.receives.keys())
    if money != [outcome.surplus_asset]:
        return "several_premiums"
    found = {}
    for asset in board.assets(outcome.surplus_asset):
        made = _instrument(problem, intent, wanted, asset, board)
        if made is not None:
            found[asset] = made
    if not found:
        return "no_instrument"
    return Task(intent, outcome.surplus_asset, floor_payoff(wanted), found)


def _instrument(problem: Problem, intent: Intent, wanted: PayoffFloor, asset: str, board: Board) -> Instrument | None:
    if not is_option(asset):
        return None  # corners of the naive portfolio are covered by options
    option, outcome = parse_option(asset), intent.outcome
    haircut = haircut_for(option, wanted, outcome.allowed_indices)
    if haircut is None or option.expiry_seconds <= problem.snapshot.time_seconds:
        return None
    if outcome.allowed_issuers and option.issuer not in outcome.allowed_issuers:
        return None
    if outcome.allowed_venues and not board.places(asset) <= set(outcome.allowed_venues):
        return None
    unit = _unit(problem, option, asset)
    return Instrument(asset, option.right, Fraction(option.strike), unit, haircut, board.lot(asset))


def _unit(problem: Problem, option: Option, asset: str) -> PiecewiseLinear:
    assets = problem.snapshot.assets
    return option_payoff(option, assets[option.settlement].decimals, assets[asset].decimals)


def naive_portfolio(problem: Problem, intent: Intent, units: int | None = None) -> Positions | None:
    """The naive portfolio for `units` (all open ones by default) of a payoff intent; None where no listed options do."""
    task = task_of(problem, intent, Board(problem))
    return None if isinstance(task, str) else naive_positions(task, intent.open_units if units is None else units)


def naive_cost(problem: Problem, intent: Intent, units: int | None = None) -> int | None:
    """What walking the books for the naive portfolio costs, net, in base units of the premium; None where they cannot."""
    board = Board(problem)
    positions = naive_portfolio(problem, intent, units)
    if positions is None:
        return None
    costs = [board.cost(asset, amount) for asset, amount in positions.items()]
    return None if any(missing for missing, _ in costs) else sum(paid for _, paid in costs)


def naive_positions(task: Task, units: int) -> Positions | None:
    """The naive portfolio of a task; None where a corner cannot be covered by listed strikes."""
    wanted = task.floor.scale(Fraction(units, task.intent.outcome.units))
    legs = _legs(wanted)
    positions: Positions = {}
    constant = min(value for _, value in wanted.knots)
    if constant > 0 and wanted.slope >= 0:
        box = _box(task, constant)
        if box is None:
            return None
        positions, legs = box, _legs(combine([(1, wanted), (-constant, _ONE)]))
    for right, strike, slope in legs:
        instrument = _covering(task, right, strike, slope)
        if instrument is None:
            if slope < 0:
                continue  # a short leg without a strike to sell is simply not sold
            return None
        amount = _rounded(instrument, slope)
        if amount:
            positions[instrument.asset] = positions.get(instrument.asset, 0) + amount
    return positions if task.shortfall_free(positions, units) else None


_ONE = PiecewiseLinear(Fraction(1), Fraction(0))


def _legs(wanted: PiecewiseLinear) -> list[tuple[Right, Fraction, Fraction]]:
    """(right, strike, slope change) of a function around a point where it is zero, or highest if it never is."""
    corners = _corners(wanted)
    pivot, *_ = min(corners, key=lambda corner: (corner[1] != 0, -corner[1], corner[0]))
    legs: list[tuple[Right, Fraction, Fraction]] = []
    for at, _, before, after in corners:
        if at > pivot:
            legs.append(("C", at, after - before))
        elif 0 < at < pivot:
            legs.append(("P", at, after - before))
        elif at == pivot:
            legs.append(("C", at, after))
            if at > 0:
                legs.append(("P", at, -before))
    return [leg for leg in legs if leg[2]]


def _corners(wanted: PiecewiseLinear) -> list[tuple[Fraction, Fraction, Fraction, Fraction]]:
    """(price, value, slope before, slope after) at 0, at each kink and wherever the function crosses zero."""
    corners = []
    slope, changes = wanted.first_slope, [Fraction(0), *(change for _, change in wanted.kinks)]
    ends = [at for at, _ in wanted.knots[1:]]
    for index, ((at, value), change) in enumerate(zip(wanted.knots, changes, strict=True)):
        corners.append((at, value, slope, slope + change))
        slope += change
        root = at - value / slope if slope else at
        if root > at and (index == len(ends) or root < ends[index]):
            corners.append((root, Fraction(0), slope, slope))
    return corners


def _covering(task: Task, right: Right, strike: Fraction, slope: Fraction) -> Instrument | None:
    """The listed strike nearest to a corner that pays at least as much: outward for what is sold, inward for bought."""
    listed = task.by_strike(right)
    lower = (slope > 0) == (right == "C")
    fitting = [k for k in listed if (k <= strike if lower else k >= strike)]
    if not fitting:
        return None
    return listed[max(fitting) if lower else min(fitting)]


def _rounded(instrument: Instrument, slope: Fraction) -> int:
    """Base units whose payoff bends by `slope` at the strike, in lots, rounded so that they pay no less."""
    bend = abs(instrument.unit.kinks[0][1])
    kept = Fraction(10_000 - instrument.haircut_bps if slope > 0 else 10_000 + instrument.haircut_bps, 10_000)
    if not kept:
        return 0
    exact = slope / (bend * kept) / instrument.lot
    return (ceil(exact) if slope > 0 else -floor(-exact)) * instrument.lot


def _box(task: Task, constant: Fraction) -> Positions | None:
    """Long the outermost box: pays its width everywhere."""
    calls, puts = task.by_strike("C"), task.by_strike("P")
    both = sorted(calls.keys() & puts.keys())
    if len(both) < 2:
        return None
    low, high = both[0], both[-1]
    bend = calls[low].unit.kinks[0][1]
    lot = max(i.lot for i in (calls[low], calls[high], puts[low], puts[high]))
    amount = ceil(constant / ((high - low) * bend) / lot) * lot
    return {calls[low].asset: amount, calls[high].asset: -amount, puts[high].asset: amount, puts[low].asset: -amount}
