"""Files of pools as markets: every pool counted, states as the file has them, damage named by its place."""

import copy
import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from api.cli.files import read_bytes
from engine.auction.check_problem import check_problem
from engine.auction.problem import Problem
from engine.market.feeds.balancer_pools import import_balancer
from engine.market.feeds.base import FeedError, Imported
from engine.market.feeds.cfmm_pools import import_cfmm
from engine.market.feeds.curve_pools import import_curve
from engine.market.feeds.tick_maps import import_ticks
from engine.market.venues import kind_of
from engine.market.venues.base import Trade
from engine.market.venues.curve_stable import CurveStableState
from engine.market.venues.weighted import WeightedState
from tests.api.program import clearway
from tests.data import data_path

FEEDS: list[tuple[Callable[..., Imported], str, int, dict[str, int]]] = [
    (
        import_balancer,
        "balancer_2021_stable_and_weighted.json.gz",
        1280,
        {"refused_state:decimals": 3, "refused_state:tokens": 2},
    ),
    (
        import_curve,
        "curve_mainnet_2026-01-25.csv.gz",
        325,
        {
            "refused_state:has_donations": 5,
            "refused_state:price_scale": 24,
            "refused_state:rates": 160,
        },
    ),
    (import_cfmm, "synthetic_huge32x100.json", 132, {"unsupported_kind:sum": 9}),
    (import_ticks, "onchain_vectors/path110302_v3v4v2_block25711761.json", 3, {}),
    (import_ticks, "onchain_vectors/uniswap_v4_eth_usdc_block_24407242.json", 1, {}),
]


@lru_cache
def read(feed: Callable[..., Imported], name: str) -> Imported:
    return feed(read_bytes(data_path(f"pools/{name}")), name)


@pytest.mark.parametrize(("feed", "name", "count", "reported"), FEEDS, ids=[name for _, name, *_ in FEEDS])
def test_every_pool_of_a_file_is_kept_or_reported_by_its_field(
    feed: Callable[..., Imported], name: str, count: int, reported: dict[str, int]
) -> None:
    imported = read(feed, name)
    pools, snapshot = imported.report["pools"], imported.problem.snapshot

    check_problem(imported.problem)
    assert (pools["in"], pools["reported"]) == (count, reported)
    assert pools["in"] == pools["kept"] + len(pools["details"]) == len(snapshot.venues) + len(pools["details"])
    assert all(entry["id"] and entry["field"] for entry in pools["details"])
    assert Problem.from_json(imported.problem.model_dump_json(by_alias=True)).hash == imported.problem.hash


def test_a_balancer_pool_is_in_the_contracts_units() -> None:
    imported = read(import_balancer, "balancer_2021_stable_and_weighted.json.gz")
    pool = imported.problem.venues_by_id["eip155:1/pool:0x003a70265a3662342010823bea15dc84c6f7ed54"]

    assert isinstance(pool, WeightedState)
    assert pool.fee == 10**15
    assert [(token.balance, token.weight) for token in pool.tokens.values()] == [
        (524613008105381676452759, 8 * 10**17),
        (302709318956367679640337, 2 * 10**17),
    ]


def test_a_metapool_of_curve_has_its_base_pools_virtual_price() -> None:
    imported = read(import_curve, "curve_mainnet_2026-01-25.csv.gz")
    metapools = [
        venue
        for venue in imported.problem.snapshot.venues
        if isinstance(venue, CurveStableState)
        and venue.coins[-1].asset.endswith("6c3f90f043a72fa612cbac8115ee7e52bde6e490")
    ]

    assert len(metapools) > 10
    assert {pool.coins[-1].rate for pool in metapools} == {1039823717026467700}  # 3pool's, to the table's 17 digits
    pool = metapools[0]
    amount = pool.coins[0].balance // 1000 + 1
    kind_of(pool).execute(pool, "", Trade(pool.coins[0].asset, amount, pool.coins[1].asset), 0)


def balancer(change: Callable[[Any], Any]) -> str:
    token = {"address": "0x" + "a" * 40, "balance": "5.5", "decimals": 6, "weight": "1"}
    pool = {"id": "0x" + "1" * 64, "poolType": "Weighted", "swapFee": "0.01", "totalWeight": "2"}
    data = {"pools": [{**pool, "tokens": [token, {**token, "address": "0x" + "b" * 40}]}]}
    data["pools"].append(copy.deepcopy({**data["pools"][0], "id": "0x" + "2" * 64}))
    change(data["pools"][0])
    return json.dumps(data)


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        ({"poolType": "Element"}, "unsupported_kind:Element", "poolType"),
        ({"swapEnabled": False}, "swap_disabled", "swapEnabled"),
        ({"totalWeight": "0"}, "refused_state:totalWeight", "totalWeight"),
        ({"swapFee": "0.0000000000000000001"}, "refused_state:swapFee", "swapFee"),
    ],
)
def test_a_balancer_pool_that_can_not_be_is_reported(change: dict[str, Any], reason: str, field: str) -> None:
    report = import_balancer(balancer(lambda pool: pool.update(change)), "b").report["pools"]

    assert (report["kept"], report["reported"]) == (1, {reason: 1})
    assert report["details"] == [{"id": "0x" + "1" * 64, "reason": reason, "field": field}]


