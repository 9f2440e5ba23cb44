"""Order books: levels with sizes, a tick and a lot; spot and options, linear and inverse.

A price is a whole number of ticks; one tick is `tick` = [num, den] quote base units per base base unit. In an `inverse`
book a price is base per quote (dollars per coin of a contract of dollars): one tick is base base units per quote base
unit, and what is paid is the size divided by the price. A trade names one level and takes from it only:

    lifting an ask   n of base cost  ceil(n * (price + fee)) + fixed  of quote
                     x of quote buy the most whole lots that cost at most x; what x buys beyond is kept by the book
    hitting a bid    gives whole lots of base, gets floor(amount * (price - fee)) - fixed of quote

Fees are the taker's (who names a level takes from it), are paid in the quote asset and rounded together with the
payment, once, against the trader. Per base unit of the base a fee is

    rate * price               `of` value: spot, perpetuals, futures
    min(rate, cap * price)     `of` size: Deribit's options, 0.0003 BTC a contract, at most 12.5 % of the option's price

and `fixed` once a trade (Derive's base fee). The maker's fee is the resting order's and changes no trade here; it may
be a rebate (rate below zero). `fee_of` says what either owes.

Rounding is against the trader. A level takes at most its size (`level_overdrawn`). An inverse option is quoted in
its underlying (Deribit: BTC per contract), a linear one in its settlement currency: in both cases the quote asset
says it and the maths is the same. An inverse future or perpetual is an asset worth 1 / S coins a dollar
(intents.futures: holding it is being short), so who buys the venue's contract sells this base: the venue's bids are the
asks here, and the other way round. A book whose base is an option refuses trades at or after expiry
(`instrument_expired`), and its expiry must be the instrument's.

Sources: Deribit's contract specifications of 2020 (BTC options: contract 1 BTC, tick 0.0005 BTC, minimum 0.1 contract,
European, expiry 08:00 UTC) and fee schedule; docs/rulebooks/books.md has them with worked examples.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil
from typing import Literal

from pydantic import Field

from engine.market.venues.base import AssetInfo, Segment, Supply, Trade, TradeRefusedError, VenueState, VenueStateError
from intents.errors import InputError
from intents.identifiers import AssetId
from intents.instruments import parse_instrument
from intents.outcome import is_derivative
from intents.values import Amount, Ratio, SignedAmount, Value, ceil_div

Side = Literal["ask", "bid"]
Role = Literal["taker", "maker"]


class Level(Value):
    """`size` base units of the base asset at `price` ticks. A size may be 0 inside an auction, so that names stay put."""

    price: Amount
    size: Amount


class Fee(Value):
    """`rate` (numerator, denominator) of the payment, or for `of` size in quote base units for a base unit of the base.

    `cap`: at most this share of the payment. `fixed`: quote base units on top, once a trade.
    """

    of: Literal["value", "size"] = "value"
    rate: tuple[SignedAmount, Amount]
    cap: Ratio | None = Field(default=None, exclude_if=lambda cap: cap is None)
    fixed: Amount = Field(default=0, exclude_if=lambda fixed: fixed == 0)


class OrderBookState(VenueState):
    """Both sides from the best level: bids by falling, asks by rising payment for a base unit (inverse: prices the other way).

    `expiry_seconds` is None for spot and perpetuals. Fees not stated are none, and not written.
    """

    kind: Literal["order_book"] = "order_book"
    base: AssetId
    quote: AssetId
    tick: Ratio
    lot: Amount
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    expiry_seconds: int | None = Field(default=None, ge=0)
    taker_fee: Fee | None = Field(default=None, exclude_if=lambda fee: fee is None)
    maker_fee: Fee | None = Field(default=None, exclude_if=lambda fee: fee is None)
    inverse: bool = Field(default=False, exclude_if=lambda inverse: not inverse)


class OrderBook:
    """The order book kind. Levels are named `ask:0`, `ask:1`, ..., `bid:0`, ... from the best."""

    kind = "order_book"
    state_type = OrderBookState

    def check(self, state: OrderBookState, assets: Mapping[str, AssetInfo]) -> None:
        """Known assets, positive tick and lot, sizes in whole lots, sorted sides that do not cross, fees below prices, the instrument's expiry."""
        for field in ("base", "quote"):
            if getattr(state, field) not in assets:
                raise VenueStateError(field, expected="a known asset", actual=getattr(state, field))
        if state.base == state.quote:
            raise VenueStateError("quote", expected="another asset than the base", actual=state.quote)
        if 0 in state.tick:
            raise VenueStateError("tick", expected="a positive ratio", actual=f"{state.tick[0]}/{state.tick[1]}")
        if state.lot == 0:
            raise VenueStateError("lot", expected="at least 1", actual="0")
        if not state.inverse and state.tick[0] * state.lot < state.tick[1]:
            # Else rounding a payment up by one unit could buy more than the level has.
            expected = "a tick of at least one quote unit for a lot"
            raise VenueStateError("tick", expected=expected, actual=f"{state.tick[0]}/{state.tick[1]}")
        _check_sides(state)
        _check_fee("taker_fee", state.taker_fee, least=0)
        _check_fee("maker_fee", state.maker_fee, least=-1)
        _check_expiry(state)

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
        if side == "ask":
            taken = out = size_for(state, level, trade.amount_in)
        else:
            if trade.amount_in % state.lot:
                raise TradeRefusedError("off_lot", f"{trade.amount_in} is not whole lots of {state.lot}")
            taken, out = trade.amount_in, proceeds_of(state, level, trade.amount_in)
        if out <= 0:
            raise TradeRefusedError("no_output", f"{trade.amount_in} of {trade.asset_in} buys nothing at {trade.level}")
        if taken > level.size:
            raise TradeRefusedError("level_overdrawn", f"{trade.level} of {state.id} has {level.size}, wanted {taken}")
        changed = (*levels[:index], Level(price=level.price, size=level.size - taken), *levels[index + 1 :])
        return out, state.model_copy(update={"asks" if side == "ask" else "bids": changed})

    def input_for(
        self, state: OrderBookState, asset_in: AssetId, amount_out: int, asset_out: AssetId, level: str | None = None
    ) -> int:
        """The least input that gets at least the output at a level (the best with a size where none is named).

        Buying, the output is whole lots (`off_lot`). Further refusals: `unknown_level`, `level_overdrawn`.
        """
        side: Side = "ask" if asset_in == state.quote else "bid"
        named = {
            name: found for name, found in named_levels(state, side) if name == level or (not level and found.size)
        }
        if not named:
            raise TradeRefusedError("unknown_level", f"{state.id} has no level {level} for this side ({side}:0 ..)")
        name, found = next(iter(named.items()))
        if side == "ask":
            size = amount_out
            if size % state.lot:
                raise TradeRefusedError("off_lot", f"{size} is not whole lots of {state.lot}")
        else:
            numerator, denominator = price_with_fee(state, found, "bid")
            size = ceil_div((amount_out + _fixed(state)) * denominator, numerator * state.lot) * state.lot
        if size > found.size:
            raise TradeRefusedError("level_overdrawn", f"{name} of {state.id} has {found.size}, wanted {size}")
        return cost_of(state, found, size) if side == "ask" else size

    def supply(self, state: OrderBookState, asset_in: AssetId, asset_out: AssetId) -> Supply:
        """One segment a level, each with its name, fees in the rate.

        Over by less than a lot (buying) or a unit (selling) a level, and by what a fixed fee would buy there.
        """
        segments, error = [], 0
        side: Side = "ask" if asset_in == state.quote else "bid"
        for name, level in named_levels(state, side):
            if level.size == 0:
                continue
            rate = Fraction(*price_with_fee(state, level, side))
            if side == "ask":
                segments.append(Segment(cost_of(state, level, level.size), 1 / rate, name))
                error += state.lot + ceil(_fixed(state) / rate)
            else:
                segments.append(Segment(level.size, rate, name))
                error += 1 + _fixed(state)
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


