"""The 18-decimal fixed-point power of Balancer V2, bit for bit.

Source: balancer/balancer-v2-monorepo, pkg/solidity-utils/contracts/math/LogExpMath.sol and FixedPoint.sol (the maths of
every weighted pool deployed from April 2021 on). Written anew from the contracts' formulas; the integers, the order of
operations and the direction of every rounding are theirs. Solidity divides signed integers towards zero, so a logarithm
below 0 is computed as its size with the sign put on at the end; a series ends where its terms are 0.

`power` is x^y with an error of at most MAX_POW_RELATIVE_ERROR of it plus one unit; `power_up` adds that error, so it is
never below x^y, `power_down` takes it off. Domain: 0 < x < 2^255, 0 <= y and a result from e^-41 to e^130; outside it
ValueError is raised, where the contract reverts (or gives 0 for x = 0, which no swap has).
"""

from __future__ import annotations

ONE = 10**18
"""1 as an 18-decimal fixed-point number."""

MAX_POW_RELATIVE_ERROR = 10**4
"""10^-14 as an 18-decimal fixed-point number."""

_ONE_20 = 10**20
_ONE_36 = 10**36
_LN_36_LOWER_BOUND = 9 * 10**17
_LN_36_UPPER_BOUND = 11 * 10**17
_MIN_NATURAL_EXPONENT = 41 * ONE
"""The size of the smallest one, -41."""
_MAX_NATURAL_EXPONENT = 130 * ONE

# Pairs (x_n, a_n) with a_n = e^x_n and x_n = 2^(7-n). The first two a_n are plain integers and their x_n have 18
# decimals; all others have 20. Values as in the contract, whose first two are cut after 20 significant digits.
_WHOLE_STEPS = (
    (128 * ONE, 38877084059945950922200000000000000000000000000000000000),
    (64 * ONE, 6235149080811616882910000000),
)
_STEPS = (
    (32 * _ONE_20, 7896296018268069516100000000000000),
    (16 * _ONE_20, 888611052050787263676000000),
    (8 * _ONE_20, 298095798704172827474000),
    (4 * _ONE_20, 5459815003314423907810),
    (2 * _ONE_20, 738905609893065022723),
    (_ONE_20, 271828182845904523536),
    (_ONE_20 // 2, 164872127070012814685),
    (_ONE_20 // 4, 128402541668774148407),
    (_ONE_20 // 8, 113314845306682631683),
    (_ONE_20 // 16, 106449445891785942956),
)
_EXP_STEPS = _STEPS[:8]
"""The exponential needs no steps below 1/4."""

_SMALLEST_EXP_STEP = _EXP_STEPS[-1][0]


def mul_up(a: int, b: int) -> int:
    """Product rounded up; all fixed point."""
    return -(-a * b // ONE)


def mul_down(a: int, b: int) -> int:
    """Product rounded down; all fixed point."""
    return a * b // ONE


def div_up(a: int, b: int) -> int:
    """Quotient rounded up; all fixed point, b > 0."""
    return -(-a * ONE // b)


def div_down(a: int, b: int) -> int:
    """Quotient rounded down; all fixed point, b > 0."""
    return a * ONE // b


def complement(x: int) -> int:
    """1 - x, or 0 where x exceeds 1."""
    return max(0, ONE - x)


def power_up(x: int, y: int, *, shortcuts: bool) -> int:
    """x^y rounded up by the stated error. `shortcuts`: the version that squares instead where y is 1, 2 or 4."""
    if shortcuts and y in (ONE, 2 * ONE, 4 * ONE):
        result = x
        for _ in range((y // ONE).bit_length() - 1):
            result = mul_up(result, result)
        return result
    raw = power(x, y)
    return raw + mul_up(raw, MAX_POW_RELATIVE_ERROR) + 1


def power_down(x: int, y: int) -> int:
    """x^y less the stated error, but at least 0; exact squares where y is 1, 2 or 4 (V3's FixedPoint.powDown)."""
    if y in (ONE, 2 * ONE, 4 * ONE):
        result = x
        for _ in range((y // ONE).bit_length() - 1):
            result = mul_down(result, result)
        return result
    raw = power(x, y)
    return max(0, raw - mul_up(raw, MAX_POW_RELATIVE_ERROR) - 1)


def power(x: int, y: int) -> int:
    """x^y as e^(y ln x). Raises ValueError outside the domain."""
    if not 0 < x < 2**255 or y < 0:
        raise ValueError(f"expected 0 < x < 2^255 and y >= 0, got {x} and {y} in units of 10^-18")
    if y == 0:
        return ONE
    if _LN_36_LOWER_BOUND < x < _LN_36_UPPER_BOUND:
        whole, rest = divmod(_ln_36(x), ONE)
        exponent = (whole * y + rest * y // ONE) // ONE
    else:
        exponent = _ln(ONE * ONE // x if x < ONE else x) * y // ONE
    if exponent > (_MIN_NATURAL_EXPONENT if x < ONE else _MAX_NATURAL_EXPONENT):
        signed = -exponent if x < ONE else exponent
        raise ValueError(f"expected -41 <= y ln x <= 130, got {signed} in units of 10^-18")
    return ONE * ONE // _exp(exponent) if x < ONE else _exp(exponent)


def _exp(x: int) -> int:
    """e^x for x >= 0."""
    first = 1
    for step, value in _WHOLE_STEPS:
        if x >= step:
            x -= step
            first = value
            break
    x *= 100
    product = _ONE_20
    if x >= _SMALLEST_EXP_STEP:
        for step, value in _EXP_STEPS:
            if x >= step:
                x -= step
                product = product * value // _ONE_20
    term = x
    series = _ONE_20 + term
    for n in range(2, 13):
        term = term * x // _ONE_20 // n
        if not term:
            break
        series += term
    return product * series // _ONE_20 * first // 100


def _ln(a: int) -> int:
    """Natural logarithm of a >= 1, with 18 decimals."""
    total = 0
    for step, value in _WHOLE_STEPS:
        if a >= value * ONE:
            a //= value
            total += step
    total *= 100
    a *= 100
    for step, value in _STEPS:
        if a >= value:
            a = a * _ONE_20 // value
            total += step
    z = (a - _ONE_20) * _ONE_20 // (a + _ONE_20)
    return (total + 2 * _odd_series(z, _ONE_20, 11)) // 100


def _ln_36(x: int) -> int:
    """|ln x| for x near 1, with 36 decimals."""
    x *= ONE
    z = abs(x - _ONE_36) * _ONE_36 // (x + _ONE_36)
    return 2 * _odd_series(z, _ONE_36, 15)


def _odd_series(z: int, one: int, last: int) -> int:
    """Half of ln((1 + z) / (1 - z)) for z >= 0: z + z^3/3 + z^5/5 + ... up to z^last/last."""
    square = z * z // one
    number = total = z
    for n in range(3, last + 1, 2):
        number = number * square // one
        if not number:
            break
        total += number // n
    return total
