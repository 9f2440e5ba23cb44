"""Perpetuals against a venue: oracle price, impact by skew, caps on open interest, reduce-only, drifting funding.

    buying     s of the position cost  ceil(s * fill) + fee;   x of quote buys the most whole steps that cost at most x
    selling    s of the position give  floor(s * fill) - fee

`fill`, `fee` and funding are the contract's, to the unit (perpetual_math has the formulas and their source: Synthetix
Perps V2, SIP-279, SIP-281). The contract keeps size and last price and pays differences of prices into a margin; here
the whole value changes hands, as positions are assets (intents.futures), so the product is rounded, against the trader.
What an input buys beyond whole steps is kept by the venue. Positions are linear, both assets have 18 decimals.

The venue knows one account: `position` is what everyone here holds there together. Refusals:

    reduce_only          the market takes only trades that bring `position` nearer to zero
    open_interest_cap    one side would be above `interest_cap`; bringing `position` nearer to zero is always allowed
    venue_capacity       the skew would be above half its scale (nearer to it prices fall to zero and below)
    oracle_stale         the oracle price is older than `oracle_max_age_seconds`, or later than the trade

A trade brings funding up to its time, before the skew changes. `step` is ours: the contract takes any size, but cuts
prices off, so that a size larger by a unit can be worth less; steps large enough keep the laws of venues.base.
Not computed: margin (the tiers are stated here and used by engine.market.margin), delayed orders, liquidations.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Literal, NamedTuple

from pydantic import Field

from engine.market.margin.account import Tier
from engine.market.venues.base import (
    AssetInfo,
    Supply,
    Trade,
    TradeRefusedError,
    VenueState,
    VenueStateError,
    refuse_level,
)
from engine.market.venues.perpetual_math import (
    UNIT,
    Fees,
    fill_price,
    funding_rate,
    order_fee,
    unrecorded_funding,
)
from engine.market.venues.perpetual_supply import supply_of
from intents.errors import InputError
from intents.futures import parse_perpetual
from intents.identifiers import AssetId
from intents.values import Amount, SignedAmount, ceil_div

DECIMALS = 18
"""Of both assets, as the contract's numbers have."""


class PerpetualState(VenueState):
    """A market. Sizes in base units of `base`; prices, fees and rates in 10^-18; the funding rate is a day's.

    A positive rate: longs pay. `funding_index`: what one whole unit long has received since the market began.
    """

    kind: Literal["perpetual"] = "perpetual"
    base: AssetId
    quote: AssetId
    oracle_price: Amount
    oracle_seconds: int = Field(ge=0, lt=2**53)
    oracle_max_age_seconds: int = Field(ge=0, lt=2**31)
    skew_scale: Amount
    long_interest: Amount
    short_interest: Amount
    interest_cap: Amount
    position: SignedAmount = 0
    reduce_only: bool = False
    step: Amount
    maker_fee: Amount
    taker_fee: Amount
    dynamic_fee: Amount = 0
    funding_rate: SignedAmount = 0
    funding_index: SignedAmount = 0
    funding_seconds: int = Field(ge=0, lt=2**53)
    max_funding_velocity: Amount = 0
    tiers: tuple[Tier, ...] = Field(min_length=1)

    @property
    def skew(self) -> int:
        """Longs less shorts."""
        return self.long_interest - self.short_interest

    @property
    def fees(self) -> Fees:
        """The fee rates."""
        return Fees(self.maker_fee, self.taker_fee, self.dynamic_fee)


class _Limit(NamedTuple):
    """The most that may be traded, and the code of who trades more."""

    size: int
    code: str


