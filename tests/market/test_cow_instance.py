"""The cow-instance feed: what is kept, what is reported by name, and what refuses the whole file."""

import copy
import gzip
import json
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from engine.auction.check_problem import check_problem
from engine.auction.problem import Problem
from engine.market.feeds.base import FeedError, Imported
from engine.market.feeds.cow_instance import FOREVER, import_cow
from engine.market.venues.concentrated import ConcentratedState
from engine.market.venues.constant_product import ConstantProductState
from engine.market.venues.stable import StableState
from engine.market.venues.weighted import WeightedState
from tests.data import data_path

WETH, DAI, GNO = ("0x" + c * 40 for c in "abc")
OWNER = "d" * 40
PLACE = "eip155:1"


def uid(number: int, valid_to: int = 1_700_000_100, owner: str = OWNER) -> str:
    return f"0x{number:064x}{owner}{valid_to:08x}"


def order(number: int | None, **changes: Any) -> dict[str, Any]:
    made = {
        "sell_token": DAI,
        "buy_token": WETH,
        "sell_amount": "2000",
        "buy_amount": "1",
        "allow_partial_fill": True,
        "is_sell_order": True,
        "fee": {"amount": "0", "token": DAI},
        "cost": {"amount": "1", "token": WETH},
        "is_liquidity_order": False,
    }
    return made | ({} if number is None else {"id": uid(number)}) | changes


def legacy() -> dict[str, Any]:
    """A small instance: three tokens, two orders of one owner, one pool of each supported kind."""
    cost = {"amount": "1500000", "token": WETH}
    return {
        "tokens": {
            WETH: {"decimals": 18, "alias": "WETH", "external_price": 1.0},
            DAI: {"decimals": 18, "alias": "DAI", "external_price": 0.0005},
            GNO: {"decimals": 6, "alias": None, "external_price": None},
        },
        "orders": {"0": order(1), "1": order(2, allow_partial_fill=False, is_sell_order=False)},
        "amms": {
            "0x" + "1" * 40: {
                "kind": "ConstantProduct",
                "reserves": {WETH: "1000", DAI: "2000000"},
                "fee": 0.003,
                "cost": cost,
                "address": "0x" + "1" * 40,
            },
            "7": {
                "kind": "WeightedProduct",
                "reserves": {
                    WETH: {"balance": "1000", "weight": 0.01000991},
                    GNO: {"balance": "5", "weight": 0.5},
                },
                "fee": 0.025,
                "cost": dict(cost),
            },
        },
        "metadata": {"environment": "Ethereum", "auction_id": 12, "gas_price": 1000000.0, "native_token": WETH},
    }


def ranged(**changes: str) -> dict[str, Any]:
    """A Uniswap V3 pool of one position around the price 1."""
    state = {
        "sqrt_price": str(2**96),
        "liquidity": "1000000",
        "tick": "0",
        "liquidity_net": {"-60": "1000000", "60": "-1000000"},
    }
    return {
        "kind": "Concentrated",
        "pool": {"tokens": [{"id": GNO}, {"id": WETH}], "state": state | changes},
        "fee": "0.003",
        "cost": {"amount": "1500000", "token": WETH},
    }


def pegged() -> dict[str, Any]:
    """A Balancer pool in which a GNO is worth 1.25 WETH: 10^36 / (10^12 * 1.25 * 10^18)."""
    return {
        "kind": "Stable",
        "reserves": {WETH: "1000000000000000000", GNO: "800000"},
        "scaling_rates": {WETH: "1000000000000000000", GNO: "800000"},
        "amplification_parameter": "200",
        "fee": "0.0004",
        "cost": {"amount": "1500000", "token": WETH},
    }


