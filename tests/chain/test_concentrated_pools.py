"""Concentrated liquidity against the pools of Uniswap V3, PancakeSwap V3 and Uniswap V4: swaps one after the other.

Every swap compares what was paid and got, and where the pool stands afterwards: price, tick, liquidity. Positions overlap
at random, begin and end at the price, and cover the whole range; prices start anywhere, on ticks and a unit beside them.
"""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from engine.market.venues.base import AssetInfo, Trade, TradeRefusedError
from engine.market.venues.concentrated import Concentrated, ConcentratedState, swap
from engine.market.venues.tick_math import MAX_SQRT_PRICE, MAX_TICK, MIN_SQRT_PRICE, MIN_TICK, sqrt_price_at, tick_at
from tests.chain.concentrated_pools import EXCHANGES, Pool, QuotedPool, Terms, UniswapV3
from tests.chain.evm import ME, Reverted
from tests.chain.tally import Tally, size, tally

ASSETS = ("sim:alpha/token:T0", "sim:alpha/token:T1")
KIND = Concentrated()
POOLS = 300
SWAPS = 8
LARGEST = 2**126
"""V4 counts in 127 bits and a sign, so no amount is near that."""

FEES = (0, 1, 100, 500, 3000, 10000, 999_999)
SPACINGS = (1, 10, 60, 200, 16_383)


@pytest.mark.parametrize("contract", EXCHANGES)
def test_swaps_one_after_the_other(contract: str) -> None:
    made, package = EXCHANGES[contract]
    with tally("concentrated", contract, package, 3) as (counts, chance):
        exchange = made()
        while counts.states < POOLS:
            terms = some_terms(chance, v4=contract.startswith("PoolManager"))
            terms = Terms(
                terms.fee, exchange.spacing(terms.fee) or terms.spacing, terms.sqrt_price, terms.protocol_fees
            )
            pool = exchange.pool(terms)
            nets = mint_some(pool, terms, chance)
            if not nets:
                continue
            counts.states += 1
            state = state_of(terms, pool, nets)
            for _ in range(SWAPS):
                state = compare_swap(state, pool, counts, chance)


def test_quotes_are_the_quoter_s() -> None:
    with tally("concentrated", "QuoterV2", "@uniswap/v3-periphery", 15) as (counts, chance):
        exchange = UniswapV3()
        while counts.states < POOLS // 2:
            terms = some_terms(chance, v4=False)
            terms = Terms(terms.fee, exchange.spacing(terms.fee) or terms.spacing, terms.sqrt_price)
            pool = exchange.pool(terms)
            nets = mint_some(pool, terms, chance)
            if nets:
                counts.states += 1
                state = state_of(terms, pool, nets)
                for _ in range(SWAPS):
                    compare_quote(state, pool, counts, chance)


def compare_quote(state: ConcentratedState, pool: QuotedPool, counts: Tally, chance: Random) -> None:
    """One quote. The quoter tells less where liquidity ends: of an exact input it quotes a part, an exact output it refuses."""
    down, exact_in = chance.random() < 0.5, chance.random() < 0.5
    end = MIN_SQRT_PRICE + 1 if down else MAX_SQRT_PRICE - 1
    if state.sqrt_price <= end if down else state.sqrt_price >= end:
        return
    amount = some_amount(state, chance, down=down, exact_in=exact_in)
    source, target = ASSETS if down else ASSETS[::-1]
    ours: tuple[int, int] | str
    try:
        if exact_in:
            out, after = KIND.execute(state, ME, Trade(source, amount, target), 0)
            ours = out, after.sqrt_price
        else:
            ours = (
                KIND.input_for(state, source, amount, target),
                swap(state, amount, down=down, exact_in=False).sqrt_price,
            )
    except TradeRefusedError as error:
        counts.refused += 1
        ours = error.code
    theirs: tuple[int, int] | str
    try:
        theirs = pool.quote(down=down, amount=amount, exact_in=exact_in)
    except Reverted:
        theirs = "venue_capacity"
    if exact_in and isinstance(theirs, tuple) and ours != theirs:
        # It took what it could before the end of the range, or it takes an input that pays for nothing.
        theirs = "venue_capacity" if theirs[1] == end else theirs if theirs[0] else "no_output"
    counts.compare(ours, theirs, state.model_dump(), amount, down, exact_in)


def some_terms(chance: Random, *, v4: bool) -> Terms:
    """A fee, a spacing, and a price: about 1, anywhere, on a tick, a unit beside it, or at either end."""
    tick = chance.choice((chance.randint(-2000, 2000), chance.randint(MIN_TICK, MAX_TICK - 1), MIN_TICK, MAX_TICK - 1))
    price = sqrt_price_at(tick) + chance.choice((0, 0, 1, -1, chance.randrange(2**32)))
    price = min(max(price, MIN_SQRT_PRICE), MAX_SQRT_PRICE - 1)
    fee = chance.choice((*FEES, chance.randrange(10**6)))
    spacing = chance.choice((*SPACINGS, chance.randint(1, 16_383)))
    if not v4 or fee == 999_999:  # with any share for the protocol that would be all
        return Terms(fee, spacing, price)
    return Terms(fee, spacing, price, (chance.randint(0, 1000), chance.choice((0, 1000))))


