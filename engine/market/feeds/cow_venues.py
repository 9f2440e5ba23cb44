"""Venue states of the pools of CoW instances. VenueStateError, with the field, where a pool can not be represented.

The files leave two things open, which are settled here. A stable pool's rate is its scaling factor by 10^(18 - decimals),
rounded down; legacy files state the factor's inverse to 18 digits, so a rate may be off in its last one. The tick spacing
of a concentrated pool is the one that Uniswap V3 ties to its fee.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from engine.market.feeds.base import ratio_of
from engine.market.feeds.cow_pools import PoolRow
from engine.market.venues.balancer_math import ONE
from engine.market.venues.base import VenueState, VenueStateError
from engine.market.venues.concentrated import ConcentratedState
from engine.market.venues.constant_product import ConstantProductState
from engine.market.venues.stable import AMP_PRECISION, StableState, StableToken
from engine.market.venues.tick_math import FEE_UNITS, MAX_TICK, MIN_TICK
from engine.market.venues.weighted import WeightedState, WeightedToken
from intents.values import AMOUNT_LIMIT

TICK_SPACINGS = {100: 1, 500: 10, 3000: 60, 10_000: 200}
"""Tick spacing by fee in hundredths of a basis point, as enabled in Uniswap V3's factory."""


def asset_of(place: str, address: str) -> str:
    """The asset id of a token."""
    return f"{place}/erc20:{address}"


def state_of(pool: PoolRow, decimals: Mapping[str, int | None], place: str, gas_price: int) -> VenueState | None:
    """The pool's state; None where its kind is not supported. Raises VenueStateError where it can not be."""
    gas = round(Fraction(pool.cost, gas_price)) if pool.gas_units is None else pool.gas_units
    if gas >= 2**53:
        raise VenueStateError("gas_units", expected="below 2^53", actual=str(gas))
    name = f"{place}/pool:{pool.name}"
    if pool.kind == "ConstantProduct":
        reserves = {asset_of(place, token): balance for token, balance in pool.reserves.items()}
        return ConstantProductState(id=name, gas_units=gas, reserves=reserves, fee=ratio_of(pool.fee, pool.name))
    if pool.kind == "WeightedProduct":
        weighted = {
            asset_of(place, token): WeightedToken(
                balance=balance,
                weight=_whole(pool.weights[token] * ONE, f"weight/{token}"),
                decimals=_decimals(decimals, token),
            )
            for token, balance in pool.reserves.items()
        }
        fee = _whole(pool.fee * ONE, "fee")
        return WeightedState(id=name, gas_units=gas, tokens=weighted, fee=fee, version=pool.version)
    if pool.kind == "Stable":
        return _stable(pool, decimals, place, name, gas)
    return _concentrated(pool, place, name, gas) if pool.kind == "Concentrated" else None


def _stable(pool: PoolRow, decimals: Mapping[str, int | None], place: str, name: str, gas: int) -> StableState:
    tokens: dict[str, StableToken] = {}
    for token, balance in pool.reserves.items():
        digits = _decimals(decimals, token)
        rate = int(pool.scaling[token] * ONE / 10 ** (18 - digits))
        if rate >= AMOUNT_LIMIT:
            raise VenueStateError(f"rate/{token}", expected="a rate below 2^256", actual=str(rate)[:90])
        tokens[asset_of(place, token)] = StableToken(balance=balance, decimals=digits, rate=rate)
    amplification = _whole(pool.amplification * AMP_PRECISION, "amplification")
    fee = _whole(pool.fee * ONE, "fee")
    return StableState(id=name, gas_units=gas, tokens=tokens, amplification=amplification, fee=fee)


def _concentrated(pool: PoolRow, place: str, name: str, gas: int) -> ConcentratedState:
    ranges = pool.ranges
    if ranges is None:
        raise VenueStateError("ticks", expected="ranges of liquidity", actual="none")
    fee = _whole(pool.fee * FEE_UNITS, "fee")
    if fee not in TICK_SPACINGS:
        raise VenueStateError("fee", expected=f"one of {sorted(TICK_SPACINGS)}", actual=str(fee))
    for tick in (ranges.tick, *ranges.nets):
        if not MIN_TICK <= tick <= MAX_TICK:
            raise VenueStateError("ticks", expected=f"{MIN_TICK} to {MAX_TICK}", actual=str(tick))
    return ConcentratedState(
        id=name,
        gas_units=gas,
        asset0=asset_of(place, ranges.token0),
        asset1=asset_of(place, ranges.token1),
        sqrt_price=ranges.sqrt_price,
        tick=ranges.tick,
        liquidity=ranges.liquidity,
        ticks=tuple(sorted(ranges.nets.items())),
        tick_spacing=TICK_SPACINGS[fee],
        fee=fee,
    )


def _decimals(decimals: Mapping[str, int | None], token: str) -> int:
    found = decimals[token]
    if found is None or found > 18:
        raise VenueStateError(f"decimals/{token}", expected="stated decimals of at most 18", actual=str(found))
    return found


def _whole(scaled: Fraction, field: str) -> int:
    """A decimal of the file as an integer of its fixed-point units."""
    if scaled.denominator != 1:
        raise VenueStateError(field, expected="no more decimal places than the contract has", actual=str(scaled)[:90])
    if scaled >= AMOUNT_LIMIT:
        raise VenueStateError(field, expected="a fixed-point number below 2^256", actual=str(scaled)[:90])
    return int(scaled)
