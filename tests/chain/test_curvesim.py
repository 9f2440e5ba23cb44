"""Curve's pools against curvesim's, whose authors follow the contracts' integers: plain pools, metapools, cryptopools.

Only the pool classes of curvesim are loaded: what it imports for simulations is not installed. It loops for ever where a
contract gives up, so it is asked only what we answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from engine.market.venues.base import AssetInfo, Trade, TradeRefusedError, VenueState, VenueStateError
from engine.market.venues.curve_crypto import CurveCrypto, CurveCryptoState
from engine.market.venues.curve_crypto_math import newton_balance, newton_invariant
from engine.market.venues.curve_ng_math import cubic_balance, cubic_invariant
from engine.market.venues.curve_stable import FEE_UNITS, CurveStable, CurveStableState
from engine.market.venues.stable_math import invariant
from tests.chain.cache import bare_package, module
from tests.chain.evm import ME
from tests.chain.tally import Tally, size, tally

ONE = 10**18
PACKAGE = "curvesim"
STATES, TRADES = 1500, 4


def curvesim(name: str) -> Any:
    """A module of curvesim, without the packages above it running."""
    for parent in (PACKAGE, f"{PACKAGE}.pool"):
        bare_package(parent)
    return module(f"{PACKAGE}.pool.{name}")


def asset(index: int) -> str:
    return f"sim:alpha/token:T{index}"


def stable_state(
    balances: Sequence[int], rates: Sequence[int], amplification: int, fee: int, admin: int
) -> CurveStableState:
    coins = [{"asset": asset(i), "balance": b, "rate": r} for i, (b, r) in enumerate(zip(balances, rates, strict=True))]
    fields = {"id": "sim:alpha/pool:p", "coins": coins, "amplification": amplification, "precision": 1}
    state = CurveStableState.model_validate({**fields, "fee": fee, "admin_fee": admin})
    CurveStable().check(state, {asset(i): AssetInfo(18) for i in range(len(balances))})
    return state


def is_solvable(balances: Sequence[int], amplification: int) -> bool:
    """Whether the search for the invariant ends; curvesim would search for ever."""
    try:
        invariant(amplification, balances, 1)
    except ValueError:
        return False
    return True


def some_balances(chance: Random, rates: Sequence[int]) -> list[int]:
    """Base units of balances worth about the same, or up to a thousand times apart."""
    whole, spread = size(chance, 10**20, 10**27), chance.choice((1.1, 5, 1000))
    return [max(1, int(whole * chance.uniform(1, spread)) * ONE // rate) for rate in rates]


def trade_on(state: CurveStableState, pool: Any, counts: Tally, chance: Random) -> None:
    """Trades one after the other in both: outputs and balances afterwards, the admin's share taken off."""
    current: VenueState = state
    kind = CurveStable()
    for _ in range(TRADES):
        assert isinstance(current, CurveStableState)
        source, target = chance.sample(range(len(state.coins)), 2)
        balance = current.coins[source].balance
        amount = chance.choice((1, size(chance, 1, 10 * balance), chance.randint(1, balance)))
        try:
            out, after = kind.execute(current, ME, Trade(asset(source), amount, asset(target)), 0)
        except TradeRefusedError as error:
            counts.refused += 1
            if error.code != "no_output":
                continue
            out, after = 0, None
        if after is None:
            counts.compare(0, int(quoted(pool, source, target, amount)), amount, current.model_dump())
            continue
        theirs, _ = pool.exchange(source, target, amount)
        left = [coin.balance for coin in after.coins]
        counts.compare((out, left), (int(theirs), [int(b) for b in pool.balances]), amount, current.model_dump())
        current = after


def quoted(pool: Any, source: int, target: int, amount: int) -> int:
    """What a pool would pay, nothing being traded: as much as 0 where the unit that it keeps back is more than there is."""
    before = list(pool.balances)
    try:
        out, _ = pool.exchange(source, target, amount)
    except AssertionError:
        out = 0
    pool.balances = before
    return int(out)


