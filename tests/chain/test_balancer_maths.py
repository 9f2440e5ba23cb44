"""Balancer's maths alone, compiled here: where no deployed pool leads (no fee, weights that sum to anything, any balances)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

import pytest

from engine.market.venues.balancer_math import ONE
from engine.market.venues.base import Trade, TradeRefusedError
from engine.market.venues.stable import AMP_PRECISION
from engine.market.venues.stable_math import balancer_balance, invariant, invariant_up
from engine.market.venues.weighted import BALANCE_LIMIT, MIN_WEIGHT, Weighted, WeightedState, WeightedToken
from tests.chain.cache import compiled
from tests.chain.evm import ME, Chain, Reverted
from tests.chain.tally import size, tally

KIND = Weighted()
A, B = "sim:alpha/token:T0", "sim:alpha/token:T1"
CASES = 1500


@pytest.mark.parametrize(("year", "version"), [("2021", "v0"), ("2022", "v3plus")])
def test_weighted_maths_without_fee_and_with_any_weights(year: str, version: str) -> None:
    with tally("weighted_product", f"WeightedMath {year}", "@balancer-labs/v2-pool-weighted", 9) as (counts, chance):
        chain = Chain()
        maths = chain.deploy(compiled()[f"{year}/BalancerWeighted"])
        for _ in range(CASES):
            counts.states += 1
            first, second = (
                WeightedToken(
                    balance=size(chance, 1, BALANCE_LIMIT // 2), weight=chance.randint(MIN_WEIGHT, ONE), decimals=18
                )
                for _ in range(2)
            )
            fields = {"id": "sim:alpha/pool:p", "tokens": {A: first, B: second}, "fee": 0, "version": version}
            state = WeightedState.model_validate(fields)
            amount_in = chance.randint(1, max(1, first.balance * 3 // 10))
            amount_out = chance.randint(1, max(1, second.balance * 3 // 10))
            for name, amount in (("outGivenIn", amount_in), ("inGivenOut", amount_out)):
                numbers = (first.balance, first.weight, second.balance, second.weight, amount)
                try:
                    theirs = chain.call(maths, f"{name}(uint256,uint256,uint256,uint256,uint256)", *numbers)
                except Reverted:
                    theirs = None
                if theirs is None or (name == "inGivenOut" and first.balance + theirs >= BALANCE_LIMIT):
                    theirs = "refused"
                counts.compare(answer(state, name, amount), theirs or "refused", name, *numbers)


def answer(state: WeightedState, name: str, amount: int) -> int | str:
    """What the kind says; "refused" where it refuses, also to pay nothing."""
    try:
        if name == "outGivenIn":
            return KIND.execute(state, ME, Trade(A, amount, B), 0)[0]
        return KIND.input_for(state, A, amount, B)
    except TradeRefusedError:
        return "refused"


def test_stable_maths_of_any_balances() -> None:
    with tally("stable", "StableMath 2021", "@balancer-labs/v2-pool-stable", 10) as (counts, chance):
        chain = Chain()
        maths = chain.deploy(compiled()["2021/BalancerStable"])
        for _ in range(CASES):
            counts.states += 1
            amplification, balances = size(chance, 1, 5000) * AMP_PRECISION, some_scaled(chance)
            found = try_invariant(amplification, balances)
            counts.compare(
                found,
                ask(chain, maths, "invariant(uint256,uint256[],bool)", amplification, balances, True),
                amplification,
                balances,
            )
            if found is None:
                continue
            index = chance.randrange(len(balances))
            other = (index + 1) % len(balances)
            balances[other] += chance.randint(0, balances[other])
            told = ask(
                chain, maths, "balance(uint256,uint256[],uint256,uint256)", amplification, balances, found, index
            )
            counts.compare(
                try_balance(amplification, balances, index, found), told, amplification, balances, index, found
            )


def test_stable_maths_of_v3() -> None:
    with tally("stable", "StableMath V3", "@balancer-labs/v3-solidity-utils", 16) as (counts, chance):
        chain = Chain()
        maths = chain.deploy(compiled()["BalancerV3Stable"])
        for _ in range(2 * CASES):
            counts.states += 1
            amplification, balances = size(chance, 1, 50_000) * AMP_PRECISION, some_scaled(chance)
            found = try_invariant(amplification, balances, invariant)
            told = ask(chain, maths, "invariant(uint256,uint256[])", amplification, balances)
            counts.compare(found, told, amplification, balances)
            if found is None:
                continue
            index = chance.randrange(len(balances))
            balances[index - 1] += chance.randint(0, balances[index - 1])
            ours = try_balance(amplification, balances, index, found, exact=True)
            told = ask(
                chain, maths, "balance(uint256,uint256[],uint256,uint256)", amplification, balances, found, index
            )
            counts.compare(ours, told, amplification, balances, index, found)


def some_scaled(chance: Random) -> list[int]:
    """Scaled balances, alike or anything that the vault could hold."""
    whole = size(chance, 10**6, 2**150)
    spread = chance.choice((2, 1000, None))
    return [
        size(chance, 1, 2**172 - 1) if spread is None else whole * chance.randint(1, spread)
        for _ in range(chance.randint(2, 5))
    ]


def ask(chain: Chain, maths: str, signature: str, *values: object) -> int | None:
    """What the contract says; None where it reverts."""
    try:
        found: int = chain.call(maths, signature, *values)
    except Reverted:
        return None
    return found


def try_invariant(
    amplification: int, balances: list[int], solve: Callable[[int, Sequence[int], int], int] = invariant_up
) -> int | None:
    """The invariant; None where the contract should revert."""
    try:
        return solve(amplification, balances, AMP_PRECISION)
    except ValueError:
        return None


def try_balance(amplification: int, balances: list[int], index: int, found: int, *, exact: bool = False) -> int | None:
    """The balance; None where the contract should revert."""
    try:
        return balancer_balance(amplification, balances, index, found, AMP_PRECISION, exact=exact)
    except ValueError:
        return None