def newer() -> dict[str, Any]:
    return {
        "id": "99",
        "tokens": {
            WETH: {"decimals": 18, "symbol": "WETH", "referencePrice": "1000000000000000000"},
            DAI: {"decimals": None, "symbol": None, "referencePrice": "250000000000000"},
        },
        "orders": [
            {
                "uid": uid(1),
                "sellToken": DAI,
                "buyToken": WETH,
                "sellAmount": "2000",
                "buyAmount": "1",
                "feeAmount": "0",
                "kind": "sell",
                "partiallyFillable": False,
                "class": "limit",
            }
        ],
        "liquidity": [
            {
                "kind": "constantProduct",
                "address": "0x" + "1" * 40,
                "gasEstimate": "90171",
                "tokens": {WETH: {"balance": "1000"}, DAI: {"balance": "2000000"}},
                "fee": "0.003",
            }
        ],
        "effectiveGasPrice": "27555919364",
        "deadline": "2023-11-14T22:13:20.499355442Z",
    }


def run(data: Any) -> Imported:
    return import_cow(json.dumps(data), "made.json")


def test_orders_become_swaps_with_their_units_and_surplus() -> None:
    imported = run(legacy())
    problem = imported.problem
    check_problem(problem)
    sell, buy = (problem.intents_by_id[f"import:cow.{uid(n)}"] for n in (1, 2))
    paid, got = f"{PLACE}/erc20:{DAI}", f"{PLACE}/erc20:{WETH}"

    assert (sell.outcome.pays, sell.outcome.receives) == ({paid: 2000}, {got: 1})
    assert (sell.outcome.units, sell.outcome.surplus_asset, sell.outcome.fill_policy) == (2000, got, "partial")
    assert (buy.outcome.units, buy.outcome.surplus_asset, buy.outcome.fill_policy) == (1, paid, "all_or_none")
    assert sell.outcome.owner == buy.outcome.owner == "0x" + OWNER
    assert sell.outcome.nonce != buy.outcome.nonce
    assert sell.group == buy.group == f"{paid}>{got}"
    assert problem.snapshot.time_seconds == 1_700_000_099
    assert sell.outcome.valid_until == 1_700_000_100
    assert problem.free("0x" + OWNER, paid) == 4000
    assert problem.free("solver:greedy", got) == 10 * 2 * (2 * 1_000_000)  # ten rounds of two pools of two units


def test_pools_and_prices_are_exact() -> None:
    problem = run(legacy()).problem
    product = problem.venues_by_id[f"{PLACE}/pool:0x{'1' * 40}"]
    weighted = problem.venues_by_id[f"{PLACE}/pool:7"]

    assert isinstance(product, ConstantProductState)
    assert isinstance(weighted, WeightedState)
    assert product.fee == (3, 1000)
    assert weighted.tokens[f"{PLACE}/erc20:{WETH}"].weight == 10009910000000000
    assert (weighted.fee, weighted.version) == (25 * 10**15, "v0")
    assert product.gas_units == 2  # 1,500,000 / 1,000,000 = 1.5, to the even neighbour
    assert problem.snapshot.price(f"{PLACE}/erc20:{DAI}") == Fraction(5, 10_000)
    assert problem.snapshot.price(f"{PLACE}/erc20:{GNO}") is None


def test_ranges_and_pegs_are_exact() -> None:
    data = legacy()
    data["amms"] = {"a": ranged(), "b": pegged()}
    ranges, peg = (run(data).problem.venues_by_id[f"{PLACE}/pool:{key}"] for key in "ab")

    assert isinstance(ranges, ConcentratedState)
    assert isinstance(peg, StableState)
    assert (ranges.ticks, ranges.tick_spacing, ranges.fee) == (((-60, 10**6), (60, -(10**6))), 60, 3000)
    assert (ranges.asset0, ranges.asset1) == (f"{PLACE}/erc20:{GNO}", f"{PLACE}/erc20:{WETH}")
    assert (peg.tokens[f"{PLACE}/erc20:{GNO}"].rate, peg.amplification, peg.fee) == (125 * 10**16, 200_000, 4 * 10**14)
    assert set(peg.scaled.values()) == {10**18}


