"""The swap side as an integer program: all-or-nothing intents, whole lots, a fixed cost for each leg.

Variables, in units of `solvers.cpsat.scaling`: what each swap pays and gets, each group's surplus, what groups give each
other, the flow of a group's money through each chord of an edge (a lane), its output, lots of book levels, and for each
lane whether it is used. Balances are inequalities (what is left over is dropped), so rounding down never makes a fill
impossible. As in the linear model a group's surplus is at most what its reach allows; `solvers.flow_model` says why.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import Any

from engine.network.delay_price import PPM
from solvers.common import GAS_WEIGHT
from solvers.cpsat.scaling import MOST_UNITS, RATIO_BITS, Scale, scale_of
from solvers.flow_model import NETTING_FRICTION, Node, surplus_weight, weights_by_group
from solvers.flow_values import FlowValues
from solvers.network import Edge, Lane, Network, Swap

EXACT_PRODUCT = 2**58
"""Limits are compared exactly where the products that takes stay below this."""

FAIR_SHARE = 0.999
"""Of the relaxation's marginal rates, what each group gets at least, less a unit for each of its intents."""

Var = Any  # OR-Tools ships no usable types for its expressions


@dataclass
class SwapModel:
    """The variables of the swap side. `lanes` are the candidates."""

    network: Network
    lanes: tuple[Lane, ...]
    scale: Scale
    paid: dict[str, Var] = field(default_factory=dict)
    surplus: dict[tuple[str, bool], Var] = field(default_factory=dict)
    given: dict[Lane, Var] = field(default_factory=dict)
    got: dict[Lane, Var] = field(default_factory=dict)
    used: dict[Lane, Var] = field(default_factory=dict)
    to_others: dict[str, Var] = field(default_factory=dict)
    from_others: dict[str, Var] = field(default_factory=dict)
    shared: dict[tuple[int, int], list[tuple[Var, int]]] = field(default_factory=lambda: defaultdict(list))
    balance: dict[Node, list[Var]] = field(default_factory=lambda: defaultdict(list))
    roundings: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    gains: list[tuple[float, Var]] = field(default_factory=list)

    def most_paid(self, swap: Swap) -> int:
        """The swap's whole payment in units."""
        return self.scale.down(swap.asset_in, swap.pays)


def network_scale(network: Network, lanes: tuple[Lane, ...]) -> Scale:
    """A scale at which all that swaps can pay and edges can move fits; edges are cut to what swaps can bring."""
    most = _most_value(network)
    amounts: dict[str, list[int]] = defaultdict(list)
    for swap in network.swaps:
        amounts[swap.asset_in].append(swap.pays)
        amounts[swap.asset_out].append(swap.receives)
    for index in sorted({index for _, index in lanes}):
        edge = network.edges[index]
        amounts[edge.asset_in].append(min(edge.capacity, int(most / network.values[edge.asset_in]) + 1))
        amounts[edge.asset_out].append(min(edge.points[-1][1], int(most / network.values[edge.asset_out]) + 1))
    return scale_of(amounts)


def _most_value(network: Network) -> float:
    """Twice the value of all that swaps can pay."""
    return 2 * sum(swap.pays * network.values[swap.asset_in] for swap in network.swaps)


def add_swaps(cp: Any, network: Network, lanes: tuple[Lane, ...], fair: Mapping[str, float]) -> SwapModel:
    """Add the whole swap side to a CP-SAT model."""
    model = SwapModel(network, lanes, network_scale(network, lanes))
    for swap in network.swaps:
        _add_swap(cp, model, swap)
    _add_budgets(cp, model)
    _add_surplus(cp, model, fair)
    weights = weights_by_group(network)
    for lane in lanes:
        _add_lane(cp, model, lane, network.edges[lane[1]])
        _add_waiting(model, lane, network.edges[lane[1]], weights[lane[0]])
    for flows in model.shared.values():
        if len(flows) > 1:
            cp.add(sum(flow for flow, _ in flows) <= flows[0][1])
    _add_netting(cp, model)
    for _, terms in sorted(model.balance.items()):
        cp.add(sum(terms) >= 0)
    return model


