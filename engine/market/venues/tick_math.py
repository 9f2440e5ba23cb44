"""Prices and steps of concentrated liquidity, bit for bit: Uniswap V3 and V4 and the pools that copied them.

A price is token1 per token0, held as sqrt(price) * 2^96 (Q64.96). Tick t stands for the price 1.0001^t.

    amount0 = L * 2^96 * (b - a) / (a * b)        amount1 = L * (b - a) / 2^96         between sqrt prices a < b

What a trader pays is rounded up, what the trader gets down; a price that is moved by an amount is rounded so that it
moves less for a given input and more for a given output.

Source: Uniswap/v3-core, contracts/libraries/{TickMath,SqrtPriceMath,SwapMath,FullMath}.sol; Uniswap/v4-core,
src/libraries, has the same integers. Written anew from those formulas. Solidity's fixed widths matter in one place, the
overflow of a product in `_after_amount0`; everywhere else the ranges of the arguments exclude an overflow.
"""

from __future__ import annotations

from functools import lru_cache
from math import floor, log

from intents.values import ceil_div

Q96 = 2**96
"""One as a Q64.96 square root of a price."""

MIN_TICK, MAX_TICK = -887272, 887272
"""The range of ticks."""

MIN_SQRT_PRICE = 4295128739
"""sqrt_price_at(MIN_TICK); a swap ends one above it at the latest."""

MAX_SQRT_PRICE = 1461446703485210103287273052203988822378723970342
"""sqrt_price_at(MAX_TICK); a swap ends one below it at the latest."""

FEE_UNITS = 10**6
"""Fees are in hundredths of a basis point."""

# 2^128 / sqrt(1.0001)^(2^i), as in the contract; the first 20 powers of two cover every tick.
_POWERS = (
    0xFFFCB933BD6FAD37AA2D162D1A594001,
    0xFFF97272373D413259A46990580E213A,
    0xFFF2E50F5F656932EF12357CF3C7FDCC,
    0xFFE5CACA7E10E4E61C3624EAA0941CD0,
    0xFFCB9843D60F6159C9DB58835C926644,
    0xFF973B41FA98C081472E6896DFB254C0,
    0xFF2EA16466C96A3843EC78B326B52861,
    0xFE5DEE046A99A2A811C461F1969C3053,
    0xFCBE86C7900A88AEDCFFC83B479AA3A4,
    0xF987A7253AC413176F2B074CF7815E54,
    0xF3392B0822B70005940C7A398E4B70F3,
    0xE7159475A2C29B7443B29C7FA6E889D9,
    0xD097F3BDFD2022B8845AD8F792AA5825,
    0xA9F746462D870FDF8A65DC1F90E061E5,
    0x70D869A156D2A1B890BB3DF62BAF32F7,
    0x31BE135F97D08FD981231505542FCFA6,
    0x9AA508B5B7A84E1C677DE54F3E99BC9,
    0x5D6AF8DEDB81196699C329225EE604,
    0x2216E584F5FA1EA926041BEDFE98,
    0x48A170391F7DC42444E8FA2,
)


@lru_cache(maxsize=2**15)
def sqrt_price_at(tick: int) -> int:
    """The Q64.96 square root of the price at a tick, rounded up. Raises ValueError beyond MIN_TICK .. MAX_TICK."""
    distance = abs(tick)
    if distance > MAX_TICK:
        raise ValueError(f"expected a tick from {MIN_TICK} to {MAX_TICK}, got {tick}")
    ratio = 2**128
    for power in _POWERS:
        if distance & 1:
            ratio = ratio * power >> 128
        distance >>= 1
    if tick > 0:
        ratio = (2**256 - 1) // ratio
    return -(-ratio >> 32)