class Perpetual:
    """The perpetual kind."""

    kind = "perpetual"
    state_type = PerpetualState

    def check(self, state: PerpetualState, assets: Mapping[str, AssetInfo]) -> None:
        """A linear perpetual settled in the quote, both with 18 decimals; positive price, scale and step; maker <= taker <= 1/2; tiers ascending."""
        _check_assets(state, assets)
        for field in ("oracle_price", "skew_scale", "step"):
            if getattr(state, field) == 0:
                raise VenueStateError(field, expected="a positive amount", actual="0")
        if 2 * abs(state.skew) > state.skew_scale:
            expected = f"longs and shorts that differ by at most half of skew_scale {state.skew_scale}"
            raise VenueStateError("long_interest", expected=expected, actual=f"{state.skew}")
        side = "long_interest" if state.position > 0 else "short_interest"
        if getattr(state, side) < abs(state.position):
            expected = f"at most {side} {getattr(state, side)}"
            raise VenueStateError("position", expected=expected, actual=str(state.position))
        _check_fees(state)
        _check_step(state)
        if state.tiers[0].above or any(low.above >= high.above for low, high in pairwise(state.tiers)):
            actual = str([tier.above for tier in state.tiers])
            raise VenueStateError("tiers", expected="bounds strictly ascending from 0", actual=actual)

    def pairs(self, state: PerpetualState) -> tuple[tuple[AssetId, AssetId], ...]:
        """Each side in which something may be traded."""
        sides = ((1, (state.quote, state.base)), (-1, (state.base, state.quote)))
        return tuple(pair for sign, pair in sides if room(state, sign))

    def execute(
        self, state: PerpetualState, account: str, trade: Trade, time_seconds: int
    ) -> tuple[int, PerpetualState]:
        """Exact output. Refusals: `unknown_level`, `unknown_asset`, `oracle_stale`, `off_lot`, `no_output`, and those of the module."""
        refuse_level(state, trade)
        sign = _side(state, trade.asset_in, trade.asset_out)
        if not 0 <= time_seconds - state.oracle_seconds <= state.oracle_max_age_seconds:
            seen = f"the price is of {state.oracle_seconds}, it is {time_seconds}"
            raise TradeRefusedError("oracle_stale", f"{state.id}: {seen}")
        if sign < 0 and trade.amount_in % state.step:
            raise TradeRefusedError("off_lot", f"{trade.amount_in} is not whole steps of {state.step}")
        size = _affordable(state, trade.amount_in) if sign > 0 else trade.amount_in
        _refuse_over(state, sign, size)
        out = size if sign > 0 else proceeds_of(state, size)
        if out <= 0:
            raise TradeRefusedError("no_output", f"{trade.amount_in} of {trade.asset_in} brings nothing")
        return out, _after(funded(state, time_seconds), sign * size)

    def input_for(self, state: PerpetualState, asset_in: AssetId, amount_out: int, asset_out: AssetId) -> int:
        """The cost of the next whole step at or above it, or the fewest steps that bring the proceeds. Raises TradeRefusedError."""
        sign = _side(state, asset_in, asset_out)
        if sign > 0:
            size = ceil_div(amount_out, state.step) * state.step
            _refuse_over(state, sign, size)
            return cost_of(state, size)
        low, high = 0, _hard_limit(state, sign) // state.step
        if high == 0 or proceeds_of(state, high * state.step) < amount_out:
            raise TradeRefusedError("venue_capacity", f"no size sold brings {amount_out} at {state.id}")
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if proceeds_of(state, middle * state.step) >= amount_out else (middle, high)
        _refuse_over(state, sign, high * state.step)
        return high * state.step

    def supply(self, state: PerpetualState, asset_in: AssetId, asset_out: AssetId) -> Supply:
        """Marginal prices over equal parts of what may be traded (perpetual_supply)."""
        sign = _side(state, asset_in, asset_out)
        most = room(state, sign)
        return supply_of(
            price=state.oracle_price,
            skew=state.skew,
            scale=state.skew_scale,
            fees=state.fees,
            sign=sign,
            most=most,
            step=state.step,
            cost=cost_of(state, most) if sign > 0 and most else 0,
        )

    def conflict_keys(self, state: PerpetualState, trade: Trade) -> tuple[str, ...]:
        """The market's skew."""
        return (state.id,)

    def delay_seconds(self, state: PerpetualState) -> int:
        """Same stage."""
        return 0


def cost_of(state: PerpetualState, size: int) -> int:
    """What buying a positive size costs (ceil), fee included."""
    fill = fill_price(size, state.skew, state.skew_scale, state.oracle_price)
    return ceil_div(size * fill, UNIT) + order_fee(size, state.skew, fill, state.fees)


def proceeds_of(state: PerpetualState, size: int) -> int:
    """What selling a positive size brings (floor), less the fee."""
    fill = fill_price(-size, state.skew, state.skew_scale, state.oracle_price)
    return size * fill // UNIT - order_fee(-size, state.skew, fill, state.fees)


def funded(state: PerpetualState, time_seconds: int) -> PerpetualState:
    """The state with funding brought up to a time; as it is where it already was."""
    seconds = time_seconds - state.funding_seconds
    if seconds <= 0:
        return state
    rate = funding_rate(state.funding_rate, state.skew, state.skew_scale, state.max_funding_velocity, seconds)
    received = unrecorded_funding(state.funding_rate, rate, seconds, state.oracle_price)
    update = {"funding_rate": rate, "funding_index": state.funding_index + received, "funding_seconds": time_seconds}
    return state.model_copy(update=update)


