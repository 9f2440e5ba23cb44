"""Bridges: an asset on one chain in, its counterpart on another out, later.

    out = floor( rate * (x - fee_fixed - max(share, fee_least)) )        share = fee * (x - fee_fixed), or fee * x

`fee` = num / den is a share of what is left after the fixed fee, or of the whole input (`fee_on_whole`, as bonders
charge); it is at least `fee_least`. Rounding: floor, once, against the trader. Both assets have the same value per unit
only if the bridge says so (`rate` = [num, den] output units per input unit, for assets whose decimals differ).
Capacity is what it can still pay out, in output units.

Time       the output exists at a later stage only, at most `delay_seconds` after the input: verification uses this
           bound alone. `delays` are quantiles of the delay that solvers and simulations may use: by `ppm` parts in a
           million of all transfers, `seconds`. `delay_at` and `expected_delay` read them as a staircase from above,
           the rest being the bound. No transfer arrives before the source is final (`finality_seconds`, or so many
           blocks of it: `finality_blocks` is for people).
Failure    `failure_ppm` transfers in a million do not arrive by the bound. Solvers charge it as lost value
           (solvers.common.leg_wait_cost); the engine settles what the receipts say.

Sources and worked examples: docs/rulebooks/bridges.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
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
from intents.values import Amount, Ratio, Value, ceil_div

PPM = 10**6
"""Odds are integers in a million."""


class DelayQuantile(Value):
    """`ppm` of a million transfers arrive within `seconds`."""

    ppm: int = Field(gt=0, le=PPM)
    seconds: int = Field(ge=0, lt=2**31)


class BridgeState(VenueState):
    """One direction of a bridge. What is not stated (quantiles, finality, failures, a least fee) is not written."""

    kind: Literal["bridge"] = "bridge"
    asset_in: AssetId
    asset_out: AssetId
    fee_fixed: Amount = 0
    fee: Ratio
    fee_least: Amount = Field(default=0, exclude_if=lambda least: least == 0)
    fee_on_whole: bool = Field(default=False, exclude_if=lambda whole: not whole)
    rate: Ratio = (1, 1)
    capacity: Amount
    delay_seconds: int = Field(gt=0, lt=2**31)
    delays: tuple[DelayQuantile, ...] = Field(default=(), exclude_if=lambda delays: not delays)
    finality_blocks: int | None = Field(default=None, ge=0, lt=2**31, exclude_if=lambda blocks: blocks is None)
    finality_seconds: int | None = Field(default=None, ge=0, lt=2**31, exclude_if=lambda seconds: seconds is None)
    failure_ppm: int = Field(default=0, ge=0, lt=PPM, exclude_if=lambda ppm: ppm == 0)


class Bridge:
    """The bridge kind."""

    kind = "bridge"
    state_type = BridgeState

    def check(self, state: BridgeState, assets: Mapping[str, AssetInfo]) -> None:
        """Known assets at two places, 0 <= fee < 1, positive rate, quantiles that rise from finality to the bound."""
        for field in ("asset_in", "asset_out"):
            if getattr(state, field) not in assets:
                raise VenueStateError(field, expected="a known asset", actual=getattr(state, field))
        if place_of(state.asset_in) == place_of(state.asset_out):
            raise VenueStateError("asset_out", expected="another place than the input's", actual=state.asset_out)
        if not 0 <= state.fee[0] < state.fee[1]:
            raise VenueStateError("fee", expected="0 <= fee < 1", actual=f"{state.fee[0]}/{state.fee[1]}")
        if 0 in state.rate:
            raise VenueStateError("rate", expected="a positive ratio", actual=f"{state.rate[0]}/{state.rate[1]}")
        _check_delays(state)

    def pairs(self, state: BridgeState) -> tuple[tuple[AssetId, AssetId], ...]:
        """One direction."""
        return ((state.asset_in, state.asset_out),)

    def execute(self, state: BridgeState, account: str, trade: Trade, time_seconds: int) -> tuple[int, BridgeState]:
        """Exact output. Refusals: `unknown_level`, `unknown_asset`, `no_output`, `venue_capacity`."""
        refuse_level(state, trade)
        if (trade.asset_in, trade.asset_out) != (state.asset_in, state.asset_out):
            raise TradeRefusedError("unknown_asset", f"{state.id} does not carry {trade.asset_in} to {trade.asset_out}")
        out = _output(state, trade.amount_in)
        if out <= 0:
            raise TradeRefusedError("no_output", f"{trade.amount_in} does not cover the fees of {state.id}")
        if out > state.capacity:
            raise TradeRefusedError("venue_capacity", f"{state.id} can pay out {state.capacity}, wanted {out}")
        return out, state.model_copy(update={"capacity": state.capacity - out})

    def input_for(self, state: BridgeState, asset_in: AssetId, amount_out: int, asset_out: AssetId) -> int:
        """The least input that brings at least the output. Raises TradeRefusedError `venue_capacity`."""
        carried = Fraction(amount_out * state.rate[1], state.rate[0])
        kept = 1 - Fraction(*state.fee)
        fixed = state.fee_fixed
        shared = (carried + fixed) / kept if state.fee_on_whole else carried / kept + fixed
        found = ceil(max(shared, carried + fixed + state.fee_least))
        if _output(state, found) > state.capacity:
            raise TradeRefusedError("venue_capacity", f"{state.id} can pay out {state.capacity}, wanted {amount_out}")
        return found

    def supply(self, state: BridgeState, asset_in: AssetId, asset_out: AssetId) -> Supply:
        """One segment at the proportional rate; over by at most the value of the fixed and the least fee."""
        rate = Fraction(state.rate[0] * (state.fee[1] - state.fee[0]), state.rate[1] * state.fee[1])
        most = int(Fraction(state.capacity) / rate) + state.fee_fixed
        hidden = (state.fee_fixed + state.fee_least) * Fraction(*state.rate)
        error = ceil(state.fee_fixed * rate) if state.fee_least == 0 and not state.fee_on_whole else ceil(hidden)
        return Supply((Segment(most, rate),), relative_error=Fraction(0), units_error=error + 1)

    def conflict_keys(self, state: BridgeState, trade: Trade) -> tuple[str, ...]:
        """The bridge's capacity."""
        return (state.id,)

    def delay_seconds(self, state: BridgeState) -> int:
        """The stated bound."""
        return state.delay_seconds


