"""Escrow: what covers negative positions after the fills (docs/rules.md, section 3).

A class is (issuer, underlying, settlement asset, style), an underlying (asset, index, fixing time). Per account and class
that its fills touch, the free positions with the changes must pay at least zero at every S >= 0; else the supremum of
the loss, rounded up, is reserved in the settlement asset together with the positions. Positions that an earlier escrow
covers are reserved and no longer count, so no two escrows lean on one hedge. Classes at a place with margin accounts need
no escrow: engine.auction.margin judges those accounts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import NamedTuple

from engine.auction.case import CaseFill
from engine.auction.checks_floors import unit_payoff
from engine.auction.problem import Problem
from engine.auction.verdict import Fault, pointer
from engine.market.snapshot import Snapshot
from intents.instruments import Style, parse_instrument
from intents.outcome import is_derivative
from intents.payoff import combine

NO_EXPIRY = -1
"""The expiry of a perpetual's class: no instrument that expires shares it."""


class EscrowClass(NamedTuple):
    """Positions that may cover each other."""

    issuer: str
    underlying: str
    settlement_index: str
    expiry_seconds: int
    settlement: str
    style: Style


@dataclass(frozen=True, slots=True)
class Reservation:
    """Part of an account's balance that is reserved from now on: escrow (positive), or positions (signed)."""

    account: str
    asset: str
    amount: int


class BidFill(NamedTuple):
    """A fill and the bid it is in."""

    bid: str
    item: CaseFill


def class_of(asset: str) -> EscrowClass:
    """The class of a derivative. Raises InputError `bad_instrument`."""
    terms = parse_instrument(asset)
    expiry = NO_EXPIRY if terms.expiry_seconds is None else terms.expiry_seconds
    return EscrowClass(terms.issuer, terms.underlying, terms.index, expiry, terms.settlement, terms.style)


def classes_of(item: CaseFill) -> frozenset[EscrowClass]:
    """The classes that a fill touches."""
    return frozenset(class_of(asset) for asset in (*item.fill.ins, *item.fill.outs) if is_derivative(asset))


def escrow_amount(snapshot: Snapshot, style: Style, positions: Mapping[str, int]) -> int | None:
    """The supremum of the loss of positions of one class, in base units of the settlement asset, rounded up.

    0 where they pay at least zero everywhere, None where the loss is unbounded.
    """
    payoffs = ((amount, unit_payoff(snapshot, parse_instrument(asset), asset)) for asset, amount in positions.items())
    bound = combine(payoffs).loss_supremum(style).amount
    return None if bound is None else ceil(bound)


def reserve_escrow(
    problem: Problem, owner: str, fills: Sequence[BidFill], changes: Mapping[str, int]
) -> tuple[Reservation, ...] | Fault:
    """What one owner must reserve after all its `fills`, where `changes` is what they change in its account by asset.

    Faults: `uncovered_short`, `escrow_over_max`.
    """
    by_class = free_positions(problem, owner, changes)
    groups = {group for entry in fills for group in classes_of(entry.item)}
    touched = sorted(group for group in groups if not problem.has_margin(owner, group.settlement))
    escrow: dict[str, int] = {}
    reservations: list[Reservation] = []
    for group in touched:
        positions = by_class.get(group, {})
        amount = escrow_amount(problem.snapshot, group.style, positions)
        if amount is None:
            involved = [entry for entry in fills if group in classes_of(entry.item)]
            return _fault(
                "uncovered_short", owner, group.settlement, involved, expected="a bounded loss", actual="unbounded"
            )
        if amount:
            escrow[group.settlement] = escrow.get(group.settlement, 0) + amount
            reservations += [Reservation(owner, asset, held) for asset, held in sorted(positions.items()) if held]
    for settlement, amount in sorted(escrow.items()):
        involved = [entry for entry in fills if any(group.settlement == settlement for group in classes_of(entry.item))]
        fault = _check_covered(problem, owner, settlement, escrow=amount, involved=involved, changes=changes)
        if fault is not None:
            return fault
        reservations.append(Reservation(owner, settlement, amount))
    return tuple(reservations)


def free_positions(problem: Problem, owner: str, changes: Mapping[str, int]) -> dict[EscrowClass, dict[str, int]]:
    """By class, an owner's free derivative holdings with the changes, in base units of each asset."""
    by_class: dict[EscrowClass, dict[str, int]] = {}
    for asset in problem.holdings.get(owner, {}).keys() | changes.keys():
        if is_derivative(asset):
            by_class.setdefault(class_of(asset), {})[asset] = problem.free(owner, asset) + changes.get(asset, 0)
    return by_class


def _check_covered(
    problem: Problem,
    owner: str,
    settlement: str,
    *,
    escrow: int,
    involved: Sequence[BidFill],
    changes: Mapping[str, int],
) -> Fault | None:
    free = problem.free(owner, settlement) + changes.get(settlement, 0)
    if escrow > free:
        return _fault(
            "uncovered_short",
            owner,
            settlement,
            involved,
            expected=f"a free balance of at least {escrow}",
            actual=str(free),
        )
    most = Fraction(0)
    for _, item in involved:
        outcome = item.intent.outcome
        most += Fraction(item.fill.units * outcome.max_escrow.get(settlement, 0), outcome.units)
    if escrow > most:
        return _fault(
            "escrow_over_max", owner, settlement, involved, expected=f"an escrow of at most {most}", actual=str(escrow)
        )
    return None


def _fault(code: str, owner: str, settlement: str, involved: Sequence[BidFill], *, expected: str, actual: str) -> Fault:
    return Fault(
        code,
        pointer("fills", involved[0].item.index),
        f"{expected} of {settlement}",
        actual,
        resource=f"{owner} {settlement}",
        bids=tuple(sorted({entry.bid for entry in involved})),
    )
