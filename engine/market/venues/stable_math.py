"""The stable invariant of Curve and Balancer in the integers of their contracts.

    A n^n S + D = A n^n D + D^(n+1) / (n^n P)         S: sum, P: product of n balances, D: the invariant

Both are found by Newton's method from above until two rounds differ by at most one unit; what the contracts give is that
last value, whatever the true one, so the order of the divisions is theirs. Amplification arrives as the contracts keep
it: A n^(n-1) times `precision` (Balancer 1000; Curve 100, or 1 in its first pools).

Source: M. Egorov, "StableSwap", 2019; curvefi/curve-contract, contracts/pool-templates/base/SwapTemplateBase.vy (get_D,
get_y); balancer/balancer-v2-monorepo, pkg/pool-stable/contracts/StableMath.sol, and balancer/balancer-v3-monorepo,
pkg/solidity-utils/contracts/math/StableMath.sol. ValueError where a contract would revert: no convergence in 255 rounds,
a number below 0 or of 256 bits or more, a division by 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from intents.values import ceil_div

ROUNDS = 255
"""Rounds of Newton's method after which the contracts give up."""

Products = Literal["together", "apart"]
"""Where get_D divides by n: for each balance (the base template, Balancer), or by n^n at the end (NG; factory metapools)."""


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """When a search stops (two rounds differ by at most `close`) and the first number that does not fit."""

    close: int = 1
    limit: int = 2**256

    def fits(self, value: int) -> int:
        """The value; ValueError where it needs more bits than there are."""
        if value >= self.limit:
            raise ValueError("a number of the contract's needs more than 256 bits")
        return value

    def divisor(self, value: int) -> int:
        """The value; ValueError where the contract could not divide by it."""
        if value <= 0:
            raise ValueError("the contract would divide by 0, or take more from a number than it is")
        return value


CONTRACT = Arithmetic()
"""What the contracts have."""


def invariant(
    amplification: int,
    balances: Sequence[int],
    precision: int,
    products: Products = "together",
    arithmetic: Arithmetic = CONTRACT,
) -> int:
    """D for balances in a common unit; 0 where all are 0. Raises ValueError (see above)."""
    n, total = len(balances), sum(balances)
    if total == 0:
        return 0
    if min(balances) == 0:
        raise ValueError("expected balances above 0")
    found, ann = total, amplification * n
    for _ in range(ROUNDS):
        product = found
        for balance in balances:
            product = arithmetic.fits(product * found) // (balance * n if products == "together" else balance)
        if products != "together":
            product //= n**n
        before = found
        numerator = (ann * total // precision + product * n) * found
        denominator = (ann - precision) * found // precision + (n + 1) * product
        found = arithmetic.fits(numerator) // arithmetic.divisor(denominator)
        if abs(found - before) <= arithmetic.close:
            return found
    raise ValueError("the invariant does not converge")


def invariant_up(amplification: int, balances: Sequence[int], precision: int) -> int:
    """D as Balancer's first stable pools (2021) compute it: another order of divisions, rounded up. Raises ValueError."""
    n, total, ann = len(balances), sum(balances), amplification * len(balances)
    found = total
    for _ in range(ROUNDS):
        product = balances[0] * n
        for balance in balances[1:]:
            product = ceil_div(CONTRACT.fits(product * balance * n), CONTRACT.divisor(found))
        before = found
        numerator = n * found * found + ceil_div(CONTRACT.fits(ann * total * product), precision)
        denominator = (n + 1) * found + (ann - precision) * product // precision
        found = ceil_div(CONTRACT.fits(numerator), CONTRACT.divisor(denominator))
        if abs(found - before) <= 1:
            return found
    raise ValueError("the invariant does not converge")


def curve_balance(
    amplification: int,
    balances: Sequence[int],
    index: int,
    found: int,
    precision: int,
    arithmetic: Arithmetic = CONTRACT,
) -> int:
    """Curve's get_y: the balance at `index` that gives the invariant `found` with all others (rounded down)."""
    n, ann, others, c = len(balances), amplification * len(balances), 0, found
    for i, balance in enumerate(balances):
        if i != index:
            others += balance
            c = arithmetic.fits(c * found) // (balance * n)
    c = arithmetic.fits(c * found * precision) // (ann * n)
    b = others + found * precision // ann
    y = found
    for _ in range(ROUNDS):
        before = y
        y = arithmetic.fits(y * y + c) // arithmetic.divisor(2 * y + b - found)
        if abs(y - before) <= arithmetic.close:
            return y
    raise ValueError("the balance does not converge")


def balancer_balance(
    amplification: int, balances: Sequence[int], index: int, found: int, precision: int, *, exact: bool
) -> int:
    """Balancer's balance at `index` that gives the invariant `found` with all others, rounded up.

    `exact`: V3's order of divisions; V2 (not exact) rounds the quotients before it multiplies by the precision.
    """
    n = len(balances)
    ann, total, product = amplification * n, sum(balances), balances[0] * n
    for balance in balances[1:]:
        product = CONTRACT.fits(product * balance * n) // CONTRACT.divisor(found)
    square, divisor = CONTRACT.fits(found * found), CONTRACT.divisor(ann * product)
    if exact:
        c = ceil_div(CONTRACT.fits(square * precision), divisor) * balances[index]
        b = total - balances[index] + found * precision // ann
    else:
        c = ceil_div(square, divisor) * precision * balances[index]
        b = total - balances[index] + found // ann * precision
    y = ceil_div(CONTRACT.fits(square + c), found + b)
    for _ in range(ROUNDS):
        before = y
        y = ceil_div(CONTRACT.fits(y * y + c), CONTRACT.divisor(2 * y + b - found))
        if abs(y - before) <= 1:
            return y
    raise ValueError("the balance does not converge")