def test_plain_pools() -> None:
    with tally("curve_stable", "CurvePool", PACKAGE, 11) as (counts, chance):
        pools = curvesim("stableswap")
        while counts.states < STATES:
            rates = [10 ** chance.choice((18, 18, 28, 30)) for _ in range(chance.randint(2, 5))]
            balances, amplification = some_balances(chance, rates), size(chance, 1, 10**6)
            fee, admin = chance.choice((0, 4 * 10**6, FEE_UNITS // 2)), chance.choice((0, FEE_UNITS // 2, FEE_UNITS))
            state = stable_state(balances, rates, amplification, fee, admin)
            if not is_solvable(state.scaled, amplification):
                continue
            counts.states += 1
            pool = pools.CurvePool(amplification, balances, len(rates), rates=rates, fee=fee, admin_fee=admin)
            trade_on(state, pool, counts, chance)


def test_metapools_at_the_virtual_price_of_their_base() -> None:
    with tally("curve_stable", "CurveMetaPool", PACKAGE, 12) as (counts, chance):
        pools = curvesim("stableswap")
        while counts.states < STATES:
            held = [size(chance, 10**22, 10**26) for _ in range(3)]
            if not is_solvable(held, 2000):
                continue
            base = pools.CurvePool(2000, held, 3)
            base.tokens = base.tokens * chance.randint(800, 1000) // 1000
            rates = [10 ** chance.choice((18, 28, 30)), int(base.get_virtual_price())]
            balances, amplification = some_balances(chance, rates), size(chance, 1, 10**4)
            state = stable_state(balances, rates, amplification, 4 * 10**6, FEE_UNITS // 2)
            if not is_solvable(state.scaled, amplification):
                continue
            counts.states += 1
            pool = pools.CurveMetaPool(amplification, list(balances), 2, base, rate_multiplier=rates[0])
            trade_on(state, pool, counts, chance)


def test_cryptopools_of_two_assets() -> None:
    with tally("curve_crypto", "CurveCryptoPool", PACKAGE, 13) as (counts, chance):
        pools, kind = curvesim("cryptoswap"), CurveCrypto()
        while counts.states < STATES:
            state = some_cryptopool(chance)
            try:
                kind.check(state, {coin.asset: AssetInfo(coin.decimals) for coin in state.coins})
            except VenueStateError:
                continue  # further out of balance than the contract searches
            counts.states += 1
            pool = pools.CurveCryptoPool(
                A=state.amplification,
                gamma=state.gamma,
                n=2,
                precisions=[10 ** (18 - coin.decimals) for coin in state.coins],
                mid_fee=state.mid_fee,
                out_fee=state.out_fee,
                allowed_extra_profit=10**10,
                fee_gamma=state.fee_gamma,
                adjustment_step=10**14,
                ma_half_time=600,
                price_scale=list(state.price_scale),
                balances=[coin.balance for coin in state.coins],
            )
            counts.compare(newton(state), int(pool.D), state.model_dump())
            compare_crypto(state.model_copy(update={"invariant": int(pool.D)}), pool, counts, chance)


def newton(state: CurveCryptoState) -> int:
    """The invariant of the balances as we find it."""
    return newton_invariant(state.amplification, state.gamma, state.all_scaled)


def some_cryptopool(chance: Random) -> CurveCryptoState:
    """Two assets of any decimals and prices, up to ten times out of balance, of any parameters that a pool may have."""
    decimals = [chance.choice((6, 8, 18)) for _ in range(2)]
    price, whole = size(chance, 10**12, 10**24), size(chance, 10**20, 10**26)
    first = int(whole * chance.uniform(0.3, 3)) // 10 ** (18 - decimals[0])
    second = int(whole * chance.uniform(0.3, 3)) * ONE // price // 10 ** (18 - decimals[1])
    balances = [max(1, first), max(1, second)]
    mid = size(chance, 5 * 10**5, 10**9)
    state = CurveCryptoState.model_validate(
        {
            "id": "sim:alpha/pool:p",
            "coins": [
                {"asset": asset(i), "balance": balance, "decimals": digits}
                for i, (balance, digits) in enumerate(zip(balances, decimals, strict=True))
            ],
            "price_scale": (price,),
            "amplification": size(chance, 4000, 4 * 10**9),
            "gamma": size(chance, 10**10, 2 * 10**16),
            "invariant": 1,
            "mid_fee": mid,
            "out_fee": chance.randint(mid, 5 * 10**9),
            "fee_gamma": size(chance, 10**10, ONE),
        }
    )
    try:
        return state.model_copy(update={"invariant": newton(state)})
    except (ValueError, ZeroDivisionError):
        return state


def compare_crypto(state: CurveCryptoState, pool: Any, counts: Tally, chance: Random) -> None:
    """Quotes for single trades on the state; what the contract's safe range refuses both have to."""
    for _ in range(TRADES):
        source = chance.randrange(2)
        balance = state.coins[source].balance
        amount = chance.choice((1, size(chance, 1, 10 * balance), chance.randint(1, balance)))
        ours: int | str
        try:
            ours, _ = CurveCrypto().execute(state, ME, Trade(asset(source), amount, asset(1 - source)), 0)
        except TradeRefusedError as error:
            counts.refused += 1
            ours = error.code
        try:
            theirs: int | str = int(pool.get_dy(source, 1 - source, amount))
        except (AssertionError, ValueError, ArithmeticError):
            theirs = "venue_capacity"
        if isinstance(theirs, int) and theirs <= 0:
            theirs = "no_output"
        counts.compare(ours, theirs, source, amount, state.model_dump())


def test_the_balance_of_three_assets() -> None:
    with tally("curve_crypto", "newton_y (3 assets)", PACKAGE, 14) as (counts, chance):
        reference = curvesim("cryptoswap.calcs.tricrypto_ng")
        for _ in range(4 * STATES):
            counts.states += 1
            ann, gamma = size(chance, 27_000, 27 * 10**7), size(chance, 10**10, 5 * 10**16)
            whole = size(chance, 10**18, 10**30)
            balances = [int(whole * chance.uniform(0.1, 1)) for _ in range(3)]
            found, index = int(sum(balances) * chance.uniform(0.9, 1)), chance.randrange(3)
            try:
                ours: int | None = newton_balance(ann, gamma, balances, found, index)
            except (ValueError, ZeroDivisionError):
                ours = None
            try:
                theirs = int(reference._newton_y(ann, gamma, balances, found, index))
            except (AssertionError, ValueError, ArithmeticError):
                theirs = None
            counts.compare(ours, theirs, ann, gamma, balances, found, index)


def test_the_closed_form_of_three_assets() -> None:
    """A balance, D anew, and D from the K0 that came with the balance. From a K0 of something else curvesim goes other ways."""
    with tally("curve_crypto", "get_y, newton_D (3 assets, NG)", PACKAGE, 18) as (counts, chance):
        reference, maths = curvesim("cryptoswap.calcs.tricrypto_ng"), "tricrypto-ng-2.0"
        for _ in range(2 * STATES):
            counts.states += 1
            pool = size(chance, 2700, 27 * 10**7), size(chance, 10**10, 5 * 10**16)
            whole = size(chance, 10**18, 10**30)
            held, index = [int(whole * chance.uniform(0.1, 1)) for _ in range(3)], chance.randrange(3)
            found = answer(cubic_invariant, maths, *pool, held)
            counts.compare(found, answer(reference.newton_D, *pool, held), pool, held)
            held[index - 1] += int(whole * 10 ** chance.uniform(-12, 0))
            ours = answer(cubic_balance, maths, *pool, held, found or 0, index)
            counts.compare(ours, answer(reference.get_y, *pool, held, found or 0, index), pool, held, found, index)
            if ours:
                held[index], k0 = ours
                again = answer(cubic_invariant, maths, *pool, held, k0)
                counts.compare(again, answer(reference.newton_D, *pool, held, k0), pool, held, k0)


def answer(function: Callable[..., Any], *values: Any) -> Any:
    """What it gives, integers of either library alike; None where it refuses."""
    try:
        given = function(*values)
    except (AssertionError, ValueError, ArithmeticError):
        return None
    return tuple(map(int, given)) if isinstance(given, list | tuple) else int(given)
