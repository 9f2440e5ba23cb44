"""Positions of wishes in whole lots, and what they cost on the books: the exact last step of derivative fills.

Guarantee: a Portfolio returned meets all rows of its wish exactly and costs at most the wish's limit on the offers
left; offers are used up as portfolios are made, so several of them together fit the books.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from intents.values import ceil_div
from solvers.flow_wishes import lots_by_asset
from solvers.plan import Cross, Portfolio
from solvers.rows import Row
from solvers.wishes import Desk, Offer, Wish


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
        sum((slacks.get(name, Fraction(0)) for name in cap.slacks), Fraction(0)) * wish.open_units
        <= cap.amount * units + cap.fixed * wish.open_units
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


@dataclass(frozen=True)
class Exchange:
    """What derivative intents do: with the books, and among themselves."""

    portfolios: tuple[Portfolio, ...]
    crosses: tuple[Cross, ...]


def nearest_lots(desk: Desk, positions: Mapping[str, float]) -> dict[str, int]:
    """Positions in whole lots nearest to these, base units."""
    lots = lots_by_asset(desk)
    whole = {asset: round(amount / lots[asset]) * lots[asset] for asset, amount in sorted(positions.items())}
    return {asset: amount for asset, amount in whole.items() if amount}


def settle_in_lots(
    desk: Desk, units: Mapping[str, int], positions: Mapping[str, Mapping[str, int]], prices: Mapping[str, float]
) -> tuple[Exchange, dict[str, str]]:
    """Portfolios of these positions, crossed where one sells what another buys; and who can not be filled, and why.

    `prices`: quote per base unit of each derivative, for crosses. A wish that fails leaves its counterparts to the
    books, so all are settled again without it.
    """
    refused: dict[str, str] = {}
    while True:
        wishes = [wish for wish in desk.wishes if wish.intent not in refused]
        made = {wish.intent: _portfolio(wish, units[wish.intent], positions.get(wish.intent, {})) for wish in wishes}
        failed = {intent: result for intent, result in made.items() if isinstance(result, str)}
        if not failed:
            whole = {intent: result for intent, result in made.items() if isinstance(result, Portfolio)}
            crosses, failed = _trade(desk, whole, prices)
            if not failed:
                return Exchange(tuple(whole.values()), crosses), refused
        refused.update(failed)


def _portfolio(wish: Wish, units: int, positions: Mapping[str, int]) -> Portfolio | str:
    """The portfolio, or the rule it breaks in whole lots and units."""
    if units < max(1, wish.least_units):
        return "below_minimum"
    whole = {**positions, **fixed_positions(wish, units)}
    if not meets_all(wish, whole, units):
        return "rules_not_met_in_lots"
    return Portfolio(wish.intent, units, dict(sorted(whole.items())))


def _trade(
    desk: Desk, made: Mapping[str, Portfolio], prices: Mapping[str, float]
) -> tuple[tuple[Cross, ...], dict[str, str]]:
    """Cross what can be, buy and sell the rest; the crosses, and the first wish whose limit or depth does not hold."""
    shelf, quotes = Shelf.of(desk), {wish.intent: wish.quote for wish in desk.wishes}
    rest = {intent: dict(portfolio.positions) for intent, portfolio in made.items()}
    paid = dict.fromkeys(made, 0)
    crosses: list[Cross] = []
    for asset in sorted({asset for portfolio in made.values() for asset in portfolio.positions}):
        for taker in made:
            for giver in made:
                amount = min(rest[taker].get(asset, 0), -rest[giver].get(asset, 0))
                if amount > 0 and quotes[giver] == quotes[taker]:
                    money = int(amount * prices.get(asset, 0.0))
                    crosses.append(Cross(asset, amount, giver, taker, quotes[taker], money))
                    rest[taker][asset] -= amount
                    rest[giver][asset] += amount
                    paid[taker] += money
                    paid[giver] -= money
    for wish in desk.wishes:
        if wish.intent in made:
            cost = shelf.cost_of_all(
                {asset: amount for asset, amount in rest[wish.intent].items() if amount}, take=True
            )
            if cost is None:
                return (), {wish.intent: "beyond_depth"}
            if (cost + paid[wish.intent]) * wish.open_units > wish.limit * made[wish.intent].units:
                return (), {wish.intent: "limit_not_met_in_lots"}
    return tuple(crosses), {}
