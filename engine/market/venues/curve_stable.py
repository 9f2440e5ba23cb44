"""Stable pools of Curve, bit for bit: plain pools and metapools (their own two coins).

    x_i = balance_i * rate_i / 10^18        rate_i = 10^(36 - decimals), times what a unit is worth where it is not 1
    out = (x_j - y - 1) * (1 - fee) * 10^18 / rate_j          y: the balance that keeps D (engine.market.venues.stable_math)

    fee' = m f / ((m - 1) * 4 x_i x_j / (x_i + x_j)^2 + 1)          stableswap-NG's: f at balance, up to m f away from it

m is `offpeg_multiplier` in units of 10^-10, x_i and x_j the means of the scaled balances before and after the trade; without one (or
with at most 1) the fee is f. A metapool's second coin is its base pool's token, whose rate is that pool's virtual price; a coin with an oracle (RAI,
wstETH) has its price in its rate. Rounding: every division down but for the one unit off; fee in units of 10^-10, on the
output; its admin share leaves the balances. Coins stand in the contract's order, which the divisions depend on.

Source: curvefi/curve-contract, contracts/pool-templates/base/SwapTemplateBase.vy and meta/SwapTemplateMeta.vy (exchange);
contracts/pools/3pool for pools whose amplification has no precision (`precision` 1); curvefi/stableswap-ng,
contracts/main/CurveStableSwapNG.vy (__exchange, _dynamic_fee; `products` apart, rates as `stored_rates` gives them). Not
here: exchange_underlying (through the base pool), the Aave pools' fee, rates that move within the auction. Exact output: the smallest input whose output is enough; these contracts have no function for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from math import ceil
from typing import Literal

from pydantic import Field

from engine.market.venues.base import (
    AssetInfo,
    Supply,
    Trade,
    TradeRefusedError,
    VenueState,
    VenueStateError,
    refuse_level,
)
from engine.market.venues.exact_out import least_input
from engine.market.venues.stable_math import CONTRACT, Products, curve_balance, invariant
from engine.market.venues.stable_supply import StablePair, stable_supply
from intents.identifiers import AssetId
from intents.values import Amount, Value

ONE = 10**18
"""Fixed point of rates."""

FEE_UNITS = 10**10
"""Fixed point of fees."""

MAX_MULTIPLIER = 10**15
"""No pool's off-peg fee is more than 100,000 times its fee."""

MAX_COINS = 8
"""Coins of a pool."""

MAX_AMPLIFICATION = 10**6
"""The largest A of a pool, without its precision."""

BALANCE_LIMIT = 2**128
"""No real balance is larger."""


class CurveCoin(Value):
    """One coin: `balance` in base units, `rate` = 10^(36 - decimals) times what a unit is worth."""

    asset: AssetId
    balance: Amount
    rate: Amount

    @property
    def scaled(self) -> int:
        """The balance in 18-decimal units of value, rounded down."""
        return self.balance * self.rate // ONE


class CurveStableState(VenueState):
    """Coins in the contract's order; `amplification` is A times `precision`; fees in units of 10^-10."""

    kind: Literal["curve_stable"] = "curve_stable"
    coins: tuple[CurveCoin, ...]
    amplification: int
    precision: Literal[1, 100] = 100
    fee: int = Field(ge=0, lt=FEE_UNITS)
    admin_fee: int = Field(default=0, ge=0, le=FEE_UNITS)
    products: Products = "together"
    offpeg_multiplier: int = Field(default=0, ge=0, le=MAX_MULTIPLIER, exclude_if=lambda multiplier: multiplier == 0)

    @property
    def largest_fee(self) -> int:
        """The fee far from balance; what is at least all of the output is refused by `check`."""
        return self.fee * max(self.offpeg_multiplier, FEE_UNITS) // FEE_UNITS

    @property
    def scaled(self) -> list[int]:
        """Scaled balances in the contract's order."""
        return [coin.scaled for coin in self.coins]