def test_the_newer_schema_has_ranges_and_pegs_too() -> None:
    data = newer()
    common = {"gasEstimate": "1", "fee": "0.0005"}
    data["liquidity"] = [
        {
            "kind": "concentratedLiquidity",
            "address": "0x" + "2" * 40,
            "tokens": [WETH, DAI],
            "sqrtPrice": str(2**96),
            "liquidity": "7",
            "tick": 0,
            "liquidityNet": {"-10": "7", "10": "-7"},
            **common,
        },
        {
            "kind": "stable",
            "address": "0x" + "3" * 40,
            "tokens": {
                WETH: {"balance": "1000000", "scalingFactor": "1"},
                DAI: {"balance": "1000000", "scalingFactor": "1.5"},
            },
            "amplificationParameter": "10",
            **common,
        },
    ]
    text = (
        json.dumps(data)
        .replace(WETH, "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2")
        .replace('"decimals": null', '"decimals": 18')
    )
    imported = import_cow(text, "made.json")

    ranges, peg = imported.problem.snapshot.venues
    assert imported.report["pools"]["kept"] == 2
    assert isinstance(ranges, ConcentratedState)
    assert isinstance(peg, StableState)
    assert ranges.ticks == ((-10, 7), (10, -7))
    assert sorted(token.rate for token in peg.tokens.values()) == [10**18, 15 * 10**17]


def test_orders_without_uid_are_named_by_their_key() -> None:
    data = legacy()
    data["orders"] = {"a": order(None), "b": order(None)}
    intents = run(data).problem.intents

    assert [intent.id for intent in intents] == ["import:cow.a", "import:cow.b"]
    assert [intent.outcome.owner for intent in intents] == ["import:cow.a", "import:cow.b"]
    assert {intent.outcome.valid_until for intent in intents} == {FOREVER}
    assert run(data).problem.snapshot.time_seconds == 0


def test_gnosis_chain_has_its_own_place() -> None:
    data = legacy()
    data["metadata"]["environment"] = "xDAI"

    assert run(data).problem.snapshot.numeraire == f"eip155:100/erc20:{WETH}"


def test_newer_schema_has_its_own_time_and_wei_prices() -> None:
    data = newer()
    data["orders"].append({**data["orders"][0], "uid": uid(2, valid_to=1_700_000_000)})
    # The default native token of the chain is not the one of this made-up file.
    text = json.dumps(data).replace(WETH, "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2")
    imported = import_cow(text, "made.json")
    problem = imported.problem
    check_problem(problem)

    assert problem.snapshot.time_seconds == 1_700_000_000
    assert problem.snapshot.price(f"{PLACE}/erc20:{DAI}") == Fraction(25, 100_000)
    assert imported.report["orders"]["reported"] == {"expired": 1}
    assert problem.snapshot.venues[0].gas_units == 90171
    assert problem.snapshot.chains[PLACE].gas_price == 27555919364


Change = Callable[[dict[str, Any]], Any]

