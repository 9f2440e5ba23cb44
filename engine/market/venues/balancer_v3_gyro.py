"""Gyroscope's elliptic pools (E-CLP) of Balancer V3, bit for bit in the contract's signed fixed point.

    |A (t - offset)|^2 = r^2        the reserves t lie on an ellipse: a circle of radius r (the invariant) under the
                                    linear map A, which rotates by (c, s) and compresses by lambda

A price range [alpha, beta] is where the curve meets the axes; `tau` are the unit vectors of its ends on the circle and
u, v, w, z, dSq derived constants with 38 digits, all given. The invariant is the larger root of a quadratic, found with
an error bound `err`; trades use it from both sides, so that every rounding is against the trader.

Source: Gyroscope, "E-CLP" technical note, 2023; balancer/balancer-v3-monorepo, pkg/pool-gyro/contracts/lib
(GyroECLPMath, SignedFixedPoint, GyroPoolMath), read through balancer/balancer-maths. Solidity divides towards zero;
`_quotient` does. Names of terms follow the note. Units: 18 digits (`_down`, `_up` by 10^18) or 38 (`_x`). ValueError
where the contract reverts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.market.venues.balancer_math import ONE, mul_up

ONE_XP = 10**38
"""1 with extra precision."""

MAX_BALANCES = 10**34
"""The largest sum of balances."""

MAX_INVARIANT = 3 * 10**37
"""The largest invariant."""

_HALF_XP = 10**19
_Vector = tuple[int, int]


@dataclass(frozen=True, slots=True)
class EllipticMaths:
    """The curve's parameters: `c`, `s`, `lam` with 18 digits, the derived ones with 38."""

    c: int
    s: int
    lam: int
    tau_alpha: _Vector
    tau_beta: _Vector
    u: int
    v: int
    w: int
    z: int
    d_sq: int
    invariant_bounds: tuple[int, int] = (6 * ONE // 10, 5 * ONE)

    def out_given_in(self, balances: Sequence[int], source: int, target: int, amount: int) -> int:
        """What a net input gives."""
        found, error = self._radius(balances)
        radius, after = (found + 2 * error, found), balances[source] + amount
        if after > min(MAX_BALANCES, self._most(source, radius)):
            raise ValueError(f"{after} is outside the price range")
        return balances[target] - self._other(source, after, radius)

    def in_given_out(self, balances: Sequence[int], source: int, target: int, amount: int) -> int:
        """What an output needs, before the fee."""
        if amount > balances[target]:
            raise ValueError(f"{amount} is more than the pool has")
        found, error = self._radius(balances)
        radius = (found + 2 * error, found)
        after = self._other(target, balances[target] - amount, radius)
        if after > min(MAX_BALANCES, self._most(source, radius)):
            raise ValueError(f"{after} is outside the price range")
        return after - balances[source]

    def invariant(self, balances: Sequence[int], *, up: bool) -> int:
        """The radius with its error added or taken off."""
        found, error = self._radius(balances)
        return found + error if up else found - error

    def balance_for(self, balances: Sequence[int], index: int, ratio: int) -> int:
        """The balance at `index` that gives the radius times `ratio` with the other."""
        found, error = self._radius(balances)
        radius = (mul_up(found + error, ratio), mul_up(found - error, ratio))
        if radius[0] > MAX_INVARIANT:
            raise ValueError("the invariant is too large")
        return self._other(1 - index, balances[1 - index], radius)

    def _side(self, index: int) -> tuple[int, int, _Vector, _Vector]:
        """c, s and the ends (far, near) as seen from a token's axis; token 1 sees the mirror image."""
        if index == 0:
            return self.c, self.s, self.tau_beta, self.tau_alpha
        (ax, ay), (bx, by) = self.tau_alpha, self.tau_beta
        return self.s, self.c, (-ax, ay), (-bx, by)

    def _offset(self, index: int, radius: _Vector) -> int:
        """How far the ellipse's centre is along a token's axis."""
        c, s, (x, y), _ = self._side(index)
        term = _div_x(x, self.d_sq)
        if x > 0:
            first = _up_x(_up(_up(radius[0], self.lam), c), term)
        else:
            first = _up_x(_down(_down(radius[1], self.lam), c), term)
        return first + _up_x(_up(radius[0], s), _div_x(y, self.d_sq))

    def _most(self, index: int, radius: _Vector) -> int:
        """The largest balance of a token, where the range ends."""
        c, s, far, near = self._side(index)
        along, across = _div_x(far[0] - near[0], self.d_sq), _div_x(far[1] - near[1], self.d_sq)
        part = _down(radius[1], s) if across > 0 else _up(radius[0], s)
        return _down_x(_down(_down(radius[1], self.lam), c), along) + _down_x(part, across)

    def _other(self, index: int, balance: int, radius: _Vector) -> int:
        """The balance of the other token when this one's is `balance`: the lower root, rounded up."""
        c, s, tau, _ = self._side(index)
        centre, other = self._offset(index, radius), self._offset(1 - index, radius)
        low = ONE_XP - _div_down(_div_down(ONE_XP, self.lam), self.lam)
        high = ONE_XP - _div_up(_div_up(ONE_XP, self.lam), self.lam)
        distance = balance - centre
        if distance > 0:
            linear = _up_x(_down(_down(-distance, s), c), _div_x(high, self.d_sq))
        else:
            linear = _up_x(_up(_up(-distance, s), c), _div_x(low, self.d_sq) + 1)
        divisor_low = ONE_XP - _div_x(_down(_down(high, s), s), self.d_sq)
        divisor_high = ONE_XP - (_div_x(_up(_up(low, s), s), self.d_sq + 1) + 1)
        inside = _down_x(_down(radius[1], radius[1]), divisor_high) - self._squared(balance, radius, (c, s), tau)
        root = linear - (_sqrt(inside) if inside > 0 else 0)
        if root > 0:
            return _up_x(root, _div_x(ONE_XP, divisor_high) + 1) + other
        return _up_x(root, _div_x(ONE_XP, divisor_low)) + other

    def _squared(self, x: int, radius: _Vector, rotation: _Vector, tau: _Vector) -> int:
        """(x - centre)^2 / lambda^2 with the centre written out, rounded up."""
        (c, s), (tx, ty), (high, low) = rotation, tau, radius
        d_four, square = _mul_x(self.d_sq, self.d_sq), _up(high, high)
        cross = _div_x(_mul_x(tx, ty), d_four)
        if cross > 0:
            total = _up_x(_up(_up(square, 2 * s), c), cross + 7)
        else:
            total = _up_x(_down(_down(_down(low, low), 2 * s), c), cross)
        if tx < 0:
            total += _up_x(_up(_up(high, x), 2 * c), -_div_x(tx, self.d_sq) + 3)
        else:
            total += _up_x(_down(_down(-low, x), 2 * c), _div_x(tx, self.d_sq))
        part = _up_x(_up(_up(square, s), s), _div_x(_mul_x(ty, ty), d_four) + 7)
        part += _up_x(_down(_down(-low, x), 2 * s), _div_x(ty, self.d_sq)) + _up(x, x)
        total = _away(total + _away(part, self.lam), self.lam)
        return _up_x(_up(_up(square, c), c), _div_x(_mul_x(tx, tx), d_four) + 7) + total

    def _radius(self, balances: Sequence[int]) -> _Vector:
        """The invariant and a bound of its error."""
        x, y = balances
        if x + y > MAX_BALANCES:
            raise ValueError("the balances are too large")
        inside = self._first_square(x, y) + self._product(x, y) + self._second_square(x, y)
        root = _sqrt(inside) if inside > 0 else 0
        error = (_up(x, x) + _up(y, y)) // ONE_XP
        at_zero = _sqrt(error) if error > 0 else 10**9
        error = _div_up(error + 1, 2 * root) if root > 0 else at_zero
        error = (_up(self.lam, x + y) // ONE_XP + error + 1) * 20
        inverse = _div_x(ONE_XP, self._chi_square() - ONE_XP)
        found = _down_x(self._along_chi(x, y) + root - error, inverse)
        error = _up_x(error, inverse)
        error += _up_x(found, inverse) * (self.lam * self.lam // 10**36) * 40 // ONE_XP + 1
        if found + error > MAX_INVARIANT:
            raise ValueError("the invariant is too large")
        return found, error

    def _along_chi(self, x: int, y: int) -> int:
        """A t . A chi."""
        c, s, lam, square = self.c, self.s, self.lam, _mul_x(self.d_sq, self.d_sq)
        term = _div_x(_div_down(_div_down(self.w, lam) + self.z, lam), square)
        total = _down_x(_down(x, c) - _down(y, s), term)
        total += _down_x(_down(_down(x, lam), s) + _down(_down(y, lam), c), _div_x(self.u, square))
        return total + _down_x(_down(x, s) + _down(y, c), _div_x(self.v, square))

    def _chi_square(self) -> int:
        """A chi . A chi, with extra precision, rounded up."""
        lam, cube = self.lam, _mul_x(_mul_x(self.d_sq, self.d_sq), self.d_sq)
        total = _up(lam, _div_x(_mul_x(2 * self.u, self.v), cube))
        total += _up(_up(_div_x(_mul_x(self.u + 1, self.u + 1), cube), lam), lam)
        total += _div_x(_mul_x(self.v, self.v), cube)
        term = _div_up(self.w, lam) + self.z
        return total + _div_x(_mul_x(term, term), cube)

    def _d_eighth(self) -> int:
        return _mul_x(_mul_x(_mul_x(self.d_sq, self.d_sq), self.d_sq), self.d_sq)

    def _first_square(self, x: int, y: int) -> int:
        """(A t)_x^2 - (A t)_x^2 (A chi)_y^2."""
        c, s, lam = self.c, self.s, self.lam
        term = _up(_up(_up(x, x), c), c) + _up(_up(_up(y, y), s), s) - _down(_down(_down(x, y), 2 * c), s)
        chi = _mul_x(self.u, self.u) + _div_down(_mul_x(2 * self.u, self.v), lam)
        chi += _div_down(_div_down(_mul_x(self.v, self.v), lam), lam)
        total = _down_x(-term, _div_x(chi, self._d_eighth()))
        return total + _down_x(_div_down(_div_down(term - 9, lam), lam), _div_x(ONE_XP, self.d_sq))

    def _product(self, x: int, y: int) -> int:
        """2 (A t)_x (A t)_y (A chi)_x (A chi)_y."""
        c, s, lam = self.c, self.s, self.lam
        both = _down(y, 2 * x)
        term = _down(_down(_down(x, x) - _up(y, y), 2 * c), s)
        term += _down(_down(both, c), c) - _down(_down(both, s), s)
        chi = _mul_x(self.z, self.u) + _div_down(_div_down(_mul_x(self.w, self.v), lam), lam)
        chi += _div_down(_mul_x(self.w, self.u) + _mul_x(self.z, self.v), lam)
        return _down_x(term, _div_x(chi, self._d_eighth()))

    def _second_square(self, x: int, y: int) -> int:
        """(A t)_y^2 - (A t)_y^2 (A chi)_x^2."""
        c, s, lam = self.c, self.s, self.lam
        term = _up(_up(_up(x, x), s), s) + _up(_up(_up(y, y), c), c) + _up(_up(_up(x, y), 2 * s), c)
        chi = _mul_x(self.z, self.z) + _div_down(_div_down(_mul_x(self.w, self.w), lam), lam)
        chi += _div_down(_mul_x(2 * self.z, self.w), lam)
        total = _down_x(-term, _div_x(chi, self._d_eighth()))
        return total + _down_x(term - 9, _div_x(ONE_XP, self.d_sq))


def _quotient(a: int, b: int) -> int:
    """Towards zero."""
    return a // b if (a >= 0) == (b > 0) else -(abs(a) // abs(b))


def _outwards(a: int, b: int) -> int:
    """Away from zero."""
    size = -(-abs(a) // abs(b))
    return size if (a >= 0) == (b > 0) else -size


def _down(a: int, b: int) -> int:
    return _quotient(a * b, ONE)


def _up(a: int, b: int) -> int:
    return _outwards(a * b, ONE)


def _div_down(a: int, b: int) -> int:
    return _quotient(a * ONE, b)


def _div_up(a: int, b: int) -> int:
    return _outwards(a * ONE, b)


def _away(a: int, b: int) -> int:
    """A / b rounded up: away from zero above it, towards it below."""
    return _div_up(a, b) if a > 0 else _div_down(a, b)


def _mul_x(a: int, b: int) -> int:
    return _quotient(a * b, ONE_XP)


def _div_x(a: int, b: int) -> int:
    return _quotient(a * ONE_XP, b)


def _halves(a: int, b: int) -> _Vector:
    """A times the upper and lower 19 digits of b."""
    upper = _quotient(b, _HALF_XP)
    return a * upper, a * (b - upper * _HALF_XP)


def _down_x(a: int, b: int) -> int:
    """18 digits times 38, rounded down."""
    upper, lower = _halves(a, b)
    if upper >= 0 and lower >= 0:
        return (upper + lower // _HALF_XP) // _HALF_XP
    return _quotient(upper + _quotient(lower, _HALF_XP) + 1, _HALF_XP) - 1


def _up_x(a: int, b: int) -> int:
    """18 digits times 38, rounded up."""
    upper, lower = _halves(a, b)
    if upper <= 0 and lower <= 0:
        return _quotient(upper + _quotient(lower, _HALF_XP), _HALF_XP)
    return _quotient(upper + _quotient(lower, _HALF_XP) - 1, _HALF_XP) + 1


def _sqrt(x: int) -> int:
    """The contract's root of an 18-digit number: seven rounds of Newton's method. ValueError where it is off by more than 5."""
    guess = _first_guess(x)
    for _ in range(7):
        guess = (guess + x * ONE // guess) // 2
    square, tolerance = guess * guess // ONE, mul_up(guess, 5)
    if not x - tolerance <= square <= x + tolerance:
        raise ValueError("the square root does not converge")
    return guess


# Roots of 10^-1, 10^-3, ... 10^-17 as the contract has them, for the odd powers below 1.
_ODD_ROOTS = {
    17: 316227766016837933,
    15: 31622776601683793,
    13: 3162277660168379,
    11: 316227766016837,
    9: 31622776601683,
    7: 3162277660168,
    5: 316227766016,
    3: 31622776601,
    1: 3162277660,
}


def _first_guess(x: int) -> int:
    if x >= ONE:
        return (1 << ((x // ONE).bit_length() - 1 >> 1)) * ONE
    for exponent in range(1, 18):
        if x <= 10**exponent:
            return _ODD_ROOTS[exponent] if exponent % 2 else 10 ** (9 + exponent // 2)
    return x
