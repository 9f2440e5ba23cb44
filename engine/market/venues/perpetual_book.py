"""Perpetuals at an order book: the book, and the market's funding, open interest, its cap and reduce-only.

Trading is `order_book`'s, to the unit; a trade is refused before it where the market does not take it:

    reduce_only          the market takes only trades that bring `position` nearer to zero
    open_interest_cap    open interest would be above `interest_cap`; bringing `position` nearer to zero is always allowed

As for `perpetual`, the venue knows one account: `position` is what everyone here holds there together, in balances of the
base (an inverse position's sign is the opposite of the contract's, intents.futures). Longs and shorts of a book are
equal, so open interest is one number. Whether the other side of a trade opens or closes is not known: what opens here
is taken to open there too, so open interest is never understated.

A rate is paid at `funding_next_seconds` and every `funding_interval_seconds` from then on, on the worth at the oracle
price of that moment (engine.market.funding); the rate here is that of the coming payment, as the venue expects it.
Sources: Hyperliquid ("Funding", open-interest caps), dYdX v4 (indexer's perpetualMarkets), Deribit ("reduce only").
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from typing import Literal, cast

from pydantic import Field

from engine.market.funding import Payments, funding_payments
from engine.market.margin.account import Tier
from engine.market.venues.base import AssetInfo, Supply, Trade, TradeRefusedError, VenueStateError
from engine.market.venues.order_book import Level, OrderBook, OrderBookState
from intents.errors import InputError
from intents.futures import parse_perpetual
from intents.identifiers import AssetId
from intents.values import Amount, Ratio, SignedAmount


class PerpetualBookState(OrderBookState):
    """A book with its market. Sizes in base units; `oracle_price` in quote base units for a base unit of the base.

    `funding_rate` is a ratio for one interval, positive where longs pay. No cap is None.
    """

    kind: Literal["perpetual_book"] = "perpetual_book"  # type: ignore[assignment]  # a kind of its own on the wire
    oracle_price: Ratio
    oracle_seconds: int = Field(ge=0, lt=2**53)
    open_interest: Amount
    interest_cap: Amount | None = None
    position: SignedAmount = 0
    reduce_only: bool = False
    funding_rate: tuple[SignedAmount, Amount]
    funding_interval_seconds: int = Field(gt=0, lt=2**31)
    funding_next_seconds: int = Field(ge=0, lt=2**53)
    tiers: tuple[Tier, ...] = Field(min_length=1)


class PerpetualBook:
    """The kind. Levels are named as in `order_book`."""

    kind = "perpetual_book"
    state_type = PerpetualBookState
    _book = OrderBook()

    def check(self, state: PerpetualBookState, assets: Mapping[str, AssetInfo]) -> None:
        """A book that its kind accepts, of a perpetual settled in the quote; positive oracle price; no position above open interest; tiers ascending."""
        self._book.check(state, assets)
        try:
            terms = parse_perpetual(state.base)
        except InputError as error:
            raise VenueStateError("base", expected=error.expected, actual=error.actual) from None
        if terms.settlement != state.quote:
            raise VenueStateError("quote", expected=f"the settlement asset {terms.settlement}", actual=state.quote)
        if state.inverse != (terms.style == "inverse"):
            raise VenueStateError("inverse", expected=f"a book of a {terms.style} contract", actual=str(state.inverse))
        if 0 in state.oracle_price:
            raise VenueStateError("oracle_price", expected="a positive ratio", actual=str(state.oracle_price))
        if state.funding_rate[1] == 0 or abs(state.funding_rate[0]) > state.funding_rate[1]:
            raise VenueStateError("funding_rate", expected="a ratio within one", actual=str(state.funding_rate))
        if abs(state.position) > state.open_interest:
            expected = f"at most open_interest {state.open_interest}"
            raise VenueStateError("position", expected=expected, actual=str(state.position))
        if state.tiers[0].above or any(low.above >= high.above for low, high in pairwise(state.tiers)):
            actual = str([tier.above for tier in state.tiers])
            raise VenueStateError("tiers", expected="bounds strictly ascending from 0", actual=actual)

    def pairs(self, state: PerpetualBookState) -> tuple[tuple[AssetId, AssetId], ...]:
        """Each side with a level in which something may be traded."""
        return tuple(
            pair for pair in self._book.pairs(state) if pair in self._book.pairs(_within(state, _sign(state, pair[1])))
        )

    def execute(
        self, state: PerpetualBookState, account: str, trade: Trade, time_seconds: int
    ) -> tuple[int, PerpetualBookState]:
        """Take from one level. Refusals: the book's and those of the module."""
        out, after = self._book.execute(state, account, trade, time_seconds)
        sign = _sign(state, trade.asset_out)
        size = out if sign > 0 else trade.amount_in
        most = room(state, sign)
        if most is not None and size > most:
            code = "reduce_only" if state.reduce_only else "open_interest_cap"
            raise TradeRefusedError(code, f"at most {most} may be traded this way at {state.id}, wanted {size}")
        position = state.position + sign * size
        opened = max(0, abs(position) - abs(state.position))
        update = {"position": position, "open_interest": max(state.open_interest + opened, abs(position))}
        return out, cast("PerpetualBookState", after.model_copy(update=update))

    def input_for(
        self,
        state: PerpetualBookState,
        asset_in: AssetId,
        amount_out: int,
        asset_out: AssetId,
        level: str | None = None,
    ) -> int:
        """As at a book."""
        return self._book.input_for(state, asset_in, amount_out, asset_out, level)

    def supply(self, state: PerpetualBookState, asset_in: AssetId, asset_out: AssetId) -> Supply:
        """The book's, of the best levels up to what the market lets trade."""
        return self._book.supply(_within(state, _sign(state, asset_out)), asset_in, asset_out)

    def conflict_keys(self, state: PerpetualBookState, trade: Trade) -> tuple[str, ...]:
        """The market: its levels share open interest and position."""
        return (state.id,)

    def delay_seconds(self, state: PerpetualBookState) -> int:
        """Same stage."""
        return 0


def room(state: PerpetualBookState, sign: int) -> int | None:
    """The most that may be bought (sign 1) or sold (-1) of the base; None where nothing but levels bounds it."""
    closing = max(0, -sign * state.position)
    if state.reduce_only:
        return closing
    if state.interest_cap is None:
        return None
    # Beyond zero a trade opens again: open interest grows only by what exceeds the position that was.
    return 2 * closing + max(0, state.interest_cap - state.open_interest)


def coming_funding(state: PerpetualBookState, balances: Mapping[str, int]) -> Payments:
    """What the coming payment gives each account, at today's oracle price. Raises InputError `not_balanced`."""
    style = parse_perpetual(state.base).style
    return funding_payments(style, balances, worth=Fraction(*state.oracle_price), rate=Fraction(*state.funding_rate))


def _within(state: PerpetualBookState, sign: int) -> PerpetualBookState:
    """The state with no more on the side that is taken from than there is room for."""
    left, side = room(state, sign), "asks" if sign > 0 else "bids"
    if left is None:
        return state
    levels = []
    for level in getattr(state, side):
        size = min(level.size, left // state.lot * state.lot)
        levels.append(Level(price=level.price, size=size))
        left -= size
    return state.model_copy(update={side: tuple(levels)})


def _sign(state: PerpetualBookState, asset_out: str) -> int:
    return 1 if asset_out == state.base else -1
