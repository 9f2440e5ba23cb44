"""States that can not be, refused by the field, and levels that a venue does not have."""

from collections.abc import Mapping
from typing import Any

import pytest

from engine.market.venues import KINDS
from engine.market.venues.balancer_math import ONE
from engine.market.venues.base import AssetInfo, Trade, TradeRefusedError, VenueStateError
from engine.market.venues.weighted import WeightedState
from tests.market.venue_states import FAR, INFOS, LINEAR, PERPETUAL, TIME, TOKENS

kinds = pytest.mark.parametrize("kind", sorted(KINDS))

GOOD: dict[str, Mapping[str, Any]] = {
    "constant_product": {
        "id": "sim:alpha/pool:cp",
        "kind": "constant_product",
        "reserves": {TOKENS[0]: 1000, TOKENS[1]: 1000},
        "fee": (3, 1000),
    },
    "perpetual": {
        "id": "sim:alpha/market:p",
        "kind": "perpetual",
        "base": PERPETUAL,
        "quote": TOKENS[2],
        "oracle_price": 2000 * ONE,
        "oracle_seconds": TIME - 5,
        "oracle_max_age_seconds": 60,
        "skew_scale": 10**24,
        "long_interest": 10**21,
        "short_interest": 10**21,
        "interest_cap": 10**23,
        "step": 10**12,
        "maker_fee": 2 * 10**14,
        "taker_fee": 6 * 10**14,
        "funding_rate": 0,
        "funding_seconds": TIME,
        "max_funding_velocity": 9 * ONE,
        "tiers": ({"above": 0, "initial_bps": 200, "maintenance_bps": 100},),
    },
    "perpetual_book": {
        "id": "sim:alpha/book:p",
        "kind": "perpetual_book",
        "base": LINEAR,
        "quote": TOKENS[1],
        "tick": (1, 1),
        "lot": 1,
        "bids": (),
        "asks": ({"price": 2, "size": 10},),
        "oracle_price": (7, 5),
        "oracle_seconds": TIME,
        "open_interest": 10,
        "interest_cap": None,
        "funding_rate": (-1, 10**4),
        "funding_interval_seconds": 3600,
        "funding_next_seconds": TIME,
        "tiers": ({"above": 0, "initial_bps": 200, "maintenance_bps": 100},),
    },
    "rfq": {
        "id": "sim:alpha/rfq:q",
        "kind": "rfq",
        "maker": "import:maker",
        "asset_in": TOKENS[0],
        "asset_out": TOKENS[1],
        "ranges": ({"least": 1, "most": 10, "price": (1, 1)},),
        "expiry_seconds": 1,
    },
    "weighted_product": {
        "id": "sim:alpha/pool:w",
        "kind": "weighted_product",
        "tokens": {
            TOKENS[0]: {"balance": 1000, "weight": ONE // 2, "decimals": 6},
            TOKENS[2]: {"balance": 1000, "weight": ONE // 2, "decimals": 18},
        },
        "fee": 0,
    },
    "stable": {
        "id": "sim:alpha/pool:s",
        "kind": "stable",
        "tokens": {TOKENS[0]: {"balance": 10**9, "decimals": 6}, TOKENS[2]: {"balance": 10**21, "decimals": 18}},
        "amplification": 100_000,
        "fee": 0,
    },
    "curve_stable": {
        "id": "sim:alpha/pool:c",
        "kind": "curve_stable",
        "coins": (
            {"asset": TOKENS[0], "balance": 10**9, "rate": 10**30},
            {"asset": TOKENS[2], "balance": 10**21, "rate": 10**18},
        ),
        "amplification": 10_000,
        "fee": 0,
    },
    "curve_crypto": {
        "id": "sim:alpha/pool:y",
        "kind": "curve_crypto",
        "coins": (
            {"asset": TOKENS[0], "balance": 10**12, "decimals": 6},
            {"asset": TOKENS[2], "balance": 5 * 10**20, "decimals": 18},
        ),
        "price_scale": (2000 * ONE,),
        "amplification": 400_000,
        "gamma": 145 * 10**12,
        "invariant": 2 * 10**24,
        "mid_fee": 26 * 10**6,
        "out_fee": 45 * 10**6,
        "fee_gamma": 23 * 10**13,
    },
    "solidly": {
        "id": "sim:alpha/pool:v",
        "kind": "solidly",
        "tokens": {TOKENS[0]: {"reserve": 10**9, "decimals": 6}, TOKENS[2]: {"reserve": 10**21, "decimals": 18}},
        "stable": True,
        "fee": 5,
    },
    "concentrated": {
        "id": "sim:alpha/pool:cl",
        "kind": "concentrated",
        "asset0": TOKENS[0],
        "asset1": TOKENS[2],
        "sqrt_price": 2**96,
        "tick": 0,
        "liquidity": 10**9,
        "ticks": ((-120, 10**9), (60, -(10**9))),
        "tick_spacing": 60,
        "fee": 3000,
    },
    "order_book": {
        "id": "sim:alpha/book:b",
        "kind": "order_book",
        "base": TOKENS[4],
        "quote": TOKENS[1],
        "tick": (1, 1),
        "lot": 10,
        "bids": ({"price": 9, "size": 10},),
        "asks": ({"price": 11, "size": 10}, {"price": 12, "size": 10}),
    },
    "bridge": {
        "id": "sim:alpha/bridge:x",
        "kind": "bridge",
        "asset_in": TOKENS[0],
        "asset_out": FAR,
        "fee": (1, 1000),
        "capacity": 1000,
        "delay_seconds": 60,
    },
}
STRANGER = "sim:alpha/token:NONE"
HALF = ONE // 2


def token(balance: int = 1000, weight: int = HALF, decimals: int = 6) -> dict[str, int]:
    return {"balance": balance, "weight": weight, "decimals": decimals}


def peg(balance: int = 1000, decimals: int = 6, rate: int = ONE) -> dict[str, int]:
    return {"balance": balance, "decimals": decimals, "rate": rate}


def coin(asset: str = TOKENS[0], balance: int = 1000, rate: int = ONE) -> dict[str, Any]:
    return {"asset": asset, "balance": balance, "rate": rate}


def held(reserve: int = 1000, decimals: int = 6) -> dict[str, int]:
    return {"reserve": reserve, "decimals": decimals}


def drop(asset: str = TOKENS[0], balance: int = 10**12, decimals: int = 6) -> dict[str, Any]:
    return {"asset": asset, "balance": balance, "decimals": decimals}


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("constant_product", {"reserves": {TOKENS[0]: 1}}, "reserves"),
    ("constant_product", {"reserves": {TOKENS[0]: 1, STRANGER: 1}}, "reserves"),
    ("constant_product", {"reserves": {TOKENS[0]: 0, TOKENS[1]: 1}}, f"reserves/{TOKENS[0]}"),
    ("constant_product", {"reserves": {TOKENS[0]: 1, TOKENS[1]: 2**112}}, f"reserves/{TOKENS[1]}"),
    ("constant_product", {"fee": (1, 1)}, "fee"),
    ("constant_product", {"fee": (0, 0)}, "fee"),
    ("weighted_product", {"tokens": {TOKENS[0]: token()}}, "tokens"),
    ("weighted_product", {"tokens": {TOKENS[0]: token(), STRANGER: token()}}, "tokens"),
    ("weighted_product", {"tokens": {TOKENS[0]: token(), TOKENS[1]: token()}}, f"tokens/{TOKENS[1]}/decimals"),
    (
        "weighted_product",
        {"tokens": {TOKENS[0]: token(balance=0), TOKENS[1]: token(decimals=8)}},
        f"tokens/{TOKENS[0]}/balance",
    ),
    (
        "weighted_product",
        {"tokens": {TOKENS[0]: token(balance=2**112), TOKENS[1]: token(decimals=8)}},
        f"tokens/{TOKENS[0]}/balance",
    ),
    (
        "weighted_product",
        {"tokens": {TOKENS[0]: token(weight=ONE // 100 - 1), TOKENS[1]: token(decimals=8)}},
        f"tokens/{TOKENS[0]}/weight",
    ),
    (
        "weighted_product",
        {"tokens": {TOKENS[0]: token(weight=ONE + 1), TOKENS[1]: token(decimals=8)}},
        f"tokens/{TOKENS[0]}/weight",
    ),
    ("weighted_product", {"fee": ONE}, "fee"),
    ("stable", {"tokens": {TOKENS[0]: peg()}}, "tokens"),
    ("stable", {"tokens": {TOKENS[0]: peg(), STRANGER: peg()}}, "tokens"),
    ("stable", {"tokens": {TOKENS[0]: peg(), TOKENS[1]: peg()}}, f"tokens/{TOKENS[1]}/decimals"),
    ("stable", {"tokens": {TOKENS[0]: peg(balance=0), TOKENS[1]: peg(decimals=8)}}, f"tokens/{TOKENS[0]}/balance"),
    ("stable", {"tokens": {TOKENS[0]: peg(rate=0), TOKENS[1]: peg(decimals=8)}}, f"tokens/{TOKENS[0]}/rate"),
    ("stable", {"amplification": 999}, "amplification"),
    ("stable", {"fee": ONE}, "fee"),
    ("curve_stable", {"coins": (coin(),)}, "coins"),
    ("curve_stable", {"coins": (coin(), coin())}, "coins"),
    ("curve_stable", {"coins": (coin(), coin(STRANGER))}, "coins/1/asset"),
    ("curve_stable", {"coins": (coin(), coin(TOKENS[1], balance=0))}, "coins/1/balance"),
    ("curve_stable", {"coins": (coin(rate=1), coin(TOKENS[1]))}, "coins/0/rate"),
    ("curve_stable", {"amplification": 99}, "amplification"),
    ("curve_crypto", {"coins": (drop(), drop())}, "coins"),
    ("curve_crypto", {"coins": (drop(), drop(STRANGER))}, "coins/1/asset"),
    ("curve_crypto", {"coins": (drop(), drop(TOKENS[1]))}, "coins/1/decimals"),
    ("curve_crypto", {"coins": (drop(), drop(TOKENS[1], 0, 8))}, "coins"),
    ("curve_crypto", {"price_scale": (1, 1)}, "price_scale"),
    ("curve_crypto", {"price_scale": (0,)}, "price_scale"),
    ("curve_crypto", {"amplification": 3999}, "amplification"),
    ("curve_crypto", {"gamma": 10**9}, "gamma"),
    ("curve_crypto", {"mid_fee": 1}, "mid_fee"),
    ("curve_crypto", {"out_fee": 25 * 10**6}, "out_fee"),
    ("curve_crypto", {"invariant": 21 * 10**23}, "invariant"),
    ("solidly", {"tokens": {TOKENS[0]: held()}}, "tokens"),
    ("solidly", {"tokens": {TOKENS[0]: held(), STRANGER: held()}}, "tokens"),
    ("solidly", {"tokens": {TOKENS[0]: held(), TOKENS[1]: held()}}, f"tokens/{TOKENS[1]}/decimals"),
    ("solidly", {"tokens": {TOKENS[0]: held(), TOKENS[1]: held(0, 8)}}, f"tokens/{TOKENS[1]}/reserve"),
    ("solidly", {"tokens": {TOKENS[2]: held(1, 18), TOKENS[3]: held(1, 18)}}, "tokens"),
    ("solidly", {"fee": 301}, "fee"),
    ("concentrated", {"asset0": STRANGER}, "asset0"),
    ("concentrated", {"asset1": TOKENS[0]}, "asset1"),
    ("concentrated", {"protocol_fees": (0, 1001)}, "protocol_fees"),
    ("concentrated", {"fee": 999_999, "protocol_fees": (0, 1)}, "fee"),
    ("concentrated", {"sqrt_price": 2**32}, "sqrt_price"),
    ("concentrated", {"sqrt_price": 2**160}, "sqrt_price"),
    ("concentrated", {"tick": 2}, "sqrt_price"),
    ("concentrated", {"sqrt_price": 2**96 - 1}, "sqrt_price"),
    ("concentrated", {"ticks": ((60, -(10**9)), (-120, 10**9))}, "ticks/1"),
    ("concentrated", {"ticks": ((-120, 10**9), (-120, 10**9), (60, -2 * 10**9))}, "ticks/1"),
    ("concentrated", {"ticks": ((-120, 10**9), (61, -(10**9)))}, "ticks/1"),
    ("concentrated", {"ticks": ((-120, -(10**9)), (60, 10**9))}, "ticks/0"),
    ("concentrated", {"ticks": ((-120, 2**128), (60, -(2**128)))}, "ticks/0"),
    ("concentrated", {"ticks": ((-120, 10**9), (60, 1 - 10**9))}, "ticks"),
    ("concentrated", {"liquidity": 10**9 - 1}, "liquidity"),
    ("order_book", {"base": STRANGER}, "base"),
    ("order_book", {"quote": STRANGER}, "quote"),
    ("order_book", {"quote": TOKENS[4]}, "quote"),
    ("order_book", {"tick": (0, 1)}, "tick"),
    ("order_book", {"tick": (1, 0)}, "tick"),
    ("order_book", {"tick": (1, 11)}, "tick"),
    ("order_book", {"lot": 0}, "lot"),
    ("order_book", {"bids": ({"price": 0, "size": 10},)}, "bids/0/price"),
    ("order_book", {"bids": ({"price": 9, "size": 11},)}, "bids/0/size"),
    ("order_book", {"bids": ({"price": 8, "size": 10}, {"price": 9, "size": 10})}, "bids/1/price"),
    ("order_book", {"asks": ({"price": 12, "size": 10}, {"price": 12, "size": 10})}, "asks/1/price"),
    ("order_book", {"bids": ({"price": 11, "size": 10},)}, "bids/0/price"),
    ("bridge", {"asset_in": STRANGER}, "asset_in"),
    ("bridge", {"asset_out": STRANGER}, "asset_out"),
    ("bridge", {"asset_out": TOKENS[1]}, "asset_out"),
    ("bridge", {"fee": (1, 1)}, "fee"),
    ("bridge", {"rate": (0, 1)}, "rate"),
    ("bridge", {"rate": (1, 0)}, "rate"),
]


@pytest.mark.parametrize(("kind", "changes", "field"), BAD, ids=[f"{k}-{f}-{i}" for i, (k, _, f) in enumerate(BAD)])
def test_a_state_that_can_not_be_is_refused_by_its_field(kind: str, changes: dict[str, Any], field: str) -> None:
    good = KINDS[kind].state_type.model_validate(GOOD[kind])
    KINDS[kind].check(good, INFOS)
    bad = KINDS[kind].state_type.model_validate({**GOOD[kind], **changes})

    with pytest.raises(VenueStateError) as refused:
        KINDS[kind].check(bad, INFOS)
    assert (refused.value.code, refused.value.where) == ("bad_venue_state", field)
    assert refused.value.expected
    assert refused.value.actual


def test_a_weighted_pool_has_at_most_eight_tokens() -> None:
    tokens = {f"sim:alpha/token:T{i}": token() for i in range(9)}
    infos = dict.fromkeys(tokens, AssetInfo(6))
    crowded = WeightedState.model_validate({**GOOD["weighted_product"], "tokens": tokens})

    with pytest.raises(VenueStateError, match="2 to 8 tokens"):
        KINDS["weighted_product"].check(crowded, infos)


@kinds
def test_a_level_that_the_venue_does_not_have_is_refused(kind: str) -> None:
    state = KINDS[kind].state_type.model_validate(GOOD[kind])
    asset_in, asset_out = KINDS[kind].pairs(state)[0]
    for level in ("ask:99", "bid:00", "mid"):
        with pytest.raises(TradeRefusedError, match="unknown_level"):
            KINDS[kind].execute(state, "solver:x", Trade(asset_in, 1, asset_out, level), 0)
