"""One linear model over everything: swaps, venues, bridges, derivative wishes and books. Backends solve it.

Columns (all in model units: an asset's base units times its value, over `unit_value` numeraire base units)
    swap      what an intent pays, up to its open part
    surplus   per group and side: what the group gets beyond its limits (or pays less than its limits)
    segment   flow through one chord of an edge
    wish      share filled, net payment, positions bought and sold in lots, slacks of loss bounds
    offer     lots taken from one level of a derivative's book
Rows: a balance per asset and place (free disposal; `>= 0`), an owner's balances, one per rule of a wish, one per
level that both kinds of columns use.

Objective: the value of all surplus less gas. Surplus in an asset without reference price weighs UNPRICED_WEIGHT of its
implied value, so that such intents are filled with what the scored ones leave. Gas is a fixed cost a leg; the model
charges it in proportion to flow, first over the edge's capacity and then over the flow of the solution before
(dynamic slope scaling: Kim and Pardalos, Operations Research Letters 24, 1999).

Why a sum per group is enough: at an optimum an intent is filled only if its limit is at most the marginal rate its
money gets, and the average rate, which is the group's price, is at least the marginal one, because supply is concave.
So every filled limit is met by one uniform price, and easier limits are filled first, by themselves.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from solvers.linear import INFINITY, Linear, Optimum
from solvers.network import Edge, Network, Swap
from solvers.wishes import Desk, Offer, Wish

UNPRICED_WEIGHT = 1e-3
"""Weight of surplus that scores nothing, relative to scored surplus."""

UNITS_PER_WISH = 1000.0
"""A middling intent pays this many model units: far above a simplex's tolerance of 1e-7."""

GAS_WEIGHT = 0.1
"""Weight of gas against surplus. The rules score surplus alone and let fees repay gas, so gas decides between ways to
fill an intent, and against fills worth next to nothing; at full weight a solver would forgo most of what scores."""

LEAST_WIDTH = 1e-3
"""Narrower chords, in model units, are left out: next to nothing flows there, at any rate."""

MOST_RATE = 1e4
"""Chords that multiply or divide value by more than this are left out: emptied pools, which would spoil the numbers."""


@dataclass(frozen=True)
class WishColumns:
    """The columns of one wish."""

    share: int
    payment: int
    longs: dict[str, int]
    shorts: dict[str, int]
    slacks: dict[str, int]


@dataclass(frozen=True)
class Choices:
    """What a caller fixes between solves: shares of all-or-none intents, edges barred, flow expected through an edge.

    `fair_rates`: output per input in base units that each group must get at least (see `_add_surplus_rows`).
    `gas_counts`: whether gas is charged; not where what is used is settled. `in_lots`: wishes held in whole lots;
    `settled`: wishes whose positions are given, in base units.
    """

    shares: dict[str, tuple[float, float]] = field(default_factory=dict)
    barred: frozenset[int] = frozenset()
    expected_flows: dict[int, float] = field(default_factory=dict)
    fair_rates: dict[str, float] = field(default_factory=dict)
    gas_counts: bool = True
    in_lots: frozenset[str] = frozenset()
    settled: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass
class FlowModel:
    """The linear model of a network and a desk, with the meaning of its columns."""

    network: Network
    desk: Desk
    choices: Choices
    linear: Linear = field(default_factory=Linear)
    swaps: dict[str, int] = field(default_factory=dict)
    segments: dict[int, list[int]] = field(default_factory=dict)
    surplus: dict[tuple[str, bool], int] = field(default_factory=dict)
    surplus_assets: dict[tuple[str, bool], str] = field(default_factory=dict)
    wishes: dict[str, WishColumns] = field(default_factory=dict)
    offers: list[int] = field(default_factory=list)
    unit_value: float = 1.0
    balance: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    balance_rows: dict[str, int] = field(default_factory=dict)
    book_rows: dict[str, int] = field(default_factory=dict)
    money_rows: dict[str, int] = field(default_factory=dict)

    def units(self, asset: str) -> float:
        """Model units of one base unit of the asset."""
        return self.network.values.get(asset, 1.0) / self.unit_value


def build_model(network: Network, desk: Desk, choices: Choices) -> FlowModel:
    """The model, ready for a backend."""
    model = FlowModel(network, desk, choices)
    model.unit_value = _unit_value(network, desk)
    for swap in network.swaps:
        _add_swap(model, swap)
    _add_budgets(model)
    _add_surplus_rows(model)
    for index, edge in enumerate(network.edges):
        if index not in choices.barred:
            _add_edge(model, index, edge)
    for asset in sorted(model.balance):
        model.balance_rows[asset] = model.linear.row(model.balance[asset], 0.0, INFINITY)
    model.offers = [_add_offer(model, offer) for offer in desk.offers]
    for wish in desk.wishes:
        _add_wish(model, wish)
    _add_books(model)
    _add_shared_levels(model)
    return model


