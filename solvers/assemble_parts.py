"""Splitting a draft into independent parts, and turning settled parts into solutions.

Guarantees: parts share no group; whoever's balance covers only some of its intents ties their groups together, since
what may be skipped depends on what else is filled. Lines make conservation an equality per asset: up to one unit for
each fill and leg that touches the asset is `dust`, the rest `cycle_gain`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.auction.problem import Intent, Problem
from engine.auction.solution import Fill, Leg, Line, Solution, Transfer
from intents.identifiers import PROTOCOL
from intents.outcome import is_derivative
from intents.values import ceil_div
from solvers.assemble_flow import DoneLeg, Flow, Part
from solvers.assemble_repair import Draft
from solvers.plan import Portfolio


@dataclass(frozen=True, slots=True)
class Piece:
    """The content of one settled part."""

    key: str
    fills: tuple[Fill, ...]
    legs: tuple[DoneLeg, ...]
    transfers: tuple[Transfer, ...]
    prices: Mapping[str, tuple[int, int]]


def tied_groups(problem: Problem) -> tuple[tuple[str, ...], ...]:
    """Groups of intents that pay one asset of one owner whose free balance does not cover them all."""
    paying: dict[tuple[str, str], list[Intent]] = {}
    for intent in problem.intents:
        for asset in intent.outcome.pays:
            paying.setdefault((intent.outcome.owner, asset), []).append(intent)
    tied = []
    for (owner, asset), intents in sorted(paying.items()):
        need = sum(ceil_div(i.open_units * i.outcome.pays[asset], i.outcome.units) for i in intents)
        if need > problem.free(owner, asset):
            tied.append(tuple(sorted({intent.group for intent in intents})))
    return tuple(ties for ties in tied if len(ties) > 1)


def split_parts(draft: Draft, ties: Iterable[tuple[str, ...]]) -> list[Part]:
    """The connected components of the draft, by key."""
    active = {r.source for r in draft.routes.values()} | {r.sink for r in draft.routes.values()}
    active |= {g for g, members in draft.groups.items() if any(draft.wanted.get(i.id) for i in members)}
    active |= draft.portfolios.keys()
    leader = {group: group for group in active}

    def find(group: str) -> str:
        while leader[group] != group:
            leader[group] = leader[leader[group]]
            group = leader[group]
        return group

    group_of = {portfolio.intent: group for group, portfolio in draft.portfolios.items()}
    links = [(r.source, r.sink) for r in draft.routes.values()]
    links += [(group_of[cross.giver], group_of[cross.taker]) for cross in draft.crosses]
    for tie in ties:
        present = [group for group in tie if group in active]
        links.extend((present[0], other) for other in present[1:])
    for one, other in links:
        first, second = sorted((find(one), find(other)))
        leader[second] = first
    members: dict[str, list[str]] = {}
    for group in sorted(active):
        members.setdefault(find(group), []).append(group)
    return [_part(draft, key, groups) for key, groups in sorted(members.items())]


def _part(draft: Draft, key: str, groups: Sequence[str]) -> Part:
    inside = set(groups)
    portfolios = tuple(draft.portfolios[g] for g in groups if g in draft.portfolios)
    intents = {portfolio.intent for portfolio in portfolios}
    numbers = tuple(n for n, route in draft.routes.items() if route.source in inside)
    return Part(
        key=key,
        groups=tuple(groups),
        routes=tuple(draft.routes[n] for n in numbers),
        numbers=numbers,
        portfolios=portfolios,
        crosses=tuple(cross for cross in draft.crosses if cross.giver in intents),
    )


def portfolio_fill(intent: Intent, portfolio: Portfolio, costs: Mapping[str, int]) -> Fill | str:
    """The fill of a derivative intent that trades `positions` for `costs` (net, by asset); or why its limits forbid it."""
    outcome, units = intent.outcome, portfolio.units
    changes = {asset: -cost for asset, cost in costs.items()}
    for asset, amount in portfolio.positions.items():
        changes[asset] = changes.get(asset, 0) + amount
    ins = {asset: -change for asset, change in sorted(changes.items()) if change < 0}
    outs = {asset: change for asset, change in sorted(changes.items()) if change > 0}
    if not 0 < units <= intent.open_units or (units < outcome.min_units and units < intent.open_units):
        return "units_not_allowed"
    for asset, amount in ins.items():
        if asset in outcome.pays and amount * outcome.units > units * outcome.pays[asset]:
            return "limit_not_met"
        if asset not in outcome.pays and not is_derivative(asset):
            return "asset_not_allowed"
    if any(outs.get(asset, 0) * outcome.units < units * least for asset, least in outcome.receives.items()):
        return "limit_not_met"
    return Fill(intent=intent.id, units=units, ins=ins, outs=outs)


def piece_of(key: str, flow: Flow, fills: Sequence[Fill], prices: Mapping[str, tuple[int, int]]) -> Piece:
    """A settled part: its legs, and for each loan the transfers that lend it and take the bridge's payment."""
    transfers = []
    for loan in flow.loans:
        transfers.append(Transfer(stage=0, give={loan.asset: loan.amount}))
        transfers.append(Transfer(stage=loan.stage, take={loan.asset: loan.amount}))
    return Piece(key, tuple(fills), tuple(flow.legs), tuple(transfers), dict(prices))


