"""Bridges: an asset on one chain in, its counterpart on another out, later.

    out = floor( (x - fee_fixed) * (den - num) / den )        fee = num / den

Rounding: floor, against the trader. The output exists at a later stage only, at most `delay_seconds` after the
input; both assets have the same value per unit only if the bridge says so (`rate` = [num, den] output units per input
unit, for assets whose decimals differ). Capacity is what it can still pay out, in output units.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil
from typing import Literal

from pydantic import Field

from engine.market.venues.base import (
    AssetInfo,
    Segment,
    Supply,
    Trade,
    TradeRefusedError,
    VenueState,
    VenueStateError,
    refuse_level,
)
from intents.identifiers import AssetId, place_of
from intents.values import Amount, Ratio


class BridgeState(VenueState):
    """One direction of a bridge."""

    kind: Literal["bridge"] = "bridge"
    asset_in: AssetId
    asset_out: AssetId
    fee_fixed: Amount = 0
    fee: Ratio
    rate: Ratio = (1, 1)
    capacity: Amount
    delay_seconds: int = Field(gt=0, lt=2**31)


class Bridge:
    """The bridge kind."""

    kind = "bridge"
    state_type = BridgeState

    def check(self, state: BridgeState, assets: Mapping[str, AssetInfo]) -> None:
        """Known assets at two places, 0 <= fee < 1, positive rate."""
        for field in ("asset_in", "asset_out"):
            if getattr(state, field) not in assets:
                raise VenueStateError(field, expected="a known asset", actual=getattr(state, field))
        if place_of(state.asset_in) == place_of(state.asset_out):
            raise VenueStateError("asset_out", expected="another place than the input's", actual=state.asset_out)
        if not 0 <= state.fee[0] < state.fee[1]:
            raise VenueStateError("fee", expected="0 <= fee < 1", actual=f"{state.fee[0]}/{state.fee[1]}")
        if 0 in state.rate:
            raise VenueStateError("rate", expected="a positive ratio", actual=f"{state.rate[0]}/{state.rate[1]}")

    def pairs(self, state: BridgeState) -> tuple[tuple[AssetId, AssetId], ...]:
        """One direction."""
        return ((state.asset_in, state.asset_out),)

    def execute(self, state: BridgeState, account: str, trade: Trade, time_seconds: int) -> tuple[int, BridgeState]:
        """Exact output. Refusals: `unknown_level`, `unknown_asset`, `no_output`, `venue_capacity`."""
        refuse_level(state, trade)
        if (trade.asset_in, trade.asset_out) != (state.asset_in, state.asset_out):
            raise TradeRefusedError("unknown_asset", f"{state.id} does not carry {trade.asset_in} to {trade.asset_out}")
        carried = max(0, trade.amount_in - state.fee_fixed)
        numerator, denominator = state.fee
        out = carried * (denominator - numerator) * state.rate[0] // (denominator * state.rate[1])
        if out == 0:
            raise TradeRefusedError("no_output", f"{trade.amount_in} does not cover the fees of {state.id}")
        if out > state.capacity:
            raise TradeRefusedError("venue_capacity", f"{state.id} can pay out {state.capacity}, wanted {out}")
        return out, state.model_copy(update={"capacity": state.capacity - out})

    def supply(self, state: BridgeState, asset_in: AssetId, asset_out: AssetId) -> Supply:
        """One segment at the proportional rate; the fixed fee makes it an over-estimate by at most its value."""
        rate = Fraction(state.rate[0] * (state.fee[1] - state.fee[0]), state.rate[1] * state.fee[1])
        most = int(Fraction(state.capacity) / rate) + state.fee_fixed
        return Supply((Segment(most, rate),), relative_error=Fraction(0), units_error=ceil(state.fee_fixed * rate) + 1)

    def conflict_keys(self, state: BridgeState, trade: Trade) -> tuple[str, ...]:
        """The bridge's capacity."""
        return (state.id,)

    def delay_seconds(self, state: BridgeState) -> int:
        """The stated bound."""
        return state.delay_seconds
