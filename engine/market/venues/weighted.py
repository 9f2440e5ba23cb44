"""Weighted product pools: Balancer V2, bit for bit.

    net = x - ceil(x * fee)
    out = floor( B_out * (1 - (B_in / (B_in + net)) ^ (w_in / w_out)) )

in 18-decimal fixed point after upscaling each amount by 10^(18 - decimals): the base rounds up, the exponent down, the
power up by its stated error, the product and the downscaling down, all against the trader. The power is the
contract's own (engine.market.venues.balancer_math), so outputs are the contract's to the unit.

Source: balancer/balancer-v2-monorepo, pkg/pool-weighted/contracts/WeightedMath.sol (_calcOutGivenIn, 30 % limit of the
input), pkg/pool-utils/contracts/BaseMinimalSwapInfoPool.sol (fee before upscaling). `version`: pools deployed since 2022
(`v3plus`) square instead of calling the power where the exponent is 1, 2 or 4; earlier ones (`v0`) do not and give a
little less. Files that do not say get `v0`: what it promises either version delivers.

Weights are 18-decimal integers of at least 1 %. Only their ratios enter the maths, so their sum is not checked:
bootstrapping pools store theirs compressed and sum up to 1.0000153.

Fixed point resolves 10^-18 of the pool's balance, so an output may miss the real curve's order by some of that: a trade
split in two may give a unit more where a balance has more than 18 digits. The laws are tested with 10^-16 of the
balance for that. Round trips never pay: every rounding is against the trader.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Context
from fractions import Fraction
from math import ceil, floor
from typing import Literal

from pydantic import Field

from engine.market.venues.balancer_math import ONE, complement, div_down, div_up, mul_down, mul_up, power_up
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
from intents.values import Amount, Value, ceil_div

BALANCE_LIMIT = 2**112
"""The vault stores balances as uint112."""

MIN_WEIGHT = ONE // 100
"""Smallest weight; with it the power stays inside its domain."""

MAX_IN_RATIO = 3 * ONE // 10
"""A swap's net input is at most this share of the balance."""

MAX_OUT_RATIO = 3 * ONE // 10
"""A swap's output is at most this share of the balance where the output is given."""

MAX_TOKENS = 8
"""Tokens of a weighted pool."""

# The real curve, for supply only. ln and exp of this arithmetic are correctly rounded at a stated precision, so results
# are the same everywhere.
_PRECISE = Context(prec=40, rounding=ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999)
_POWER_PRECISION = Fraction(1, 10**35)

POWER_ERROR = Fraction(3, 10**14)
"""The power is over its true value by at most this: twice 10^-14 as stated by the contract, and some units of 10^-18."""


class WeightedToken(Value):
    """One token of the pool: `balance` in base units, `weight` in units of 10^-18, `decimals` as the contract has them."""

    balance: Amount
    weight: Amount
    decimals: int = Field(ge=0, le=18)


class WeightedState(VenueState):
    """Tokens by asset, and the swap fee in units of 10^-18."""

    kind: Literal["weighted_product"] = "weighted_product"
    tokens: dict[AssetId, WeightedToken]
    fee: Amount
    version: Literal["v0", "v3plus"] = "v0"


