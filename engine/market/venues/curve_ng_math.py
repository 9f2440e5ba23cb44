"""The cryptopool invariant of Curve in the integers of its newer contracts (NG): a balance from the cubic's closed form.

With K0 = N^N prod(x) / D^N the invariant of curve_crypto_math is a cubic in K0, solved by Cardano's formula with cube roots
of 18 decimals: `cubic_balance` gives the balance and that K0. Where the formula has three real roots the contracts search by
Newton's method and give K0 = 0. `cubic_invariant` starts its search for D from K0, from the geometric mean where it is 0.

Signed divisions cut off towards 0, as the machine's do. ValueError or ZeroDivisionError where a contract reverts: a value
outside its range, a product of more than 255 bits, no convergence. Not promised: what a contract answers after an
unchecked product has gone round 2^256 (outside the ranges that its factory lets a pool have); that is refused here.

Source: curvefi/twocrypto-ng, contracts/main/CurveCryptoMathOptimized2.vy, v2.0.0 and v2.1.0; curvefi/tricrypto-ng,
contracts/main/CurveCryptoMathOptimized3.vy, v2.0.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from typing import Literal

from engine.market.venues.curve_crypto_math import (
    A_MULTIPLIER,
    ONE,
    newton_balance,
    require,
    search_balance,
    search_invariant,
)

Maths = Literal["tricrypto-ng-2.0", "twocrypto-ng-2.0", "twocrypto-ng-2.1"]
"""A library of the NG pools."""

COINS: dict[Maths, int] = {"tricrypto-ng-2.0": 3, "twocrypto-ng-2.0": 2, "twocrypto-ng-2.1": 2}
MAX_GAMMA: dict[Maths, int] = {
    "tricrypto-ng-2.0": 5 * 10**16,
    "twocrypto-ng-2.0": 2 * 10**15,
    "twocrypto-ng-2.1": 199 * 10**15,
}
"""Number of assets, and the largest gamma."""

SMALL_GAMMA = 2 * 10**16
"""Beyond it v2.1.0 narrows the range of balances."""

_WORD = 2**255
_CUBE_SCALES = (2**256 // 10**18, 2**256 // 10**36)
"""Cube roots above the first are taken without more digits, above the second with half of them."""

_DIVIDERS = ((48, 30), (44, 26), (40, 22), (36, 18), (32, 14), (28, 10), (24, 6), (20, 2))
_TWO_DIVIDERS = ((30, 12), (28, 10), (26, 8), (24, 6), (20, 2))
"""Above which power of ten the coefficients lose how many digits (two assets: the larger ones can not come)."""


def cubic_balance(
    maths: Maths, ann: int, gamma: int, balances: Sequence[int], found: int, index: int
) -> tuple[int, int]:
    """The balance at `index` that gives the invariant `found` with all others, and K0 in 18 decimals or 0."""
    require(10**17 <= found <= 10**33, "the invariant")
    if len(balances) == 3:
        return _balance_of_three(ann, gamma, balances, found, index)
    return _balance_of_two(maths, ann, gamma, balances[1 - index], found)


def cubic_invariant(maths: Maths, ann: int, gamma: int, balances: Sequence[int], k0: int = 0) -> int:
    """D for balances at the price scale, the search starting from `k0` (18 decimals), or from the geometric mean at 0."""
    ordered, n = sorted(balances, reverse=True), len(balances)
    require(ordered[-1] > 0, "the smallest balance")
    if n == 3:
        start, low, high = _start_of_three(ordered, k0), 10**16 - 1, 10**20
    else:
        require(10**9 <= ordered[0] <= 10**33, "the largest balance")
        require(ordered[1] * ONE // ordered[0] >= 10**14, "the smallest balance")
        product = ordered[0] * ordered[1]
        start = 2 * isqrt(product) if k0 == 0 else min(isqrt(4 * product // k0 * ONE), sum(ordered))
        low, high = (10**16 - 1, 10**20) if maths == "twocrypto-ng-2.0" else (10**16 // 2, 10**20 // 2)
    found = search_invariant(ann, gamma, ordered, start, A_MULTIPLIER)
    require(all(low <= x * ONE // found <= high for x in ordered), "a balance's share")
    return found


def cube_root(value: int) -> int:
    """The cube root of a number of 18 decimals, by seven of Newton's steps from a power of two; 36 decimals below it."""
    scaled = value if value >= _CUBE_SCALES[0] else value * ONE if value >= _CUBE_SCALES[1] else value * ONE * ONE
    if scaled == 0:
        return 0
    power, rest = divmod(scaled.bit_length() - 1, 3)
    root = int(2**power) * int(1260**rest) // int(1000**rest)
    for _ in range(7):
        root = (2 * root + scaled // (root * root)) // 3
    return root * (10**12 if value >= _CUBE_SCALES[0] else 10**6 if value >= _CUBE_SCALES[1] else 1)


def _balance_of_two(maths: Maths, ann: int, gamma: int, other: int, found: int) -> tuple[int, int]:
    limit = 100 * ONE if gamma <= SMALL_GAMMA else 100 * ONE * SMALL_GAMMA // gamma
    shares = (2 * 10**16, 2 * 10**20) if maths == "twocrypto-ng-2.0" else (10**36 // limit, limit)
    require(shares[0] <= 2 * ONE * other // found <= shares[1], "a balance's share")
    a, b, c, d = _coefficients_of_two(ann * gamma**2, gamma, other, found)
    delta0 = _divide(3 * a * c, b) - b
    delta1 = _second_delta_of_two(a, b, d, delta0)
    size = min(abs(delta0), abs(delta1), a)
    divider = next((10**digits for above, digits in _TWO_DIVIDERS if size > 10**above), 1)
    a, b, c, d = (_divide(x, divider) for x in (a, b, c, d))
    delta0 = _divide(3 * a * c, b) - b
    middle = _middle(b, delta0, _second_delta_of_two(a, b, d, delta0))
    if middle is None:
        return search_balance(ann, gamma, [other], found, found**2 // (other * 4), A_MULTIPLIER), 0
    root = _divide(_signed(ONE * middle - ONE * b - _divide(ONE * b, middle) * delta0), 3 * a)
    y = _divide(found**2 // other * root, 4) // ONE
    edges = (10**16 - 1, 10**20) if maths == "twocrypto-ng-2.0" else (10**36 // 2 // limit, limit // 2)
    require(root >= 0 and edges[0] <= y * ONE // found <= edges[1], "the balance's share")
    return y, root


def _coefficients_of_two(weight: int, gamma: int, other: int, found: int) -> tuple[int, int, int, int]:
    """A K0^3 + ... over 10^4 of the scale; `weight` is A N^N gamma^2."""
    a = 10**32
    b = _divide(_divide(found * weight, 400_000_000), other) - 3 * a - 2 * gamma * 10**14
    share = 4 * weight // 400_000_000
    c = 3 * a + 4 * gamma * 10**14 + gamma**2 // 10**4 + share * other // found - share
    return a, b, c, -((ONE + gamma) ** 2 // 10**4)


def _second_delta_of_two(a: int, b: int, d: int, delta0: int) -> int:
    return _signed(3 * delta0 + b - _divide(_divide(27 * a**2, b) * d, b))


def _balance_of_three(ann: int, gamma: int, balances: Sequence[int], found: int, index: int) -> tuple[int, int]:
    one, two = (x for i, x in enumerate(balances) if i != index)
    require(all(10**16 <= x * ONE // found <= 10**20 for x in (one, two)), "a balance's share")
    a, b, c, d = _coefficients_of_three(ann, gamma, one, two, found)
    tripled = _signed(3 * a * c)
    delta0 = _divide(tripled, b) - b
    square = _divide(_divide(27 * a**2, b) * d, b)
    middle = _middle(b, delta0, _signed(_divide(3 * tripled, b) - 2 * b - square))
    if middle is None:
        return newton_balance(ann, gamma, balances, found, index), 0
    root = _divide(_signed(b + _divide(b * delta0, middle) - middle), 3)
    y = _divide(found**2 // 27 // two * found // one * root, a)
    require(y >= 0 and 10**16 - 1 <= y * ONE // found <= 10**20, "the balance's share")
    k0 = _divide(ONE * root, a)
    require(k0 >= 0, "the invariant's share")
    return y, k0


def _coefficients_of_three(ann: int, gamma: int, one: int, two: int, found: int) -> tuple[int, int, int, int]:
    """A K0^3 + ..., brought to the size of the larger of a and b and then cut by what 255 bits ask."""
    a, ninth, squared = 10**36 // 27, 10**36 // 9, gamma**2
    b = ninth + 2 * ONE * gamma // 27
    b -= _divide(_divide(_divide(found**2 // one * squared * ann, 27**2), A_MULTIPLIER), two)
    c = ninth + gamma * (gamma + 4 * ONE) // 27
    c += _divide(_divide(_divide(squared * (one + two - found), found) * ann, 27), A_MULTIPLIER)
    d = (ONE + gamma) ** 2 // 27
    size = abs(_divide(3 * a * c, b) - b)
    divider = next((10**digits for above, digits in _DIVIDERS if size > 10**above), 1)
    if a > abs(b):
        factor = abs(_divide(a, b))
        return a * factor // divider, _divide(b * factor, divider), _divide(c * factor, divider), d * factor // divider
    factor = abs(_divide(b, a))
    scaled = [_divide(_divide(x, factor), divider) for x in (a, b, c, d)]
    return scaled[0], scaled[1], scaled[2], scaled[3]


def _middle(b: int, delta0: int, delta1: int) -> int | None:
    """cbrt(b)^2 cbrt((delta1 +- sqrt(delta1^2 + 4 delta0^3 / b)) / 2) in 18 decimals; None where the root is not real."""
    argument = _signed(delta1**2 + _divide(4 * delta0**2, b) * delta0)
    if argument <= 0:
        return None
    root = isqrt(argument)
    first = cube_root(abs(b)) * (1 if b >= 0 else -1)
    second = cube_root((delta1 + root) // 2) if delta1 > 0 else -cube_root((root - delta1) // 2)
    return _divide(_divide(first**2, ONE) * second, ONE)


def _divide(value: int, by: int) -> int:
    """Towards 0. ValueError for what 256 bits can not hold."""
    quotient = abs(_signed(value)) // abs(by)
    return quotient if (value < 0) == (by < 0) else -quotient


def _start_of_three(ordered: Sequence[int], k0: int) -> int:
    total = sum(ordered)
    scale, back = (10**36, 10**12) if total > 10**36 else (10**24, 10**6) if total > 10**24 else (ONE, 1)
    product = _word(_word(ordered[0] * ordered[1]) // (scale if k0 else ONE) * ordered[2])
    return cube_root(_word(product // k0 * 27 * back)) if k0 else 3 * cube_root(product // ONE)


def _word(value: int) -> int:
    require(value < 2 * _WORD, "a product")
    return value


def _signed(value: int) -> int:
    require(-_WORD <= value < _WORD, "a product")
    return value