def room(state: PerpetualState, sign: int) -> int:
    """The most, in whole steps, that may be bought (sign 1) or sold (-1) now."""
    return min(limit.size for limit in _limits(state, sign)) // state.step * state.step


def _limits(state: PerpetualState, sign: int) -> tuple[_Limit, ...]:
    """In the order in which a trade is judged."""
    closing = max(0, -sign * state.position)
    side = state.long_interest if sign > 0 else state.short_interest
    limits = [
        _Limit(_hard_limit(state, sign), "venue_capacity"),
        _Limit(closing + max(0, state.interest_cap - side), "open_interest_cap"),
    ]
    return (*limits, _Limit(closing, "reduce_only")) if state.reduce_only else tuple(limits)


def _hard_limit(state: PerpetualState, sign: int) -> int:
    return state.skew_scale // 2 - sign * state.skew


def _refuse_over(state: PerpetualState, sign: int, size: int) -> None:
    for limit in _limits(state, sign):
        if size > limit.size:
            done = "bought" if sign > 0 else "sold"
            raise TradeRefusedError(limit.code, f"at most {limit.size} may be {done} at {state.id}, wanted {size}")


def _side(state: PerpetualState, asset_in: str, asset_out: str) -> int:
    if (asset_in, asset_out) == (state.quote, state.base):
        return 1
    if (asset_in, asset_out) == (state.base, state.quote):
        return -1
    raise TradeRefusedError("unknown_asset", f"{state.id} does not trade {asset_in} for {asset_out}")


def _affordable(state: PerpetualState, amount: int) -> int:
    """The most whole steps that cost at most the amount; one step more than there is room for where it buys that too.

    The bracket does not depend on the amount, so more never buys less.
    """
    low, high = 0, _hard_limit(state, 1) // state.step + 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if cost_of(state, middle * state.step) <= amount else (low, middle)
    return low * state.step


def _after(state: PerpetualState, delta: int) -> PerpetualState:
    position = state.position + delta
    return state.model_copy(
        update={
            "position": position,
            "long_interest": state.long_interest - max(0, state.position) + max(0, position),
            "short_interest": state.short_interest + min(0, state.position) - min(0, position),
        }
    )


def _check_assets(state: PerpetualState, assets: Mapping[str, AssetInfo]) -> None:
    for field in ("base", "quote"):
        asset = getattr(state, field)
        if asset not in assets:
            raise VenueStateError(field, expected="a known asset", actual=asset)
        if assets[asset].decimals != DECIMALS:
            raise VenueStateError(field, expected=f"{DECIMALS} decimals", actual=str(assets[asset].decimals))
    try:
        terms = parse_perpetual(state.base)
    except InputError as error:
        raise VenueStateError("base", expected=error.expected, actual=error.actual) from None
    if terms.style != "linear":
        raise VenueStateError("base", expected="a linear perpetual", actual=state.base)
    if terms.settlement != state.quote:
        raise VenueStateError("quote", expected=f"the settlement asset {terms.settlement}", actual=state.quote)


def _check_fees(state: PerpetualState) -> None:
    if state.maker_fee > state.taker_fee:
        raise VenueStateError("maker_fee", expected=f"at most taker_fee {state.taker_fee}", actual=str(state.maker_fee))
    if 2 * (state.taker_fee + state.dynamic_fee) > UNIT:
        expected = f"with dynamic_fee at most half, {UNIT // 2}"
        raise VenueStateError("taker_fee", expected=expected, actual=str(state.taker_fee))
    least = _least_fee(state)
    if state.maker_fee + state.dynamic_fee < least:
        # Prices are cut off by up to a few units of their last digit: without a fee a round trip in parts could gain.
        expected = f"with dynamic_fee at least {least}"
        raise VenueStateError("maker_fee", expected=expected, actual=str(state.maker_fee))


def _noise(state: PerpetualState) -> int:
    """More than the contract's cutting off can move a price, in 10^-18."""
    return state.oracle_price // UNIT + 4


def _least_fee(state: PerpetualState) -> int:
    return ceil_div(8 * _noise(state) * UNIT, state.oracle_price)


def _check_step(state: PerpetualState) -> None:
    least = ceil_div(16 * _noise(state) * state.skew_scale, state.oracle_price)
    if state.step < least:
        # A step must be worth more than what cutting off can take from the price of the largest trade.
        raise VenueStateError("step", expected=f"at least {least}", actual=str(state.step))
