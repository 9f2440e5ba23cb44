"""The cryptopool invariant of Curve in the integers of its contracts, for two and three assets.

    K0 = N^N * prod(x) / D^N,   K = A * K0 * gamma^2 / (gamma + 1 - K0)^2
    K * D^(N-1) * sum(x) + prod(x) = K * D^N + (D / N)^N

Balances x are in 18-decimal units of the first asset, at the pool's price scale. D and a balance are found by Newton's
method; it stops at relative differences of 10^-14, so what the contracts give depends on every step, which are theirs.
`ann` is A * N^N times `multiplier` (10,000; 100 in the first pools), `gamma` in units of 10^-18.

Source: M. Egorov, "Automatic market-making with dynamic peg", 2021; curvefi/curve-crypto-contract,
contracts/tricrypto/CurveCryptoMath3.vy and contracts/two/CurveCryptoSwap2.vy. ValueError where a contract reverts: a value
outside its safe range, or no convergence in 255 rounds.
"""

from __future__ import annotations

from collections.abc import Sequence

ONE = 10**18
"""Fixed point of prices and balances."""

A_MULTIPLIER = 10_000
"""Factor inside `ann`; the first cryptopools have 100."""

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
        if n == 2:  # the two-asset contract's own order
            mean = (mean + ordered[0] * ordered[1] // mean) // 2
        else:
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


def newton_invariant(ann: int, gamma: int, balances: Sequence[int], multiplier: int = A_MULTIPLIER) -> int:
    """D for balances at the price scale."""
    ordered, n = sorted(balances, reverse=True), len(balances)
    require(10**9 <= ordered[0] <= 10**33, "the largest balance")
    least = 10**14 if n == 2 else 10**11
    require(all(x * ONE // ordered[0] >= least for x in ordered[1:]), "the smallest balance")
    found = search_invariant(ann, gamma, ordered, n * geometric_mean(ordered), multiplier)
    require(all(10**16 <= x * ONE // found <= 10**20 for x in ordered), "a balance's share")
    return found


def search_invariant(ann: int, gamma: int, ordered: Sequence[int], start: int, multiplier: int) -> int:
    """D for balances from the largest down, by Newton's method from `start`; no range but the steps' own is checked."""
    n, found, total = len(ordered), start, sum(ordered)
    for _ in range(ROUNDS):
        before = found
        require(found > 0, "the invariant")
        k0 = _k0(ordered, found)
        g1k0 = abs(gamma + ONE - k0) + 1
        first = ONE * found // gamma * g1k0 // gamma * g1k0 * multiplier // ann
        second = 2 * ONE * n * k0 // g1k0
        slope = (total + total * second // ONE) + first * n // k0 - second * found // ONE
        require(slope > 0, "the slope")
        plus = found * (slope + total) // slope
        minus = found * found // slope
        if k0 < ONE:
            minus += found * (first // slope) // ONE * (ONE - k0) // k0
        else:
            minus -= found * (first // slope) // ONE * (k0 - ONE) // k0
            require(minus >= 0, "the step")
        found = plus - minus if plus > minus else (minus - plus) // 2
        if abs(found - before) * 10**14 < max(10**16, found):
            return found
    raise ValueError("the invariant does not converge")


def newton_balance(
    ann: int, gamma: int, balances: Sequence[int], found: int, index: int, multiplier: int = A_MULTIPLIER
) -> int:
    """The balance at `index` that gives the invariant `found` with all others; balances[index] itself does not enter."""
    n = len(balances)
    require(10**17 <= found <= 10**33, "the invariant")
    others = sorted((x for i, x in enumerate(balances) if i != index), reverse=True)
    require(all(10**16 <= x * ONE // found <= 10**20 for x in others), "a balance's share")
    if n == 2:
        y = found**2 // (others[0] * 4)
    else:
        y = found // n
        for x in reversed(others):
            y = y * found // (x * n)
    y = search_balance(ann, gamma, others, found, y, multiplier)
    require(10**16 <= y * ONE // found <= 10**20, "the balance's share")
    return y


def search_balance(ann: int, gamma: int, others: Sequence[int], found: int, start: int, multiplier: int) -> int:
    """The balance beside `others` (from the largest down), by Newton's method from `start`; no range is checked."""
    n, y, k0_others = len(others) + 1, start, ONE
    for x in others:
        k0_others = k0_others * x * n // found
    limit, rest = max(others[0] // 10**14, found // 10**14, 100), sum(others)
    for _ in range(ROUNDS):
        before = y
        k0, total = k0_others * y * n // found, rest + y
        g1k0 = abs(gamma + ONE - k0) + 1
        first = ONE * found // gamma * g1k0 // gamma * g1k0 * multiplier // ann
        second = ONE + 2 * ONE * k0 // g1k0
        slope_y = ONE * y + total * second + first
        if slope_y < found * second:
            y = before // 2
            continue
        slope_y -= found * second
        slope = slope_y // y
        minus = first // slope
        plus = (slope_y + ONE * found) // slope + minus * ONE // k0
        minus += ONE * total // slope
        y = before // 2 if plus < minus else plus - minus
        if abs(y - before) < max(limit, y // 10**14):
            return y
    raise ValueError("the balance does not converge")


def dynamic_fee(balances: Sequence[int], mid: int, out: int, fee_gamma: int) -> int:
    """The fee in units of 10^-10: `mid` in balance, towards `out` with the distance from it."""
    total, n = sum(balances), len(balances)
    if n == 2:
        share = ONE * 4 * balances[0] // total * balances[1] // total
    else:
        share = ONE
        for balance in balances:
            share = share * n * balance // total
    if fee_gamma > 0:
        share = fee_gamma * ONE // (fee_gamma + ONE - share)
    return (mid * share + out * (ONE - share)) // ONE


def _k0(ordered: Sequence[int], found: int) -> int:
    if len(ordered) == 2:
        return ONE * 4 * ordered[0] // found * ordered[1] // found
    k0 = ONE
    for x in ordered:
        k0 = k0 * x * len(ordered) // found
    return k0


def require(condition: bool, what: str) -> None:  # noqa: FBT001 - reads as the contract's assert
    """Raise ValueError where the contract's assertion does not hold."""
    if not condition:
        raise ValueError(f"{what} is outside the contract's safe range")