class CurveStable:
    """The Curve stable kind."""

    kind = "curve_stable"
    state_type = CurveStableState

    def check(self, state: CurveStableState, assets: Mapping[str, AssetInfo]) -> None:
        """2 to 8 different known coins with balances and rates above 0, 1 <= A <= 10^6."""
        if not 2 <= len(state.coins) <= MAX_COINS:
            raise VenueStateError("coins", expected=f"2 to {MAX_COINS} coins", actual=str(len(state.coins)))
        if len({coin.asset for coin in state.coins}) != len(state.coins):
            raise VenueStateError("coins", expected="different assets", actual="one asset twice")
        for index, coin in enumerate(state.coins):
            if coin.asset not in assets:
                raise VenueStateError(f"coins/{index}/asset", expected="a known asset", actual=coin.asset)
            if not 0 < coin.balance < BALANCE_LIMIT:
                raise VenueStateError(
                    f"coins/{index}/balance", expected="1 <= balance < 2^128", actual=str(coin.balance)
                )
            if coin.scaled == 0:
                raise VenueStateError(
                    f"coins/{index}/rate", expected="a rate that leaves a scaled balance", actual=str(coin.rate)
                )
        if state.largest_fee >= FEE_UNITS:
            raise VenueStateError(
                "offpeg_multiplier", expected="a largest fee below 10^10", actual=str(state.largest_fee)
            )
        if not state.precision <= state.amplification <= MAX_AMPLIFICATION * state.precision:
            expected = f"{state.precision} to {MAX_AMPLIFICATION * state.precision}"
            raise VenueStateError("amplification", expected=expected, actual=str(state.amplification))

    def pairs(self, state: CurveStableState) -> tuple[tuple[AssetId, AssetId], ...]:
        """Every coin for every other."""
        assets = sorted(coin.asset for coin in state.coins)
        return tuple((a, b) for a in assets for b in assets if a != b)

    def execute(
        self, state: CurveStableState, account: str, trade: Trade, time_seconds: int
    ) -> tuple[int, CurveStableState]:
        """Exact output of `exchange`. Refusals: `unknown_level`, `unknown_asset`, `no_output`, `venue_capacity` (no convergence, a full balance)."""
        refuse_level(state, trade)
        source, target = _positions(state, trade.asset_in, trade.asset_out)
        given, wanted, scaled = state.coins[source], state.coins[target], state.scaled
        if given.balance + trade.amount_in >= BALANCE_LIMIT:
            raise TradeRefusedError("venue_capacity", f"{trade.amount_in} would overflow the balance at {state.id}")
        try:
            found = invariant(state.amplification, scaled, state.precision, state.products)
            after = [*scaled]
            after[source] += trade.amount_in * given.rate // ONE
            left = curve_balance(state.amplification, after, target, found, state.precision)
            moved = scaled[target] - left - 1
            rate = dynamic_fee(state, (scaled[source] + after[source]) // 2, (scaled[target] + left) // 2)
        except ValueError as error:
            raise TradeRefusedError("venue_capacity", f"{state.id}: {error}") from None
        fee = max(moved, 0) * rate // FEE_UNITS
        out = (moved - fee) * ONE // wanted.rate if moved > 0 else 0
        if out == 0:
            raise TradeRefusedError("no_output", f"{trade.amount_in} of {trade.asset_in} buys nothing at {state.id}")
        claimed = fee * state.admin_fee // FEE_UNITS * ONE // wanted.rate
        coins = [*state.coins]
        coins[source] = given.model_copy(update={"balance": given.balance + trade.amount_in})
        coins[target] = wanted.model_copy(update={"balance": wanted.balance - out - claimed})
        return out, state.model_copy(update={"coins": tuple(coins)})

    def input_for(self, state: CurveStableState, asset_in: AssetId, amount_out: int, asset_out: AssetId) -> int:
        """The smallest input that brings at least the output. Refusals: `unknown_asset`, `venue_capacity`."""
        return least_input(lambda x: self.execute(state, "", Trade(asset_in, x, asset_out), 0)[0], amount_out)

    def supply(self, state: CurveStableState, asset_in: AssetId, asset_out: AssetId) -> Supply:
        """A staircase over the true curve at the smallest fee; the largest is in the error, the contract's noise in `units_above`."""
        source, target = _positions(state, asset_in, asset_out)
        scaled = state.scaled
        try:
            found = invariant(state.amplification, scaled, state.precision, state.products)
            curve_balance(state.amplification, scaled, target, found, state.precision)
        except ValueError:
            return Supply((), Fraction(0), 0)
        shown = stable_supply(
            StablePair(
                amplification=state.amplification,
                precision=state.precision,
                balances=scaled,
                source=source,
                target=target,
                scale_in=Fraction(state.coins[source].rate, ONE),
                scale_out=Fraction(state.coins[target].rate, ONE),
                kept_in=Fraction(1),
                kept_out=1 - Fraction(state.fee, FEE_UNITS),
            )
        )
        if state.largest_fee == state.fee:
            return shown
        dearer = Fraction(FEE_UNITS - state.fee, FEE_UNITS - state.largest_fee)
        relative = dearer * (1 + shown.relative_error) - 1
        return replace(shown, relative_error=relative, units_error=shown.units_error + ceil(2 * (1 + relative)))

    def conflict_keys(self, state: CurveStableState, trade: Trade) -> tuple[str, ...]:
        """The pool."""
        return (state.id,)

    def delay_seconds(self, state: CurveStableState) -> int:
        """Same stage."""
        return 0


def dynamic_fee(state: CurveStableState, first: int, second: int) -> int:
    """The fee in units of 10^-10 at two scaled balances. ValueError where the contract's numbers do not fit."""
    if state.offpeg_multiplier <= FEE_UNITS:
        return state.fee
    product = CONTRACT.fits((state.offpeg_multiplier - FEE_UNITS) * 4 * first * second)
    share = product // CONTRACT.fits((first + second) ** 2)
    return state.offpeg_multiplier * state.fee // (share + FEE_UNITS)


def _positions(state: CurveStableState, asset_in: AssetId, asset_out: AssetId) -> tuple[int, int]:
    order = {coin.asset: index for index, coin in enumerate(state.coins)}
    if asset_in == asset_out or asset_in not in order or asset_out not in order:
        raise TradeRefusedError("unknown_asset", f"{state.id} does not trade {asset_in} for {asset_out}")
    return order[asset_in], order[asset_out]
