"""Balancer V3's vault around a pool's mathematics: swaps, and what adding and removing liquidity gives, bit for bit.

Everything is in live balances: 18-decimal fixed point, token decimals and rates applied. A swap scales what is given (in:
down, out: up with the rate a unit higher where it is not whole), takes the fee from the input (up), asks the pool, and
scales back against the trader. Liquidity that is not proportional pays the swap fee on the part that is not; to add liquidity the vault rounds the live
balances up.

Source: balancer/balancer-v3-monorepo, pkg/vault/contracts/{Vault,BasePoolMath}.sol and
pkg/pool-hooks/contracts/StableSurgeHook.sol; read together with balancer/balancer-maths (MIT), the publishers' own
restatement. ValueError where the contracts revert. Not here: hooks other than the surge fee, creator fees on what stays
in the pool (they change no amount of the trade itself).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.market.venues.balancer_math import ONE, complement, div_down, div_up, mul_down, mul_up
from intents.values import ceil_div

MIN_TRADE = 10**6
"""Scaled amounts below it are refused."""


class PoolMaths(Protocol):
    """What a pool type computes; balances and amounts live, in the vault's order of tokens."""

    @property
    def invariant_bounds(self) -> tuple[int, int]:
        """Smallest and largest ratio of invariants of an unbalanced change."""

    def out_given_in(self, balances: Sequence[int], source: int, target: int, amount: int) -> int:
        """What a net input gives."""

    def in_given_out(self, balances: Sequence[int], source: int, target: int, amount: int) -> int:
        """What an output needs, before the fee."""

    def invariant(self, balances: Sequence[int], *, up: bool) -> int:
        """The invariant, rounded."""

    def balance_for(self, balances: Sequence[int], index: int, ratio: int) -> int:
        """The balance at `index` at which the invariant is `ratio` times today's, rounded up."""


@dataclass(frozen=True, slots=True)
class Surge:
    """The surge hook's fee: from `threshold` of imbalance on it rises towards `most`."""

    threshold: int
    most: int


@dataclass(frozen=True, slots=True)
class V3Pool:
    """A pool of the vault. `factors` = 10^(18 - decimals), `rates` and `fee` in units of 10^-18."""

    maths: PoolMaths
    balances: tuple[int, ...]
    factors: tuple[int, ...]
    rates: tuple[int, ...]
    fee: int
    supply: int = 0
    surge: Surge | None = None

    @property
    def balances_up(self) -> tuple[int, ...]:
        """The live balances rounded up, as the vault loads them to add liquidity.

        Found through the raw balances, each the smallest that gives the live one: exact where a rate is at least 1.
        """
        scales = [factor * rate for factor, rate in zip(self.factors, self.rates, strict=True)]
        return tuple(mul_up(div_up(live, scale), scale) for live, scale in zip(self.balances, scales, strict=True))

    def raw_down(self, index: int, amount: int, rate: int) -> int:
        """Units of the token at `index` for a live amount at a rate, rounded down."""
        return div_down(amount, self.factors[index] * rate)

    def raw_up(self, index: int, amount: int) -> int:
        """Units of the token at `index` for a live amount, rounded up."""
        return div_up(amount, self.factors[index] * self.rates[index])


def rate_up(rate: int) -> int:
    """The rate by which what goes out is scaled: a unit higher where it is not whole."""
    return rate + 1 if rate % ONE else rate


def swap_in(pool: V3Pool, source: int, target: int, amount: int) -> int:
    """Units of the target for exactly `amount` units of the source."""
    entered = mul_down(amount * pool.factors[source], pool.rates[source])
    fee = swap_fee(pool, source, target, entered, exact_in=True)
    net = _tradeable(entered - mul_up(entered, fee))
    out = _tradeable(pool.maths.out_given_in(pool.balances, source, target, net))
    return pool.raw_down(target, out, rate_up(pool.rates[target]))


def swap_out(pool: V3Pool, source: int, target: int, amount: int) -> int:
    """Units of the source for exactly `amount` units of the target."""
    wanted = _tradeable(mul_up(amount * pool.factors[target], rate_up(pool.rates[target])))
    fee = swap_fee(pool, source, target, wanted, exact_in=False)
    net = _tradeable(pool.maths.in_given_out(pool.balances, source, target, wanted))
    return pool.raw_up(source, net + ceil_div(net * fee, complement(fee)))


