"""The derivative side of the linear model: columns and rows of wishes and of the books that serve them.

Columns
    wish      share filled, net payment, positions bought and sold in lots, slacks of loss bounds
    offer     lots taken from one level of a derivative's book
Rows: one per rule of a wish, balances of derivatives and of the wishes' money, one per level that swaps use as well.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from solvers.common import GAS_WEIGHT
from solvers.flow_model import FlowModel, WishColumns, surplus_weight
from solvers.linear import INFINITY
from solvers.wishes import Desk, Offer, Wish

FRICTION = 1e-4
"""Share of a lot's price that a position costs in the model only, so that nothing is held that need not be."""

SLACK_UNITS = 1e6
"""Base units of the settlement asset in one unit of a slack column, so that its coefficients are of the size of others."""


def add_wishes(model: FlowModel) -> None:
    """Everything about wishes and their books; swaps come first, since they may use the same levels."""
    model.offers = [_add_offer(model, offer) for offer in model.desk.offers]
    for wish in model.desk.wishes:
        _add_wish(model, wish)
    _add_books(model)
    _add_shared_levels(model)


def _add_offer(model: FlowModel, offer: Offer) -> int:
    gas = GAS_WEIGHT * offer.gas_value / model.unit_value / (offer.size // offer.lot)
    lot_value = offer.money * offer.lot / offer.size * model.units(offer.quote)
    waiting = offer.wait_cost * lot_value * surplus_weight(model.network, offer.quote)
    return model.linear.column(0.0, offer.size // offer.lot, -gas - waiting)


def _add_wish(model: FlowModel, wish: Wish) -> None:
    linear, units, lots = model.linear, model.units(wish.quote), lots_by_asset(model.desk)
    low, high = model.choices.shares.get(wish.intent, (0.0, 1.0))
    weight = surplus_weight(model.network, wish.quote)
    share = linear.column(low, high, weight * wish.limit * units)
    payment = linear.column(-INFINITY, max(0, wish.budget) * units, -weight)
    linear.row({share: wish.limit * units, payment: -1.0}, 0.0, INFINITY)
    friction = _frictions(model.desk)
    longs = {asset: linear.column(0.0, INFINITY, -friction.get(asset, 0.0) * units) for asset in wish.eligible}
    shorts = {asset: linear.column(0.0, INFINITY, -friction.get(asset, 0.0) * units) for asset in wish.eligible}
    for asset, amount in wish.fixed.items():
        side = longs if amount > 0 else shorts
        side[asset] = linear.column(0.0, INFINITY)
        linear.row({side[asset]: 1.0, share: -abs(amount) / lots[asset]}, 0.0, 0.0)
    slacks = {name: linear.column(0.0, INFINITY) for cap in wish.caps for name in cap.slacks}
    model.wishes[wish.intent] = WishColumns(share, payment, longs, shorts, slacks)
    if wish.intent in model.choices.settled:
        given = model.choices.settled[wish.intent]
        for sign, side in ((1, longs), (-1, shorts)):
            for asset, column in side.items():
                held = max(0, sign * given.get(asset, 0)) / lots[asset]
                linear.lower[column], linear.upper[column] = held, held
    if wish.intent in model.choices.in_lots:
        linear.whole.update((*longs.values(), *shorts.values()))
    _add_rules(model, wish, lots)


def _add_rules(model: FlowModel, wish: Wish, lots: Mapping[str, int]) -> None:
    linear, units, columns = model.linear, model.units(wish.quote), model.wishes[wish.intent]
    share, payment, longs, shorts, slacks = (
        columns.share,
        columns.payment,
        columns.longs,
        columns.shorts,
        columns.slacks,
    )
    for long_weights, short_weights, filled, slack_weights, least in wish.float_rows:
        row = {longs[asset]: weight * lots[asset] for asset, weight in long_weights.items() if asset in longs}
        row.update({shorts[asset]: -weight * lots[asset] for asset, weight in short_weights.items() if asset in shorts})
        row[share] = filled
        row.update({slacks[name]: weight * SLACK_UNITS for name, weight in slack_weights.items()})
        biggest = max(map(abs, row.values()), default=0.0) or 1.0
        linear.row({column: weight / biggest for column, weight in row.items()}, least / biggest, INFINITY)
    for cap in wish.caps:
        size = max(1, abs(cap.amount) + cap.fixed)
        capped = {slacks[name]: SLACK_UNITS / size for name in cap.slacks}
        linear.row({**capped, share: -cap.amount / size}, -INFINITY, cap.fixed / size)
        if cap.is_escrow and cap.asset == wish.quote:
            linear.row(
                {**{slacks[n]: SLACK_UNITS * units for n in cap.slacks}, payment: 1.0}, -INFINITY, wish.budget * units
            )


def _frictions(desk: Desk) -> dict[str, float]:
    """What one lot of a free position costs in the model, in quote base units, by asset."""
    return {offer.asset: FRICTION * offer.money * offer.lot / offer.size for offer in reversed(desk.offers)}


def lots_by_asset(desk: Desk) -> dict[str, int]:
    """Base units of one lot of each derivative that is listed; 1 for those that only trade between wishes."""
    lots = {asset: 1 for wish in desk.wishes for asset in (*wish.fixed, *wish.eligible)}
    lots.update({offer.asset: offer.lot for offer in desk.offers})
    return lots


def _add_books(model: FlowModel) -> None:
    """Balances of derivatives (exact: nobody but a person or a venue writes an option) and of the money of wishes."""
    assets: dict[str, dict[int, float]] = defaultdict(dict)
    money: dict[str, dict[int, float]] = defaultdict(dict)
    for offer, column in zip(model.desk.offers, model.offers, strict=True):
        sign = 1.0 if offer.side == "ask" else -1.0
        assets[offer.asset][column] = sign
        money[offer.quote][column] = -sign * offer.money * offer.lot / offer.size * model.units(offer.quote)
    for wish in model.desk.wishes:
        columns = model.wishes[wish.intent]
        money[wish.quote][columns.payment] = 1.0
        for asset, column in columns.longs.items():
            assets[asset][column] = -1.0
        for asset, column in columns.shorts.items():
            assets[asset][column] = 1.0
    for asset in sorted(assets):
        model.book_rows[asset] = model.linear.row(assets[asset], 0.0, 0.0)
    for asset in sorted(money):
        model.money_rows[asset] = model.linear.row(money[asset], 0.0, INFINITY)


def _add_shared_levels(model: FlowModel) -> None:
    """A level that swaps and wishes can both use is taken once."""
    offered = {(offer.venue, offer.level): i for i, offer in enumerate(model.desk.offers)}
    for index, lanes in sorted(model.network.lanes_by_edge().items()):
        edge = model.network.edges[index]
        offer_index = offered.get((edge.venue, edge.level or ""))
        columns = [column for group, _ in lanes for column in model.segments.get((group, index), ())]
        if offer_index is not None and columns:
            offer = model.desk.offers[offer_index]
            capacity = edge.capacity * model.units(edge.asset_in)
            row = dict.fromkeys(columns, 1.0 / capacity)
            row[model.offers[offer_index]] = offer.lot / offer.size
            model.linear.row(row, -INFINITY, 1.0)
