"""Recorded outputs of real pools: every case to the unit, every file accounted for, damage seen."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from api.cli.files import read_bytes
from engine.market.feeds.base import FeedError, read_json
from engine.market.feeds.pool_files import read_pool
from engine.market.feeds.venue_vectors import Replayed, replay_vectors
from engine.market.venues import kind_of
from engine.market.venues.base import Trade, VenueStateError
from tests.api.program import clearway
from tests.data import data_path

# Cases that are matched, by file; any other file of the folders must report why it has none.
BALANCER = {
    "1-21671845-Buffer-csUSDC.json": 1,
    "1-22247251-StableSurgeHook.json": 9,
    "1-22524240-QuantAMM.json": 12,
    "11155111-10434442-FixedPriceLBP-MTK-USDC.json": 2,
    "11155111-7439300-Stable-stataUSDC-stataUSDT.json": 7,
    "11155111-7748718-GyroECLP.json": 12,
    "11155111-8085514-LBP-BAL-DAI.json": 4,
    "8453-31094380-ReClamm-WETH-USDC-Same-Timestamp.json": 1,
    "8453-31094381-ReClamm-WETH-USDC-Out-Of-Range.json": 4,
    "8453-32641745-ReClamm-V2-Out-Of-Range.json": 4,
    "buffer-manual.json": 4,
}
ONCHAIN = {
    "curve_metapool_rai_3crv_multiblock_18850030_18850480.json": 16,
    "curve_tricrypto_block_24407242.json": 2,
    "path110302_v3v4v2_block25711761.json": 3,
    "path5000_v2v4v3_block25704509.json": 3,
    "path73385_v4_block25706469.json.gz": 3,
    "v4_overprediction_recurrences.json": 6,
}


def replayed(path: Path) -> Replayed:
    return replay_vectors(read_json(read_bytes(path)))


@pytest.mark.parametrize(
    ("folder", "least"), [("balancer_v3_vectors", BALANCER), ("onchain_vectors", ONCHAIN)], ids=["balancer", "on chain"]
)
def test_every_recorded_output_is_given_to_the_unit(folder: str, least: dict[str, int]) -> None:
    results = {path.name: replayed(path) for path in sorted(data_path(f"pools/{folder}").iterdir())}

    assert [(name, result.mismatched) for name, result in results.items() if result.mismatched] == []
    assert {name: results[name].matched for name in least} == least
    assert all(result.cases == result.matched for result in results.values())
    assert [name for name, result in results.items() if not result.cases and not result.unsupported] == []


def path_file() -> Any:
    return read_json(read_bytes(data_path("pools/onchain_vectors/path110302_v3v4v2_block25711761.json")))


def test_an_output_that_differs_by_a_unit_is_named() -> None:
    data = copy.deepcopy(path_file())
    data["recorded_solve"]["hop_outputs"][0] = "58199278"
    result = replay_vectors(data)

    # The next hop starts from the recorded amount, so it differs too.
    assert (result.cases, result.matched) == (3, 1)
    assert result.mismatched[0] == {"case": "hop 0 (v3_0)", "expected": "58199278", "actual": "58199277"}


def test_a_wrapped_token_is_judged_by_every_rate_that_the_file_leaves() -> None:
    """The rate is cut off: the other swap confines it, and where one output is left it must be the recorded one."""
    data = read_json(read_bytes(data_path("pools/balancer_v3_vectors/1-21671845-Buffer-csUSDC.json")))
    confined = replay_vectors(data)
    data["swaps"][0]["outputRaw"] = "1005205"
    differing = replay_vectors(data)

    assert (confined.cases, confined.matched, len(confined.unsupported)) == (1, 1, 1)
    assert "994819967250493927 to 994820956919235377, recorded 994820192495289619" in confined.unsupported[0]
    assert [(m["case"], m["actual"]) for m in differing.mismatched][:1] == [("swaps/0", "1005204")]


def test_one_item_that_can_not_be_read_costs_no_other() -> None:
    data = read_json(read_bytes(data_path("pools/balancer_v3_vectors/1-22247251-StableSurgeHook.json")))
    del data["swaps"][1]["amountRaw"]
    data["swaps"][2]["swapKind"] = 2
    data["adds"][0]["kind"] = "Donation"
    data["removes"][0] = "nothing"
    result = replay_vectors(data)

    assert (result.cases, result.matched) == (5, 5)
    assert [reason.split(":")[0] for reason in result.unsupported] == ["swaps/1", "swaps/2", "adds/0", "removes/0"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"hooks": "0x00000000000000000000000000000000000000C0"}, "takes part in swaps"),
        ({"lp_fee": 0x800000}, "dynamic"),
        ({"family": "maverick"}, "family maverick"),
        ({"tick_data": 7}, "not of a known format"),
    ],
)
def test_a_hop_that_can_not_be_computed_is_listed_and_the_others_are_not_lost(
    change: dict[str, Any], reason: str
) -> None:
    data = copy.deepcopy(path_file())
    data["pools"]["v4"].update(change)
    result = replay_vectors(data)

    assert (result.cases, result.matched, len(result.unsupported)) == (2, 2, 1)
    assert reason in result.unsupported[0]


@pytest.mark.parametrize(
    "change",
    [
        {"fee_token0": "1/10000", "fee_token1": "1/10000"},
        {"fee_token0": 1, "fee_token1": 1, "fee_denominator": 10_000},
        {"hooks": "0x0000000000000000000000000000000000003000"},
    ],
)
def test_fees_in_other_spellings_and_idle_hooks_change_nothing(change: dict[str, Any]) -> None:
    data = copy.deepcopy(path_file())
    data["pools"]["v4" if "hooks" in change else "v3_0"].update(change)

    assert (replay_vectors(data).cases, replay_vectors(data).matched) == (3, 3)


EMPTY = {
    "balancesLiveScaled18": [],
    "scalingFactors": [],
    "tokenRates": [],
    "swapFee": "0",
    "totalSupply": "0",
    "amp": "1000",
}
STATES = {
    "aerodrome_v2_dola_usdbc_stable_block_46875151.json": "solidly",
    "aerodrome_v2_tbtc_weth_volatile_block_46875151.json": "solidly",
    "balancer_stable_bb_s_usd.json": "stable",
    "balancer_stable_cbeth_wsteth.json": "stable",
    "balancer_weighted_dai_gp_weth_usdt_4_token.json": "weighted_product",
    "curve_tricrypto_block_24407242.json": "curve_crypto",
    "pancakeswap_v2_weth_usdbc_block_46875151.json": "constant_product",
    "uniswap_v3_wbtc_weth_block_24407242.json": "concentrated",
    "uniswap_v4_eth_usdc_block_24407242.json": "concentrated",
}


@pytest.mark.parametrize("name", sorted(STATES))
def test_a_recorded_state_is_a_venue_that_trades(name: str) -> None:
    state = read_pool(read_json(read_bytes(data_path(f"pools/onchain_vectors/{name}"))))
    venue = kind_of(state)

    assert state.kind == STATES[name]
    for pair in venue.pairs(state):
        shown = venue.supply(state, *pair)
        assert shown.segments
        amount = sum(segment.amount_in for segment in shown.segments[: len(shown.segments) // 2]) or 1
        out, after = venue.execute(state, "anyone", Trade(pair[0], amount, pair[1]), 0)
        assert out - shown.units_above <= shown.value(amount) <= out * (1 + shown.relative_error) + shown.units_error
        assert venue.execute(after, "anyone", Trade(pair[1], out, pair[0]), 0)[0] < amount


DOLA, TBTC, TRICRYPTO = (
    "aerodrome_v2_dola_usdbc_stable_block_46875151.json",
    "aerodrome_v2_tbtc_weth_volatile_block_46875151.json",
    "curve_tricrypto_block_24407242.json",
)


@pytest.mark.parametrize(
    ("name", "source", "target", "amount", "out"),
    [
        (DOLA, "DOLA", "USDbC", 12626453951625367126016, 11711559442),
        (DOLA, "DOLA", "USDbC", 37879361854876105572352, 25812298556),
        (DOLA, "DOLA", "USDbC", 50505815806501, 49),
        (TBTC, "WETH", "tBTC v2", 17983720615808980992, 287620518005912012),
        (TBTC, "WETH", "tBTC v2", 23978294154, 670251679),
        (TRICRYPTO, "USDT", "WBTC", 21853961110, 26057471),
        (TRICRYPTO, "USDT", "WETH", 4370792222, 1985266630835515393),
    ],
)
def test_a_recorded_state_gives_what_its_contract_answered(
    name: str, source: str, target: str, amount: int, out: int
) -> None:
    """getAmountOut and get_dy at the state's block: BowTiedDevil/degenbot, tests/golden (MIT)."""
    data = read_json(read_bytes(data_path(f"pools/onchain_vectors/{name}")))
    tokens = data.get("tokens") or [data["token0"], data["token1"]]
    asset = {token["symbol"]: f"eip155:{data['chain_id']}/erc20:{token['address'].lower()}" for token in tokens}
    state = read_pool(data)

    assert kind_of(state).execute(state, "", Trade(asset[source], amount, asset[target]), 0)[0] == out


