"""The steps and prices of concentrated liquidity against Uniswap V3's libraries, where no pool would lead: any arguments."""

from __future__ import annotations

from random import Random

from engine.market.venues.tick_math import (
    FEE_UNITS,
    MAX_SQRT_PRICE,
    MAX_TICK,
    MIN_SQRT_PRICE,
    MIN_TICK,
    sqrt_price_at,
    step_exact_in,
    step_exact_out,
    tick_at,
)
from tests.chain.cache import compiled
from tests.chain.evm import Chain, Reverted
from tests.chain.tally import size, tally

PACKAGE = "@uniswap/v3-core"
CASES = 4000


def test_a_tick_has_its_price_and_a_price_its_tick() -> None:
    with tally("concentrated", "TickMath", PACKAGE, 4) as (counts, chance):
        chain = Chain()
        steps = chain.deploy(compiled()["Steps"])
        ticks = {MIN_TICK, -1, 0, 1, MAX_TICK, *(chance.randint(MIN_TICK, MAX_TICK) for _ in range(CASES))}
        for tick in sorted(ticks):
            price = chain.call(steps, "priceAt(int24)", tick)
            counts.compare(sqrt_price_at(tick), price, tick)
            for near in (price - 1, price, price + 1, size(chance, MIN_SQRT_PRICE, MAX_SQRT_PRICE - 1)):
                if MIN_SQRT_PRICE <= near < MAX_SQRT_PRICE:
                    counts.compare(tick_at(near), chain.call(steps, "tickAt(uint160)", near, returns="(int24)"), near)


def test_a_step_goes_as_far_and_costs_as_much() -> None:
    with tally("concentrated", "SwapMath", PACKAGE, 5) as (counts, chance):
        chain = Chain()
        steps = chain.deploy(compiled()["Steps"])
        for _ in range(3 * CASES):
            current, target = some_prices(chance)
            liquidity, fee = (
                size(chance, 1, 2**128 - 1),
                chance.choice((0, 1, 3000, FEE_UNITS - 1, chance.randrange(FEE_UNITS))),
            )
            remaining, exact_in = size(chance, 1, 2 ** chance.choice((64, 128, 255)) - 1), chance.random() < 0.5
            asked = remaining if exact_in else -remaining
            ours = (step_exact_in if exact_in else step_exact_out)(current, target, liquidity, remaining, fee)
            try:
                price, net, out, charged = chain.call(
                    steps,
                    "step(uint160,uint160,uint128,int256,uint24)",
                    current,
                    target,
                    liquidity,
                    asked,
                    fee,
                    returns="(uint160,uint256,uint256,uint256)",
                )
            except Reverted:
                counts.refused += 1  # numbers too large for the library: no pool gets there
                continue
            counts.compare(ours, (price, net + charged, out), current, target, liquidity, asked, fee)
        assert counts.refused < counts.cases / 100


def some_prices(chance: Random) -> tuple[int, int]:
    """Two prices: anywhere, near each other, or the same."""
    current = size(chance, MIN_SQRT_PRICE, MAX_SQRT_PRICE - 1)
    reach = max(1, current // chance.choice((1, 100, 10**6, 10**30)))
    target = min(max(current + chance.randint(-reach, reach), MIN_SQRT_PRICE), MAX_SQRT_PRICE - 1)
    return current, chance.choice((target, target, target, size(chance, MIN_SQRT_PRICE, MAX_SQRT_PRICE - 1)))
