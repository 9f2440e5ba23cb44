"""One linear model over everything: swaps, venues, bridges, derivative wishes and books. Backends solve it.

Columns (all in model units: an asset's base units times its value, over `unit_value` numeraire base units)
    swap      what an intent pays, up to its open part
    surplus   per group and side: what the group gets beyond its limits (or pays less than its limits)
    segment   flow of one group through one chord of an edge (a lane is a group's use of an edge)
    netting   per group: what it gives to other groups, and what it gets from them
    wish, offer   derivatives: see `solvers.flow_wishes`
Rows: a balance per group and asset (free disposal; `>= 0`), one per asset for what groups give each other, a chord's
width where several groups use it, an owner's balances, those of wishes.

Money keeps the name of its group on its way through venues: what a group gets is what its own money brings, or what
others give it directly. So flows become routes that stand alone, and no group's surplus is another's loss.

Objective: the value of all surplus less gas and less what waiting costs (a share of the flow, weighed like the surplus
it serves). Surplus in an asset without reference price weighs UNPRICED_WEIGHT of its
implied value, so that such intents are filled with what the scored ones leave. Gas is a fixed cost a leg; the model
charges it in proportion to flow, first over what the group could send and then over the flow of the solution before
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

from solvers.common import GAS_WEIGHT
from solvers.linear import INFINITY, Linear
from solvers.network import Lane, Network, Swap
from solvers.wishes import Desk

UNPRICED_WEIGHT = 1e-3
"""Weight of surplus that scores nothing, relative to scored surplus."""

UNITS_PER_WISH = 1000.0
"""A middling intent pays this many model units: far above a simplex's tolerance of 1e-7."""

LEAST_WIDTH = 1e-3
"""Narrower chords, in model units, are left out: next to nothing flows there, at any rate."""

MOST_RATE = 1e4
"""Chords that multiply or divide value by more than this are left out: emptied pools, which would spoil the numbers."""

MOST_COEFFICIENT = 1e6
"""Limits and surpluses that differ by more than this from what is paid, in value, are of tokens of no known worth."""

NETTING_FRICTION = 1e-6
"""What money given to another group costs in the model only, so that groups are not tied for nothing."""

FAIR_SHARE = 0.9999
"""Of the last solution's marginal rates, what groups must get now: a little less, as new points shift rates a little."""

