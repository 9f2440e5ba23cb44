"""States of single pools out of recorded files: one JSON object a pool, as degenbot's fixtures have them.

    Balancer     {pool_id, tokens, balances, fee "1/100", weights, pow_version} or {…, amp, resolved_rates, bpt_idx}
    Uniswap V2   {token0, token1, reserves_token0, reserves_token1, fee_numer, fee_denom}
    Solidly      {…, stable, fee_raw}                                     basis points
    V3, V4       {token0, token1, scalars, tick_data {tick: [gross, net, block] or {liquidity_net}}}
    Curve        {tokens, balances, a_coefficient, fee}, with gamma, price_scale and d a cryptopool

Source: BowTiedDevil/degenbot, tests/fixtures/chain_data. FeedError `unknown_pool_file` where the object is of another form;
VenueStateError, with the field, where the pool can not be. A composable stable pool's own token is left out; metapools are
refused, as their second coin's rate is the base pool's. Pure: parsed JSON in, a state out.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from engine.market.feeds.base import FeedError
from engine.market.feeds.path_vectors import hook_at_swaps, tick_net
from engine.market.venues import kind_of
from engine.market.venues.balancer_math import ONE
from engine.market.venues.base import AssetInfo, VenueState, VenueStateError
from engine.market.venues.concentrated import ConcentratedState
from engine.market.venues.constant_product import ConstantProductState
from engine.market.venues.curve_crypto import CurveCryptoState
from engine.market.venues.curve_stable import CurveStableState
from engine.market.venues.solidly import SolidlyState
from engine.market.venues.stable import StableState
from engine.market.venues.weighted import WeightedState

_Wire = dict[str, Any]


def read_pool(data: Any) -> VenueState:
    """The checked state of the pool. Raises FeedError and VenueStateError (see above)."""
    if isinstance(data, dict):
        for needed, made, build in _FORMS:
            if needed <= data.keys():
                if (reason := _hooked(data)) is not None:
                    raise VenueStateError("hooks", expected="swaps of the pool alone", actual=reason)
                return _checked(data, made, build)
    raise FeedError("unknown_pool_file", "", expected="a recorded pool", actual=_shape(data))


def _checked(data: _Wire, made: type[VenueState], build: Callable[[_Wire, list[str]], _Wire]) -> VenueState:
    """The state, once its kind accepts it for the tokens that the file names."""
    try:
        place = f"eip155:{int(data['chain_id'])}"
        tokens = data["tokens"] if "tokens" in data else [data["token0"], data["token1"]]
        assets = [f"{place}/erc20:{token['address'].lower()}" for token in tokens]
        name = str(data.get("pool_id") or data.get("pool") or data.get("address")).lower()
        state = made.model_validate({"id": f"{place}/pool:{name}", **build({**data, "tokens": tokens}, assets)})
        infos = {asset: AssetInfo(int(token["decimals"])) for asset, token in zip(assets, tokens, strict=True)}
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise FeedError(
            "unknown_pool_file", "", expected="a recorded pool", actual=f"{_shape(data)}: {error}"
        ) from None
    kind_of(state).check(state, infos)
    return state


def _hooked(data: _Wire) -> str | None:
    """Why a V4 pool's swaps are not the pool's alone; None for other pools."""
    scalars = data.get("scalars")
    if "pool_manager" not in data or not isinstance(scalars, dict):
        return None
    try:
        return hook_at_swaps({**scalars, **data})
    except (TypeError, ValueError) as error:
        raise FeedError("unknown_pool_file", "", expected="a hook and a fee", actual=str(error)[:200]) from None


def _shape(data: Any) -> str:
    return str(sorted(data) if isinstance(data, dict) else type(data).__name__)[:200]


def _weighted(data: _Wire, assets: list[str]) -> _Wire:
    rows = zip(assets, data["balances"], data["weights"], data["tokens"], strict=True)
    tokens = {
        asset: {"balance": balance, "weight": weight, "decimals": token["decimals"]}
        for asset, balance, weight, token in rows
    }
    # The files count the powers from 1: "v2" is the one that squares.
    version = "v3plus" if data["pow_version"] == "v2" else "v0"
    return {"tokens": tokens, "fee": int(Fraction(data["fee"]) * ONE), "version": version}


def _stable(data: _Wire, assets: list[str]) -> _Wire:
    own = data.get("bpt_idx")
    rows = enumerate(zip(assets, data["balances"], data["resolved_rates"], data["tokens"], strict=True))
    tokens = {
        asset: {"balance": balance, "decimals": token["decimals"], "rate": rate}
        for index, (asset, balance, rate, token) in rows
        if index != own
    }
    # The files count the invariant that rounds up as the second; without a word, composable pools have the other.
    version = "v1" if data.get("invariant_version", 2 if own is None else 1) == 2 else "v2"
    return {
        "tokens": tokens,
        "amplification": data["amp"],
        "fee": int(Fraction(data["fee"]) * ONE),
        "version": version,
    }


def _product(data: _Wire, assets: list[str]) -> _Wire:
    reserves = {asset: data[f"reserves_token{i}"] for i, asset in enumerate(assets)}
    return {"reserves": reserves, "fee": (data["fee_numer"], data["fee_denom"])}


def _solidly(data: _Wire, assets: list[str]) -> _Wire:
    tokens = {
        asset: {"reserve": data[f"reserves_token{i}"], "decimals": data["tokens"][i]["decimals"]}
        for i, asset in enumerate(assets)
    }
    return {"tokens": tokens, "stable": data["stable"], "fee": data["fee_raw"]}


def _ranges(data: _Wire, assets: list[str]) -> _Wire:
    scalars = data["scalars"]
    return {
        "asset0": assets[0],
        "asset1": assets[1],
        "sqrt_price": scalars["sqrt_price_x96"],
        "tick": scalars["tick"],
        "liquidity": scalars["liquidity"],
        "ticks": sorted((int(tick), tick_net(entry)) for tick, entry in data["tick_data"].items()),
        "tick_spacing": scalars["tick_spacing"],
        "fee": scalars.get("lp_fee", scalars["fee"]),
        "protocol_fees": (
            scalars.get("protocol_fee_zero_for_one", 0),
            scalars.get("protocol_fee_one_for_zero", 0),
        ),
    }


def _crypto(data: _Wire, assets: list[str]) -> _Wire:
    coins = [
        {"asset": asset, "balance": balance, "decimals": token["decimals"]}
        for asset, balance, token in zip(assets, data["balances"], data["tokens"], strict=True)
    ]
    # The files state A without the multiplier of the pools of 2021.
    return {
        "coins": coins,
        "price_scale": data["price_scale"],
        "amplification": 100 * data["a_coefficient"],
        "multiplier": 100,
        "gamma": data["gamma"],
        "invariant": data["d"],
        "mid_fee": data["mid_fee"],
        "out_fee": data["out_fee"],
        "fee_gamma": data["fee_gamma"],
    }


def _curve(data: _Wire, assets: list[str]) -> _Wire:
    if "base_pool" in data or any(data.get("use_lending", ())):
        raise ValueError("the rates of its coins are not in the file")
    if not all(0 <= token["decimals"] <= 18 for token in data["tokens"]):
        raise ValueError("decimals from 0 to 18 are expected")
    coins = [
        {"asset": asset, "balance": balance, "rate": 10 ** (36 - token["decimals"])}
        for asset, balance, token in zip(assets, data["balances"], data["tokens"], strict=True)
    ]
    amplification = {"amplification": data["a_coefficient"], "precision": 1}
    return {"coins": coins, "fee": data["fee"], "admin_fee": data["admin_fee"], **amplification}


_FORMS: tuple[tuple[set[str], type[VenueState], Callable[[_Wire, list[str]], _Wire]], ...] = (
    ({"pool_id", "weights"}, WeightedState, _weighted),
    ({"pool_id", "amp"}, StableState, _stable),
    ({"stable", "fee_raw"}, SolidlyState, _solidly),
    ({"fee_numer", "reserves_token0"}, ConstantProductState, _product),
    ({"scalars", "tick_data"}, ConcentratedState, _ranges),
    ({"gamma", "price_scale"}, CurveCryptoState, _crypto),
    ({"a_coefficient", "balances"}, CurveStableState, _curve),
)
"""Forms by the fields that tell them, the first that fits."""
