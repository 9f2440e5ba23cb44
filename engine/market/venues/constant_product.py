"""Constant product pools: Uniswap V2 and its forks, with any rational fee taken from the input.

    out = floor( x * (den - num) * R_out / (R_in * den + x * (den - num)) )       fee = num / den

Units: base units of each asset. Rounding: floor, against the trader. Source: UniswapV2Library.getAmountOut, where
den - num = 997 and den = 1000 (Uniswap/v2-periphery, contracts/libraries/UniswapV2Library.sol); the pair contract
accepts exactly this output and refuses one unit more. Reserves are uint112 in the contract: a trade that would push
a reserve above 2**112 - 1 is refused, as is one whose output is zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Literal

from engine.market.venues.base import (
    AssetInfo,
    Supply,
    Trade,
    TradeRefusedError,
    VenueState,
    VenueStateError,
    refuse_level,
)
from engine.market.venues.curve_supply import FINE, Bounds, supply_of_curve
from intents.identifiers import AssetId
from intents.values import Amount, Ratio

RESERVE_LIMIT = 2**112
"""Reserves are stored as uint112."""


class ConstantProductState(VenueState):
    """Reserves by asset (exactly two) and the fee as [numerator, denominator]."""

    kind: Literal["constant_product"] = "constant_product"
    reserves: dict[AssetId, Amount]
    fee: Ratio


class ConstantProduct:
    """The constant product kind."""

    kind = "constant_product"
    state_type = ConstantProductState

    def check(self, state: ConstantProductState, assets: Mapping[str, AssetInfo]) -> None:
        """Two known assets, reserves in 1 .. 2**112 - 1, 0 <= fee < 1."""
        if len(state.reserves) != 2:
            raise VenueStateError("reserves", expected="two assets", actual=str(len(state.reserves)))
        for asset, reserve in state.reserves.items():
            if asset not in assets:
                raise VenueStateError("reserves", expected="known assets", actual=asset)
            if not 0 < reserve < RESERVE_LIMIT:
                raise VenueStateError(f"reserves/{asset}", expected="1 <= reserve < 2^112", actual=str(reserve))
        if not 0 <= state.fee[0] < state.fee[1]:
            raise VenueStateError("fee", expected="0 <= fee < 1", actual=f"{state.fee[0]}/{state.fee[1]}")

    def pairs(self, state: ConstantProductState) -> tuple[tuple[AssetId, AssetId], ...]:
        """Both directions."""
        a, b = sorted(state.reserves)
        return ((a, b), (b, a))

    def execute(
        self, state: ConstantProductState, account: str, trade: Trade, time_seconds: int
    ) -> tuple[int, ConstantProductState]:
        """Exact output of the pair contract. Refusals: `unknown_level`, `unknown_asset`, `no_output`, `venue_capacity`."""
        refuse_level(state, trade)
        if trade.asset_in == trade.asset_out or {trade.asset_in, trade.asset_out} != state.reserves.keys():
            raise TradeRefusedError(
                "unknown_asset", f"{state.id} does not trade {trade.asset_in} for {trade.asset_out}"
            )
        reserve_in, reserve_out = state.reserves[trade.asset_in], state.reserves[trade.asset_out]
        numerator, denominator = state.fee
        kept = trade.amount_in * (denominator - numerator)
        out = kept * reserve_out // (reserve_in * denominator + kept)
        if out == 0:
            raise TradeRefusedError("no_output", f"{trade.amount_in} of {trade.asset_in} buys nothing at {state.id}")
        if reserve_in + trade.amount_in >= RESERVE_LIMIT:
            raise TradeRefusedError(
                "venue_capacity", f"reserve of {trade.asset_in} at {state.id} would exceed 2^112 - 1"
            )
        reserves = {**state.reserves, trade.asset_in: reserve_in + trade.amount_in, trade.asset_out: reserve_out - out}
        return out, state.model_copy(update={"reserves": reserves})

    def input_for(self, state: ConstantProductState, asset_in: AssetId, amount_out: int, asset_out: AssetId) -> int:
        """UniswapV2Library.getAmountIn: floor(R_in y den / ((R_out - y)(den - num))) + 1. Refusals: `unknown_asset`, `venue_capacity`."""
        if asset_in == asset_out or {asset_in, asset_out} != state.reserves.keys():
            raise TradeRefusedError("unknown_asset", f"{state.id} does not trade {asset_in} for {asset_out}")
        reserve_in, reserve_out = state.reserves[asset_in], state.reserves[asset_out]
        numerator, denominator = state.fee
        if amount_out >= reserve_out:
            raise TradeRefusedError("venue_capacity", f"{amount_out} is all that {state.id} has of {asset_out}")
        paid = reserve_in * amount_out * denominator // ((reserve_out - amount_out) * (denominator - numerator)) + 1
        if reserve_in + paid >= RESERVE_LIMIT:
            raise TradeRefusedError("venue_capacity", f"reserve of {asset_in} at {state.id} would exceed 2^112 - 1")
        return paid

    def supply(self, state: ConstantProductState, asset_in: AssetId, asset_out: AssetId) -> Supply:
        """Tangent staircase from the exact spot rate."""
        reserve_in, reserve_out = state.reserves[asset_in], state.reserves[asset_out]
        spot = Fraction(reserve_out * (state.fee[1] - state.fee[0]), reserve_in * state.fee[1])

        def curve(amount: int) -> Bounds:
            kept = amount * (state.fee[1] - state.fee[0])
            low = FINE * kept * reserve_out // (reserve_in * state.fee[1] + kept)
            return low, low + 1

        return supply_of_curve(curve, spot, scale=reserve_in, limit=RESERVE_LIMIT - 1 - reserve_in)

    def conflict_keys(self, state: ConstantProductState, trade: Trade) -> tuple[str, ...]:
        """The pool."""
        return (state.id,)

    def delay_seconds(self, state: ConstantProductState) -> int:
        """Same stage."""
        return 0