def named_levels(state: OrderBookState, side: Side) -> list[tuple[str, Level]]:
    """The levels of a side from the best, with their names."""
    return [(f"{side}:{i}", level) for i, level in enumerate(state.asks if side == "ask" else state.bids)]


def price_of(state: OrderBookState, level: Level) -> Ratio:
    """Quote base units for a base unit of the base at a level, without fees."""
    numerator, denominator = level.price * state.tick[0], state.tick[1]
    return (denominator, numerator) if state.inverse else (numerator, denominator)


def price_with_fee(state: OrderBookState, level: Level, side: Side) -> Ratio:
    """Quote base units for a base unit of the base that a taker pays (ask) or gets (bid): price with fee, less `fixed`."""
    numerator, denominator = price_of(state, level)
    fee = state.taker_fee
    if fee is None:
        return numerator, denominator
    part, whole = _fee_per_unit(fee, numerator, denominator)
    signed = part if side == "ask" else -part
    return numerator * whole + signed * denominator, denominator * whole


def _fee_per_unit(fee: Fee, numerator: int, denominator: int) -> tuple[int, int]:
    """The fee for a base unit of the base at a price, as a ratio; without what is fixed."""
    (rate, per), cap = fee.rate, fee.cap
    of_price = rate * numerator, per * denominator
    found = of_price if fee.of == "value" else (rate, per)
    if cap is not None:
        most = cap[0] * numerator, cap[1] * denominator
        found = min(found, most, key=lambda ratio: Fraction(*ratio))
    return found


