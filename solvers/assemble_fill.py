"""Settling one swap group: from the exact totals of its routes to uniform-price fills, or to what must change first.

Guarantees
1. All fills of a `Settled` share one price [num, den]; each is out == floor(in * num / den) where surplus is received,
   in == ceil(out * den / num) where it is paid; each keeps its limit; together they pay at least what the routes use
   and get at most what the routes bring.
2. Every intent that may not be skipped (`entitled`) and has a strictly better limit than a filled one is filled whole.
3. It never fills more units than asked, except to keep 2.

It knows nothing of venues: the totals are given. Rules: docs/rules.md sections 2.3 and 2.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.auction.problem import Intent
from engine.auction.solution import Fill
from intents.values import ceil_div
from solvers.common import limit_of, swap_amounts, swap_assets

CLOSE_ENOUGH = 10**9
"""Routes may carry one part in this many more than buyers need; the rest is paid and becomes dust or cycle gain."""


@dataclass(frozen=True, slots=True)
class Member:
    """One intent to fill with `units` > 0. `entitled`: it may not be skipped or cut while a worse limit is filled."""

    intent: Intent
    units: int
    entitled: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """The group's price and fills (without stages)."""

    price: tuple[int, int]
    fills: tuple[Fill, ...]


@dataclass(frozen=True, slots=True)
class Correction:
    """What must change before the group can settle.

    `units` per intent (0 drops it), cut for `reason`; `target`: how much of the paid asset the routes should use.
    """

    target: int | None = None
    units: Mapping[str, int] = field(default_factory=dict)
    reason: str = "not_settled"


@dataclass(slots=True)
class _Row:
    member: Member
    paid: int
    got: int

    @property
    def sells(self) -> bool:
        return not self.member.intent.outcome.surplus_is_paid


def settle(members: Sequence[Member], total_in: int, total_out: int, *, rigid: bool) -> Settled | Correction:
    """Settle members (easiest limit first) against routes that use `total_in` and bring `total_out`, both positive.

    `rigid`: the routes could not be brought to what was asked before, so the fills must fit the routes.
    """
    rows = [_row(member, total_out, total_in) for member in members]
    beyond = [row for row in rows if not _within_limit(row)]
    if beyond:
        return _cut(rows, beyond[-1], "limit_not_met")
    needed = sum(row.paid for row in rows)
    buys = [row for row in rows if not row.sells]
    if not rigid and not _near(needed, total_in, exact=not buys):
        return Correction(target=needed + (needed // (4 * CLOSE_ENOUGH) + 1 if buys else 0))
    if needed < total_in and not buys:
        return _cut(rows, rows[-1], "routes_too_large")
    if needed > total_in:
        worst = _pay_less(rows, needed - total_in, total_out, total_in)
        if worst is not None:
            return _cut(rows, worst, "routes_too_small")
        rows = [row for row in rows if row.paid]
    return _price(rows, total_in, total_out)


def _row(member: Member, num: int, den: int) -> _Row:
    """What a member pays and gets at the price num / den, at the bound of its limit."""
    pays, receives = swap_amounts(member.intent)
    whole = member.intent.outcome.units
    if member.intent.outcome.surplus_is_paid:
        got = ceil_div(member.units * receives, whole)
        return _Row(member, ceil_div(got * den, num), got)
    paid = member.units * pays // whole
    return _Row(member, paid, paid * num // den)


def _within_limit(row: _Row) -> bool:
    pays, receives = swap_amounts(row.member.intent)
    units, whole = row.member.units, row.member.intent.outcome.units
    return row.paid > 0 and row.got > 0 and row.paid * whole <= units * pays and row.got * whole >= units * receives


def _near(needed: int, total_in: int, *, exact: bool) -> bool:
    if exact:
        return needed == total_in
    return needed <= total_in <= needed + needed // CLOSE_ENOUGH + 2


def _cut(rows: Sequence[_Row], row: _Row, reason: str) -> Correction:
    """Cut the units of a row by an eighth where its intent allows, else drop it; routes shall carry what is left."""
    outcome, units = row.member.intent.outcome, row.member.units
    smaller = units - units // 8 - 1
    kept = smaller if smaller >= outcome.min_units and smaller * 8 > outcome.units else 0
    target = sum(other.paid for other in rows if other is not row) + row.paid * kept // units
    return Correction(target=target, units={row.member.intent.id: kept}, reason=reason)


def _pay_less(rows: list[_Row], excess: int, num: int, den: int) -> _Row | None:
    """Lower what sellers pay, worst limit first, until `excess` is gone; the row that stands in the way, else None.

    A whole fill of a seller may pay less than it offers as long as it gets its least; a partial one loses units.
    """
    for position in range(len(rows) - 1, -1, -1):
        row = rows[position]
        if not row.sells:
            return row
        outcome = row.member.intent.outcome
        pays, receives = swap_amounts(row.member.intent)
        if outcome.min_units == 1 and row.member.units > 1:
            less = min(excess, row.paid)
            row.paid -= less
            excess -= less
            units = ceil_div(row.paid * outcome.units, pays)
            row.member = Member(row.member.intent, units, row.member.entitled)
        else:
            least = ceil_div(ceil_div(row.member.units * receives, outcome.units) * den, num)
            if row.paid - least < excess:
                return row
            row.paid -= excess
            excess = 0
        row.got = row.paid * num // den
        if not excess:
            return None if not row.paid or _within_limit(row) else row
    return None


def _price(rows: list[_Row], total_in: int, total_out: int) -> Settled | Correction:
    """The best price for the sellers that also lets the buyers pay for the rest of the routes; the fills at it."""
    sold = sum(row.paid for row in rows if row.sells)
    bought = sum(row.got for row in rows if not row.sells)
    if bought > total_out or (bought == total_out and sold):
        return _cut(rows, [row for row in rows if not row.sells][-1], "routes_too_small")
    choices = []
    if sold:
        choices.append((total_out - bought, sold))
    if total_in > sold:
        choices.append((bought, total_in - sold))
    num, den = choices[0]
    if len(choices) == 2 and choices[1][0] * den < num * choices[1][1]:
        num, den = choices[1]
    fills = []
    for row in rows:
        if row.sells:
            row.got = row.paid * num // den
        else:
            row.paid = ceil_div(row.got * den, num)
        if not _within_limit(row):
            return _cut(rows, row, "limit_not_met")
        paid, received = swap_assets(row.member.intent)
        fills.append(
            Fill(intent=row.member.intent.id, units=row.member.units, ins={paid: row.paid}, outs={received: row.got})
        )
    fault = _skipped(rows)
    return Settled((num, den), tuple(fills)) if fault is None else _cut(rows, fault, "better_limit_skipped")


def _skipped(rows: Sequence[_Row]) -> _Row | None:
    """The worst row, where one with a better limit that may not be cut is not whole."""
    cut = [limit_of(r.member.intent) for r in rows if r.member.entitled and r.member.units < r.member.intent.open_units]
    return rows[-1] if cut and min(cut) < limit_of(rows[-1].member.intent) else None