REPORTED: list[tuple[str, Change, str, str, str]] = [
    ("same token", lambda d: d["orders"]["0"].update(buy_token=DAI), "orders", "same_token", "buy_token"),
    ("sells nothing", lambda d: d["orders"]["0"].update(sell_amount="0"), "orders", "zero_amount", "sell_amount"),
    ("wants nothing", lambda d: d["orders"]["0"].update(buy_amount="0"), "orders", "zero_amount", "buy_amount"),
    (
        "unknown token",
        lambda d: d["orders"]["0"].update(sell_token="0x" + "9" * 40),
        "orders",
        "unknown_token",
        "sell_token",
    ),
    (
        "another kind",
        lambda d: d["amms"]["7"].update(kind="Swirling"),
        "pools",
        "unsupported_kind:Swirling",
        "kind",
    ),
    (
        "ticks against liquidity",
        lambda d: d["amms"].update({"7": ranged(liquidity="99")}),
        "pools",
        "refused_state:liquidity",
        "liquidity",
    ),
    (
        "a fee without a spacing",
        lambda d: d["amms"].update({"7": ranged() | {"fee": "0.002"}}),
        "pools",
        "refused_state:fee",
        "fee",
    ),
    (
        "a tick off the end",
        lambda d: d["amms"].update({"7": ranged(tick="900000")}),
        "pools",
        "refused_state:ticks",
        "ticks",
    ),
    (
        "stable without amplification",
        lambda d: d["amms"].update({"7": pegged() | {"amplification_parameter": "0.5"}}),
        "pools",
        "refused_state:amplification",
        "amplification",
    ),
    (
        "empty reserve",
        lambda d: d["amms"]["0x" + "1" * 40]["reserves"].update({WETH: "0"}),
        "pools",
        "refused_state:reserves",
        f"reserves/{PLACE}/erc20:{WETH}",
    ),
    (
        "tiny weight",
        lambda d: d["amms"]["7"]["reserves"][GNO].update(weight=0.001),
        "pools",
        "refused_state:tokens",
        f"tokens/{PLACE}/erc20:{GNO}/weight",
    ),
    ("whole fee", lambda d: d["amms"]["7"].update(fee=1), "pools", "refused_state:fee", "fee"),
    ("endless fee", lambda d: d["amms"]["7"].update(fee="0." + "1" * 19), "pools", "refused_state:fee", "fee"),
    (
        "no decimals",
        lambda d: d["tokens"][GNO].update(decimals=None),
        "pools",
        "refused_state:decimals",
        f"decimals/{GNO}",
    ),
    (
        "huge cost",
        lambda d: d["amms"]["7"]["cost"].update(amount="9" * 40),
        "pools",
        "refused_state:gas_units",
        "gas_units",
    ),
    (
        "pool of strangers",
        lambda d: d["amms"]["7"]["reserves"].update({"0x" + "9" * 40: {"balance": "1", "weight": 0.1}}),
        "pools",
        "unknown_token",
        "0x" + "9" * 40,
    ),
]


@pytest.mark.parametrize(
    ("change", "section", "reason", "field"), [r[1:] for r in REPORTED], ids=[r[0] for r in REPORTED]
)
def test_items_that_can_not_be_used_are_reported(change: Change, section: str, reason: str, field: str) -> None:
    data = legacy()
    change(data)
    counts = run(data).report[section]

    assert (counts["in"], counts["kept"], counts["reported"]) == (2, 1, {reason: 1})
    assert [(d["reason"], d["field"]) for d in counts["details"]] == [(reason, field)]


def swap_columns(data: dict[str, Any]) -> None:
    first = data["orders"]["0"]
    first["sell_token"], first["sell_amount"] = first["sell_amount"], first["sell_token"]


def repeat_order(data: dict[str, Any]) -> None:
    data["orders"]["2"] = copy.deepcopy(data["orders"]["0"])


def repeat_pool(data: dict[str, Any]) -> None:
    data["amms"]["8"] = {**data["amms"]["0x" + "1" * 40]}


def other_address(data: dict[str, Any]) -> None:
    data["amms"]["0x" + "1" * 40]["address"] = "0x" + "2" * 40


