"""Pool types of Balancer V3: weighted (also with weights that move in time), stable, fixed price, and ERC-4626 buffers.

    weighted      out = B_out (1 - (B_in / (B_in + x))^(w_in / w_out))       invariant = product of B_i^w_i
    stable        engine.market.venues.stable_math, V3's order of divisions
    fixed price   out = x / rate, for the project's token only
    buffer        shares = assets / rate: wrapping and unwrapping at an ERC-4626 vault's rate, less the vault's units

Weights that move: a liquidity bootstrapping pool's weights go from start to end by the share of time that has passed; a
QuantAMM pool's weights by a multiplier for each second since its last update.

Source: balancer/balancer-v3-monorepo, pkg/solidity-utils/contracts/math/{WeightedMath,StableMath}.sol,
pkg/pool-weighted/contracts/lbp, pkg/vault/contracts/VaultExtension.sol; balancer/balancer-maths for QuantAMM. Units: live
balances in 18-decimal fixed point. Rounding: against the trader. ValueError where a contract reverts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from engine.market.venues.balancer_math import (
    ONE,
    complement,
    div_down,
    div_up,
    mul_down,
    mul_up,
    power_down,
    power_up,
)
from engine.market.venues.stable_math import balancer_balance, invariant

MAX_SHARE = 3 * ONE // 10
"""Weighted pools trade at most this share of a balance."""

AMP_PRECISION = 1000
"""Amplification is kept in thousandths."""

MIN_WRAP = 1000
"""Buffers refuse smaller amounts."""


@dataclass(frozen=True, slots=True)
class WeightedMaths:
    """Weights in units of 10^-18; `max_share`: the largest trade as a share of either balance (QuantAMM sets its own)."""

    weights: tuple[int, ...]
    max_share: int = MAX_SHARE
    invariant_bounds: tuple[int, int] = (7 * ONE // 10, 3 * ONE)

    def out_given_in(self, balances: Sequence[int], source: int, target: int, amount: int) -> int:
        """B_out (1 - (B_in / (B_in + x))^(w_in / w_out)), down."""
        self._allow(amount, balances[source], min(self.max_share, MAX_SHARE))
        base = div_up(balances[source], balances[source] + amount)
        powered = power_up(base, div_down(self.weights[source], self.weights[target]), shortcuts=True)
        out = mul_down(balances[target], complement(powered))
        if self.max_share != MAX_SHARE:
            self._allow(out, balances[target], self.max_share)
        return out

    def in_given_out(self, balances: Sequence[int], source: int, target: int, amount: int) -> int:
        """B_in ((B_out / (B_out - y))^(w_out / w_in) - 1), up."""
        self._allow(amount, balances[target], min(self.max_share, MAX_SHARE))
        base = div_up(balances[target], balances[target] - amount)
        powered = power_up(base, div_up(self.weights[target], self.weights[source]), shortcuts=True)
        paid = mul_up(balances[source], powered - ONE)
        if self.max_share != MAX_SHARE:
            self._allow(paid, balances[source], self.max_share)
        return paid

    def invariant(self, balances: Sequence[int], *, up: bool) -> int:
        """The product of B_i^w_i."""
        result = ONE
        for balance, weight in zip(balances, self.weights, strict=True):
            powered = power_up(balance, weight, shortcuts=True) if up else power_down(balance, weight)
            result = mul_up(result, powered) if up else mul_down(result, powered)
        if result == 0:
            raise ValueError("the invariant is 0")
        return result

    def balance_for(self, balances: Sequence[int], index: int, ratio: int) -> int:
        """B ratio^(1 / w), up."""
        return mul_up(balances[index], power_up(ratio, div_up(ONE, self.weights[index]), shortcuts=True))

    @staticmethod
    def _allow(amount: int, balance: int, share: int) -> None:
        if amount > mul_down(balance, share):
            raise ValueError(f"{amount} is more than a share of {share} of {balance}")


@dataclass(frozen=True, slots=True)
class StableMaths:
    """Amplification in thousandths of A n^(n-1)."""

    amplification: int
    invariant_bounds: tuple[int, int] = (6 * ONE // 10, 5 * ONE)

    def out_given_in(self, balances: Sequence[int], source: int, target: int, amount: int) -> int:
        """The balance that D leaves over, less one unit."""
        after = [*balances]
        after[source] += amount
        return balances[target] - self._balance(after, target, self.invariant(balances, up=False)) - 1

    def in_given_out(self, balances: Sequence[int], source: int, target: int, amount: int) -> int:
        """The balance that D asks for, plus one unit."""
        after = [*balances]
        after[target] -= amount
        return self._balance(after, source, self.invariant(balances, up=False)) - balances[source] + 1

    def invariant(self, balances: Sequence[int], *, up: bool) -> int:
        """D, a unit more where rounded up."""
        found = invariant(self.amplification, balances, AMP_PRECISION)
        return found + 1 if up and found else found

    def balance_for(self, balances: Sequence[int], index: int, ratio: int) -> int:
        """The balance at D times the ratio."""
        return self._balance(balances, index, mul_up(self.invariant(balances, up=True), ratio))

    def _balance(self, balances: Sequence[int], index: int, found: int) -> int:
        return balancer_balance(self.amplification, balances, index, found, AMP_PRECISION, exact=True)


@dataclass(frozen=True, slots=True)
class FixedPriceMaths:
    """A sale of token `project` at `rate` reserve tokens each; only bought, never sold back, no unbalanced liquidity."""

    project: int
    rate: int
    invariant_bounds: tuple[int, int] = (0, 2**256 - 1)

    def out_given_in(self, balances: Sequence[int], source: int, target: int, amount: int) -> int:
        """X / rate, down."""
        self._refuse_sale(source)
        return div_down(amount, self.rate)

    def in_given_out(self, balances: Sequence[int], source: int, target: int, amount: int) -> int:
        """Y * rate, up."""
        self._refuse_sale(source)
        return mul_up(amount, self.rate)

    def invariant(self, balances: Sequence[int], *, up: bool) -> int:
        """The value of both balances in reserve tokens."""
        value = (mul_up if up else mul_down)(balances[self.project], self.rate)
        return value + balances[1 - self.project]

    def balance_for(self, balances: Sequence[int], index: int, ratio: int) -> int:
        """Refused."""
        raise ValueError("a fixed price pool takes no unbalanced liquidity")

    def _refuse_sale(self, source: int) -> None:
        if source == self.project:
            raise ValueError("the project's token is not bought back")


def bootstrapping_weights(
    project: int, start: tuple[int, ...], end: tuple[int, ...], window: tuple[int, int], time: int
) -> tuple[int, ...]:
    """Weights of a liquidity bootstrapping pool at a time (unix seconds) within `window` = (start, end)."""
    first, last = start[project], end[project]
    if time >= window[1]:
        weight = last
    elif time <= window[0]:
        weight = first
    else:
        moved = mul_down(div_down(time - window[0], window[1] - window[0]), abs(last - first))
        weight = first + moved if last > first else first - moved
    return (weight, ONE - weight) if project == 0 else (ONE - weight, weight)


def moving_weights(
    weights: Sequence[int], multipliers: Sequence[int], updated: int, last: int, time: int
) -> tuple[int, ...]:
    """QuantAMM's weights at a time: each moves by its multiplier a second since `updated`, until `last`."""
    seconds = min(time, last) - updated
    return tuple(weight + multiplier * seconds for weight, multiplier in zip(weights, multipliers, strict=True))


def buffer_amount(amount: int, rate: Fraction, *, wrap: bool, exact_in: bool, units: int) -> int:
    """Units out (or in, where not `exact_in`) of wrapping assets or unwrapping shares, `rate` in 10^-18 assets a share.

    `units`: what the vault takes from the amount and from the result (adds, where not `exact_in`). ValueError below MIN_WRAP.
    """
    if amount < MIN_WRAP:
        raise ValueError(f"expected at least {MIN_WRAP} units, got {amount}")
    taken = -units if exact_in else units
    given = amount + taken
    value = given * ONE / rate if wrap == exact_in else given * rate / ONE
    return (floor if exact_in else ceil)(value) + taken