def fee_of(state: BridgeState, amount: int) -> int:
    """What the bridge keeps of an input, in units of it (ceil), whatever the rate."""
    return state.fee_fixed + max(ceil(_share(state, amount)), state.fee_least)


def delay_at(state: BridgeState, ppm: int) -> int:
    """Seconds within which that many of a million transfers arrive, by the stated quantiles; the bound beyond the last."""
    return next((quantile.seconds for quantile in state.delays if quantile.ppm >= ppm), state.delay_seconds)


def expected_delay(state: BridgeState) -> int:
    """The mean delay in seconds (ceil): each share of transfers at the end of its quantile, the rest at the bound."""
    total, before = 0, 0
    for quantile in state.delays:
        total += (quantile.ppm - before) * quantile.seconds
        before = quantile.ppm
    return ceil_div(total + (PPM - before) * state.delay_seconds, PPM)


def _share(state: BridgeState, amount: int) -> Fraction:
    return Fraction(*state.fee) * (amount if state.fee_on_whole else max(0, amount - state.fee_fixed))


def _output(state: BridgeState, amount: int) -> int:
    """Below 1 where the fees take all."""
    carried = amount - state.fee_fixed - max(_share(state, amount), Fraction(state.fee_least))
    return int(carried * Fraction(*state.rate) // 1)


def _check_delays(state: BridgeState) -> None:
    final = state.finality_seconds or 0
    if final > state.delay_seconds:
        expected = f"at most the bound {state.delay_seconds}"
        raise VenueStateError("finality_seconds", expected=expected, actual=str(final))
    for i, quantile in enumerate(state.delays):
        if not final <= quantile.seconds <= state.delay_seconds:
            expected = f"{final} to {state.delay_seconds} seconds"
            raise VenueStateError(f"delays/{i}/seconds", expected=expected, actual=str(quantile.seconds))
    for i, (lower, upper) in enumerate(pairwise(state.delays), start=1):
        if upper.ppm <= lower.ppm:
            raise VenueStateError(f"delays/{i}/ppm", expected=f"more than {lower.ppm}", actual=str(upper.ppm))
        if upper.seconds < lower.seconds:
            raise VenueStateError(f"delays/{i}/seconds", expected=f"{lower.seconds} or more", actual=str(upper.seconds))
