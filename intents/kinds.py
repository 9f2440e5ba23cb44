"""The kinds of wishes people write, compiled to canonical Outcomes: swap, structure, payoff.

Guarantees
1. The same wish gives the same Outcome: lists are put in order, legs of ratio 0 and empty sides are left out.
2. `swap` and `structure` name assets exactly; `payoff` names a function and leaves the instruments to solvers.
3. A structure that sells options says how much escrow it may need, computed from its own worst loss. Where that is
   unbounded (an uncovered short inverse put) the wish is refused (`uncovered_short`) unless a maximum is given.
4. `floor_on_change` never asks for less than the floor on the holdings did: knots and slope are rounded up.

Amounts are base units for the whole wish, prices of structures base units of the premium for one. No wish names a path.
It does not know balances, markets or whether anybody can fill the wish.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any, Literal

from intents.errors import InputError
from intents.identifiers import AssetId
from intents.instruments import parse_instrument
from intents.outcome import IndexHaircut, Knot, Outcome, PayoffFloor
from intents.payoff import (
    Exact,
    PiecewiseLinear,
    combine,
    counted_position,
    floor_payoff,
    haircut_for,
    instrument_payoff,
)
from intents.values import shortest_decimal


@dataclass(frozen=True)
class Terms:
    """What every kind states: whose wish it is, when it holds, how it may be filled, whom it trusts.

    `receiver` is the owner where None. `min_units` counts the kind's units and is theirs all for `all_or_none`.
    """

    owner: str
    nonce: int
    valid_from: int
    valid_until: int
    receiver: str | None = None
    fill_policy: Literal["partial", "all_or_none"] = "partial"
    min_units: int = 1
    allowed_issuers: Iterable[str] = ()
    allowed_venues: Iterable[str] = ()
    allowed_indices: Iterable[IndexHaircut] = ()


def swap(
    terms: Terms, side: Literal["sell", "buy"], *, pay: tuple[AssetId, int], receive: tuple[AssetId, int]
) -> Outcome:
    """Exchange one asset for another at a limit.

    `sell`: give up to `pay`, and in proportion at least `receive`; being better means receiving more, and a unit is one
    base unit paid. `buy`: get `receive` for at most `pay`; being better means paying less, and a unit is one base unit
    received. All-or-none swaps are one unit. Raises InputError (`zero_amount`, or what Outcome refuses).
    """
    (paid, pay_amount), (received, receive_amount) = pay, receive
    size = pay_amount if side == "sell" else receive_amount
    if pay_amount < 1 or size < 1:
        where = "/pay" if pay_amount < 1 else "/receive"
        raise InputError("zero_amount", where, expected="a positive amount", actual=f"{pay_amount}, {receive_amount}")
    return _outcome(
        terms,
        units=1 if terms.fill_policy == "all_or_none" else size,
        surplus_asset=received if side == "sell" else paid,
        pays={paid: pay_amount},
        receives={received: receive_amount},
    )


def structure(
    terms: Terms,
    *,
    legs: Mapping[AssetId, int],
    quantity: int,
    premium: AssetId,
    net_price: int,
    decimals: Mapping[AssetId, int],
    max_escrow: Mapping[AssetId, int] | None = None,
) -> Outcome:
    """Trade `quantity` of a structure of named options, futures or perpetuals at a net limit price.

    `legs`: base units of each instrument in one structure, positive bought, negative sold. `net_price`: base units of
    `premium` for one structure, positive the most to pay (debit), negative the least to get (credit). A unit is one
    structure. `decimals` of the instruments and their settlement assets are needed where something is sold and no
    `max_escrow` is given. Raises InputError: `no_legs`, `bad_instrument`, `uncovered_short`, `unknown_asset`.
    """
    named = {asset: ratio for asset, ratio in sorted(legs.items()) if ratio}
    if not named:
        raise InputError("no_legs", "/legs", expected="an instrument with a ratio other than 0", actual="none")
    for asset in named:
        parse_instrument(asset)
    if max_escrow is None:
        positions = {asset: ratio * quantity for asset, ratio in named.items()}
        max_escrow = escrow_of(positions, decimals) if min(positions.values()) < 0 else {}
    pays, receives = _premium(premium, net_price * quantity)
    return _outcome(
        terms,
        units=quantity,
        surplus_asset=premium,
        pays=pays | {asset: -ratio * quantity for asset, ratio in named.items() if ratio < 0},
        receives=receives | {asset: ratio * quantity for asset, ratio in named.items() if ratio > 0},
        max_escrow=dict(max_escrow),
    )


def payoff(
    terms: Terms,
    *,
    floor: PayoffFloor,
    budget: int,
    premium: AssetId,
    floor_units: int = 1,
    max_escrow: Mapping[AssetId, int] | None = None,
    worst_loss: Mapping[AssetId, int] | None = None,
) -> Outcome:
    """Hold something more that pays at least `floor` at expiry, for at most `budget` of the premium (least, if negative).

    `floor` and `budget` are for all `floor_units` together (lots, say); a fill of some of them must pay that share.
    A floor that is below zero somewhere may need `max_escrow`. Raises InputError (what Outcome refuses).
    """
    pays, receives = _premium(premium, budget)
    return _outcome(
        terms,
        units=floor_units,
        surplus_asset=premium,
        pays=pays,
        receives=receives,
        payoff_floors=(floor,),
        max_escrow=dict(max_escrow or {}),
        worst_loss=dict(worst_loss or {}),
    )


def escrow_of(positions: Mapping[AssetId, int], decimals: Mapping[AssetId, int]) -> dict[AssetId, int]:
    """The escrow that derivative positions need by themselves, per settlement asset; rules section 3, rounded up per class.

    Raises InputError: `uncovered_short` where the loss is unbounded, `unknown_asset` where decimals are missing.
    """
    classes: dict[tuple[Any, ...], list[tuple[int, PiecewiseLinear]]] = {}
    for asset, position in positions.items():
        held = parse_instrument(asset)
        key = (held.settlement, held.style, held.issuer, held.underlying, held.index, held.expiry_seconds)
        unit = instrument_payoff(held, _decimals(decimals, held.settlement), _decimals(decimals, asset))
        classes.setdefault(key, []).append((position, unit))
    needed: dict[AssetId, int] = {}
    for (settlement, style, *_), terms in classes.items():
        loss = combine(terms).loss_supremum(style).amount
        if loss is None:
            raise InputError(
                "uncovered_short",
                "/legs",
                expected="a bounded loss in every class",
                actual=f"unbounded in {settlement}",
            )
        needed[settlement] = needed.get(settlement, 0) + ceil(loss)
    return {settlement: amount for settlement, amount in sorted(needed.items()) if amount}


def floor_on_change(
    floor: PayoffFloor,
    holdings: Mapping[AssetId, int],
    *,
    decimals: Mapping[AssetId, int],
    underlying_held: Exact = 0,
    allowed_indices: Iterable[IndexHaircut] = (),
) -> PayoffFloor:
    """The floor on a change that keeps a floor on what is held afterwards: floor(S) less what the holdings pay.

    `holdings`: base units of derivatives, of which those count that would count toward the floor, with their haircuts;
    `underlying_held`: whole units of the underlying that are held too, each worth S. `decimals` as in `structure`.
    Knots and slope are rounded up. Raises InputError `bad_instrument`, `unknown_asset`, `noncanonical_decimal`.
    """
    allowed = tuple(allowed_indices)
    spot = PiecewiseLinear(Fraction(0), Fraction(10 ** _decimals(decimals, floor.settlement)))
    terms: list[tuple[Exact, PiecewiseLinear]] = [(1, floor_payoff(floor)), (-underlying_held, spot)]
    for asset, position in holdings.items():
        held = parse_instrument(asset)
        haircut = haircut_for(held, floor, allowed)
        if haircut is not None:
            unit = instrument_payoff(held, _decimals(decimals, held.settlement), _decimals(decimals, asset))
            terms.append((-counted_position(position, haircut), unit))
    return floor_with(floor, combine(terms))


def floor_with(floor: PayoffFloor, function: PiecewiseLinear) -> PayoffFloor:
    """The floor at the same underlying that asks for another function; knots and slope are rounded up.

    Raises InputError `noncanonical_decimal` where a knot's price is no decimal of at most 18 places.
    """
    knots = tuple(Knot(at=shortest_decimal(at), value=ceil(value)) for at, value in function.knots)
    return PayoffFloor(**(dict(floor) | {"knots": knots, "slope": ceil(function.slope)}))


def _premium(asset: AssetId, net: int) -> tuple[dict[AssetId, int], dict[AssetId, int]]:
    """Both sides of a net price: paid where it is a debit or nothing, received where it is a credit."""
    return ({asset: net}, {}) if net >= 0 else ({}, {asset: -net})


def _decimals(decimals: Mapping[AssetId, int], asset: AssetId) -> int:
    if asset not in decimals:
        raise InputError(
            "unknown_asset", "/decimals", expected="decimals of every instrument and settlement", actual=asset
        )
    return decimals[asset]


def _outcome(terms: Terms, *, units: int, **fields: Any) -> Outcome:
    return Outcome(
        owner=terms.owner,
        receiver=terms.receiver or terms.owner,
        nonce=terms.nonce,
        valid_from=terms.valid_from,
        valid_until=terms.valid_until,
        units=units,
        min_units=units if terms.fill_policy == "all_or_none" else terms.min_units,
        fill_policy=terms.fill_policy,
        allowed_issuers=tuple(sorted(set(terms.allowed_issuers))),
        allowed_venues=tuple(sorted(set(terms.allowed_venues))),
        allowed_indices=tuple(sorted(terms.allowed_indices, key=lambda entry: entry.index)),
        **fields,
    )
