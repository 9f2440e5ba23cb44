"""Derivative wishes as an integer program: positions and book levels in whole lots, every rule an integer row.

A wish is filled in steps: nothing, or its minimum and every unit above (structures whose lots do not divide are held to
the steps that do). Rows are those of `solvers.wishes` over a common denominator, exact unless that would overflow; then
they are rounded so that they only get stricter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd
from typing import Any

from solvers.cpsat.scaling import MOST_UNITS, scale_of, whole_row
from solvers.flow_wishes import FRICTION, lots_by_asset
from solvers.wishes import Desk, Offer, Wish

MOST_STEPS = 2**16
"""A wish is filled in at most this many steps."""

Var = Any  # OR-Tools ships no usable types for its expressions


@dataclass
class DeskModel:
    """The variables of the derivative side: steps and lots by wish, lots by offer."""

    desk: Desk
    lots: dict[str, int]
    money_unit: dict[str, int]
    steps: dict[str, Var] = field(default_factory=dict)
    step_units: dict[str, int] = field(default_factory=dict)
    positions: dict[str, dict[str, tuple[Var, Var]]] = field(default_factory=dict)
    gains: list[tuple[float, Var]] = field(default_factory=list)
    worst_row_loss: Fraction = Fraction(0)


def add_desk(cp: Any, desk: Desk, assets: Mapping[str, Iterable[str]], weights: Mapping[str, float]) -> DeskModel:
    """Add the derivative side. `assets`: which eligible assets each wish may hold; `weights`: gain per quote base unit."""
    quotes: dict[str, list[int]] = defaultdict(list)
    for wish in desk.wishes:
        quotes[wish.quote].append(abs(wish.limit))
    for offer in desk.offers:
        quotes[offer.quote].append(offer.money)
    model = DeskModel(desk, lots_by_asset(desk), dict(scale_of(quotes).units))
    depth = _depth(model)
    balance: dict[str, list[Var]] = defaultdict(list)
    money: dict[str, list[Var]] = defaultdict(list)
    for number, offer in enumerate(desk.offers):
        taken = cp.new_int_var(0, offer.size // offer.lot, f"offer {number}")
        sign = 1 if offer.side == "ask" else -1
        balance[offer.asset].append(sign * taken)
        money[offer.quote].append(-sign * _lot_money(model, offer) * taken)
        if offer.wait_cost and offer.quote in weights:
            lot_value = weights[offer.quote] * offer.money * offer.lot / offer.size
            model.gains.append((-offer.wait_cost * lot_value, taken))
    for wish in desk.wishes:
        payment = _add_wish(cp, model, wish, tuple(assets[wish.intent]), depth, weights[wish.quote])
        money[wish.quote].append(payment)
        for asset, (bought, sold) in model.positions[wish.intent].items():
            balance[asset].append(sold - bought)
    for _, terms in sorted(balance.items()):
        cp.add(sum(terms) == 0)
    for _, terms in sorted(money.items()):
        cp.add(sum(terms) >= 0)
    return model


def _lot_money(model: DeskModel, offer: Offer) -> int:
    """Money units for one lot: up where it is paid, down where it is got."""
    unit, lots = model.money_unit[offer.quote], offer.size // offer.lot
    return -(-offer.money // (lots * unit)) if offer.side == "ask" else offer.money // (lots * unit)


def _depth(model: DeskModel) -> dict[tuple[str, str], int]:
    """Lots on each side of each asset's books, and what other wishes fixed in size can bring."""
    depth: dict[tuple[str, str], int] = defaultdict(int)
    for offer in model.desk.offers:
        depth[offer.asset, offer.side] += offer.size // offer.lot
    for wish in model.desk.wishes:
        for asset, amount in wish.fixed.items():
            depth[asset, "bid" if amount > 0 else "ask"] += -(-abs(amount) // model.lots[asset])
    return depth


def _add_wish(
    cp: Any, model: DeskModel, wish: Wish, assets: tuple[str, ...], depth: Mapping[tuple[str, str], int], weight: float
) -> Var:
    """Add one wish; its payment in money units."""
    per_step = _units_per_step(model, wish)
    most_steps = wish.open_units // per_step
    least_steps = min(most_steps, -(-wish.least_units // per_step))
    steps = cp.new_int_var(0, most_steps, f"steps {wish.intent}")
    filled = cp.new_bool_var(f"filled {wish.intent}")
    cp.add(steps >= max(1, least_steps) * filled)
    cp.add(steps <= most_steps * filled)
    model.steps[wish.intent], model.step_units[wish.intent] = steps, per_step
    positions: dict[str, tuple[Var, Var]] = {}
    bounds: dict[str, tuple[int, int]] = {}
    for asset, amount in wish.fixed.items():
        lots = abs(amount) * per_step // wish.open_units // model.lots[asset] * steps
        positions[asset] = (lots, 0) if amount > 0 else (0, lots)
        whole = abs(amount) // model.lots[asset]
        bounds[asset] = (whole, whole)
    for asset in assets:
        most = (depth[asset, "ask"], depth[asset, "bid"])
        bought = cp.new_int_var(0, most[0], f"long {wish.intent} {asset}")
        sold = cp.new_int_var(0, most[1], f"short {wish.intent} {asset}")
        cp.add(bought <= most[0] * filled)
        cp.add(sold <= most[1] * filled)
        positions[asset], bounds[asset] = (bought, sold), most
        friction = FRICTION * weight * _price(model, asset)
        model.gains.append((-friction, bought + sold))
    model.positions[wish.intent] = positions
    _add_rules(cp, model, wish, positions, bounds)
    unit = model.money_unit[wish.quote]
    payment = cp.new_int_var(-MOST_UNITS, max(0, wish.budget // unit), f"payment {wish.intent}")
    denominator = max(1, most_steps)
    most_paid = wish.limit * per_step * most_steps // wish.open_units // unit
    cp.add(payment * denominator <= most_paid * steps)
    model.gains.append((weight * unit, -payment))
    model.gains.append((weight * wish.limit * per_step / wish.open_units, steps))
    return payment


def _price(model: DeskModel, asset: str) -> float:
    return next((offer.money * offer.lot / offer.size for offer in model.desk.offers if offer.asset == asset), 0.0)


def _units_per_step(model: DeskModel, wish: Wish) -> int:
    """The least units that make whole lots of every fixed position, and few enough steps."""
    per_step = 1
    for asset, amount in wish.fixed.items():
        # n units need n * amount / open_units lots: whole for every multiple of this.
        needed = wish.open_units * model.lots[asset] // gcd(wish.open_units * model.lots[asset], abs(amount))
        per_step = per_step * needed // gcd(per_step, needed)
    while wish.open_units // per_step > MOST_STEPS:
        per_step *= 2
    return (
        min(per_step, wish.open_units) if wish.open_units % per_step == 0 else _largest_step(per_step, wish.open_units)
    )


def _largest_step(per_step: int, open_units: int) -> int:
    """Where whole steps do not end at all open units: steps of their own if lots allow, else the whole."""
    return min(open_units, per_step)


def _add_rules(
    cp: Any,
    model: DeskModel,
    wish: Wish,
    positions: Mapping[str, tuple[Var, Var]],
    bounds: Mapping[str, tuple[int, int]],
) -> None:
    """All rows, over integers. Slacks are in base units of their asset over SLACK_STEP."""
    steps, per_step = model.steps[wish.intent], model.step_units[wish.intent]
    most_steps = wish.open_units // per_step
    slacks, slack_most = {}, {}
    for cap in wish.caps:
        most = max(0, cap.amount) + cap.fixed
        unit = max(1, -(-most // MOST_UNITS))
        for name in cap.slacks:
            slack_most[name] = (most // unit, unit)
            slacks[name] = cp.new_int_var(0, most // unit, f"slack {wish.intent} {name}")
        filled = cap.amount // unit * steps + cap.fixed // unit * max(1, most_steps)
        cp.add(sum(slacks[name] for name in cap.slacks) * max(1, most_steps) <= filled)
    for row in wish.rows:
        terms: list[tuple[Var, Fraction, int]] = [(steps, row.share * per_step / wish.open_units, most_steps)]
        for asset, (bought, sold) in positions.items():
            terms.append((bought, row.longs.get(asset, Fraction(0)) * model.lots[asset], bounds[asset][0]))
            terms.append((sold, -row.shorts.get(asset, Fraction(0)) * model.lots[asset], bounds[asset][1]))
        for name, weight in row.slacks.items():
            terms.append((slacks[name], weight * slack_most[name][1], slack_most[name][0]))
        terms.append((1, -row.least, 1))
        terms = [term for term in terms if term[1] and term[2]]
        if terms:
            weights, loss = whole_row([weight for _, weight, _ in terms], [bound for _, _, bound in terms])
            model.worst_row_loss = max(model.worst_row_loss, loss)
            cp.add(sum(weight * term[0] for weight, term in zip(weights, terms, strict=True)) >= 0)


def read_desk(model: DeskModel, value: Any) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    """Units by wish, and positions in base units by wish and asset."""
    units = {intent: value(steps) * model.step_units[intent] for intent, steps in model.steps.items()}
    positions = {}
    for intent, pairs in model.positions.items():
        net = {asset: (value(bought) - value(sold)) * model.lots[asset] for asset, (bought, sold) in pairs.items()}
        positions[intent] = {asset: amount for asset, amount in sorted(net.items()) if amount}
    return units, positions
