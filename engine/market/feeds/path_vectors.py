"""Cases of recorded multi-hop swaps through Uniswap V2, V3 and V4 pools, each hop by itself.

A hop's expected output is what the chain gave where the file says so (`v2_actual`, `v4_onchain`), else the recorded
output; its input is the output of the hop before that the record used. Hops: `hop_outputs`, from `optimal_input`. A V4
pool that ran dry ("EMPTY-HALT") took a part of its input: the output of that part is compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from engine.market.feeds.vector_case import Case, Unsupported
from engine.market.venues.base import Trade, TradeRefusedError
from engine.market.venues.concentrated import ConcentratedState, swap
from engine.market.venues.constant_product import ConstantProduct, ConstantProductState
from engine.market.venues.tick_math import FEE_UNITS

ASSETS = ("sim:vectors/token:0", "sim:vectors/token:1")
"""The two assets of any pool here."""

CONCENTRATED = ("uniswap_v3", "uniswap_v4", "pancakeswap_v3", "sushiswap_v3")
PRODUCTS = ("uniswap_v2", "sushiswap_v2", "pancakeswap_v2", "swapbased_v2")


def path_cases(data: dict[str, Any]) -> Iterator[Case | Unsupported]:
    """Every hop of a path file."""
    if "recorded_solve" not in data:
        yield from _one_hop(data)
        return
    solve = data["recorded_solve"]
    amount = int(solve["optimal_input"])
    for hop in data["path"]:
        number, stated = int(hop["hop"]), data["pools"][hop["pool"]]
        name = f"hop {number} ({hop['pool']})"
        recorded = solve["hop_outputs"][number]
        if recorded is None:
            yield Unsupported(name, "no recorded output")
            return
        expected = int(_on_chain(solve, number) or recorded)
        yield _hop_case(name, stated, amount, expected, down=bool(hop["zero_for_one"]))
        amount = int(recorded)


def _one_hop(data: dict[str, Any]) -> Iterator[Case | Unsupported]:
    """A path of which only the V4 hop was recorded, with what the chain gave."""
    hop = data["v4_hop"]
    key = data["path"][int(hop["hop_index"])]["pool"]
    name, down = f"hop {hop['hop_index']} ({key})", bool(hop["zero_for_one"])
    yield _hop_case(name, data["pools"][key], int(hop["input"]), int(hop["onchain_actual"]), down=down)


def _hop_case(name: str, stated: dict[str, Any], amount: int, expected: int, *, down: bool) -> Case | Unsupported:
    family = str(stated["family"])
    if family in CONCENTRATED:
        return Case(name, expected, partial(_ranges_output, _ranges(stated), amount, down=down))
    if family in PRODUCTS:
        return Case(name, expected, partial(_product_output, _product(stated, down=down), amount, down=down))
    return Unsupported(name, f"family {family} has no arithmetic here")


def recurrence_cases(data: dict[str, Any]) -> Iterator[Case | Unsupported]:
    """V4 hops of files of recurrences; only pools of one range carry their whole state."""
    proven = data.get("oracle_verification", {}).get("forward_amount_gap_inputs", {})
    for number, item in enumerate(data["recurrences"]):
        name, stated = f"recurrences/{number}", item["v4"]
        if stated["n_ranges"] != 1:
            yield Unsupported(name, f"the {stated['n_ranges']} ranges that the swap crossed are not in the file")
            continue
        # The range's ends are not in the file; within one range they do not enter.
        protocol = int(stated["protocol_fee"])
        state = ConcentratedState(
            id="sim:vectors/pool:v4",
            asset0=ASSETS[0],
            asset1=ASSETS[1],
            sqrt_price=int(stated["sqrt_price_x96"]),
            tick=int(stated["tick"]),
            liquidity=int(stated["liquidity"]),
            ticks=(),
            tick_spacing=1,
            fee=int(stated.get("lp_fee", 0)),
            protocol_fees=(protocol & 0xFFF, protocol >> 12),
        )
        for path, solved in item["solve"].items():
            given, got, _ = solved["hop_outputs"]
            compute = partial(_ranges_output, state, int(given), down=bool(stated["zfo"]))
            yield Case(f"{name}/{path}", int(got), compute)
        for key, gap in proven.items():
            if f"block_{item['block']}" in key:
                compute = partial(_ranges_output, state, int(gap["input_reproducing_actual"]), down=bool(stated["zfo"]))
                yield Case(f"{name}/on chain", int(gap["recorded_actual"]), compute)


def _on_chain(solve: dict[str, Any], number: int) -> str | None:
    """What the chain gave at a hop, where the record says and it is an amount."""
    for index, actual in (("v2_hop_index", "v2_actual"), ("v4_hop_index", "v4_onchain")):
        if solve.get(index) == number and str(solve.get(actual, "")).isdigit():
            return str(solve[actual])
    return None


def _ranges(stated: dict[str, Any]) -> ConcentratedState:
    fees = [
        int(stated[name]) for name in ("fee_token0", "fee_token1", "fee_currency0", "fee_currency1") if name in stated
    ]
    if len(set(fees)) != 1 or int(stated["fee_denominator"]) != FEE_UNITS:
        raise ValueError(f"one fee in millionths is expected, {fees} of {stated['fee_denominator']} found")
    protocol = int(stated.get("protocol_fee", 0))
    nets = {int(tick): int(entry["liquidity_net"]) for tick, entry in stated["tick_data"].items()}
    return ConcentratedState(
        id="sim:vectors/pool:ranges",
        asset0=ASSETS[0],
        asset1=ASSETS[1],
        sqrt_price=int(stated["sqrt_price_x96"]),
        tick=int(stated["tick"]),
        liquidity=int(stated["liquidity"]),
        ticks=tuple(sorted(nets.items())),
        tick_spacing=int(stated["tick_spacing"]),
        fee=int(stated.get("lp_fee", fees[0])),
        protocol_fees=(protocol & 0xFFF, protocol >> 12),
    )


def _ranges_output(state: ConcentratedState, amount: int, *, down: bool) -> int:
    return swap(state, amount, down=down).amount_out


def _product(stated: dict[str, Any], *, down: bool) -> ConstantProductState:
    reserves = {asset: int(stated[f"reserve{i}"]) for i, asset in enumerate(ASSETS)}
    denominator = int(stated["fee_denom" if "fee_denom" in stated else "fee_denominator"])
    if "fee_gamma" in stated:
        fee = denominator - int(stated["fee_gamma"])
    else:
        fee = int(stated["fee_token0" if down else "fee_token1"])
    return ConstantProductState(id="sim:vectors/pool:product", reserves=reserves, fee=(fee, denominator))


def _product_output(state: ConstantProductState, amount: int, *, down: bool) -> int:
    source, target = ASSETS if down else reversed(ASSETS)
    try:
        return ConstantProduct().execute(state, "anyone", Trade(source, amount, target), 0)[0]
    except TradeRefusedError as error:
        raise ValueError(str(error)) from None
