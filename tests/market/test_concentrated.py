"""Concentrated liquidity: ticks against the contract's own constants, swaps against recorded ones, and the walk's edges."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.market.feeds.pool_files import read_pool
from engine.market.venues import tick_math as ticks
from engine.market.venues.base import Trade, TradeRefusedError
from engine.market.venues.concentrated import Concentrated, ConcentratedState, swap
from tests.data import data_path

A, B = "eip155:1/erc20:0x" + "a" * 40, "eip155:1/erc20:0x" + "b" * 40
LIQUIDITY = 10**18


def pool(**changes: Any) -> ConcentratedState:
    """One position from tick -600 to 600 at the price 1, and a thinner one further out."""
    made = {
        "id": "eip155:1/pool:0x01",
        "asset0": A,
        "asset1": B,
        "sqrt_price": 2**96,
        "tick": 0,
        "liquidity": LIQUIDITY,
        "ticks": ((-1200, 10**15), (-600, LIQUIDITY - 10**15), (600, 10**15 - LIQUIDITY), (1200, -(10**15))),
        "tick_spacing": 60,
        "fee": 3000,
    }
    return ConcentratedState.model_validate(made | changes)


# Source: Uniswap/v3-core, test/TickMath.spec.ts.
PRICES = {
    ticks.MIN_TICK: 4295128739,
    ticks.MIN_TICK + 1: 4295343490,
    0: 2**96,
    ticks.MAX_TICK - 1: 1461373636630004318706518188784493106690254656249,
    ticks.MAX_TICK: 1461446703485210103287273052203988822378723970342,
}


def test_prices_of_ticks_are_the_contracts() -> None:
    assert {tick: ticks.sqrt_price_at(tick) for tick in PRICES} == PRICES
    for beyond in (ticks.MIN_TICK - 1, ticks.MAX_TICK + 1):
        with pytest.raises(ValueError, match="expected a tick"):
            ticks.sqrt_price_at(beyond)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(tick=st.integers(ticks.MIN_TICK, ticks.MAX_TICK - 1), share=st.integers(0, 999))
def test_a_price_has_the_tick_below_it(tick: int, share: int) -> None:
    low, high = ticks.sqrt_price_at(tick), ticks.sqrt_price_at(tick + 1)

    assert ticks.tick_at(low + (high - low) * share // 1000) == tick
    assert ticks.tick_at(high - 1) == tick


def test_a_large_swap_through_a_whole_recorded_pool() -> None:
    """100 WBTC at block 24,407,242, as @uniswap/v3-sdk computes it: the price crosses ticks of 458."""
    path = data_path("pools/onchain_vectors/uniswap_v3_wbtc_weth_block_24407242.json")
    state = read_pool(json.loads(path.read_text()))
    assert isinstance(state, ConcentratedState)
    done = swap(state, 100 * 10**8, down=True)

    assert done.amount_out == 3054092719899606991451
    assert done.crossed > 1
    assert Concentrated().input_for(state, state.asset0, done.amount_out, state.asset1) <= 100 * 10**8


def test_a_swap_stops_at_its_price_limit_and_goes_on_from_there() -> None:
    state, limit = pool(), ticks.sqrt_price_at(-300)
    first = swap(state, 10**30, down=True, sqrt_price_limit=limit)
    rest = swap(state, 10**30, down=True, start=first)
    whole = swap(state, 10**30, down=True)

    assert (first.sqrt_price, first.tick, first.liquidity, first.crossed) == (limit, -300, LIQUIDITY, 0)
    assert (rest.sqrt_price, rest.liquidity, rest.crossed) == (ticks.MIN_SQRT_PRICE + 1, 0, 2)
    assert 0 <= first.amount_in + rest.amount_in - whole.amount_in <= 2
    assert 0 <= whole.amount_out - first.amount_out - rest.amount_out <= 1


@pytest.mark.parametrize("limit", [2**96, 2**96 + 1, ticks.MIN_SQRT_PRICE])
def test_a_limit_that_is_not_ahead_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match="price limit"):
        swap(pool(), 1, down=True, sqrt_price_limit=limit)


def test_a_swap_that_ends_on_a_tick_has_left_it_going_down_only() -> None:
    state = pool()
    down = swap(state, 10**30, down=True, sqrt_price_limit=ticks.sqrt_price_at(-600))
    up = swap(state, 10**30, down=False, sqrt_price_limit=ticks.sqrt_price_at(600))

    assert (down.tick, down.liquidity, down.crossed) == (-601, 10**15, 1)
    assert (up.tick, up.liquidity, up.crossed) == (600, 10**15, 1)
    for done in (down, up):
        after = state.model_copy(update={"sqrt_price": done.sqrt_price, "tick": done.tick, "liquidity": done.liquidity})
        Concentrated().check(after, {A: None, B: None})  # type: ignore[dict-item] # nothing of an asset is looked at


def test_each_word_of_the_bitmap_rounds_once() -> None:
    """Within one position but across a word's edge the contract rounds the output twice: floors of both parts."""
    wide = ((-6000, 10**9), (6000, -(10**9)))
    state = pool(liquidity=10**9, ticks=wide, tick_spacing=1, fee=0)
    edge, end = ticks.sqrt_price_at(-256), ticks.sqrt_price_at(-400)
    done = swap(state, 10**30, down=True, sqrt_price_limit=end)

    parts = [
        ticks.amount1_between(low, high, 10**9, up=False)
        for high, low in ((2**96, ticks.sqrt_price_at(0)), (ticks.sqrt_price_at(0), edge), (edge, end))
    ]
    assert done.amount_out == sum(parts)
    assert done.crossed == 0


def test_what_the_liquidity_can_not_take_is_refused() -> None:
    state = pool()
    most = swap(state, 10**30, down=True).amount_in

    out, after = Concentrated().execute(state, "", Trade(A, most, B), 0)
    assert (out, after.liquidity) == (swap(state, 10**30, down=True).amount_out, 0)
    with pytest.raises(TradeRefusedError, match="venue_capacity"):
        Concentrated().execute(state, "", Trade(A, most + 1, B), 0)
    with pytest.raises(TradeRefusedError, match="venue_capacity"):
        Concentrated().input_for(state, A, out + 1, B)
    with pytest.raises(TradeRefusedError, match="no_output"):
        Concentrated().execute(state, "", Trade(A, 1, B), 0)


def test_a_protocol_fee_is_taken_first() -> None:
    """V4: p + f - floor(p f / 10^6), by direction."""
    state = pool(protocol_fees=(1000, 500))

    assert (state.swap_fee(down=True), state.swap_fee(down=False)) == (3997, 3499)
    assert swap(state, 10**15, down=True).amount_out < swap(state, 10**15, down=False).amount_out