def solution_of(problem: Problem, solver: str, pieces: Sequence[Piece]) -> Solution:
    """The sum of pieces, legs by (stage, piece, position), bound to the problem."""
    legs = sorted((leg for piece in pieces for leg in piece.legs), key=lambda leg: leg.stage)
    return Solution(
        fills=tuple(fill for piece in pieces for fill in piece.fills),
        legs=tuple(_wire_leg(leg) for leg in legs),
        transfers=tuple(transfer for piece in pieces for transfer in piece.transfers),
        prices={group: price for piece in pieces for group, price in sorted(piece.prices.items())},
        lines=_sum_lines(pieces),
        problem=problem.hash,
        solver=solver,
    )


def _wire_leg(leg: DoneLeg) -> Leg:
    return Leg(
        venue=leg.hop.venue,
        level=leg.hop.level,
        stage=leg.stage,
        ins={leg.hop.asset_in: leg.amount_in},
        outs={leg.hop.asset_out: leg.amount_out},
    )


def _sum_lines(pieces: Sequence[Piece]) -> tuple[Line, ...]:
    totals: dict[tuple[str, str], int] = {}
    for piece in pieces:
        for kind, asset, amount in _residues(piece):
            totals[(asset, kind)] = totals.get((asset, kind), 0) + amount
    return tuple(
        Line(kind="dust" if kind == "dust" else "cycle_gain", asset=asset, amount=amount, account=PROTOCOL)
        for (asset, kind), amount in sorted(totals.items())
    )


def _residues(piece: Piece) -> list[tuple[str, str, int]]:
    """(kind, asset, amount) of what is left of each asset."""
    left: dict[str, int] = {}
    touching: dict[str, int] = {}

    def book(asset: str, amount: int, *, touches: bool) -> None:
        left[asset] = left.get(asset, 0) + amount
        touching[asset] = touching.get(asset, 0) + touches

    for fill in piece.fills:
        for asset, amount in fill.ins.items():
            book(asset, amount, touches=True)
        for asset, amount in fill.outs.items():
            book(asset, -amount, touches=True)
    for leg in piece.legs:
        book(leg.hop.asset_in, -leg.amount_in, touches=True)
        book(leg.hop.asset_out, leg.amount_out, touches=True)
    for transfer in piece.transfers:
        for asset, amount in transfer.give.items():
            book(asset, amount, touches=False)
        for asset, amount in transfer.take.items():
            book(asset, -amount, touches=False)
    residues: list[tuple[str, str, int]] = []
    for asset, amount in sorted(left.items()):
        dust = min(amount, touching[asset])
        residues.extend(
            entry for entry in (("dust", asset, dust), ("cycle_gain", asset, amount - dust)) if entry[2] > 0
        )
    return residues