def swap_fee(pool: V3Pool, source: int, target: int, amount: int, *, exact_in: bool) -> int:
    """The fee of a trade: the pool's, or the surge hook's where the trade leaves the pool further out of balance."""
    if pool.surge is None:
        return pool.fee
    after = list(pool.balances)
    if exact_in:
        after[source] += amount
        after[target] -= pool.maths.out_given_in(pool.balances, source, target, amount)
    else:
        after[source] += pool.maths.in_given_out(pool.balances, source, target, amount)
        after[target] -= amount
    found = imbalance(after)
    if found <= max(imbalance(pool.balances), pool.surge.threshold):
        return pool.fee
    share = div_down(found - pool.surge.threshold, complement(pool.surge.threshold))
    return pool.fee + mul_down(pool.surge.most - pool.fee, share)


def imbalance(balances: Sequence[int]) -> int:
    """Distances from the median balance as a share of their sum."""
    ordered, middle = sorted(balances), len(balances) // 2
    median = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) // 2
    return div_down(sum(abs(balance - median) for balance in balances), sum(balances))


def add_unbalanced(pool: V3Pool, amounts: Sequence[int]) -> int:
    """Pool tokens for exact inputs, one of every token (0 allowed)."""
    scaled = [mul_down(a * f, r) for a, f, r in zip(amounts, pool.factors, pool.rates, strict=True)]
    balances = pool.balances_up
    fresh = [balance + amount - 1 for balance, amount in zip(balances, scaled, strict=True)]
    current = pool.maths.invariant(balances, up=True)
    ratio = _bounded(pool, div_down(pool.maths.invariant(fresh, up=False), current))
    for index, balance in enumerate(balances):
        taxable = fresh[index] - mul_down(ratio, balance)
        if taxable > 0:
            fresh[index] -= mul_up(taxable, pool.fee)
    return pool.supply * (pool.maths.invariant(fresh, up=False) - current) // current


def add_single(pool: V3Pool, index: int, pool_tokens: int) -> int:
    """Units of one token for exactly `pool_tokens`."""
    balances = pool.balances_up
    supply, balance = pool.supply + pool_tokens, balances[index]
    ratio = _bounded(pool, div_up(supply, pool.supply))
    fresh = pool.maths.balance_for(balances, index, ratio)
    taxable = fresh - div_down(mul_down(supply, balance), pool.supply)
    fee = div_up(taxable, complement(pool.fee)) - taxable
    return pool.raw_up(index, fresh - balance + fee)


def remove_proportional(pool: V3Pool, pool_tokens: int) -> list[int]:
    """Units of every token for `pool_tokens`."""
    shares = [balance * pool_tokens // pool.supply for balance in pool.balances]
    return [pool.raw_down(index, share, pool.rates[index]) for index, share in enumerate(shares)]


def remove_single_in(pool: V3Pool, index: int, pool_tokens: int) -> int:
    """Units of one token for exactly `pool_tokens`."""
    supply, balance = pool.supply - pool_tokens, pool.balances[index]
    fresh = pool.maths.balance_for(pool.balances, index, _bounded(pool, div_up(supply, pool.supply)))
    taxable = ceil_div(supply * balance, pool.supply) - fresh
    return pool.raw_down(index, balance - fresh - mul_up(taxable, pool.fee), pool.rates[index])


def remove_single_out(pool: V3Pool, index: int, amount: int) -> int:
    """Pool tokens for exactly `amount` units of one token."""
    fresh = [balance - 1 for balance in pool.balances]
    fresh[index] -= mul_up(amount * pool.factors[index], pool.rates[index])
    current = pool.maths.invariant(pool.balances, up=True)
    ratio = _bounded(pool, div_up(pool.maths.invariant(fresh, up=True), current))
    taxable = mul_up(ratio, pool.balances[index]) - fresh[index]
    fresh[index] -= div_up(taxable, complement(pool.fee)) - taxable
    return ceil_div(pool.supply * (current - pool.maths.invariant(fresh, up=False)), current)


def _tradeable(amount: int) -> int:
    if amount < MIN_TRADE:
        raise ValueError(f"expected a scaled amount of at least {MIN_TRADE}, got {amount}")
    return amount


def _bounded(pool: V3Pool, ratio: int) -> int:
    least, most = pool.maths.invariant_bounds
    if not least <= ratio <= most:
        raise ValueError(f"expected a ratio of invariants from {least} to {most}, got {ratio}")
    return ratio
