"""Arithmetic of perpetuals priced at an oracle with a premium for skew, as Synthetix Perps V2 does it.

Everything is a signed integer of 10^-18; products and quotients of two such are cut off toward zero (`SignedSafeDecimalMath`).
With skew k = longs - shorts, scale L and oracle price p, a trade of signed size d is done at

    fill = ( p (1 + k / L) + p (1 + (k + d) / L) ) / 2

so that a round trip ends where it began. Fees are a share of d * fill: `maker` on the part that brings the skew nearer
to zero, `taker` on the rest, `dynamic` on all of it. Funding drifts: the rate (a day) changes by k / L * velocity (a
day), and a position receives size * (minus the mean rate) * days * p.

It computes what the contract computes, to the unit, where the contract has a price; it knows no limits and no accounts.
Source: PerpsV2MarketBase.sol (_fillPrice, _orderFee, _currentFundingRate, _unrecordedFunding, _accruedFunding); SIP-279.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.market.funding import cut

UNIT = 10**18
"""One."""

DAY = 86_400


class Fees(NamedTuple):
    """Shares of what is traded, of 10^-18."""

    maker: int
    taker: int
    dynamic: int


def multiply(x: int, y: int) -> int:
    """The product of two fixed-point numbers."""
    return cut(x * y, UNIT)


def divide(x: int, y: int) -> int:
    """The quotient of two fixed-point numbers; the second is not 0."""
    return cut(x * UNIT, y)


def fill_price(size: int, skew: int, scale: int, price: int) -> int:
    """The price at which `size` (signed) is traded; it is below zero where the skew is beyond minus the scale."""
    before = price + multiply(price, divide(skew, scale))
    after = price + multiply(price, divide(skew + size, scale))
    return divide(before + after, 2 * UNIT)


def order_fee(size: int, skew: int, fill: int, fees: Fees) -> int:
    """What trading `size` (signed, not 0) at `fill` costs on top."""
    notional = multiply(size, fill)
    base = multiply(abs(notional), fees.dynamic)
    if _same_side(skew + size, skew):
        return base + multiply(abs(notional), fees.taker if _same_side(notional, skew) else fees.maker)
    taken = abs(divide(skew + size, size))
    return (
        base
        + multiply(multiply(abs(notional), taken), fees.taker)
        + multiply(multiply(abs(notional), UNIT - taken), fees.maker)
    )


def funding_rate(rate: int, skew: int, scale: int, velocity: int, seconds: int) -> int:
    """The rate a day after `seconds` in which the skew did not change; the skew counts as at most the scale."""
    share = max(-UNIT, min(UNIT, divide(skew, scale)))
    return rate + multiply(multiply(share, velocity), divide(seconds, DAY))


def unrecorded_funding(rate: int, rate_now: int, seconds: int, price: int) -> int:
    """What one whole unit long received over `seconds` in which the rate went straight from `rate` to `rate_now`."""
    mean = divide(-(rate + rate_now), 2 * UNIT)
    return multiply(multiply(mean, divide(seconds, DAY)), price)


def _same_side(a: int, b: int) -> bool:
    return a == 0 or b == 0 or (a > 0) == (b > 0)
