"""Curve's cryptopools of two and three assets, bit for bit for a trade on the recorded state.

    xp_i = balance_i * 10^(18 - decimals_i) * price_scale_i / 10^18       price_scale_0 = 1
    out = (xp_j - y - 1) / price_scale_j, less the dynamic fee at the balances after it       y from D: curve_crypto_math

Fee: between `mid_fee` and `out_fee`, in units of 10^-10, by how far the pool is out of balance afterwards. All divisions
round down; one unit less on top. The contract's search stops at relative steps of 10^-14, so an output may be off the
true curve by D / 10^14 on either side, which `supply` states; the closed form of the NG pools by less
than D / 10^10, most where the roots of its cubic nearly meet.

Source: curvefi/curve-crypto-contract, contracts/tricrypto/CurveCryptoSwap.vy, contracts/two/CurveCryptoSwap2.vy
(exchange); for pools of the NG factories, whose `maths` is named, curvefi/twocrypto-ng, CurveTwocryptoOptimized.vy, and
curvefi/tricrypto-ng, CurveTricryptoOptimized.vy: y from the closed form of curve_ng_math, D from the K0 that comes with it.
After a trade D is found anew, as there. Not here: the move of the price scale that may follow a trade (it needs profits
and oracles that snapshots do not carry), so a second trade of the same auction may meet other prices on chain; ramps of A
and gamma. A trade of dust after which D is not above the stored one is refused for NG pools, whose contracts revert it;
one that raises D by less than 10^-18 of the pool token's worth reverts there too, which no snapshot can tell. Exact
output: the smallest input whose output is enough, as the contracts have no function for it.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from engine.market.venues.curve_crypto_math import (
    A_MULTIPLIER,
    MAX_GAMMA,
    MIN_GAMMA,
    ONE,
    dynamic_fee,
    newton_balance,
    newton_invariant,
)
from engine.market.venues.curve_ng_math import COINS, Maths, cubic_balance, cubic_invariant
from engine.market.venues.curve_ng_math import MAX_GAMMA as NG_MAX_GAMMA
from engine.market.venues.curve_supply import FINE, Bounds, growing_shares, supply_of_curve
from engine.market.venues.exact_out import least_input
from intents.identifiers import AssetId
from intents.values import Amount, Value

FEE_UNITS = 10**10
"""Fixed point of fees."""

MIN_FEE = 5 * 10**5
"""Smallest fee of a pool: half a basis point."""

AMPLIFICATIONS = {2: (Fraction(4, 10), 400_000), 3: (Fraction(27, 100), 27_000)}
"""Range of A N^N by number of assets."""

NG_TWO_AMPLIFICATION = 4000 * 10**4
"""Largest A N^N of the NG pools of two assets, a hundredth of the older ones'."""

SEARCH_DIGITS, CUBIC_DIGITS = 14, 10
"""To how many digits of D a balance is found: where the search stops; by the cubic, whose terms cancel most where its roots nearly meet."""

DRIFT = 10**4
"""The recorded D may differ from that of the balances by one part in this many: donations are counted with the next claim."""


class CryptoCoin(Value):
    """One coin: `balance` in base units, `decimals` as the contract has them."""

    asset: AssetId
    balance: Amount
    decimals: int = Field(ge=0, le=18)


class CurveCryptoState(VenueState):
    """Coins in the contract's order; `price_scale` of all but the first in units of 10^-18 of the first.

    `amplification` is A N^N times `multiplier` (100 in the pools of 2021, then 10,000), `gamma` and `fee_gamma` in units of 10^-18, fees in units of 10^-10,
    `invariant` the D that the contract has stored, `maths` the library of a pool of the NG factories, absent in older ones.
    """

    kind: Literal["curve_crypto"] = "curve_crypto"
    coins: tuple[CryptoCoin, ...]
    price_scale: tuple[Amount, ...]
    amplification: int
    multiplier: Literal[100, 10000] = 10000
    gamma: Amount
    invariant: Amount
    mid_fee: int
    out_fee: int
    fee_gamma: Amount
    maths: Maths | None = Field(default=None, exclude_if=lambda maths: maths is None)

    def scaled(self, index: int, balance: int) -> int:
        """A balance of one coin in units of the first, rounded down."""
        precise = balance * int(10 ** (18 - self.coins[index].decimals))
        return precise if index == 0 else precise * self.price_scale[index - 1] // ONE

    @property
    def all_scaled(self) -> list[int]:
        """All balances in units of the first coin."""
        return [self.scaled(index, coin.balance) for index, coin in enumerate(self.coins)]


