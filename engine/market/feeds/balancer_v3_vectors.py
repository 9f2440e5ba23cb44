"""Cases of Balancer V3's recorded queries: swaps, liquidity added and removed, ERC-4626 buffers.

`swapKind` 0 is exact in, 1 exact out. Pool types: WEIGHTED, STABLE (also with the surge hook), LIQUIDITY_BOOTSTRAPPING,
FIXED_PRICE_LBP, QUANT_AMM_WEIGHTED, GYROE, RECLAMM, RECLAMM_V2, Buffer; others are reported by their name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from engine.market.feeds.buffer_vectors import buffer_cases
from engine.market.feeds.vector_case import Case, Unsupported, each
from engine.market.venues import balancer_v3 as vault
from engine.market.venues.balancer_v3 import PoolMaths, Surge, V3Pool
from engine.market.venues.balancer_v3_gyro import EllipticMaths
from engine.market.venues.balancer_v3_pools import (
    FixedPriceMaths,
    StableMaths,
    WeightedMaths,
    bootstrapping_weights,
    moving_weights,
)
from engine.market.venues.balancer_v3_reclamm import RatioChange, ReClammMaths

SECTIONS = ("swaps", "adds", "removes")
"""Lists of recorded outputs."""

EXCHANGES = {0: vault.swap_in, 1: vault.swap_out}
"""By `swapKind`."""


def balancer_v3_cases(data: dict[str, Any]) -> Iterator[Case | Unsupported]:
    """Every case of a file. KeyError and the like where it is not of the format."""
    stated = data["pool"]
    kind = str(stated["poolType"])
    if kind == "Buffer":
        yield from buffer_cases(data)
        return
    outputs = sum(len(data[section]) for section in SECTIONS if isinstance(data.get(section), list))
    hook = stated.get("hook")
    if hook is not None and hook.get("type") != "STABLE_SURGE":
        yield Unsupported("", f"hook {hook.get('type')} has no arithmetic here ({outputs} recorded outputs)")
        return
    if kind not in _MATHS:
        yield Unsupported("", f"pool type {kind} is no venue kind here ({outputs} recorded outputs)")
        return
    tokens = [str(token).lower() for token in stated["tokens"]]
    pool = _pool(stated, _MATHS[kind](stated), len(tokens))
    yield from each("swaps", data.get("swaps", []), lambda name, swap: _swap_cases(stated, pool, tokens, swap, name))
    yield from each("adds", data.get("adds", []), lambda name, add: _add_cases(pool, add, name))
    yield from each("removes", data.get("removes", []), lambda name, remove: _remove_cases(pool, remove, name))


def _pool(stated: dict[str, Any], maths: PoolMaths, count: int) -> V3Pool:
    surge = (stated.get("hook") or {}).get("dynamicData")
    balances, factors, rates = (
        _integers(stated[name]) for name in ("balancesLiveScaled18", "scalingFactors", "tokenRates")
    )
    if {len(balances), len(factors), len(rates)} != {count} or min((*factors, *rates), default=0) <= 0:
        raise ValueError(f"a balance, a factor and a rate above 0 for each of {count} tokens are expected")
    return V3Pool(
        maths=maths,
        balances=balances,
        factors=factors,
        rates=rates,
        fee=int(stated["swapFee"]),
        supply=int(stated["totalSupply"]),
        surge=Surge(int(surge["surgeThresholdPercentage"]), int(surge["maxSurgeFeePercentage"])) if surge else None,
    )


def _swap_cases(
    stated: dict[str, Any], pool: V3Pool, tokens: list[str], swap: dict[str, Any], name: str
) -> Iterator[Case | Unsupported]:
    source, target = (tokens.index(str(swap[side]).lower()) for side in ("tokenIn", "tokenOut"))
    if stated.get("isSwapEnabled") is False or (
        stated.get("isProjectTokenSwapInBlocked") and source == int(stated["projectTokenIndex"])
    ):
        yield Unsupported(name, "the pool refuses this swap")
        return
    if int(swap["swapKind"]) not in EXCHANGES:
        yield Unsupported(name, f"swap kind {swap['swapKind']} is neither exact in (0) nor exact out (1)")
        return
    exchange = EXCHANGES[int(swap["swapKind"])]
    yield Case(name, int(swap["outputRaw"]), partial(exchange, pool, source, target, int(swap["amountRaw"])))


def _add_cases(pool: V3Pool, add: dict[str, Any], name: str) -> Iterator[Case | Unsupported]:
    amounts, pool_tokens = _integers(add["inputAmountsRaw"]), int(add["bptOutRaw"])
    if add["kind"] == "Unbalanced":
        yield Case(name, pool_tokens, partial(vault.add_unbalanced, pool, amounts))
    elif add["kind"] == "SingleToken":
        index = _only(amounts)
        yield Case(name, amounts[index], partial(vault.add_single, pool, index, pool_tokens))
    else:
        yield Unsupported(name, f"liquidity is not added by {add['kind']} here")


def _remove_cases(pool: V3Pool, remove: dict[str, Any], name: str) -> Iterator[Case | Unsupported]:
    amounts, pool_tokens = _integers(remove["amountsOutRaw"]), int(remove["bptInRaw"])
    if remove["kind"] == "Proportional":
        # One case a record: the first amount that differs, or the last.
        given = vault.remove_proportional(pool, pool_tokens)
        differing = [pair for pair in zip(amounts, given, strict=True) if pair[0] != pair[1]] or [(0, 0)]
        yield Case(name, differing[0][0], partial(int, differing[0][1]))
    elif remove["kind"] == "SingleTokenExactIn":
        index = _only(amounts)
        yield Case(name, amounts[index], partial(vault.remove_single_in, pool, index, pool_tokens))
    elif remove["kind"] == "SingleTokenExactOut":
        index = _only(amounts)
        yield Case(name, pool_tokens, partial(vault.remove_single_out, pool, index, amounts[index]))
    else:
        yield Unsupported(name, f"liquidity is not removed by {remove['kind']} here")


def _weighted(stated: dict[str, Any]) -> PoolMaths:
    return WeightedMaths(_integers(stated["weights"]))


def _stable(stated: dict[str, Any]) -> PoolMaths:
    return StableMaths(int(stated["amp"]))


def _bootstrapping(stated: dict[str, Any]) -> PoolMaths:
    start, end = _integers(stated["startWeights"]), _integers(stated["endWeights"])
    window = int(stated["startTime"]), int(stated["endTime"])
    time = int(stated["currentTimestamp"])
    return WeightedMaths(bootstrapping_weights(int(stated["projectTokenIndex"]), start, end, window, time))


def _fixed_price(stated: dict[str, Any]) -> PoolMaths:
    return FixedPriceMaths(int(stated["projectTokenIndex"]), int(stated["projectTokenRate"]))


def _quant(stated: dict[str, Any]) -> PoolMaths:
    # Packed four tokens at a time: their weights, then their multipliers.
    weights: list[int] = []
    multipliers: list[int] = []
    left = len(stated["tokens"])
    for name in ("firstFourWeightsAndMultipliers", "secondFourWeightsAndMultipliers"):
        here, packed = min(4, left), _integers(stated[name])
        weights += packed[:here]
        multipliers += packed[here : 2 * here]
        left -= here
    times = (int(stated[name]) for name in ("lastUpdateTime", "lastInteropTime", "currentTimestamp"))
    return WeightedMaths(moving_weights(weights, multipliers, *times), int(stated["maxTradeSizeRatio"]))


def _elliptic(stated: dict[str, Any]) -> PoolMaths:
    c, s, lam = (int(stated[f"params{name}"]) for name in ("C", "S", "Lambda"))
    alpha, beta = ((int(stated[f"tau{end}X"]), int(stated[f"tau{end}Y"])) for end in ("Alpha", "Beta"))
    u, v, w, z, d_sq = (int(stated[name]) for name in ("u", "v", "w", "z", "dSq"))
    return EllipticMaths(c, s, lam, alpha, beta, u, v, w, z, d_sq)


def _reclamm(stated: dict[str, Any]) -> PoolMaths:
    first, second = _integers(stated["lastVirtualBalances"])
    return ReClammMaths(
        virtual=(first, second),
        last_time=int(stated["lastTimestamp"]),
        time=int(stated["currentTimestamp"]),
        shift=int(stated["dailyPriceShiftBase"]),
        margin=int(stated["centerednessMargin"]),
        change=RatioChange(
            int(stated["startFourthRootPriceRatio"]),
            int(stated["endFourthRootPriceRatio"]),
            int(stated["priceRatioUpdateStartTime"]),
            int(stated["priceRatioUpdateEndTime"]),
        ),
        version=2 if stated["poolType"] == "RECLAMM_V2" else 1,
    )


_MATHS: dict[str, Callable[[dict[str, Any]], PoolMaths]] = {
    "WEIGHTED": _weighted,
    "STABLE": _stable,
    "LIQUIDITY_BOOTSTRAPPING": _bootstrapping,
    "FIXED_PRICE_LBP": _fixed_price,
    "QUANT_AMM_WEIGHTED": _quant,
    "GYROE": _elliptic,
    "RECLAMM": _reclamm,
    "RECLAMM_V2": _reclamm,
}


def _integers(values: Any) -> tuple[int, ...]:
    return tuple(int(value) for value in values)


def _only(amounts: tuple[int, ...]) -> int:
    """The index of the one amount that is not 0."""
    (index,) = (i for i, amount in enumerate(amounts) if amount)
    return index