REFUSED: list[tuple[str, Change, str, str]] = [
    ("no orders", lambda d: d.pop("orders"), "not_an_instance", ""),
    ("no tokens", lambda d: d.pop("tokens"), "missing_field", "/tokens"),
    ("both schemas", lambda d: d.update(liquidity=[]), "not_an_instance", ""),
    ("orders are a list", lambda d: d.update(orders=[]), "malformed_field", "/orders"),
    ("order is text", lambda d: d["orders"].update({"0": "x"}), "malformed_field", "/orders/0"),
    ("swapped columns", swap_columns, "malformed_field", "/orders/0/sell_token"),
    ("number for amount", lambda d: d["orders"]["0"].update(sell_amount=5), "malformed_field", "/orders/0/sell_amount"),
    (
        "fraction for amount",
        lambda d: d["orders"]["0"].update(sell_amount=5.5),
        "malformed_field",
        "/orders/0/sell_amount",
    ),
    (
        "long amount",
        lambda d: d["orders"]["0"].update(sell_amount="007"),
        "noncanonical_amount",
        "/orders/0/sell_amount",
    ),
    (
        "vast amount",
        lambda d: d["orders"]["0"].update(sell_amount="9" * 80),
        "amount_out_of_range",
        "/orders/0/sell_amount",
    ),
    (
        "text for flag",
        lambda d: d["orders"]["0"].update(is_sell_order="yes"),
        "malformed_field",
        "/orders/0/is_sell_order",
    ),
    ("short uid", lambda d: d["orders"]["0"].update(id="0x12"), "malformed_field", "/orders/0/id"),
    ("order twice", repeat_order, "duplicate", "/orders"),
    ("pool twice", repeat_pool, "duplicate", "/amms"),
    ("key is not the address", other_address, "malformed_field", f"/amms/0x{'1' * 40}/address"),
    (
        "token in two spellings",
        lambda d: d["tokens"].update({"0x" + "A" * 40: d["tokens"][WETH]}),
        "duplicate",
        "/tokens",
    ),
    (
        "decimals are text",
        lambda d: d["tokens"][DAI].update(decimals="18"),
        "malformed_field",
        f"/tokens/{DAI}/decimals",
    ),
    (
        "price is a word",
        lambda d: d["tokens"][DAI].update(external_price="cheap"),
        "malformed_number",
        f"/tokens/{DAI}/external_price",
    ),
    (
        "price is negative",
        lambda d: d["tokens"][DAI].update(external_price=-1.5),
        "malformed_number",
        f"/tokens/{DAI}/external_price",
    ),
    (
        "price explodes",
        lambda d: d["tokens"][DAI].update(external_price="1e99"),
        "amount_out_of_range",
        f"/tokens/{DAI}",
    ),
    ("numeraire is not 1", lambda d: d["tokens"][WETH].update(external_price=2.0), "bad_numeraire", f"/tokens/{WETH}"),
    (
        "costs in two tokens",
        lambda d: d["amms"]["7"].update(cost={"amount": "1", "token": DAI}),
        "mixed_costs",
        "/amms",
    ),
    ("kind is a number", lambda d: d["amms"]["7"].update(kind=7), "malformed_field", "/amms/7/kind"),
    ("gas price in halves", lambda d: d["metadata"].update(gas_price=1.5), "malformed_field", "/metadata/gas_price"),
    ("no metadata", lambda d: d.pop("metadata"), "missing_field", "/metadata"),
    ("a key with spaces", lambda d: d["orders"].update({"a b": order(9)}), "malformed_field", "/orders/a b"),
]


