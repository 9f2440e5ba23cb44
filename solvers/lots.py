"""Positions of wishes in whole lots, and what they cost on the books: the exact last step of derivative fills.

`round_up` takes fractional positions to lots by buying more and selling less, which never breaks a payoff floor
(an option pays at least 0 everywhere), then takes back, dearest first, every lot that the rules can spare.

Guarantee: a Portfolio returned meets all rows of its wish exactly and costs at most the wish's limit on the offers
left; offers are used up as portfolios are made, so several of them together fit the books.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from intents.values import ceil_div
from solvers.plan import Portfolio
from solvers.wishes import Desk, Offer, Row, Wish


@dataclass
class Shelf:
    """What is left on the books: sizes by offer index."""

    desk: Desk
    sizes: list[int]
    by_side: dict[tuple[str, str], list[int]]

    @classmethod
    def of(cls, desk: Desk) -> Shelf:
        """Everything that the desk offers, best level first."""
        by_side: dict[tuple[str, str], list[int]] = {}
        for index, offer in enumerate(desk.offers):
            by_side.setdefault((offer.asset, offer.side), []).append(index)
        for key, indices in by_side.items():
            sign = 1 if key[1] == "ask" else -1
            indices.sort(key=lambda i: (sign * _price(desk.offers[i]), desk.offers[i].venue))
        return cls(desk, [offer.size for offer in desk.offers], by_side)

    def cost(self, asset: str, amount: int, *, take: bool = False) -> int | None:
        """What buying the amount costs (negative for selling: minus what it fetches); None beyond the depth."""
        side, left, total = ("ask" if amount > 0 else "bid"), abs(amount), 0
        for index in self.by_side.get((asset, side), ()):
            if left == 0:
                break
            used = min(left, self.sizes[index])
            total += money_of(self.desk.offers[index], used)
            left -= used
            if take:
                self.sizes[index] -= used
        return None if left else total

    def cost_of_all(self, positions: Mapping[str, int], *, take: bool = False) -> int | None:
        """The net cost of several positions; None beyond the depth of one."""
        total = 0
        for asset, amount in positions.items():
            cost = self.cost(asset, amount, take=take)
            if cost is None:
                return None
            total += cost
        return total


def _price(offer: Offer) -> Fraction:
    return Fraction(offer.money, offer.size)


def money_of(offer: Offer, size: int) -> int:
    """What `size` base units at the level cost (ceil), or minus what they fetch (floor), in base units of the quote.

    The level's price is not rounded here: `money` of the whole level is off by less than one unit, so this may be off
    by one against the book itself, which `solvers.assemble` asks.
    """
    if offer.side == "ask":
        return ceil_div(offer.money * size, offer.size)
    return -(offer.money * size // offer.size)


def meets(wish: Wish, row: Row, positions: Mapping[str, int], units: int, slacks: Mapping[str, Fraction]) -> bool:
    """Whether integer positions meet one row exactly, given the units filled and the slacks."""
    total = row.share * Fraction(units, wish.open_units) - row.least
    for asset, amount in positions.items():
        weights = row.longs if amount > 0 else row.shorts
        total += weights.get(asset, Fraction(0)) * amount
    total += sum((weight * slacks.get(name, Fraction(0)) for name, weight in row.slacks.items()), Fraction(0))
    return total >= 0


def meets_all(wish: Wish, positions: Mapping[str, int], units: int) -> bool:
    """Whether integer positions meet every rule of the wish, with the least slacks that its rows ask for."""
    slacks: dict[str, Fraction] = {}
    for row in wish.rows:
        if len(row.slacks) == 1:
            ((name, weight),) = row.slacks.items()
            bare = row.share * Fraction(units, wish.open_units) - row.least
            bare += sum(
                (
                    (row.longs if amount > 0 else row.shorts).get(asset, Fraction(0)) * amount
                    for asset, amount in positions.items()
                ),
                Fraction(0),
            )
            if weight > 0:
                slacks[name] = max(slacks.get(name, Fraction(0)), -bare / weight)
    within = all(
        sum((slacks.get(name, Fraction(0)) for name in cap.slacks), Fraction(0)) * wish.open_units <= cap.amount * units
        for cap in wish.caps
    )
    return within and all(meets(wish, row, positions, units, slacks) for row in wish.rows)


def fixed_positions(wish: Wish, units: int) -> dict[str, int]:
    """The positions of a structure for some of its open units: received at least (ceil), paid at most (floor)."""
    return {
        asset: ceil_div(amount * units, wish.open_units) if amount > 0 else -(-amount * units // wish.open_units)
        for asset, amount in wish.fixed.items()
        if amount
    }


def round_up(
    wish: Wish, share: float, positions: Mapping[str, float], shelf: Shelf, lots: Mapping[str, int]
) -> Portfolio | str:
    """A portfolio in whole lots for about this share of the wish, taken off the shelf; or why there is none."""
    units = wish.open_units if share > 1 - 1e-6 else int(share * wish.open_units + 1e-6)
    if units < wish.least_units:
        return "below_minimum"
    whole = fixed_positions(wish, units)
    for asset in wish.eligible:
        lots_wanted = positions.get(asset, 0.0) / lots[asset]
        rounded = round(lots_wanted) if abs(lots_wanted - round(lots_wanted)) < 1e-6 else int(lots_wanted // 1 + 1)
        if rounded:
            whole[asset] = rounded * lots[asset]
    if not meets_all(wish, whole, units):
        return "rules_not_met_in_lots"
    _take_back(wish, units, whole, shelf, lots)
    cost = shelf.cost_of_all(whole)
    if cost is None:
        return "beyond_depth"
    if cost * wish.open_units > wish.limit * units:
        return "budget_too_small"
    shelf.cost_of_all(whole, take=True)
    return Portfolio(wish.intent, units, {asset: amount for asset, amount in sorted(whole.items()) if amount})


def _take_back(wish: Wish, units: int, positions: dict[str, int], shelf: Shelf, lots: Mapping[str, int]) -> None:
    """Give up single lots of free positions while the rules allow it, the greatest saving first."""
    while True:
        best: tuple[int, str] | None = None
        before = shelf.cost_of_all(positions)
        for asset in wish.eligible:
            fewer = {**positions, asset: positions.get(asset, 0) - lots[asset]}
            after = shelf.cost_of_all(fewer)
            if after is None or not meets_all(wish, fewer, units):
                continue
            saving = lots[asset] if before is None else before - after
            if saving > 0 and (best is None or saving > best[0]):
                best = (saving, asset)
        if best is None:
            return
        positions[best[1]] = positions.get(best[1], 0) - lots[best[1]]