def fee_of(state: OrderBookState, level: Level, size: int, role: Role = "taker") -> int:
    """What trading `size` base units at a level costs a taker or a maker, in quote base units (ceil; a rebate is below 0).

    Of a taker it is the part of `cost_of` or `proceeds_of` where the payment without fees is whole units.
    """
    fee = state.taker_fee if role == "taker" else state.maker_fee
    if fee is None:
        return 0
    part, whole = _fee_per_unit(fee, *price_of(state, level))
    return ceil_div(size * part, whole) + fee.fixed


def cost_of(state: OrderBookState, level: Level, size: int) -> int:
    """The least input of quote that buys `size` base units at the level, fees included (ceil)."""
    numerator, denominator = price_with_fee(state, level, "ask")
    return ceil_div(size * numerator, denominator) + _fixed(state)


def proceeds_of(state: OrderBookState, level: Level, size: int) -> int:
    """What selling `size` base units at the level gives, less fees (floor); not above 0 where fees eat it."""
    numerator, denominator = price_with_fee(state, level, "bid")
    return size * numerator // denominator - _fixed(state)


def size_for(state: OrderBookState, level: Level, amount: int) -> int:
    """The most whole lots that an amount of quote pays at the level, fees included, whatever the level's size."""
    numerator, denominator = price_with_fee(state, level, "ask")
    return max(0, amount - _fixed(state)) * denominator // numerator // state.lot * state.lot


def _fixed(state: OrderBookState) -> int:
    return 0 if state.taker_fee is None else state.taker_fee.fixed


def _check_sides(state: OrderBookState) -> None:
    for side, sign in (("bids", -1), ("asks", 1)):
        direction = -sign if state.inverse else sign
        levels: tuple[Level, ...] = getattr(state, side)
        for i, level in enumerate(levels):
            if level.price == 0:
                raise VenueStateError(f"{side}/{i}/price", expected="a positive price", actual="0")
            if level.size % state.lot:
                raise VenueStateError(f"{side}/{i}/size", expected=f"whole lots of {state.lot}", actual=str(level.size))
            if i and direction * (level.price - levels[i - 1].price) <= 0:
                raise VenueStateError(f"{side}/{i}/price", expected="strictly sorted levels", actual=str(level.price))
            if state.inverse and level.price * state.tick[0] > state.lot * state.tick[1]:
                expected = "a lot that is worth at least one quote unit"
                raise VenueStateError(f"{side}/{i}/price", expected=expected, actual=str(level.price))
    if state.bids and state.asks:
        bid, ask = state.bids[0].price, state.asks[0].price
        if bid == ask or (bid > ask) != state.inverse:
            expected = f"a best bid {'above' if state.inverse else 'below'} the best ask {ask}"
            raise VenueStateError("bids/0/price", expected=expected, actual=str(bid))


def _check_fee(field: str, fee: Fee | None, *, least: int) -> None:
    """A fee that leaves something of every payment: a share below 1, or one for size that is capped below 1."""
    if fee is None:
        return
    rate, per = fee.rate
    if per == 0 or (least == 0 and rate < 0) or (fee.of == "value" and abs(rate) >= per):
        expected = f"a ratio of at least {least} and below 1" if fee.of == "value" else "a ratio of at least 0"
        raise VenueStateError(f"{field}/rate", expected=expected, actual=f"{rate}/{per}")
    if fee.cap is None and fee.of == "size":
        raise VenueStateError(f"{field}/cap", expected="a cap on a fee for size", actual="none")
    if fee.cap is not None and not 0 < fee.cap[0] < fee.cap[1]:
        raise VenueStateError(f"{field}/cap", expected="0 < cap < 1", actual=f"{fee.cap[0]}/{fee.cap[1]}")


def _check_expiry(state: OrderBookState) -> None:
    """A book on an instrument closes when that expires."""
    if not is_derivative(state.base):
        return
    try:
        expiry = parse_instrument(state.base).expiry_seconds
    except InputError as error:
        raise VenueStateError("base", expected=error.expected, actual=error.actual) from None
    if state.expiry_seconds != expiry:
        raise VenueStateError("expiry_seconds", expected=f"the instrument's {expiry}", actual=str(state.expiry_seconds))
