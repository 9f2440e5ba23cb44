"""Building the linear model and reading what its optimum means."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from solvers.flow_model import Choices, FlowModel, add_swaps, empty_model
from solvers.flow_wishes import add_wishes, lots_by_asset
from solvers.linear import Optimum
from solvers.network import Lane, Network
from solvers.wishes import Desk


def build_model(network: Network, desk: Desk, choices: Choices) -> FlowModel:
    """The model, ready for a backend."""
    model = empty_model(network, desk, choices)
    add_swaps(model)
    add_wishes(model)
    return model


@dataclass(frozen=True)
class FlowValues:
    """A solution of the model in base units, as floats: shares by intent, (input, output) by lane, positions by wish.

    `given` and `taken` are by group: its paid asset to other groups, its received one from them.
    """

    objective: float
    surplus_value: float
    shares: dict[str, float]
    lane_flows: dict[Lane, tuple[float, float]]
    given: dict[str, float]
    taken: dict[str, float]
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
    for lane, columns in model.segments.items():
        edge = network.edges[lane[1]]
        units_in, units_out = model.units(edge.asset_in), model.units(edge.asset_out)
        given = sum(values[column] for column in columns)
        if given / units_in >= 0.5:
            got = sum(values[column] * model.balance[lane[0], edge.asset_out][column] for column in columns)
            flows[lane] = (given / units_in, got / units_out)
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
        lane_flows=flows,
        given=_netted(model, values, model.given, paid=True),
        taken=_netted(model, values, model.taken, paid=False),
        positions=positions,
        offers={i: values[column] for i, column in enumerate(model.offers) if values[column] > 0},
        group_surplus={
            key: values[column] / model.units(model.surplus_assets[key]) for key, column in model.surplus.items()
        },
        rates=_marginal_rates(model, optimum),
        derivative_prices=_derivative_prices(model, optimum, lots),
    )


def _netted(model: FlowModel, values: list[float], columns: Mapping[str, int], *, paid: bool) -> dict[str, float]:
    assets = {swap.group: swap.asset_in if paid else swap.asset_out for swap in model.network.swaps}
    amounts = {group: values[column] / model.units(assets[group]) for group, column in columns.items()}
    return {group: amount for group, amount in amounts.items() if amount >= 0.5}


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
        worth_in = optimum.row_values[model.balance_rows[swap.group, swap.asset_in]] * model.units(swap.asset_in)
        worth_out = optimum.row_values[model.balance_rows[swap.group, swap.asset_out]] * model.units(swap.asset_out)
        if worth_in > 0 and worth_out > 0:
            rates[swap.group] = worth_in / worth_out
    return rates
