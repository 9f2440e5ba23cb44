"""Weighted products against Balancer V2's pools of 2021, 2022 and 2023, and their power against the library's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

import pytest

from engine.market.venues.balancer_math import ONE, power, power_down, power_up
from engine.market.venues.base import AssetInfo, Trade, TradeRefusedError
from engine.market.venues.weighted import BALANCE_LIMIT, MIN_WEIGHT, Weighted, WeightedState, WeightedToken
from tests.chain.balancer_pools import (
    GIVEN_IN,
    GIVEN_OUT,
    Balancer,
    Pool,
    Token,
    weighted_2021,
    weighted_2022,
    weighted_2023,
)
from tests.chain.cache import compiled
from tests.chain.evm import ME, Chain, Reverted
from tests.chain.tally import Tally, size, tally

KIND = Weighted()
PACKAGE = "@balancer-labs/v2-deployments"
POOLS = 80
BALANCES = 6
FEES = (10**12, ONE // 10)
"""What the contracts allow."""

TOO_MUCH_IN = "BAL#304"

Maker = Callable[[Balancer, Sequence[Token], int], Pool]
MAKERS: dict[str, tuple[Maker, str]] = {
    "WeightedPool 2021": (weighted_2021, "v0"),
    "WeightedPool 2022": (weighted_2022, "v3plus"),
    "WeightedPool 2023": (weighted_2023, "v3plus"),
}


@pytest.mark.parametrize("contract", MAKERS)
def test_swaps_pay_and_cost_what_the_pool_says(contract: str) -> None:
    make, version = MAKERS[contract]
    with tally("weighted_product", contract, PACKAGE, 6) as (counts, chance):
        balancer = Balancer()
        for _ in range(POOLS):
            fee = chance.choice((*FEES, size(chance, *FEES)))
            weights = some_weights(chance)
            tokens = balancer.some_tokens(chance, len(weights))
            tokens = [replace(token, weight=weight) for token, weight in zip(tokens, weights, strict=True)]
            pool = make(balancer, tokens, fee)
            for _ in range(BALANCES):
                counts.states += 1
                balances = [size(chance, 1, BALANCE_LIMIT - 1) for _ in tokens]
                state = state_of(pool, balances, fee, version)
                source, target = chance.sample(range(len(tokens)), 2)
                for amount in some_amounts(chance, balances[source], fee):
                    theirs = balancer.swap_two(pool, GIVEN_IN, source, target, amount, balances)
                    compare_sale(state, (source, target, amount), theirs, counts)
                for amount in some_amounts(chance, balances[target], 0):
                    theirs = balancer.swap_two(pool, GIVEN_OUT, source, target, amount, balances)
                    compare_purchase(state, (source, target, amount), theirs, counts)


def some_weights(chance: Random) -> list[int]:
    """Weights of 2 to 8 tokens: the usual ones, the most uneven ones, or any."""
    usual = chance.choice(
        ([50, 50], [80, 20], [20, 80], [1, 99], [99, 1], [25] * 4, [40, 20, 20, 20], [60, 15, 15, 10], None)
    )
    if usual:
        return [weight * MIN_WEIGHT for weight in usual]
    count = chance.randint(2, 8)
    cuts = sorted(chance.randint(0, ONE - count * MIN_WEIGHT) for _ in range(count - 1))
    return [b - a + MIN_WEIGHT for a, b in zip([0, *cuts], [*cuts, ONE - count * MIN_WEIGHT], strict=True)]


def some_amounts(chance: Random, balance: int, fee: int) -> list[int]:
    """One unit, anything, a share, and the most that a swap may be of the balance, a unit more or less."""
    most = balance * 3 // 10 * ONE // (ONE - fee)
    amounts = {1, size(chance, 1, balance), chance.randint(1, most + 1), *(most + step for step in (-1, 0, 1, 2))}
    return sorted(amount for amount in amounts if 0 < amount < BALANCE_LIMIT - balance)


def asset(index: int) -> str:
    return f"sim:alpha/token:T{index}"


def state_of(pool: Pool, balances: Sequence[int], fee: int, version: str) -> WeightedState:
    tokens = {
        asset(index): WeightedToken(balance=balance, weight=token.weight, decimals=token.decimals)
        for index, (token, balance) in enumerate(zip(pool.tokens, balances, strict=True))
    }
    state = WeightedState.model_validate({"id": "sim:alpha/pool:p", "tokens": tokens, "fee": fee, "version": version})
    KIND.check(state, {asset(index): AssetInfo(token.decimals) for index, token in enumerate(pool.tokens)})
    return state


def compare_sale(state: WeightedState, trade: tuple[int, int, int], theirs: int | str, counts: Tally) -> None:
    source, target, amount = trade
    ours: int | str
    try:
        ours, _ = KIND.execute(state, ME, Trade(asset(source), amount, asset(target)), 0)
    except TradeRefusedError as error:
        counts.refused += 1
        ours = 0 if error.code == "no_output" else TOO_MUCH_IN
    counts.compare(ours, theirs, trade, state.model_dump())


def compare_purchase(state: WeightedState, trade: tuple[int, int, int], theirs: int | str, counts: Tally) -> None:
    source, target, amount = trade
    room = BALANCE_LIMIT - state.tokens[asset(source)].balance
    expected = theirs if isinstance(theirs, int) and theirs < room else "venue_capacity"
    ours: int | str
    try:
        ours = KIND.input_for(state, asset(source), amount, asset(target))
    except TradeRefusedError as error:
        counts.refused += 1
        ours = error.code
    counts.compare(ours, expected, theirs, trade, state.model_dump())


LIBRARY = "@balancer-labs/v2-solidity-utils"
LIBRARIES = {"2021": f"@balancer-labs/v2-pool-weighted/node_modules/{LIBRARY}", "2022": LIBRARY}
"""By year of the pools that came with it."""


@pytest.mark.parametrize("year", LIBRARIES)
def test_the_power_is_the_library_s_wherever_it_has_one(year: str) -> None:
    with tally("weighted_product", f"LogExpMath {year}", LIBRARIES[year], 7) as (counts, chance):
        chain = Chain()
        powers = chain.deploy(compiled()[f"{year}/BalancerPowers"])
        for _ in range(3000):
            x = chance.choice(
                (size(chance, 1, 2**255 - 1), size(chance, 10**16, 10**20), ONE + chance.randint(-(10**17), 10**17))
            )
            y = chance.choice((size(chance, 1, 10**20), chance.choice((1, 2, 4)) * ONE, chance.randint(0, 2 * ONE)))
            raw = power_or_none(x, y)
            named: list[tuple[str, int | None]] = [("pow", raw)]
            if raw is not None and raw < 2**120:  # beyond, their products overflow; nothing of a pool comes near
                named.append(("powUp", power_up(x, y, shortcuts=year == "2022")))
                named += [("powDown", power_down(x, y))] if year == "2022" else []
            for name, ours in named:
                try:
                    theirs = chain.call(powers, f"{name}(uint256,uint256)", x, y)
                except Reverted:
                    theirs = None
                counts.compare(ours, theirs, name, x, y)


def power_or_none(x: int, y: int) -> int | None:
    """The power; None outside its domain, where the library reverts."""
    try:
        return power(x, y)
    except ValueError:
        return None