def _unit_value(network: Network, desk: Desk) -> float:
    sizes = [swap.pays * network.values[swap.asset_in] for swap in network.swaps]
    sizes += [abs(wish.limit) * network.values.get(wish.quote, 1.0) for wish in desk.wishes if wish.limit]
    return statistics.median(sizes) / UNITS_PER_WISH if sizes else 1.0


def surplus_weight(network: Network, asset: str) -> float:
    """Gain per model unit of surplus in the asset."""
    return 1.0 if asset in network.priced else UNPRICED_WEIGHT


def _add_swap(model: FlowModel, swap: Swap) -> None:
    linear, units_in = model.linear, model.units(swap.asset_in)
    low, high = model.choices.shares.get(swap.intent, (0.0, 1.0))
    pays = swap.pays * units_in
    column = linear.column(low * pays, high * pays)
    model.swaps[swap.intent] = column
    rate = swap.limit * model.units(swap.asset_out) / units_in
    model.balance[swap.asset_in][column] = 1.0
    model.balance[swap.asset_out][column] = -rate
    key = (swap.group, swap.surplus_is_paid)
    if key not in model.surplus:
        asset = swap.asset_in if swap.surplus_is_paid else swap.asset_out
        model.surplus[key] = linear.column(0.0, INFINITY, surplus_weight(model.network, asset))
        model.surplus_assets[key] = asset
        model.balance[asset][model.surplus[key]] = -1.0


def _add_budgets(model: FlowModel) -> None:
    """Owners' balances, where they do not cover all that their intents may pay."""
    by_balance: dict[tuple[str, str], list[Swap]] = defaultdict(list)
    for swap in model.network.swaps:
        by_balance[swap.owner, swap.asset_in].append(swap)
    for (owner, asset), swaps in by_balance.items():
        budget = model.network.budgets[owner, asset]
        if sum(swap.pays for swap in swaps) > budget:
            row = {model.swaps[swap.intent]: 1.0 for swap in swaps}
            model.linear.row(row, -INFINITY, budget * model.units(asset))


def _add_surplus_rows(model: FlowModel) -> None:
    """Bound each group's surplus by what it trades, from above and, once rates are known, from below.

    Above: no unit of money gets more than its reach; else the profit of a cycle could be booked to a group that trades
    nothing. Below: every unit gets the marginal rate that the last solution gave its pair; else a group would give its
    surplus away where surplus counts more, and the fairness rule of an auction would drop the bid.
    """
    by_group: dict[tuple[str, bool], list[Swap]] = defaultdict(list)
    for swap in model.network.swaps:
        by_group[swap.group, swap.surplus_is_paid].append(swap)
    for key, swaps in by_group.items():
        most = {model.surplus[key]: -1.0}
        least = {model.surplus[key]: 1.0}
        for swap in swaps:
            to_value = model.units(swap.asset_out) / model.units(swap.asset_in)
            reach = model.network.reach[swap.intent]
            fair = min(model.choices.fair_rates.get(swap.group, 0.0) * FAIR_SHARE, reach)
            column = model.swaps[swap.intent]
            most[column] = max(0.0, _room(swap, reach, to_value))
            least[column] = -max(0.0, _room(swap, fair, to_value))
        model.linear.row(most, 0.0, INFINITY)
        if any(least[model.swaps[swap.intent]] for swap in swaps):
            model.linear.row(least, 0.0, INFINITY)


def _room(swap: Swap, rate: float, to_value: float) -> float:
    """Surplus per model unit paid, if money gets `rate` (base units)."""
    if swap.surplus_is_paid:
        return 1 - swap.limit / rate if rate > 0 else 0.0
    return (rate - swap.limit) * to_value


FAIR_SHARE = 0.9999
"""Of the last solution's marginal rates, what groups must get now: a little less, as new points shift rates a little."""


def _add_edge(model: FlowModel, index: int, edge: Edge) -> None:
    units_in, units_out = model.units(edge.asset_in), model.units(edge.asset_out)
    expected = model.choices.expected_flows.get(index, edge.capacity) * units_in
    gas = GAS_WEIGHT * edge.gas_value / model.unit_value / max(expected, 1.0) if model.choices.gas_counts else 0.0
    columns = []
    for (x0, y0), (x1, y1) in pairwise(edge.points):
        width, rate = (x1 - x0) * units_in, (y1 - y0) * units_out / ((x1 - x0) * units_in)
        if width < LEAST_WIDTH or not 1 / MOST_RATE < rate < MOST_RATE:
            continue
        column = model.linear.column(0.0, width, -gas)
        model.balance[edge.asset_in][column] = -1.0
        model.balance[edge.asset_out][column] = rate
        columns.append(column)
    if columns:
        model.segments[index] = columns