def tick_at(sqrt_price: int) -> int:
    """The greatest tick whose price is at most the given one, for MIN_SQRT_PRICE <= sqrt_price < MAX_SQRT_PRICE."""
    if not MIN_SQRT_PRICE <= sqrt_price < MAX_SQRT_PRICE:
        raise ValueError(f"expected a square root of a price from 2^32 to 2^160, got {sqrt_price}")
    # The float only says where to look; the comparisons of integers decide.
    tick = min(max(floor(log(sqrt_price / Q96) / log(1.0001) * 2), MIN_TICK), MAX_TICK - 1)
    while sqrt_price_at(tick) > sqrt_price:
        tick -= 1
    while sqrt_price_at(tick + 1) <= sqrt_price:
        tick += 1
    return tick


def amount0_between(low: int, high: int, liquidity: int, *, up: bool) -> int:
    """Units of token0 between two sqrt prices, low <= high."""
    numerator = (liquidity << 96) * (high - low)
    return ceil_div(ceil_div(numerator, high), low) if up else numerator // high // low


def amount1_between(low: int, high: int, liquidity: int, *, up: bool) -> int:
    """Units of token1 between two sqrt prices, low <= high."""
    product = liquidity * (high - low)
    return -(-product >> 96) if up else product >> 96


Step = tuple[int, int, int]
"""A move within one range of liquidity: the sqrt price after it, units paid (fee included), units got."""


def step_exact_in(current: int, target: int, liquidity: int, remaining: int, fee: int) -> Step:
    """Spend at most `remaining`, fee included, moving from the current sqrt price towards the target (lower: token0 in).

    Written out rather than composed of the functions above, as every swap spends its time here.
    """
    kept = remaining * (FEE_UNITS - fee) // FEE_UNITS
    if current >= target:
        distance = current - target
        most = -(-(liquidity * distance << 96) // (current * target))  # two roundings up are one
        if kept >= most:
            return target, most - most * fee // (fee - FEE_UNITS), liquidity * distance >> 96
        after = _after_amount0(current, liquidity, kept)
        return after, remaining, liquidity * (current - after) >> 96
    distance = target - current
    most = -(-liquidity * distance >> 96)
    if kept >= most:
        return target, most - most * fee // (fee - FEE_UNITS), (liquidity * distance << 96) // target // current
    after = current + (kept << 96) // liquidity
    return after, remaining, (liquidity * (after - current) << 96) // after // current


def step_exact_out(current: int, target: int, liquidity: int, remaining: int, fee: int) -> Step:
    """Get at most `remaining`, moving from the current sqrt price towards the target (lower: token1 out)."""
    down = current >= target
    most = _amount_out(current, target, liquidity, down=down)
    if remaining >= most:
        after, out = target, most
    else:
        out = remaining
        after = current - ceil_div(out << 96, liquidity) if down else _before_amount0(current, liquidity, out)
    paid = _amount_in(current, after, liquidity, down=down)
    return after, paid + ceil_div(paid * fee, FEE_UNITS - fee), out


def _amount_in(current: int, target: int, liquidity: int, *, down: bool) -> int:
    if down:
        return amount0_between(target, current, liquidity, up=True)
    return amount1_between(current, target, liquidity, up=True)


def _amount_out(current: int, target: int, liquidity: int, *, down: bool) -> int:
    if down:
        return amount1_between(target, current, liquidity, up=False)
    return amount0_between(current, target, liquidity, up=False)


def _after_amount0(sqrt_price: int, liquidity: int, amount: int) -> int:
    """The sqrt price once `amount` of token0 came in, rounded up."""
    if amount == 0:
        return sqrt_price
    scaled, product = liquidity << 96, amount * sqrt_price
    if product + scaled < 2**256:
        return ceil_div(scaled * sqrt_price, scaled + product)
    return ceil_div(scaled, scaled // sqrt_price + amount)  # the contract's way round an overflow, less precise


def _before_amount0(sqrt_price: int, liquidity: int, amount: int) -> int:
    """The sqrt price once `amount` of token0 went out, rounded up."""
    scaled = liquidity << 96
    return ceil_div(scaled * sqrt_price, scaled - amount * sqrt_price)