Node = tuple[str, str]
"""A group (or "" for what groups give each other) and an asset."""


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
    """What a caller fixes between solves: shares of all-or-none intents, lanes barred, flow expected in a lane.

    `fair_rates`: output per input in base units that each group must get at least (see `_add_surplus_rows`).
    `gas_counts`: whether gas is charged; not where what is used is settled. `in_lots`: wishes held in whole lots;
    `settled`: wishes whose positions are given, in base units.
    """

    shares: dict[str, tuple[float, float]] = field(default_factory=dict)
    barred: frozenset[Lane] = frozenset()
    expected_flows: dict[Lane, float] = field(default_factory=dict)
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
    segments: dict[Lane, list[int]] = field(default_factory=dict)
    given: dict[str, int] = field(default_factory=dict)
    taken: dict[str, int] = field(default_factory=dict)
    surplus: dict[tuple[str, bool], int] = field(default_factory=dict)
    surplus_assets: dict[tuple[str, bool], str] = field(default_factory=dict)
    wishes: dict[str, WishColumns] = field(default_factory=dict)
    offers: list[int] = field(default_factory=list)
    unit_value: float = 1.0
    balance: dict[Node, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    balance_rows: dict[Node, int] = field(default_factory=dict)
    book_rows: dict[str, int] = field(default_factory=dict)
    money_rows: dict[str, int] = field(default_factory=dict)

    def units(self, asset: str) -> float:
        """Model units of one base unit of the asset."""
        return self.network.values.get(asset, 1.0) / self.unit_value


def empty_model(network: Network, desk: Desk, choices: Choices) -> FlowModel:
    """A model without columns, its unit of value chosen."""
    sizes = [swap.pays * network.values[swap.asset_in] for swap in network.swaps]
    sizes += [abs(wish.limit) * network.values.get(wish.quote, 1.0) for wish in desk.wishes if wish.limit]
    unit_value = statistics.median(sizes) / UNITS_PER_WISH if sizes else 1.0
    return FlowModel(network, desk, choices, unit_value=unit_value)


def add_swaps(model: FlowModel) -> None:
    """Everything about swaps and what they flow through."""
    for swap in model.network.swaps:
        _add_swap(model, swap)
    _add_budgets(model)
    _add_surplus_rows(model)
    weights = weights_by_group(model.network)
    for index, lanes in sorted(model.network.lanes_by_edge().items()):
        allowed = {group: most for group, most in lanes if (group, index) not in model.choices.barred}
        _add_edge(model, index, allowed, weights)
    _add_netting(model)
    for node in sorted(model.balance):
        model.balance_rows[node] = model.linear.row(model.balance[node], 0.0, INFINITY)


def surplus_weight(network: Network, asset: str) -> float:
    """Gain per model unit of surplus in the asset."""
    return 1.0 if asset in network.priced else UNPRICED_WEIGHT


def weights_by_group(network: Network) -> dict[str, float]:
    """By group: the greatest weight of a surplus that it can have, which is that of what waiting costs it."""
    weights: dict[str, float] = {}
    for swap in network.swaps:
        weight = surplus_weight(network, swap.asset_in if swap.surplus_is_paid else swap.asset_out)
        weights[swap.group] = max(weight, weights.get(swap.group, 0.0))
    return weights


def _add_swap(model: FlowModel, swap: Swap) -> None:
    linear, units_in = model.linear, model.units(swap.asset_in)
    low, high = model.choices.shares.get(swap.intent, (0.0, 1.0))
    pays = swap.pays * units_in
    column = linear.column(low * pays, high * pays)
    model.swaps[swap.intent] = column
    rate = swap.limit * model.units(swap.asset_out) / units_in
    model.balance[swap.group, swap.asset_in][column] = 1.0
    model.balance[swap.group, swap.asset_out][column] = -rate if rate > 1 / MOST_COEFFICIENT else 0.0
    key = (swap.group, swap.surplus_is_paid)
    if key not in model.surplus:
        asset = swap.asset_in if swap.surplus_is_paid else swap.asset_out
        model.surplus[key] = linear.column(0.0, INFINITY, surplus_weight(model.network, asset))
        model.surplus_assets[key] = asset
        model.balance[swap.group, asset][model.surplus[key]] = -1.0


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
    nothing. Below: every unit gets the marginal rate that the last solution gave its pair; else of two groups that net
    one would get all the surplus, and the fairness rule of an auction would drop the bid.
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
            most[column] = _room(swap, reach, to_value)
            least[column] = -_room(swap, fair, to_value)
        model.linear.row(most, 0.0, INFINITY)
        if any(least[model.swaps[swap.intent]] for swap in swaps):
            model.linear.row(least, 0.0, INFINITY)


def _room(swap: Swap, rate: float, to_value: float) -> float:
    """Surplus per model unit paid, if money gets `rate` (base units)."""
    if rate <= 0:
        return 0.0
    room = 1 - swap.limit / rate if swap.surplus_is_paid else (rate - swap.limit) * to_value
    return min(room, MOST_COEFFICIENT) if room > 1 / MOST_COEFFICIENT else 0.0


def _add_edge(model: FlowModel, index: int, lanes: Mapping[str, int], weights: Mapping[str, float]) -> None:
    """The chords of an edge, each shared by the groups whose money may use it; `lanes`: the most that each can bring."""
    linear, edge = model.linear, model.network.edges[index]
    units_in, units_out = model.units(edge.asset_in), model.units(edge.asset_out)
    cost = {
        group: _gas(model, (group, index), most * units_in) + edge.wait_cost * weights[group]
        for group, most in lanes.items()
    }
    for (x0, y0), (x1, y1) in pairwise(edge.points):
        width, rate = (x1 - x0) * units_in, (y1 - y0) * units_out / ((x1 - x0) * units_in)
        if width < LEAST_WIDTH or not 1 / MOST_RATE < rate < MOST_RATE or x0 >= sum(lanes.values()):
            continue
        columns = {}
        for group in lanes:
            column = linear.column(0.0, width, -cost[group])
            model.balance[group, edge.asset_in][column] = -1.0
            model.balance[group, edge.asset_out][column] = rate
            model.segments.setdefault((group, index), []).append(column)
            columns[column] = 1.0
        if len(columns) > 1:
            linear.row(columns, -INFINITY, width)


def _gas(model: FlowModel, lane: Lane, most: float) -> float:
    """What a model unit of flow in a lane is charged; `most`: model units that the group can bring."""
    if not model.choices.gas_counts:
        return 0.0
    edge = model.network.edges[lane[1]]
    units = model.units(edge.asset_in)
    expected = model.choices.expected_flows.get(lane, min(edge.capacity, most / units)) * units
    return GAS_WEIGHT * edge.gas_value / model.unit_value / max(expected, 1.0)


def _add_netting(model: FlowModel) -> None:
    """What a group pays may be what another wants: given and taken through one balance for each asset."""
    ways = {swap.group: (swap.asset_in, swap.asset_out) for swap in model.network.swaps}
    paid, wanted = ({assets[side] for assets in ways.values()} for side in (0, 1))
    for group, (asset_in, asset_out) in ways.items():
        for asset, sign, columns in ((asset_in, 1.0, model.given), (asset_out, -1.0, model.taken)):
            if asset in paid and asset in wanted:
                column = model.linear.column(0.0, INFINITY, -NETTING_FRICTION)
                model.balance[group, asset][column] = -sign
                model.balance["", asset][column] = sign
                columns[group] = column