class CurveCrypto:
    """The Curve cryptopool kind."""

    kind = "curve_crypto"
    state_type = CurveCryptoState

    def check(self, state: CurveCryptoState, assets: Mapping[str, AssetInfo]) -> None:
        """Two or three different known coins, a price for all but the first, parameters in the contract's ranges, the D of the balances."""
        count = len(state.coins)
        if count not in AMPLIFICATIONS or len({coin.asset for coin in state.coins}) != count:
            raise VenueStateError("coins", expected="two or three different coins", actual=str(count))
        for index, coin in enumerate(state.coins):
            if coin.asset not in assets:
                raise VenueStateError(f"coins/{index}/asset", expected="a known asset", actual=coin.asset)
            if coin.decimals != assets[coin.asset].decimals:
                expected = f"the asset's {assets[coin.asset].decimals}"
                raise VenueStateError(f"coins/{index}/decimals", expected=expected, actual=str(coin.decimals))
        if len(state.price_scale) != count - 1 or not all(state.price_scale):
            raise VenueStateError("price_scale", expected=f"{count - 1} prices above 0", actual=str(state.price_scale))
        if state.maths is not None and (COINS[state.maths], A_MULTIPLIER) != (count, state.multiplier):
            expected = f"{COINS[state.maths]} coins and a multiplier of {A_MULTIPLIER}"
            raise VenueStateError("maths", expected=expected, actual=f"{count} and {state.multiplier}")
        for field, value, least, most in _ranges(state):
            if not least <= value <= most:
                raise VenueStateError(field, expected=f"{least} to {most}", actual=str(value))
        try:
            found = invariant_of(state)
        except (ValueError, ZeroDivisionError) as error:
            raise VenueStateError("coins", expected="balances with an invariant", actual=str(error)) from None
        if abs(found - state.invariant) * DRIFT > found:
            raise VenueStateError("invariant", expected=f"about {found}", actual=str(state.invariant))

    def pairs(self, state: CurveCryptoState) -> tuple[tuple[AssetId, AssetId], ...]:
        """Every coin for every other."""
        assets = sorted(coin.asset for coin in state.coins)
        return tuple((a, b) for a in assets for b in assets if a != b)

    def execute(
        self, state: CurveCryptoState, account: str, trade: Trade, time_seconds: int
    ) -> tuple[int, CurveCryptoState]:
        """Exact output of `exchange`. Refusals: `unknown_level`, `unknown_asset`, `no_output` (or a loss to an NG pool), `venue_capacity` (outside the safe range)."""
        refuse_level(state, trade)
        source, target = _positions(state, trade.asset_in, trade.asset_out)
        try:
            after, moved, guess = _moved(state, source, target, trade.amount_in)
            out = _unscaled(state, target, moved - 1)
            out -= dynamic_fee(after, state.mid_fee, state.out_fee, state.fee_gamma) * out // FEE_UNITS
            if out <= 0:
                raise TradeRefusedError(
                    "no_output", f"{trade.amount_in} of {trade.asset_in} buys nothing at {state.id}"
                )
            coins = [*state.coins]
            coins[source] = coins[source].model_copy(update={"balance": coins[source].balance + trade.amount_in})
            coins[target] = coins[target].model_copy(update={"balance": coins[target].balance - out})
            done = state.model_copy(update={"coins": tuple(coins)})
            found = invariant_of(done, guess)
        except (ValueError, ZeroDivisionError) as error:
            raise TradeRefusedError("venue_capacity", f"{state.id}: {error}") from None
        if state.maths is not None and found <= state.invariant:
            raise TradeRefusedError("no_output", f"{trade.amount_in} of {trade.asset_in} is a loss to {state.id}")
        return out, done.model_copy(update={"invariant": found})

    def input_for(self, state: CurveCryptoState, asset_in: AssetId, amount_out: int, asset_out: AssetId) -> int:
        """The smallest input that brings at least the output. Refusals: `unknown_asset`, `venue_capacity`."""
        return least_input(lambda x: self.execute(state, "", Trade(asset_in, x, asset_out), 0)[0], amount_out)

    def supply(self, state: CurveCryptoState, asset_in: AssetId, asset_out: AssetId) -> Supply:
        """Staircase over the curve at the smallest fee; the larger fees and the search's tolerance are in the stated errors."""
        source, target = _positions(state, asset_in, asset_out)
        least, most = (1 - Fraction(fee, FEE_UNITS) for fee in (state.mid_fee, state.out_fee))
        balance = state.coins[source].balance
        reached = next((x for x in reversed(_grid(balance)) if self._takes(state, asset_in, x, asset_out)), 0)
        if not reached:
            return Supply((), Fraction(0), 0)
        unit = Fraction(_unscaled(state, target, ONE * ONE), ONE * ONE)
        digits = SEARCH_DIGITS if state.maths is None else CUBIC_DIGITS
        tolerance = (Fraction(state.invariant + sum(state.all_scaled), 10**digits) + 200) * unit + 2

        def curve(amount: int) -> Bounds:
            out = _moved(state, source, target, amount)[1] * unit
            return max(0, int((out - tolerance) * least * FINE)), ceil((out + tolerance) * least * FINE)

        probe = max(balance >> 20, 1)
        spot = (-_moved(state, source, target, -probe)[1] * unit + tolerance) * least / probe
        shown = supply_of_curve(curve, spot, scale=balance, limit=reached, loss=tolerance * 2)
        relative = (1 + shown.relative_error) * least / most - 1
        loss = ceil((tolerance * 2 + spot) * (2 + relative))
        if state.maths is not None:  # a trade whose fee is below what D may be off by can be refused as a loss
            loss += ceil(2 * tolerance * FEE_UNITS / max(state.mid_fee, 1) * (1 + relative))
        return Supply(shown.segments, relative, loss, units_above=ceil(tolerance))

    def _takes(self, state: CurveCryptoState, asset_in: AssetId, amount: int, asset_out: AssetId) -> bool:
        try:
            self.execute(state, "", Trade(asset_in, amount, asset_out), 0)
        except TradeRefusedError:
            return False
        return True

    def conflict_keys(self, state: CurveCryptoState, trade: Trade) -> tuple[str, ...]:
        """The pool."""
        return (state.id,)

    def delay_seconds(self, state: CurveCryptoState) -> int:
        """Same stage."""
        return 0