def mint_some(pool: Pool, terms: Terms, chance: Random) -> Counter[int]:
    """Add positions as the pool takes them; the nets of its ticks."""
    nets: Counter[int] = Counter()
    last = MAX_TICK // terms.spacing
    here = tick_at(terms.sqrt_price) // terms.spacing
    for _ in range(chance.randint(1, 12)):
        reach = chance.choice((1, 2, 20, 300, last))
        ends = {min(max(here + chance.randint(-reach, reach), -last), last) for _ in range(2)}
        lower, upper = min(ends) * terms.spacing, max(ends) * terms.spacing
        if chance.random() < 0.1:
            lower, upper = -last * terms.spacing, last * terms.spacing
        if lower == upper:
            continue
        liquidity = size(chance, 1, 2 ** chance.choice((40, 80, 100, 125)))
        try:
            pool.mint(lower, upper, liquidity)
        except Reverted:
            continue  # more than a tick may have, or amounts that do not fit
        nets[lower] += liquidity
        nets[upper] -= liquidity
    return nets


def state_of(terms: Terms, pool: Pool, nets: Counter[int]) -> ConcentratedState:
    """The pool as Clearway has it: from its terms and the positions, with the price and liquidity that it shows."""
    sqrt_price, tick, liquidity = pool.place()
    state = ConcentratedState(
        id="sim:alpha/pool:p",
        asset0=ASSETS[0],
        asset1=ASSETS[1],
        sqrt_price=sqrt_price,
        tick=tick,
        liquidity=liquidity,
        ticks=tuple(sorted((tick, net) for tick, net in nets.items() if net)),
        tick_spacing=terms.spacing,
        fee=terms.fee,
        protocol_fees=terms.protocol_fees,
    )
    KIND.check(state, {asset: AssetInfo(18) for asset in ASSETS})
    return state


def compare_swap(state: ConcentratedState, pool: Pool, counts: Tally, chance: Random) -> ConcentratedState:
    """One swap there and here; the state after it."""
    down, exact_in = chance.random() < 0.5, chance.random() < 0.6
    end = MIN_SQRT_PRICE + 1 if down else MAX_SQRT_PRICE - 1
    if state.sqrt_price <= end if down else state.sqrt_price >= end:
        return state
    limit = some_limit(state, chance, down=down)
    amount = some_amount(state, chance, down=down, exact_in=exact_in)
    ours = swap(state, amount, down=down, exact_in=exact_in, sqrt_price_limit=limit)
    context = (state.model_dump(), amount, down, exact_in, limit)
    if max(ours.amount_in, ours.amount_out) >= LARGEST:
        return state
    if limit == end:
        compare_venue(
            state, amount, counts, context, down=down, exact_in=exact_in, taken=(ours.amount_in, ours.amount_out)
        )
    try:
        first, second = pool.swap(down=down, amount=amount, exact_in=exact_in, limit=limit)
        theirs = ((first, -second) if down else (second, -first), pool.place())
    except Reverted as error:
        counts.compare("a swap", str(error), context)
        return state
    counts.compare(((ours.amount_in, ours.amount_out), (ours.sqrt_price, ours.tick, ours.liquidity)), theirs, context)
    after = {"sqrt_price": ours.sqrt_price, "tick": ours.tick, "liquidity": ours.liquidity}
    return state.model_copy(update=after)


def some_limit(state: ConcentratedState, chance: Random, *, down: bool) -> int:
    """The end of the range mostly; else a price ahead, next to here, or exactly that of a tick of the pool."""
    end = MIN_SQRT_PRICE + 1 if down else MAX_SQRT_PRICE - 1
    if chance.random() < 0.5:
        return end
    prices = [sqrt_price_at(tick) for tick, _ in state.ticks]
    ahead = [
        price for price in prices if (end <= price < state.sqrt_price if down else state.sqrt_price < price <= end)
    ]
    step = max(1, state.sqrt_price // chance.choice((10, 10**4, 10**40)))
    near = max(state.sqrt_price - step, end) if down else min(state.sqrt_price + step, end)
    return chance.choice([near, *ahead[:3]])


def some_amount(state: ConcentratedState, chance: Random, *, down: bool, exact_in: bool) -> int:
    """One unit, any number, or about what brings the price exactly to one of the pool's ticks."""
    if chance.random() < 0.5:
        return chance.choice((1, size(chance, 1, LARGEST - 1)))
    stop = swap(state, 2**255, down=down, sqrt_price_limit=some_limit(state, chance, down=down))
    exact = stop.amount_in if exact_in else stop.amount_out
    return min(max(exact + chance.choice((-1, 0, 0, 1)), 1), LARGEST - 1)


def compare_venue(
    state: ConcentratedState,
    amount: int,
    counts: Tally,
    context: object,
    *,
    down: bool,
    exact_in: bool,
    taken: tuple[int, int],
) -> None:
    """What the venue kind says agrees with the walk that the contract is compared with."""
    source, target = ASSETS if down else ASSETS[::-1]
    paid, got = taken
    whole = (paid if exact_in else got) == amount
    said: int | str
    try:
        if exact_in:
            said, _ = KIND.execute(state, ME, Trade(source, amount, target), 0)
        else:
            said = KIND.input_for(state, source, amount, target)
    except TradeRefusedError as error:
        counts.refused += 1
        said = error.code
    expected = "venue_capacity" if not whole else paid if not exact_in else got or "no_output"
    assert said == expected, context
