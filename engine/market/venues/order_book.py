"""Order books: levels with sizes, a tick and a lot; spot and options, linear and inverse.

A price is a whole number of ticks; one tick is `tick` = [num, den] quote base units per base base unit. A trade names
one level and takes from it only:

    lifting an ask   pays x of quote, gets floor(x / price) of base, down to whole lots; what x buys beyond is kept by the book
    hitting a bid    gives whole lots of base, gets floor(amount * price) of quote

Rounding is against the trader. A level takes at most its size (`level_overdrawn`). An inverse option is quoted in
its underlying (Deribit: BTC per contract), a linear one in its settlement currency: in both cases the quote asset
says it and the maths is the same. A book whose base is an option refuses trades at or after expiry
(`instrument_expired`). Taker fees are not part of this kind yet (the 2020 chain states none).

Source of the contract terms: Deribit's contract specifications of 2020 (BTC options: contract 1 BTC, tick 0.0005 BTC,
minimum 0.1 contract, European, expiry 08:00 UTC).
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Literal

from pydantic import Field

from engine.market.venues.base import AssetInfo, Segment, Supply, Trade, TradeRefusedError, VenueState, VenueStateError
from intents.identifiers import AssetId
from intents.values import Amount, Ratio, Value


class Level(Value):
    """`size` base units of the base asset at `price` ticks. A size may be 0 inside an auction, so that names stay put."""

    price: Amount
    size: Amount


class OrderBookState(VenueState):
    """Bids by falling, asks by rising price; `expiry_seconds` is None for spot."""

    kind: Literal["order_book"] = "order_book"
    base: AssetId
    quote: AssetId
    tick: Ratio
    lot: Amount
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    expiry_seconds: int | None = Field(default=None, ge=0)


class OrderBook:
    """The order book kind. Levels are named `ask:0`, `ask:1`, ..., `bid:0`, ... from the best."""

    kind = "order_book"
    state_type = OrderBookState

    def check(self, state: OrderBookState, assets: Mapping[str, AssetInfo]) -> None:
        """Known assets, positive tick and lot, sizes in whole lots, strictly sorted sides, best bid below best ask."""
        for field in ("base", "quote"):
            if getattr(state, field) not in assets:
                raise VenueStateError(field, expected="a known asset", actual=getattr(state, field))
        if state.base == state.quote:
            raise VenueStateError("quote", expected="another asset than the base", actual=state.quote)
        if 0 in state.tick:
            raise VenueStateError("tick", expected="a positive ratio", actual=f"{state.tick[0]}/{state.tick[1]}")
        if state.lot == 0:
            raise VenueStateError("lot", expected="at least 1", actual="0")
        if state.tick[0] * state.lot < state.tick[1]:
            # Else rounding a payment up by one unit could buy more than the level has.
            expected = "a tick of at least one quote unit for a lot"
            raise VenueStateError("tick", expected=expected, actual=f"{state.tick[0]}/{state.tick[1]}")
        for side, sign in (("bids", -1), ("asks", 1)):
            levels: tuple[Level, ...] = getattr(state, side)
            for i, level in enumerate(levels):
                if level.price == 0:
                    raise VenueStateError(f"{side}/{i}/price", expected="a positive price", actual="0")
                if level.size % state.lot:
                    raise VenueStateError(
                        f"{side}/{i}/size", expected=f"whole lots of {state.lot}", actual=str(level.size)
                    )
                if i and sign * (level.price - levels[i - 1].price) <= 0:
                    raise VenueStateError(
                        f"{side}/{i}/price", expected="strictly sorted levels", actual=str(level.price)
                    )
        if state.bids and state.asks and state.bids[0].price >= state.asks[0].price:
            raise VenueStateError(
                "bids/0/price",
                expected=f"a best bid below the best ask {state.asks[0].price}",
                actual=str(state.bids[0].price),
            )

    def pairs(self, state: OrderBookState) -> tuple[tuple[AssetId, AssetId], ...]:
        """Buying where there are asks, selling where there are bids."""
        buying = ((state.quote, state.base),) if any(level.size for level in state.asks) else ()
        selling = ((state.base, state.quote),) if any(level.size for level in state.bids) else ()
        return buying + selling

    def execute(
        self, state: OrderBookState, account: str, trade: Trade, time_seconds: int
    ) -> tuple[int, OrderBookState]:
        """Take from one level. Refusals: `unknown_asset`, `unknown_level`, `instrument_expired`, `off_lot`, `level_overdrawn`, `no_output`."""
        if state.expiry_seconds is not None and time_seconds >= state.expiry_seconds:
            raise TradeRefusedError(
                "instrument_expired", f"{state.base} expired at {state.expiry_seconds}, it is {time_seconds}"
            )
        side = {(state.quote, state.base): "ask", (state.base, state.quote): "bid"}.get(
            (trade.asset_in, trade.asset_out)
        )
        if side is None:
            raise TradeRefusedError(
                "unknown_asset", f"{state.id} does not trade {trade.asset_in} for {trade.asset_out}"
            )
        levels = state.asks if side == "ask" else state.bids
        index = level_index(trade.level, side, len(levels))
        if index is None:
            raise TradeRefusedError(
                "unknown_level", f"{state.id} has no level {trade.level} for this side ({side}:0 ..)"
            )
        level = levels[index]
        numerator, denominator = level.price * state.tick[0], state.tick[1]
        if side == "ask":
            taken = trade.amount_in * denominator // numerator // state.lot * state.lot
            out = taken
        else:
            if trade.amount_in % state.lot:
                raise TradeRefusedError("off_lot", f"{trade.amount_in} is not whole lots of {state.lot}")
            taken = trade.amount_in
            out = taken * numerator // denominator
        if out == 0:
            raise TradeRefusedError("no_output", f"{trade.amount_in} of {trade.asset_in} buys nothing at {trade.level}")
        if taken > level.size:
            raise TradeRefusedError("level_overdrawn", f"{trade.level} of {state.id} has {level.size}, wanted {taken}")
        changed = (*levels[:index], Level(price=level.price, size=level.size - taken), *levels[index + 1 :])
        return out, state.model_copy(update={"asks" if side == "ask" else "bids": changed})

    def supply(self, state: OrderBookState, asset_in: AssetId, asset_out: AssetId) -> Supply:
        """One segment a level, each with its name; over by less than a lot (buying) or a unit (selling) a level."""
        segments = []
        for name, level in named_levels(state, "ask" if asset_in == state.quote else "bid"):
            if level.size == 0:
                continue
            rate = Fraction(level.price * state.tick[0], state.tick[1])
            if asset_in == state.quote:
                segments.append(Segment(cost_of(state, level, level.size), 1 / rate, name))
            else:
                segments.append(Segment(level.size, rate, name))
        error = len(segments) * (state.lot if asset_in == state.quote else 1)
        return Supply(tuple(segments), relative_error=Fraction(0), units_error=error, lot=state.lot)

    def conflict_keys(self, state: OrderBookState, trade: Trade) -> tuple[str, ...]:
        """The level."""
        return (f"{state.id}#{trade.level}",)

    def delay_seconds(self, state: OrderBookState) -> int:
        """Same stage."""
        return 0


def level_index(name: str | None, side: str, count: int) -> int | None:
    """The index that a level name such as `ask:3` gives on a side of `count` levels; None where it names none."""
    prefix, _, number = (name or "").partition(":")
    if prefix != side or not number.isdecimal() or str(int(number)) != number or int(number) >= count:
        return None
    return int(number)


def named_levels(state: OrderBookState, side: Literal["ask", "bid"]) -> list[tuple[str, Level]]:
    """The levels of a side from the best, with their names."""
    return [(f"{side}:{i}", level) for i, level in enumerate(state.asks if side == "ask" else state.bids)]


def cost_of(state: OrderBookState, level: Level, size: int) -> int:
    """The least input of quote that buys `size` base units at the level (ceil)."""
    return -(-size * level.price * state.tick[0] // state.tick[1])


def proceeds_of(state: OrderBookState, level: Level, size: int) -> int:
    """What selling `size` base units at the level gives (floor)."""
    return size * level.price * state.tick[0] // state.tick[1]