def _grid(balance: int) -> list[int]:
    return [point for n, d in growing_shares() if (point := balance * n // d)]


def _positions(state: CurveCryptoState, asset_in: AssetId, asset_out: AssetId) -> tuple[int, int]:
    order = {coin.asset: index for index, coin in enumerate(state.coins)}
    if asset_in == asset_out or asset_in not in order or asset_out not in order:
        raise TradeRefusedError("unknown_asset", f"{state.id} does not trade {asset_in} for {asset_out}")
    return order[asset_in], order[asset_out]


def invariant_of(state: CurveCryptoState, guess: int = 0) -> int:
    """D of the balances as the contract finds it; `guess` is the K0 that came with the balance of an NG pool. ValueError, ZeroDivisionError."""
    if state.maths is not None:
        return cubic_invariant(state.maths, state.amplification, state.gamma, state.all_scaled, guess)
    return newton_invariant(state.amplification, state.gamma, state.all_scaled, state.multiplier)


def _moved(state: CurveCryptoState, source: int, target: int, amount: int) -> tuple[list[int], int, int]:
    """Scaled balances once `amount` came in and the target's went down to keep D, by how much it went, and the guess for D."""
    after, guess = state.all_scaled, 0
    after[source] = state.scaled(source, state.coins[source].balance + amount)
    ann, gamma, found = state.amplification, state.gamma, state.invariant
    if state.maths is not None:
        left, guess = cubic_balance(state.maths, ann, gamma, after, found, target)
    else:
        left = newton_balance(ann, gamma, after, found, target, state.multiplier)
    moved = after[target] - left
    after[target] = left
    return after, moved, guess


def _ranges(state: CurveCryptoState) -> tuple[tuple[str, int, int, int], ...]:
    """What the factory lets a pool have: field, value, least and most."""
    low, high = (int(bound * state.multiplier) for bound in AMPLIFICATIONS[len(state.coins)])
    if state.maths is not None and len(state.coins) == 2:
        high = NG_TWO_AMPLIFICATION
    return (
        ("amplification", state.amplification, low, high),
        ("gamma", state.gamma, MIN_GAMMA, MAX_GAMMA if state.maths is None else NG_MAX_GAMMA[state.maths]),
        ("mid_fee", state.mid_fee, MIN_FEE if state.maths is None else 0, FEE_UNITS - 1),
        ("out_fee", state.out_fee, state.mid_fee, FEE_UNITS - 1),
        ("fee_gamma", state.fee_gamma, 0 if state.maths is None else 1, ONE),
    )


def _unscaled(state: CurveCryptoState, index: int, amount: int) -> int:
    """Base units of a scaled amount, rounded down."""
    if index:
        amount = amount * ONE // state.price_scale[index - 1]
    return amount // int(10 ** (18 - state.coins[index].decimals))
