"""Stable pools of Balancer, bit for bit: V2's stable and meta stable pools (`v1`), its composable ones (`v2`), and V3 (`v3`).

The invariant D (engine.market.venues.stable_math) stays what it is; for a net input x of token i

    out_j = B_j - y_j(D, B_i + x) - 1          in 18-decimal fixed point, after scaling each amount by its factor

An amount is scaled by 10^(18 - decimals) and the token's rate. Balances enter in the order of the tokens' addresses, as in
the vaults: the divisions depend on it. Rounding, all against the trader: scaling in and out down, y up, one unit less on
top; the fee up, taken from the input before scaling (V2) or after it (V3, which also refuses less than 10^6 scaled units
and divides by a rate one unit higher where a rate is not whole).

Source: balancer/balancer-v2-monorepo, pkg/pool-stable/contracts/{StableMath,ComposableStablePool}.sol and
pkg/pool-utils/contracts/BaseGeneralPool.sol, and its branch stable-deployment of 2021; balancer/balancer-v3-monorepo,
pkg/vault/contracts/Vault.sol (_swap) and StableMath.sol. Tokens trade for each other only; the pool's own token (joins and exits by swap) is not among them. Stable
and meta stable pools (2021) round D up and so give a unit less now and then; a file that does not say gets `v2`.

A pool so far out of balance that Newton's method does not end can not trade, there as here (`venue_capacity`).

Errors of `supply`: engine.market.venues.stable_supply.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Literal

from pydantic import Field

from engine.market.venues.balancer_math import ONE, div_up, mul_down, mul_up
from engine.market.venues.base import (
    AssetInfo,
    Supply,
    Trade,
    TradeRefusedError,
    VenueState,
    VenueStateError,
    refuse_level,
)
from engine.market.venues.stable_math import balancer_balance, invariant, invariant_up
from engine.market.venues.stable_supply import StablePair, stable_supply
from intents.identifiers import AssetId
from intents.values import Amount, Value, ceil_div

AMP_PRECISION = 1000
"""Amplification is kept in thousandths."""

MAX_AMPLIFICATION = 50_000
"""The largest amplification of a pool (V3; V2's is 5000)."""

MAX_TOKENS = 5
"""Tokens of a stable pool, its own not counted."""

BALANCE_LIMIT = 2**112
"""V2's vault stores balances as uint112; V3's as uint128, which no token here needs."""

MIN_TRADE = 10**6
"""V3 refuses smaller scaled amounts."""


class StableToken(Value):
    """One token: `balance` in base units, `decimals` as the contract has them, `rate` in units of 10^-18 (1 where none)."""

    balance: Amount
    decimals: int = Field(ge=0, le=18)
    rate: Amount = ONE

    @property
    def factor(self) -> int:
        """10^(18 - decimals)."""
        return int(10 ** (18 - self.decimals))

    @property
    def scaled(self) -> int:
        """The balance in the pool's common unit, rounded down."""
        return mul_down(self.balance, self.factor * self.rate)


class StableState(VenueState):
    """Tokens by asset, `amplification` in thousandths of A n^(n-1), and the swap fee in units of 10^-18."""

    kind: Literal["stable"] = "stable"
    tokens: dict[AssetId, StableToken]
    amplification: int
    fee: Amount
    version: Literal["v1", "v2", "v3"] = "v2"

    @property
    def scaled(self) -> dict[AssetId, int]:
        """Scaled balances in the vault's order."""
        return {asset: self.tokens[asset].scaled for asset in sorted(self.tokens)}


class Stable:
    """The Balancer stable kind."""

    kind = "stable"
    state_type = StableState

    def check(self, state: StableState, assets: Mapping[str, AssetInfo]) -> None:
        """2 to 5 known tokens with their decimals, balances and rates above 0, 1 <= amplification <= 50,000, 0 <= fee < 1."""
        if not 2 <= len(state.tokens) <= MAX_TOKENS:
            raise VenueStateError("tokens", expected=f"2 to {MAX_TOKENS} tokens", actual=str(len(state.tokens)))
        for asset, token in state.tokens.items():
            if asset not in assets:
                raise VenueStateError("tokens", expected="known assets", actual=asset)
            if not token.decimals == assets[asset].decimals <= 18:
                expected = f"the asset's {assets[asset].decimals}, at most 18"
                raise VenueStateError(f"tokens/{asset}/decimals", expected=expected, actual=str(token.decimals))
            if not 0 < token.balance < BALANCE_LIMIT:
                raise VenueStateError(
                    f"tokens/{asset}/balance", expected="1 <= balance < 2^112", actual=str(token.balance)
                )
            if not 0 < token.rate < ONE * ONE or token.scaled == 0:
                raise VenueStateError(
                    f"tokens/{asset}/rate", expected="a rate that leaves a scaled balance", actual=str(token.rate)
                )
        if not AMP_PRECISION <= state.amplification <= MAX_AMPLIFICATION * AMP_PRECISION:
            expected = f"{AMP_PRECISION} to {MAX_AMPLIFICATION * AMP_PRECISION}"
            raise VenueStateError("amplification", expected=expected, actual=str(state.amplification))
        if state.fee >= ONE:
            raise VenueStateError("fee", expected="below 10^18", actual=str(state.fee))

    def pairs(self, state: StableState) -> tuple[tuple[AssetId, AssetId], ...]:
        """Every token for every other."""
        tokens = sorted(state.tokens)
        return tuple((a, b) for a in tokens for b in tokens if a != b)

    def execute(self, state: StableState, account: str, trade: Trade, time_seconds: int) -> tuple[int, StableState]:
        """Exact output of the contract. Refusals: `unknown_level`, `unknown_asset`, `no_output`, `venue_capacity` (no convergence, a full balance)."""
        refuse_level(state, trade)
        source, target = _pair(state, trade.asset_in, trade.asset_out)
        if source.balance + trade.amount_in >= BALANCE_LIMIT:
            raise TradeRefusedError("venue_capacity", f"{trade.amount_in} would overflow the balance at {state.id}")
        if state.version != "v3":
            net = mul_down(trade.amount_in - mul_up(trade.amount_in, state.fee), source.factor * source.rate)
        else:
            entered = mul_down(trade.amount_in, source.factor * source.rate)
            net = entered - mul_up(entered, state.fee)
        scaled = _scaled_out(state, trade.asset_in, trade.asset_out, net)
        least = MIN_TRADE if state.version == "v3" else 1
        out = scaled * ONE // (target.factor * rate_out(state.version, target.rate)) if scaled >= least <= net else 0
        if out == 0:
            raise TradeRefusedError("no_output", f"{trade.amount_in} of {trade.asset_in} buys nothing at {state.id}")
        tokens = {
            **state.tokens,
            trade.asset_in: source.model_copy(update={"balance": source.balance + trade.amount_in}),
            trade.asset_out: target.model_copy(update={"balance": target.balance - out}),
        }
        return out, state.model_copy(update={"tokens": tokens})

    def input_for(self, state: StableState, asset_in: AssetId, amount_out: int, asset_out: AssetId) -> int:
        """Exact input of an exact-output swap. Refusals: `unknown_asset`, `venue_capacity` (all of a balance, a full one, no convergence)."""
        source, target = _pair(state, asset_in, asset_out)
        scaling_in, scaling_out = source.factor * source.rate, target.factor * rate_out(state.version, target.rate)
        wanted = mul_down(amount_out, scaling_out) if state.version != "v3" else mul_up(amount_out, scaling_out)
        net = _scaled_in(state, asset_in, asset_out, wanted)
        if state.version != "v3":
            paid = div_up(div_up(net, scaling_in), ONE - state.fee)
        elif min(net, wanted) < MIN_TRADE:
            raise TradeRefusedError("venue_capacity", f"{amount_out} of {asset_out} is less than {state.id} trades")
        else:
            paid = div_up(net + ceil_div(net * state.fee, ONE - state.fee), scaling_in)
        if source.balance + paid >= BALANCE_LIMIT:
            raise TradeRefusedError("venue_capacity", f"{amount_out} costs more of {asset_in} than {state.id} can hold")
        return paid

    def supply(self, state: StableState, asset_in: AssetId, asset_out: AssetId) -> Supply:
        """A staircase over the true curve; the contract's noise is stated in `units_above`."""
        source, target = _pair(state, asset_in, asset_out)
        order = list(state.scaled)
        try:
            _balance_after(state, state.scaled, asset_out)
        except TradeRefusedError:
            return Supply((), Fraction(0), 0)
        return stable_supply(
            StablePair(
                amplification=state.amplification,
                precision=AMP_PRECISION,
                balances=list(state.scaled.values()),
                source=order.index(asset_in),
                target=order.index(asset_out),
                scale_in=Fraction(source.factor * source.rate, ONE),
                scale_out=Fraction(target.factor * target.rate, ONE),
                kept_in=1 - Fraction(state.fee, ONE),
                kept_out=Fraction(1),
                coarse=AMP_PRECISION if state.version != "v3" else 1,
                least=MIN_TRADE if state.version == "v3" else 0,
            )
        )

    def conflict_keys(self, state: StableState, trade: Trade) -> tuple[str, ...]:
        """The pool."""
        return (state.id,)

    def delay_seconds(self, state: StableState) -> int:
        """Same stage."""
        return 0


def rate_out(version: str, rate: int) -> int:
    """The rate by which V3 scales what goes out: a unit higher where it is not whole."""
    return rate + 1 if version == "v3" and rate % ONE else rate


def _pair(state: StableState, asset_in: AssetId, asset_out: AssetId) -> tuple[StableToken, StableToken]:
    source, target = state.tokens.get(asset_in), state.tokens.get(asset_out)
    if source is None or target is None or asset_in == asset_out:
        raise TradeRefusedError("unknown_asset", f"{state.id} does not trade {asset_in} for {asset_out}")
    return source, target


def _scaled_out(state: StableState, asset_in: AssetId, asset_out: AssetId, net: int) -> int:
    """StableMath's out given in, in scaled units; may be negative, where the contract reverts."""
    balances = state.scaled
    return balances[asset_out] - _balance_after(state, {**balances, asset_in: balances[asset_in] + net}, asset_out) - 1


def _scaled_in(state: StableState, asset_in: AssetId, asset_out: AssetId, wanted: int) -> int:
    """StableMath's in given out, in scaled units."""
    balances = state.scaled
    if wanted >= balances[asset_out]:
        raise TradeRefusedError("venue_capacity", f"{wanted} scaled units are all that {state.id} has of {asset_out}")
    after = _balance_after(state, {**balances, asset_out: balances[asset_out] - wanted}, asset_in)
    return after - balances[asset_in] + 1


def _balance_after(state: StableState, balances: Mapping[AssetId, int], asset: AssetId) -> int:
    """The scaled balance of an asset that keeps the state's invariant with the given others."""
    try:
        solve = invariant_up if state.version == "v1" else invariant
        found = solve(state.amplification, list(state.scaled.values()), AMP_PRECISION)
        index = list(balances).index(asset)
        return balancer_balance(
            state.amplification, list(balances.values()), index, found, AMP_PRECISION, exact=state.version == "v3"
        )
    except ValueError as error:
        raise TradeRefusedError("venue_capacity", f"{state.id}: {error}") from None