@pytest.mark.parametrize(("change", "code", "where"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_a_file_that_is_not_of_the_format_is_refused(change: Change, code: str, where: str) -> None:
    data = legacy()
    change(data)
    with pytest.raises(FeedError) as refused:
        run(data)
    assert (refused.value.code, refused.value.where) == (code, where)


NEWER_REFUSED: list[tuple[str, Change, str, str]] = [
    ("side", lambda d: d["orders"][0].update(kind="swap"), "malformed_field", "/orders/0/kind"),
    ("order twice", lambda d: d["orders"].append(d["orders"][0]), "duplicate", "/orders"),
    ("pool twice", lambda d: d["liquidity"].append(d["liquidity"][0]), "duplicate", "/liquidity"),
    ("orders are an object", lambda d: d.update(orders={}), "malformed_field", "/orders"),
    ("order is null", lambda d: d.update(orders=[None]), "malformed_field", "/orders/0"),
    ("version", lambda d: d["liquidity"][0].update(version="v9"), "malformed_field", "/liquidity/0/version"),
    ("deadline", lambda d: d.update(deadline="tomorrow"), "malformed_field", "/deadline"),
    ("free gas", lambda d: d.update(effectiveGasPrice="0"), "malformed_field", "/effectiveGasPrice"),
    ("impossible day", lambda d: d.update(deadline="2024-13-45T00:00:00Z"), "malformed_field", "/deadline"),
]


@pytest.mark.parametrize(("change", "code", "where"), [r[1:] for r in NEWER_REFUSED], ids=[r[0] for r in NEWER_REFUSED])
def test_newer_files_are_refused_too(change: Change, code: str, where: str) -> None:
    data = newer()
    change(data)
    with pytest.raises(FeedError) as refused:
        run(data)
    assert (refused.value.code, refused.value.where) == (code, where)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (json.dumps(legacy())[:-200], "malformed_json"),
        (json.dumps(legacy()).replace('"orders"', '"tokens": {}, "orders"'), "duplicate_key"),
        (json.dumps(legacy()).replace("0.003", "NaN"), "not_finite"),
        ("[1, 2]", "not_an_instance"),
        (b"\xff\xfe{}", "malformed_text"),
        (b" " * (64 * 2**20 + 1), "too_large"),
    ],
    ids=["truncated", "key twice", "not a number", "a list", "not UTF-8", "too large"],
)
def test_text_that_is_no_instance_is_refused(text: str | bytes, code: str) -> None:
    with pytest.raises(FeedError) as refused:
        import_cow(text, "made.json")
    assert refused.value.code == code


def balanced(section: dict[str, Any]) -> bool:
    reported = sum(section["reported"].values())
    return bool(section["in"] == section["kept"] + reported and len(section["details"]) == reported)


def test_the_real_instance_is_accounted_for_whole() -> None:
    content = gzip.decompress(data_path("cow/mainnet_2023/instance_7400681.json.gz").read_bytes())
    imported = import_cow(content, "instance_7400681.json")
    orders, pools = imported.report["orders"], imported.report["pools"]
    problem = imported.problem
    check_problem(problem)

    assert (orders["in"], orders["kept"], orders["reported"]) == (527, 527, {})
    assert pools["in"] == 842
    assert pools["reported"] == {
        "refused_state:reserves": 2,
        "refused_state:tokens": 27,
        # Six pools whose ticks contradict their liquidity.
        "refused_state:liquidity": 5,
        "refused_state:ticks": 1,
    }
    assert balanced(orders)
    assert balanced(pools)
    assert len(problem.intents) == 527
    assert len(problem.snapshot.venues) == pools["kept"] == 807
    assert imported.report["notes"]["tokens_unpriced"] == 110
    assert Problem.from_json(problem.model_dump_json(by_alias=True)).hash == problem.hash


SMALL = {
    "simple-solver-template_sample.json": (6, 77),
    "solver-template-py_example_request.json": (2, 4),
    "solver-template-py_large_example.json": (2, 53),
    "solver-template-py_large_instance.json": (2, 53),
    "solver-template-py_real_request.json": (1, 18),
    "solver-template-py_small_example.json": (2, 18),
    "staging_mainnet_10294202_kirsanium.json": (29, 3),
}


@pytest.mark.parametrize("name", sorted(SMALL))
def test_small_real_instances_are_accounted_for(name: str) -> None:
    imported = import_cow(data_path(f"cow/small/{name}").read_bytes(), name)
    check_problem(imported.problem)

    assert (imported.report["orders"]["in"], imported.report["pools"]["in"]) == SMALL[name]
    assert balanced(imported.report["orders"])
    assert balanced(imported.report["pools"])


def test_a_recorded_competition_is_no_instance() -> None:
    content = data_path("cow/small/staging_mainnet_12825008_winner_selection.json").read_bytes()
    with pytest.raises(FeedError, match="not_an_instance"):
        import_cow(content, "winner_selection.json")