@pytest.mark.parametrize(
    ("change", "code", "where"),
    [
        ({"tokens": 7}, "malformed_field", "/pools/0/tokens"),
        ({"swapFee": None}, "malformed_field", "/pools/0/swapFee"),
        ({"id": "0x" + "2" * 64}, "duplicate", "/pools"),
        ({"tokens": [{"address": "0x12"}]}, "missing_field", "/pools/0/tokens/0/decimals"),
    ],
)
def test_a_damaged_balancer_file_is_refused_by_its_place(change: dict[str, Any], code: str, where: str) -> None:
    with pytest.raises(FeedError) as refused:
        import_balancer(balancer(lambda pool: pool.update(change)), "b")

    assert (refused.value.code, refused.value.where) == (code, where)


@pytest.mark.parametrize(
    ("field", "value", "where"),
    [
        ("fees", [0.997], "/fees"),
        ("reserves", [[1.5, 2.5], [1, "x"]], "/reserves/1"),
        ("local_indices", [[0, 1], [0, 0]], "/local_indices/1"),
        ("weights", [None, 7], "/weights/1"),
    ],
)
def test_a_damaged_list_of_numbered_pools_is_refused_by_its_place(field: str, value: Any, where: str) -> None:
    data = {
        "local_indices": [[0, 1], [0, 1]],
        "reserves": [[1.5, 2.5], [1e6, 3]],
        "fees": [0.997, 0.9995],
        "pool_types": ["product", "weighted"],
        "weights": [None, [0.3, 0.6]],
    }
    kept = import_cfmm(json.dumps(data), "c").problem.snapshot.venues
    with pytest.raises(FeedError) as refused:
        import_cfmm(json.dumps({**data, field: value}), "c")

    assert [(venue.id, venue.kind) for venue in kept] == [
        ("sim:cfmm/pool:0", "constant_product"),
        ("sim:cfmm/pool:1", "weighted_product"),
    ]
    assert refused.value.where == where


def curve_text() -> str:
    return read_bytes(data_path("pools/curve_mainnet_2026-01-25.csv.gz")).decode()


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda text: text[:-100], "truncated"),
        (lambda text: text.replace("reserves", "holdings", 1), "missing_field"),
        (lambda text: text.replace("2.4040251587335584E25", "much", 1), "malformed_number"),
        (lambda text: text.replace("main,3,", "main,3,3,", 1), "bad_row"),
        (lambda text: text.replace("24312181", "1E99", 1), "malformed_field"),
        (lambda text: text.replace("3pool,3Crv", '"3pool",3Crv"x' + "y" * 140_000, 1), "malformed_csv"),
        (lambda text: text.split("\n")[0] + "\n", "no_pools"),
        (lambda text: text[:0], "truncated"),
    ],
)
def test_a_damaged_curve_table_is_refused(damage: Callable[[str], str], code: str) -> None:
    with pytest.raises(FeedError) as refused:
        import_curve(damage(curve_text()), "c")

    assert refused.value.code == code


def test_tick_maps_without_prices_are_counted_in_the_refusal() -> None:
    with pytest.raises(FeedError, match="1295 refused_state:sqrt_price_x96"):
        import_ticks(read_bytes(data_path("pools/onchain_vectors/mainnet_v4_liquidity_snapshot.json.gz")), "t")


def test_a_path_keeps_what_it_can_and_names_the_rest() -> None:
    data = json.loads(data_path("pools/onchain_vectors/path110302_v3v4v2_block25711761.json").read_text())
    data["pools"]["v4"]["hooks"] = "0x" + "0" * 38 + "80"
    data["pools"]["v3_0"]["liquidity"] += "1"
    report = import_ticks(json.dumps(data), "t").report["pools"]

    assert (report["kept"], report["reported"]) == (1, {"hooks": 1, "refused_state:liquidity": 1})
    for pool in ({"family": "uniswap_v2"}, {"family": "uniswap_v4", "hooks": "none"}, 7):
        data["pools"]["v2_2"] = pool
        with pytest.raises(FeedError, match="/pools/v2_2"):
            import_ticks(json.dumps(data), "t")


def test_the_command_writes_a_market_that_can_be_inspected(tmp_path: Path) -> None:
    file = data_path("pools/onchain_vectors/path110302_v3v4v2_block25711761.json")
    written = clearway("import", "tick-maps", str(file), "-o", str(tmp_path / "m.json"), "--json")
    report = json.loads(clearway("market", "inspect", str(tmp_path / "m.json"), "--json").out)

    assert json.loads(written.out)["pools"]["kept"] == 3
    # The file records an arbitrage that was tried: 30261840128124434 wei in, 30263206361603722 out on chain, through
    # 58199277 of the dollars that the cycle starts with here.
    (cycle,) = report["arbitrage"]["cycles"]
    assert int(cycle["gain"]) >= (30263206361603722 - 30261840128124434) * 58199277 // 30261840128124434