def _add_swap(cp: Any, model: SwapModel, swap: Swap) -> None:
    most, wanted = model.most_paid(swap), model.scale.up(swap.asset_out, swap.receives)
    filled = cp.new_bool_var(f"filled {swap.intent}")
    if swap.least_units == swap.open_units:
        paid, due = most * filled, wanted * filled
    else:
        paid = cp.new_int_var(0, most, f"paid {swap.intent}")
        due = cp.new_int_var(0, wanted + 1, f"due {swap.intent}")
        cp.add(paid >= -(-most * swap.least_units // swap.open_units) * filled)
        cp.add(paid <= most * filled)
        # due / wanted >= paid / most: exactly where that fits 64 bits, else with the ratio rounded up.
        exact = most * wanted < EXACT_PRODUCT
        denominator = most if exact else _denominator(wanted / most)
        cp.add(due * denominator >= (wanted if exact else -(-wanted * denominator // most)) * paid)
    model.paid[swap.intent] = paid
    model.balance[swap.group, swap.asset_in].append(paid)
    model.balance[swap.group, swap.asset_out].append(-due)
    model.roundings[swap.asset_in] += 1
    model.roundings[swap.asset_out] += 2


def _denominator(ratio: float) -> int:
    """A power of two that gives the ratio about RATIO_BITS bits."""
    bits = RATIO_BITS
    while bits > 0 and ratio * 2**bits > 2**RATIO_BITS:
        bits -= 1
    while bits < 2 * RATIO_BITS and ratio * 2 ** (bits + 1) <= 2**RATIO_BITS:
        bits += 1
    return int(2**bits)


def _add_budgets(cp: Any, model: SwapModel) -> None:
    by_balance: dict[tuple[str, str], list[Swap]] = defaultdict(list)
    for swap in model.network.swaps:
        by_balance[swap.owner, swap.asset_in].append(swap)
    for (owner, asset), swaps in by_balance.items():
        budget = model.network.budgets[owner, asset]
        if sum(swap.pays for swap in swaps) > budget:
            cp.add(sum(model.paid[swap.intent] for swap in swaps) <= model.scale.down(asset, budget))


def _add_surplus(cp: Any, model: SwapModel, fair: Mapping[str, float]) -> None:
    by_group: dict[tuple[str, bool], list[Swap]] = defaultdict(list)
    for swap in model.network.swaps:
        by_group[swap.group, swap.surplus_is_paid].append(swap)
    for key, swaps in sorted(by_group.items()):
        asset = swaps[0].asset_in if key[1] else swaps[0].asset_out
        rooms = [_room(model, swap, model.network.reach[swap.intent]) for swap in swaps]
        most = sum(room * model.most_paid(swap) for room, swap in zip(rooms, swaps, strict=True))
        surplus = cp.new_int_var(0, min(MOST_UNITS, int(most)), f"surplus {key}")
        model.surplus[key] = surplus
        model.balance[key[0], asset].append(-surplus)
        weight = surplus_weight(model.network, asset) * model.network.values[asset] * model.scale.units[asset]
        model.gains.append((weight, surplus))
        floors = [
            _room(model, swap, min(fair.get(swap.group, 0.0), model.network.reach[swap.intent])) for swap in swaps
        ]
        denominator = _denominator(max([*rooms, 1e-12]))
        paid = [model.paid[swap.intent] for swap in swaps]
        cp.add(
            surplus * denominator <= sum(int(room * denominator + 1) * p for room, p in zip(rooms, paid, strict=True))
        )
        if any(floor > 0 for floor in floors):
            least = sum(int(floor * FAIR_SHARE * denominator) * p for floor, p in zip(floors, paid, strict=True))
            cp.add((surplus + len(swaps)) * denominator >= least)


def _room(model: SwapModel, swap: Swap, rate: float) -> float:
    """Units of surplus per unit paid, if money gets `rate` in base units."""
    if swap.surplus_is_paid:
        return max(0.0, 1 - swap.limit / rate) if rate > 0 else 0.0
    return max(0.0, rate - swap.limit) * model.scale.units[swap.asset_in] / model.scale.units[swap.asset_out]


def _add_netting(cp: Any, model: SwapModel) -> None:
    """What a group pays may be what another wants: given and taken through one balance for each asset."""
    ways = {swap.group: (swap.asset_in, swap.asset_out) for swap in model.network.swaps}
    paid, wanted = ({assets[side] for assets in ways.values()} for side in (0, 1))
    for group, (asset_in, asset_out) in sorted(ways.items()):
        for asset, sign, columns in ((asset_in, 1, model.to_others), (asset_out, -1, model.from_others)):
            if asset in paid and asset in wanted:
                amount = cp.new_int_var(0, MOST_UNITS, f"netting {group} {asset}")
                model.balance[group, asset].append(-sign * amount)
                model.balance["", asset].append(sign * amount)
                weight = NETTING_FRICTION * model.network.values[asset] * model.scale.units[asset]
                model.gains.append((-weight, amount))
                columns[group] = amount


def _add_lane(cp: Any, model: SwapModel, lane: Lane, edge: Edge) -> None:
    """What a group's money does at an edge."""
    scale = model.scale
    (group, index), most_in = lane, int(_most_value(model.network) / model.network.values[edge.asset_in]) + 1
    if edge.level is not None:
        given, got = _add_level(cp, model, lane, edge)
    else:
        chords = [
            (scale.down(edge.asset_in, min(x1, most_in)) - scale.down(edge.asset_in, x0), Fraction(y1 - y0, x1 - x0))
            for (x0, y0), (x1, y1) in pairwise(edge.points)
            if x0 < most_in
        ]
        # What waiting costs is taken off the rate: terms of the objective for flows leave CP-SAT without any answer.
        kept = Fraction(round((1 - edge.wait_cost) * PPM), PPM)
        factor = Fraction(scale.units[edge.asset_in], scale.units[edge.asset_out]) * kept
        chords = [(width, rate * factor) for width, rate in chords if width > 0]
        if not chords or kept == 0:
            return
        flows = [cp.new_int_var(0, width, f"flow {lane}.{k}") for k, (width, _) in enumerate(chords)]
        for k, (width, _) in enumerate(chords):
            model.shared[index, k].append((flows[k], width))
        denominator = _denominator(float(chords[0][1]))
        most_got = int(sum(width * rate for width, rate in chords))
        got = cp.new_int_var(0, most_got, f"got {lane}")
        cp.add(
            got * denominator
            <= sum(int(rate * denominator) * flow for (_, rate), flow in zip(chords, flows, strict=True))
        )
        given = sum(flows)
        _add_gas(cp, model, lane, edge, [(flow, width) for flow, (width, _) in zip(flows, chords, strict=True)])
    model.given[lane], model.got[lane] = given, got
    model.balance[group, edge.asset_in].append(-given)
    model.balance[group, edge.asset_out].append(got)
    model.roundings[edge.asset_in] += len(edge.points)
    model.roundings[edge.asset_out] += 1


def _add_level(cp: Any, model: SwapModel, lane: Lane, edge: Edge) -> tuple[Var, Var]:
    """Whole lots of a book's level: bought if the output comes in lots, else sold."""
    scale, (amount_in, amount_out) = model.scale, edge.points[-1]
    lots = max(1, (amount_out if amount_out % edge.lot == 0 and amount_in % edge.lot else amount_in) // edge.lot)
    taken = cp.new_int_var(0, lots, f"lots {lane}")
    model.shared[lane[1], 0].append((taken, lots))
    _add_gas(cp, model, lane, edge, [(taken, lots)])
    return scale.up(edge.asset_in, -(-amount_in // lots)) * taken, scale.down(
        edge.asset_out, amount_out // lots
    ) * taken


def _add_gas(cp: Any, model: SwapModel, lane: Lane, edge: Edge, flows: list[tuple[Var, int]]) -> None:
    used = cp.new_bool_var(f"used {lane}")
    model.used[lane] = used
    for flow, most in flows:
        cp.add(flow <= most * used)
    if edge.gas_value > 0:
        model.gains.append((-GAS_WEIGHT * edge.gas_value, used))


def _add_waiting(model: SwapModel, lane: Lane, edge: Edge, weight: float) -> None:
    """What waiting costs the lots of a level, whose rate cannot be lowered: they would not be whole."""
    if edge.wait_cost and edge.level is not None:
        unit = model.network.values[edge.asset_in] * model.scale.units[edge.asset_in]
        model.gains.append((-weight * edge.wait_cost * unit, model.given[lane]))


def read_swaps(model: SwapModel, value: Any) -> FlowValues:
    """A CP-SAT solution of the swap side in base units."""
    network, scale = model.network, model.scale
    shares = {}
    for swap in network.swaps:
        paid, most = value(model.paid[swap.intent]), model.most_paid(swap)
        shares[swap.intent] = 1.0 if paid and paid == most else (paid / most if most else 0.0)
    flows = {}
    for lane, given in model.given.items():
        edge = network.edges[lane[1]]
        amount_in, amount_out = (
            value(given) * scale.units[edge.asset_in],
            value(model.got[lane]) * scale.units[edge.asset_out],
        )
        if amount_in and amount_out:
            flows[lane] = (float(amount_in), float(amount_out))
    surplus: dict[tuple[str, bool], float] = {}
    to_others: dict[str, float] = {}
    from_others: dict[str, float] = {}
    for swap in network.swaps:
        key = (swap.group, swap.surplus_is_paid)
        asset = swap.asset_in if swap.surplus_is_paid else swap.asset_out
        surplus[key] = float(value(model.surplus[key]) * scale.units[asset])
        for columns, side, netted in (
            (model.to_others, swap.asset_in, to_others),
            (model.from_others, swap.asset_out, from_others),
        ):
            if swap.group in columns and value(columns[swap.group]):
                netted[swap.group] = float(value(columns[swap.group]) * scale.units[side])
    return FlowValues(0.0, 0.0, shares, flows, to_others, from_others, {}, {}, surplus, {}, {})