def _add_offer(model: FlowModel, offer: Offer) -> int:
    gas = GAS_WEIGHT * offer.gas_value / model.unit_value / (offer.size // offer.lot)
    return model.linear.column(0.0, offer.size // offer.lot, -gas)


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
        capped = {slacks[name]: SLACK_UNITS / max(1, cap.amount) for name in cap.slacks}
        linear.row({**capped, share: -1.0 if cap.amount else 0.0}, -INFINITY, 0.0)
        if cap.is_escrow and cap.asset == wish.quote:
            linear.row(
                {**{slacks[n]: SLACK_UNITS * units for n in cap.slacks}, payment: 1.0}, -INFINITY, wish.budget * units
            )


FRICTION = 1e-4
"""Share of a lot's price that a position costs in the model only, so that nothing is held that need not be."""


def _frictions(desk: Desk) -> dict[str, float]:
    """What one lot of a free position costs in the model, in quote base units, by asset."""
    return {offer.asset: FRICTION * offer.money * offer.lot / offer.size for offer in reversed(desk.offers)}


SLACK_UNITS = 1e6
"""Base units of the settlement asset in one unit of a slack column, so that its coefficients are of the size of others."""


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
    for index, columns in model.segments.items():
        edge = model.network.edges[index]
        offer_index = offered.get((edge.venue, edge.level or ""))
        if offer_index is not None:
            offer = model.desk.offers[offer_index]
            capacity = edge.capacity * model.units(edge.asset_in)
            row = dict.fromkeys(columns, 1.0 / capacity)
            row[model.offers[offer_index]] = offer.lot / offer.size
            model.linear.row(row, -INFINITY, 1.0)


@dataclass(frozen=True)
class FlowValues:
    """A solution of the model in base units, as floats: shares by intent, (input, output) by edge, positions by wish."""

    objective: float
    surplus_value: float
    shares: dict[str, float]
    edge_flows: dict[int, tuple[float, float]]
    positions: dict[str, dict[str, float]]
    offers: dict[int, float]
    group_surplus: dict[tuple[str, bool], float]
    rates: dict[str, float]
    """Marginal output per input by group, from the values of the balance rows."""
    derivative_prices: dict[str, float]
    """Quote per base unit at which nobody wants more or less of a derivative."""


def read_values(model: FlowModel, optimum: Optimum) -> FlowValues:
    """What a backend's column values mean."""
    network, lots, values = model.network, lots_by_asset(model.desk), optimum.values
    shares = {
        swap.intent: values[model.swaps[swap.intent]] / (swap.pays * model.units(swap.asset_in))
        for swap in network.swaps
    }
    flows = {}
    for index, columns in model.segments.items():
        edge = network.edges[index]
        units_in, units_out = model.units(edge.asset_in), model.units(edge.asset_out)
        given = sum(values[column] for column in columns)
        if given / units_in >= 0.5:
            got = sum(values[column] * model.balance[edge.asset_out][column] for column in columns)
            flows[index] = (given / units_in, got / units_out)
    positions = {}
    for wish in model.desk.wishes:
        columns_of = model.wishes[wish.intent]
        shares[wish.intent] = values[columns_of.share]
        net: dict[str, float] = defaultdict(float)
        for asset, column in columns_of.longs.items():
            net[asset] += values[column] * lots[asset]
        for asset, column in columns_of.shorts.items():
            net[asset] -= values[column] * lots[asset]
        positions[wish.intent] = {asset: amount for asset, amount in sorted(net.items()) if amount}
    gains = [gain * value * model.unit_value for gain, value in zip(model.linear.gain, values, strict=True)]
    costs = [column for columns in model.segments.values() for column in columns] + model.offers
    return FlowValues(
        objective=sum(gains),
        surplus_value=sum(gains) - sum(gains[column] for column in costs),
        shares=shares,
        edge_flows=flows,
        positions=positions,
        offers={i: values[column] for i, column in enumerate(model.offers) if values[column] > 0},
        group_surplus={
            key: values[column] / model.units(model.surplus_assets[key]) for key, column in model.surplus.items()
        },
        rates=_marginal_rates(model, optimum),
        derivative_prices=_derivative_prices(model, optimum, lots),
    )


def _derivative_prices(model: FlowModel, optimum: Optimum, lots: Mapping[str, int]) -> dict[str, float]:
    prices = {}
    for wish in model.desk.wishes:
        money = optimum.row_values[model.money_rows[wish.quote]] * model.units(wish.quote)
        for asset in (*wish.fixed, *wish.eligible):
            if money > 0:
                prices[asset] = optimum.row_values[model.book_rows[asset]] / lots[asset] / money
    return prices


def _marginal_rates(model: FlowModel, optimum: Optimum) -> dict[str, float]:
    rates = {}
    for swap in model.network.swaps:
        worth_in = optimum.row_values[model.balance_rows[swap.asset_in]] * model.units(swap.asset_in)
        worth_out = optimum.row_values[model.balance_rows[swap.asset_out]] * model.units(swap.asset_out)
        if worth_in > 0 and worth_out > 0:
            rates[swap.group] = worth_in / worth_out
    return rates