def test_a_recorded_state_that_can_not_be_is_refused_by_its_field() -> None:
    data = read_json(read_bytes(data_path("pools/onchain_vectors/uniswap_v3_wbtc_weth_block_24407242.json")))
    data["scalars"]["liquidity"] += 1

    assert "refused for bad_venue_state at liquidity" in replay_vectors(data).unsupported[0]
    with pytest.raises(VenueStateError, match="liquidity"):
        read_pool(data)


def test_a_pool_whose_hook_takes_part_in_swaps_is_refused_and_an_idle_hook_is_not() -> None:
    data = read_json(read_bytes(data_path("pools/onchain_vectors/uniswap_v4_eth_usdc_block_24407242.json")))
    plain = read_pool(data)
    data["tick_data"] = {tick: {"liquidity_net": entry[1]} for tick, entry in data["tick_data"].items()}

    assert read_pool({**data, "hooks": "0x" + "0" * 36 + "3000"}) == plain
    with pytest.raises(VenueStateError, match="hooks"):
        read_pool({**data, "hooks": "0x" + "0" * 36 + "0080"})
    with pytest.raises(FeedError, match="unknown_pool_file"):
        read_pool({**data, "hooks": "none"})


UNREADABLE: list[tuple[Any, str]] = [
    ([1], "no expected output"),
    ({"pools": {}}, "no expected output"),
    ({"pool": {"poolType": "WEIGHTED", "tokens": []}, "swaps": [{}]}, "not of a known format"),
    ({"pool": {"poolType": "SPIRAL", "tokens": []}, "swaps": []}, "pool type SPIRAL"),
    ({"pool": {"poolType": "STABLE", "tokens": [], "hook": {"type": "AKRON"}}, "swaps": []}, "hook AKRON"),
    ({"pool": {"poolType": "STABLE", "tokens": [], **EMPTY}, "swaps": []}, "for each of 0 tokens"),
    ({"recurrences": 7}, "not of a known format"),
    ({"recurrences": []}, "no recorded output"),
    ({"states": {"1": {}}, "immutable": {"base_pool": {"tokens": []}}}, "the supply of the base pool's token"),
]


