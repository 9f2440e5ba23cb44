"""Greedy on derivative intents: structures as they are signed, payoffs by portfolios, opposite sides netted.

How: each intent, by id, takes what the books offer after the intents before it: all open units, or fewer (down to its
minimum) where depth, budget or escrow do not suffice. Then, per option, who buys and who sells trade with each other at
the middle of what the books would have asked and paid. Structures that the books could not serve are netted with exact
opposites, which need no book: so people trade options that `clearway` issues.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.auction.escrow import class_of, escrow_amount
from engine.auction.margin import carried
from engine.auction.problem import Intent, Problem
from intents.identifiers import place_of
from intents.instruments import parse_instrument
from intents.outcome import is_derivative
from intents.values import ceil_div
from solvers.common import derivative_intents
from solvers.greedy.board import Board
from solvers.greedy.improvement import cost_of_positions, improve
from solvers.greedy.meter import Meter
from solvers.greedy.portfolio import Positions, Task, naive_positions, task_of
from solvers.plan import Cross, Portfolio

UNIT_TRIES = 7
"""Halvings in the search for how many units of a payoff intent can be served where not all can."""


@dataclass(slots=True)
class DerivativePlan:
    """What was decided: portfolios, crosses, and why other intents are left out."""

    portfolios: dict[str, Portfolio] = field(default_factory=dict)
    crosses: list[Cross] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)


def plan_derivatives(problem: Problem, meter: Meter) -> DerivativePlan:
    """Decide about every intent that is no plain swap, until the budget is used up."""
    board, plan = Board(problem), DerivativePlan()
    for intent in derivative_intents(problem):
        stopped = meter.stopped_by()
        made: Portfolio | str = f"stopped_by_{stopped}" if stopped else _portfolio(problem, intent, board, meter)
        if isinstance(made, str):
            plan.reasons[intent.id] = made
            continue
        plan.portfolios[intent.id] = made
        for asset, amount in made.positions.items():
            board.take(asset, amount)
    _cross_on_books(problem, plan)
    _cross_opposites(problem, plan)
    return plan


def _portfolio(problem: Problem, intent: Intent, board: Board, meter: Meter) -> Portfolio | str:
    outcome = intent.outcome
    if outcome.payoff_floors:
        return _payoff(problem, intent, board, meter)
    if any(is_derivative(asset) for asset in (*outcome.pays, *outcome.receives)):
        return _structure(problem, intent, board, meter)
    return "restricted_swap"


def _structure(problem: Problem, intent: Intent, board: Board, meter: Meter) -> Portfolio | str:
    """The signed legs for as many units as books, limit and escrow allow, by bisection."""
    if any(_barred(problem, intent, asset) for asset in structure_positions(intent, intent.open_units)):
        return "instrument_not_allowed"

    def fault(units: int) -> str | None:
        meter.work += 1
        return _unaffordable(problem, intent, structure_positions(intent, units), units, board)

    low, high = min(intent.outcome.min_units, intent.open_units), intent.open_units
    reason = fault(high)
    if reason is None:
        low = high
    elif low == high or fault(low) is not None:
        return reason
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fault(middle) is None else (low, middle)
    return Portfolio(intent.id, low, structure_positions(intent, low))


def structure_positions(intent: Intent, units: int) -> Positions:
    """The derivative legs of `units` of a structure: at least what it receives, at most what it gives."""
    outcome = intent.outcome
    bought = {a: ceil_div(units * n, outcome.units) for a, n in outcome.receives.items() if is_derivative(a)}
    sold = {a: -(units * n // outcome.units) for a, n in outcome.pays.items() if is_derivative(a)}
    return {asset: amount for asset, amount in sorted((bought | sold).items()) if amount}


def _barred(problem: Problem, intent: Intent, asset: str) -> bool:
    """Whether issuer, venue or expiry forbid a derivative."""
    instrument, outcome = parse_instrument(asset), intent.outcome
    expiry = instrument.expiry_seconds
    return (
        (expiry is not None and expiry <= problem.snapshot.time_seconds)
        or bool(outcome.allowed_issuers and instrument.issuer not in outcome.allowed_issuers)
        or bool(outcome.allowed_venues and place_of(asset) not in outcome.allowed_venues)
    )


def _payoff(problem: Problem, intent: Intent, board: Board, meter: Meter) -> Portfolio | str:
    """The naive portfolio improved, for all open units or for as many as can be afforded."""
    task = task_of(problem, intent, board)
    if isinstance(task, str):
        return task
    least, high = min(intent.outcome.min_units, intent.open_units), intent.open_units
    whole = _payoff_units(problem, task, high, board, meter)
    if not isinstance(whole, str) or least == high:
        return whole
    best = _payoff_units(problem, task, least, board, meter)
    if isinstance(best, str):
        return whole
    for _ in range(UNIT_TRIES):
        if high - best.units <= 1 or meter.stopped_by():
            break
        units = (best.units + high) // 2
        made = _payoff_units(problem, task, units, board, meter)
        if isinstance(made, str):
            high = units
        else:
            best = made
    return best


def _payoff_units(problem: Problem, task: Task, units: int, board: Board, meter: Meter) -> Portfolio | str:
    start = naive_positions(task, units)
    if start is None:
        return "no_portfolio"

    def allowed(positions: Positions) -> bool:
        paid = cost_of_positions(board, positions)[1]
        return _uncovered(problem, task.intent, positions, units, paid) is None

    best = improve(task, start, units, board, meter, allowed)
    fault = _unaffordable(problem, task.intent, best, units, board)
    return Portfolio(task.intent.id, units, best) if fault is None else fault


def _unaffordable(problem: Problem, intent: Intent, positions: Positions, units: int, board: Board) -> str | None:
    """Why the books cannot serve the positions within the intent's limits and its owner's balance; None where they can."""
    missing, cost = cost_of_positions(board, positions)
    if missing or not positions:
        return "no_depth"
    return _beyond_limit(problem, intent, cost, units) or _uncovered(problem, intent, positions, units, cost)


def _beyond_limit(problem: Problem, intent: Intent, cost: int, units: int) -> str | None:
    outcome, asset = intent.outcome, intent.outcome.surplus_asset
    if outcome.surplus_is_paid:
        if cost * outcome.units > units * outcome.pays[asset]:
            return "limit_beyond_market"
        poor = cost > problem.free(outcome.owner, asset) and not problem.may_owe(outcome.owner, asset)
        return "insufficient_balance" if poor else None
    return "limit_beyond_market" if -cost * outcome.units < units * outcome.receives[asset] else None


def _uncovered(problem: Problem, intent: Intent, positions: Positions, units: int, cost: int) -> str | None:
    """Whether escrow (with the owner's free holdings), margin or worst loss forbid positions that cost `cost`, net."""
    outcome, owner = intent.outcome, intent.outcome.owner
    if not carried(problem, owner, {**positions, outcome.surplus_asset: -cost}):
        return "insufficient_margin"
    if not outcome.worst_loss and min(positions.values(), default=0) >= 0:
        return None
    classes = sorted({class_of(asset) for asset in positions})
    escrow: dict[str, int] = {}
    losses: dict[str, int] = {}
    for group in classes:
        change = {asset: amount for asset, amount in positions.items() if class_of(asset) == group}
        held = dict(change)
        for asset in problem.holdings.get(owner, {}):
            if is_derivative(asset) and class_of(asset) == group:
                held[asset] = held.get(asset, 0) + problem.free(owner, asset)
        needed, loss = (escrow_amount(problem.snapshot, group.style, terms) for terms in (held, change))
        needed = 0 if problem.has_margin(owner, group.settlement) else needed
        if needed is None or (loss is None and group.settlement in outcome.worst_loss):
            return "uncovered_short"
        escrow[group.settlement] = escrow.get(group.settlement, 0) + needed
        losses[group.settlement] = losses.get(group.settlement, 0) + (loss or 0)
    for asset, amount in escrow.items():
        left = problem.free(owner, asset) - (cost if asset == outcome.surplus_asset else 0)
        if amount * outcome.units > units * outcome.max_escrow.get(asset, 0) or amount > left:
            return "escrow_over_max"
    over = any(losses.get(a, 0) * outcome.units > units * most for a, most in outcome.worst_loss.items())
    return "worst_loss_exceeded" if over else None


def _cross_on_books(problem: Problem, plan: DerivativePlan) -> None:
    """Net buyers with sellers of an option at the middle of what the books would have asked and paid."""
    left: dict[str, dict[str, int]] = {}
    for name, portfolio in plan.portfolios.items():
        for asset, amount in portfolio.positions.items():
            left.setdefault(asset, {})[name] = amount
    board = Board(problem)
    for asset, amounts in sorted(left.items()):
        for taker in sorted(name for name, amount in amounts.items() if amount > 0):
            for giver in sorted(name for name, amount in amounts.items() if amount < 0):
                amount = min(amounts[taker], -amounts[giver])
                premium = _shared_premium(problem, taker, giver)
                if amount <= 0 or premium is None:
                    continue
                asked, paid = board.cost(asset, amount), board.cost(asset, -amount)
                if asked[0] or paid[0] or asked[1] < -paid[1]:
                    continue
                plan.crosses.append(Cross(asset, amount, giver, taker, premium, (asked[1] - paid[1]) // 2))
                amounts[taker] -= amount
                amounts[giver] += amount


def _shared_premium(problem: Problem, one: str, other: str) -> str | None:
    first, second = (problem.intents_by_id[name].outcome.surplus_asset for name in (one, other))
    return first if first == second else None


def _cross_opposites(problem: Problem, plan: DerivativePlan) -> None:
    """Net structures that are left over with others of which they are the exact opposite."""
    waiting = [problem.intents_by_id[name] for name in sorted(plan.reasons) if not _has_floor(problem, name)]
    waiting = [intent for intent in waiting if structure_positions(intent, intent.open_units)]
    for i, one in enumerate(waiting):
        for other in waiting[i + 1 :]:
            if one.id in plan.portfolios or other.id in plan.portfolios:
                continue
            made = _opposites(problem, one, other)
            if made is None:
                continue
            portfolios, crosses = made
            for portfolio in portfolios:
                plan.portfolios[portfolio.intent] = portfolio
                del plan.reasons[portfolio.intent]
            plan.crosses.extend(crosses)


def _has_floor(problem: Problem, name: str) -> bool:
    """Whether the named intent asks for a payoff."""
    return bool(problem.intents_by_id[name].outcome.payoff_floors)


def _opposites(problem: Problem, one: Intent, other: Intent) -> tuple[tuple[Portfolio, ...], list[Cross]] | None:
    """Both whole, or as many units of each as the smaller position allows, at the middle of their limits."""
    premium = _shared_premium(problem, one.id, other.id)
    per_one, per_other = structure_positions(one, one.open_units), structure_positions(other, other.open_units)
    if premium is None or per_one.keys() != per_other.keys():
        return None
    if any(_barred(problem, intent, asset) for intent in (one, other) for asset in per_one):
        return None
    sizes = [min(abs(per_one[a]), abs(per_other[a])) for a in per_one]
    first = next(iter(per_one))
    units = [sizes[0] * i.open_units // abs(p[first]) for i, p in ((one, per_one), (other, per_other))]
    if any(n < min(i.outcome.min_units, i.open_units) or not n for n, i in zip(units, (one, other), strict=True)):
        return None
    positions = structure_positions(one, units[0])
    if positions != {asset: -amount for asset, amount in structure_positions(other, units[1]).items()}:
        return None
    most, least = _most_paid(one, units[0], premium), -_most_paid(other, units[1], premium)
    if most < least:
        return None
    pay = (most + least) // 2
    payer, earner = (one, other) if pay >= 0 else (other, one)
    crosses = _settle_crosses(positions, (one.id, other.id), premium, (payer.id, abs(pay)))
    intents = ((one, units[0], positions, pay), (other, units[1], _negative(positions), -pay))
    covered = all(_covered(problem, intent, held, n, paid) for intent, n, held, paid in intents)
    if crosses is None or not covered or earner is payer:
        return None
    return tuple(Portfolio(intent.id, n, held) for intent, n, held, _ in intents), crosses


def _most_paid(intent: Intent, units: int, premium: str) -> int:
    """The most that a fill may pay of the premium; negative where it must get some."""
    outcome = intent.outcome
    if premium in outcome.pays:
        return units * outcome.pays[premium] // outcome.units
    return -ceil_div(units * outcome.receives[premium], outcome.units)


def _negative(positions: Mapping[str, int]) -> Positions:
    return {asset: -amount for asset, amount in positions.items()}


def _covered(problem: Problem, intent: Intent, positions: Positions, units: int, paid: int) -> bool:
    """Whether balance, escrow and worst loss allow positions that cost `paid`."""
    owner, asset = intent.outcome.owner, intent.outcome.surplus_asset
    enough = paid <= problem.free(owner, asset) or problem.may_owe(owner, asset)
    return enough and _uncovered(problem, intent, positions, units, paid) is None


def _settle_crosses(
    positions: Mapping[str, int], names: tuple[str, str], premium: str, payment: tuple[str, int]
) -> list[Cross] | None:
    """One cross per option; the payment goes with the first option that the payer takes. None where it takes none."""
    one, other = names
    payer, left = payment
    crosses = []
    for asset, amount in positions.items():
        giver, taker = (other, one) if amount > 0 else (one, other)
        pay = left if taker == payer else 0
        left -= pay
        crosses.append(Cross(asset, abs(amount), giver, taker, premium, pay))
    return crosses if not left else None