class Weighted:
    """The weighted product kind."""

    kind = "weighted_product"
    state_type = WeightedState

    def check(self, state: WeightedState, assets: Mapping[str, AssetInfo]) -> None:
        """2 to 8 known tokens, balances in 1 .. 2**112 - 1, weights of 1 % to 100 %, the assets' decimals, 0 <= fee < 1."""
        if not 2 <= len(state.tokens) <= MAX_TOKENS:
            raise VenueStateError("tokens", expected=f"2 to {MAX_TOKENS} tokens", actual=str(len(state.tokens)))
        for asset, token in state.tokens.items():
            if asset not in assets:
                raise VenueStateError("tokens", expected="known assets", actual=asset)
            if token.decimals != assets[asset].decimals:
                expected = f"the asset's {assets[asset].decimals}"
                raise VenueStateError(f"tokens/{asset}/decimals", expected=expected, actual=str(token.decimals))
            if not 0 < token.balance < BALANCE_LIMIT:
                raise VenueStateError(
                    f"tokens/{asset}/balance", expected="1 <= balance < 2^112", actual=str(token.balance)
                )
            if not MIN_WEIGHT <= token.weight <= ONE:
                raise VenueStateError(
                    f"tokens/{asset}/weight", expected="10^16 <= weight <= 10^18", actual=str(token.weight)
                )
        if state.fee >= ONE:
            raise VenueStateError("fee", expected="below 10^18", actual=str(state.fee))

    def pairs(self, state: WeightedState) -> tuple[tuple[AssetId, AssetId], ...]:
        """Every token for every other."""
        tokens = sorted(state.tokens)
        return tuple((a, b) for a in tokens for b in tokens if a != b)

    def execute(self, state: WeightedState, account: str, trade: Trade, time_seconds: int) -> tuple[int, WeightedState]:
        """Exact output of the contract. Refusals: `unknown_level`, `unknown_asset`, `venue_capacity` (over 30 % of the balance), `no_output`."""
        refuse_level(state, trade)
        source, target = state.tokens.get(trade.asset_in), state.tokens.get(trade.asset_out)
        if source is None or target is None or trade.asset_in == trade.asset_out:
            raise TradeRefusedError(
                "unknown_asset", f"{state.id} does not trade {trade.asset_in} for {trade.asset_out}"
            )
        net = (trade.amount_in - mul_up(trade.amount_in, state.fee)) * 10 ** (18 - source.decimals)
        balance_in = source.balance * 10 ** (18 - source.decimals)
        if net > mul_down(balance_in, MAX_IN_RATIO) or source.balance + trade.amount_in >= BALANCE_LIMIT:
            raise TradeRefusedError(
                "venue_capacity", f"{trade.amount_in} exceeds 30 % of {source.balance} at {state.id}"
            )
        base = div_up(balance_in, balance_in + net)
        powered = power_up(base, div_down(source.weight, target.weight), shortcuts=state.version == "v3plus")
        scale_out = 10 ** (18 - target.decimals)
        out = mul_down(target.balance * scale_out, complement(powered)) // scale_out
        if out == 0:
            raise TradeRefusedError("no_output", f"{trade.amount_in} of {trade.asset_in} buys nothing at {state.id}")
        tokens = {
            **state.tokens,
            trade.asset_in: source.model_copy(update={"balance": source.balance + trade.amount_in}),
            trade.asset_out: target.model_copy(update={"balance": target.balance - out}),
        }
        return out, state.model_copy(update={"tokens": tokens})

    def input_for(self, state: WeightedState, asset_in: AssetId, amount_out: int, asset_out: AssetId) -> int:
        """Exact input of an exact-output swap. Refusals: `unknown_asset`, `venue_capacity` (over 30 % of the balance, a full balance)."""
        source, target = state.tokens.get(asset_in), state.tokens.get(asset_out)
        if source is None or target is None or asset_in == asset_out:
            raise TradeRefusedError("unknown_asset", f"{state.id} does not trade {asset_in} for {asset_out}")
        scale_in, scale_out = 10 ** (18 - source.decimals), 10 ** (18 - target.decimals)
        balance_out, wanted = target.balance * scale_out, amount_out * scale_out
        if wanted > mul_down(balance_out, MAX_OUT_RATIO):
            raise TradeRefusedError("venue_capacity", f"{amount_out} exceeds 30 % of {target.balance} at {state.id}")
        base = div_up(balance_out, balance_out - wanted)
        powered = power_up(base, div_up(target.weight, source.weight), shortcuts=state.version == "v3plus")
        net = ceil_div(mul_up(source.balance * scale_in, powered - ONE), scale_in)
        paid = div_up(net, ONE - state.fee)
        if source.balance + paid >= BALANCE_LIMIT:
            raise TradeRefusedError("venue_capacity", f"{amount_out} costs more of {asset_in} than {state.id} can hold")
        return paid

    def supply(self, state: WeightedState, asset_in: AssetId, asset_out: AssetId) -> Supply:
        """Tangent staircase over the real curve, which the contract never exceeds; up to 30 % of the balance."""
        source, target = state.tokens[asset_in], state.tokens[asset_out]
        kept_share = Fraction(ONE - state.fee, ONE)
        exponent = Fraction(source.weight, target.weight)

        def curve(amount: int) -> Bounds:
            net = amount * (ONE - state.fee)
            kept = 1 - _power(source.balance * ONE, source.balance * ONE + net, exponent)
            value = FINE * target.balance * kept
            error = FINE * target.balance * _POWER_PRECISION
            return floor(value - error), ceil(value + error)

        limit = int(mul_down(source.balance, MAX_IN_RATIO) / kept_share)
        spot = Fraction(target.balance, source.balance) * exponent * kept_share
        # The contract's power is over the true one, and the fee rounds up by less than one unit of the input.
        loss = 1 + target.balance * POWER_ERROR + spot
        return supply_of_curve(curve, spot, scale=source.balance, limit=limit, loss=loss)

    def conflict_keys(self, state: WeightedState, trade: Trade) -> tuple[str, ...]:
        """The pool."""
        return (state.id,)

    def delay_seconds(self, state: WeightedState) -> int:
        """Same stage."""
        return 0


def _power(numerator: int, denominator: int, exponent: Fraction) -> Fraction:
    """(numerator / denominator) ** exponent with an error below _POWER_PRECISION, for bases of 10/13 to 1."""
    logarithm = _PRECISE.ln(_PRECISE.divide(numerator, denominator))
    power = _PRECISE.divide(_PRECISE.multiply(logarithm, exponent.numerator), exponent.denominator)
    return Fraction(_PRECISE.exp(power))