@pytest.mark.parametrize(("data", "reason"), UNREADABLE)
def test_what_can_not_be_replayed_says_why(data: Any, reason: str) -> None:
    result = replay_vectors(data)

    assert (result.cases, result.matched, result.mismatched) == (0, 0, [])
    assert len(result.unsupported) == 1
    assert reason in result.unsupported[0]


def test_the_command_counts_files_and_fails_on_a_difference(tmp_path: Path) -> None:
    data = path_file()
    (tmp_path / "good.json").write_text(json.dumps(data, default=str))
    (tmp_path / "torn.json").write_text(json.dumps(data, default=str)[:-100])
    (tmp_path / "note.txt").write_text("listed")
    good = clearway("bench", "venue-vectors", str(tmp_path), "--json")

    assert good.code == 0
    assert {name: json.loads(good.out)[name] for name in ("files", "cases", "matched")} == {
        "files": 3,
        "cases": 3,
        "matched": 3,
    }
    assert {entry["file"] for entry in json.loads(good.out)["unsupported"]} == {"torn.json", "note.txt"}
    data["recorded_solve"]["v2_actual"] = "1"
    (tmp_path / "good.json").write_text(json.dumps(data, default=str))
    assert clearway("bench", "venue-vectors", str(tmp_path), "--json").code == 1
