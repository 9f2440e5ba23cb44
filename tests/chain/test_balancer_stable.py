"""Stable pools against Balancer V2's of 2021 (stable, and meta stable with rates) and its composable ones of 2022 and 2023."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

import pytest

from engine.market.venues.balancer_math import ONE
from engine.market.venues.base import AssetInfo, Trade, TradeRefusedError
from engine.market.venues.stable import AMP_PRECISION, BALANCE_LIMIT, Stable, StableState, StableToken
from tests.chain.balancer_pools import (
    GIVEN_IN,
    GIVEN_OUT,
    Balancer,
    Pool,
    Token,
    composable_2022,
    composable_2023,
    meta_stable_2021,
    stable_2021,
)
from tests.chain.evm import ME
from tests.chain.tally import Tally, size, tally

KIND = Stable()
PACKAGE = "@balancer-labs/v2-deployments"
POOLS = 80
BALANCES = 6
FEES = (10**12, ONE // 10)
AMPLIFICATIONS = (1, 5000)
"""What the contracts allow."""

Maker = Callable[[Balancer, Sequence[Token], int, int], Pool]
MAKERS: dict[str, tuple[Maker, str, int, bool]] = {
    "StablePool 2021": (stable_2021, "v1", 5, False),
    "MetaStablePool 2021": (meta_stable_2021, "v1", 2, True),
    "ComposableStablePool 2022": (composable_2022, "v2", 5, True),
    "ComposableStablePool 2023": (composable_2023, "v2", 5, True),
}
"""By contract: who deploys it, our version of it, most tokens, whether they have rates."""


@pytest.mark.parametrize("contract", MAKERS)
def test_swaps_pay_and_cost_what_the_pool_says(contract: str) -> None:
    make, version, most, rated = MAKERS[contract]
    with tally("stable", contract, PACKAGE, 8) as (counts, chance):
        balancer = Balancer()
        for _ in range(POOLS):
            fee, amplification = chance.choice((*FEES, size(chance, *FEES))), size(chance, *AMPLIFICATIONS)
            tokens = balancer.some_tokens(chance, chance.randint(2, most))
            if rated:
                tokens = [replace(token, rate=some_rate(chance)) for token in tokens]
            pool = make(balancer, tokens, fee, amplification)
            for _ in range(BALANCES):
                counts.states += 1
                state = state_of(pool, some_balances(chance, tokens), fee, amplification, version)
                balances = [token.balance for token in state.tokens.values()]
                source, target = chance.sample(range(len(tokens)), 2)
                for amount in some_amounts(chance, balances[source]):
                    theirs = balancer.swap_all(pool, GIVEN_IN, source, target, amount, balances)
                    compare_sale(state, (source, target, amount), theirs, counts)
                for amount in some_amounts(chance, balances[target]):
                    theirs = balancer.swap_all(pool, GIVEN_OUT, source, target, amount, balances)
                    compare_purchase(state, (source, target, amount), theirs, counts)


def some_rate(chance: Random) -> int:
    """None, near 1, or any."""
    return chance.choice((ONE, ONE + chance.randint(0, ONE // 5), size(chance, ONE // 100, 100 * ONE)))


def some_balances(chance: Random, tokens: Sequence[Token]) -> list[int]:
    """Alike, up to a million times apart, or anything."""
    whole = size(chance, 1, 2**50)
    spread = chance.choice((1.2, 30, 10**6, None))
    balances = []
    for token in tokens:
        if spread is None:
            balances.append(size(chance, 1, BALANCE_LIMIT - 1))
        else:
            share = chance.uniform(1, spread)
            balances.append(min(max(int(whole * share * 10**token.decimals), 1), BALANCE_LIMIT - 1))
    return balances


def some_amounts(chance: Random, balance: int) -> list[int]:
    """One unit, anything, a share, nearly and exactly all, and many times the balance."""
    amounts = {1, size(chance, 1, balance), chance.randint(1, balance), balance - 1, balance, 50 * balance}
    return sorted(amount for amount in amounts if 0 < amount < BALANCE_LIMIT - balance)


def asset(index: int) -> str:
    return f"sim:alpha/token:T{index}"


def state_of(pool: Pool, balances: Sequence[int], fee: int, amplification: int, version: str) -> StableState:
    tokens = {
        asset(index): StableToken(balance=balance, decimals=token.decimals, rate=token.rate)
        for index, (token, balance) in enumerate(zip(pool.tokens, balances, strict=True))
    }
    fields = {"id": "sim:alpha/pool:p", "tokens": tokens, "fee": fee, "version": version}
    state = StableState.model_validate({**fields, "amplification": amplification * AMP_PRECISION})
    KIND.check(state, {asset(index): AssetInfo(token.decimals) for index, token in enumerate(pool.tokens)})
    return state


def compare_sale(state: StableState, trade: tuple[int, int, int], theirs: int | str, counts: Tally) -> None:
    """The pool takes an input too small to pay for: it says 0, or reverts where the unit it keeps back exceeds the output."""
    source, target, amount = trade
    ours: int | str
    try:
        ours, _ = KIND.execute(state, ME, Trade(asset(source), amount, asset(target)), 0)
    except TradeRefusedError as error:
        counts.refused += 1
        ours = "nothing" if error.code == "no_output" else "refused"
    expected = theirs or "nothing"
    if isinstance(theirs, str):
        expected = "nothing" if theirs == "BAL#001" else "refused"
    counts.compare(ours, expected, theirs, trade, state.model_dump())


def compare_purchase(state: StableState, trade: tuple[int, int, int], theirs: int | str, counts: Tally) -> None:
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
