"""The cryptopool invariant of Curve in the integers of its contracts, for two and three assets.

    K0 = N^N * prod(x) / D^N,   K = A * K0 * gamma^2 / (gamma + 1 - K0)^2
    K * D^(N-1) * sum(x) + prod(x) = K * D^N + (D / N)^N

Balances x are in 18-decimal units of the first asset, at the pool's price scale. D and a balance are found by Newton's
method; it stops at relative differences of 10^-14, so what the contracts give depends on every step, which are theirs.
`ann` is A * N^N * 10,000, `gamma` in units of 10^-18.

Source: M. Egorov, "Automatic market-making with dynamic peg", 2021; curvefi/curve-crypto-contract,
contracts/tricrypto/CurveCryptoMath3.vy and contracts/two/CurveCryptoSwap2.vy. ValueError where a contract reverts: a value
outside its safe range, or no convergence in 255 rounds.
"""

from __future__ import annotations

from collections.abc import Sequence

ONE = 10**18
"""Fixed point of prices and balances."""

A_MULTIPLIER = 10_000
"""Factor inside `ann`."""

MIN_GAMMA, MAX_GAMMA = 10**10, 5 * 10**16
"""Range of gamma (two-asset pools up to 2 * 10^16)."""

ROUNDS = 255
"""Rounds of Newton's method after which the contracts give up."""


def geometric_mean(values: Sequence[int]) -> int:
    """The N-th root of the product, by Newton's method from the largest value."""
    ordered, n = sorted(values, reverse=True), len(values)
    mean = ordered[0]
    for _ in range(ROUNDS):
        before, product = mean, ONE
        for value in ordered:
            product = product * value // mean
        mean = mean * ((n - 1) * ONE + product) // (n * ONE)
        difference = abs(mean - before)
        if difference <= 1 or difference * ONE < mean:
            return mean
    raise ValueError("the geometric mean does not converge")


def virtual_price(invariant: int, price_scale: Sequence[int], supply: int) -> int:
    """The value of a pool token in 18 decimals: the mean of what D holds of each asset in balance, by the supply."""
    n = len(price_scale) + 1
    shares = [invariant // n, *(invariant * ONE // (n * price) for price in price_scale)]
    return ONE * geometric_mean(shares) // supply
