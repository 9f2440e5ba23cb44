"""The `tick-maps` feed: concentrated liquidity of Uniswap V3 and V4 and their forks, ticks and all, and pools beside them.

    one pool     {token0, token1, scalars {…}, tick_data {tick: [gross, net, block]}}      engine.market.feeds.pool_files
    a path       {target_block, pools {name: {family, sqrt_price_x96, tick_data {tick: {liquidity_net}}, …}}}, with V2 pools
    a list       {pool id: {tick_data}, snapshot_block}: no prices, so every pool of it is refused by `sqrt_price_x96`

A pool is kept if its kind accepts it: ticks on the spacing that add up to the liquidity at the price (a part of a map does not).
V4 pools whose hook takes part in swaps, or tells the fee, are reported as `hooks` and `fee`. Paths state no decimals:
their amounts are shown in base units. Height is the file's block; time is its timestamp where it has one, else 0.
Source of the forms: BowTiedDevil/degenbot, tests/fixtures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.market.feeds.base import DEFAULT_SOLVERS, FeedError, Imported, read_json
from engine.market.feeds.cow_fields import address_of, malformed
from engine.market.feeds.path_vectors import CONCENTRATED, PRODUCTS, hook_at_swaps, product_state, ranges_state
from engine.market.feeds.pool_files import read_pool
from engine.market.feeds.pool_market import PoolMarket, imported
from engine.market.feeds.vector_case import MALFORMED
from engine.market.venues.base import VenueState, VenueStateError

SIDES = (("token0", "token1"), ("currency0", "currency1"))
"""Names of a pool's two tokens."""


def import_ticks(content: str | bytes, name: str, solvers: Sequence[str] = DEFAULT_SOLVERS) -> Imported:
    """Read a file of tick maps. Raises FeedError, nothing being kept."""
    data = read_json(content)
    if not isinstance(data, dict):
        raise malformed(data, "", "an object")
    market = PoolMarket(f"eip155:{_whole(data, 'chain_id', 1)}")
    if isinstance(data.get("pools"), dict):
        for item, pool in data["pools"].items():
            _take(market, item, pool)
    elif "scalars" in data:
        _take_one(market, data)
    else:
        pools = {item: pool for item, pool in data.items() if isinstance(pool, dict) and "tick_data" in pool}
        if not pools:
            raise FeedError("unknown_pool_file", "", expected="tick maps", actual=str(sorted(data))[:200])
        for item in pools:
            market.tally.report(item, "refused_state:sqrt_price_x96", "sqrt_price_x96")
    height = next((_whole(data, f, 0) for f in ("block", "target_block", "snapshot_block") if f in data), 0)
    described = {
        "format": "tick-maps",
        "file": name,
        "time_seconds": _whole(data, "block_timestamp", 0),
        "height": height,
        "notes": {"pools_without_decimals_shown_in_base_units": len(market.kept) if "pools" in data else 0},
    }
    return imported(market, content, described, solvers)


def _take_one(market: PoolMarket, data: dict[str, Any]) -> None:
    item = str(data.get("pool_id") or data.get("pool") or data.get("address"))[:200]
    try:
        state = read_pool(data)
        for side in ("token0", "token1"):
            token = data[side]
            market.name(
                address_of(token["address"], f"/{side}/address"), int(token["decimals"]), str(token.get("symbol", ""))
            )
        market.take(item, state)
    except VenueStateError as error:
        market.refuse(item, error)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise FeedError("malformed_field", "", expected="two tokens", actual=f"{error!r}"[:200]) from None


def _take(market: PoolMarket, item: str, pool: Any) -> None:
    """One pool of a path."""
    if not isinstance(pool, dict):
        raise malformed(pool, f"/pools/{item}", "an object")
    family = str(pool.get("family"))
    if family not in (*CONCENTRATED, *PRODUCTS):
        market.tally.report(item, f"unsupported_kind:{family[:60]}", "family")
        return
    try:
        reason = hook_at_swaps(pool) if family == "uniswap_v4" else None
        if reason is not None:
            market.tally.report(item, "hooks", reason)
            return
        market.take(item, _path_state(market, pool, family))
    except VenueStateError as error:
        market.refuse(item, error)
    except MALFORMED as error:
        raise FeedError("malformed_field", f"/pools/{item}", expected="a pool", actual=f"{error!r}"[:200]) from None


def _path_state(market: PoolMarket, pool: dict[str, Any], family: str) -> VenueState:
    names = SIDES["currency0" in pool]
    first, second = (market.name(address_of(pool[side], f"/{side}"), 0, "") for side in names)
    identity = f"{market.place}/pool:{str(pool.get('pool_id') or pool['address']).lower()}"
    build = ranges_state if family in CONCENTRATED else product_state
    states = [build(pool, identity, (first, second), down=down) for down in (True, False)]
    if states[0] != states[1]:
        raise VenueStateError("fee", expected="one fee for both directions", actual="two")
    return states[0]


def _whole(data: dict[str, Any], field: str, otherwise: int) -> int:
    value = data.get(field, otherwise)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise malformed(value, f"/{field}", "a whole number from 0 to 2^53 - 1")
    return value
