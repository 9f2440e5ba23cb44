"""Cases of recorded multi-hop swaps through Uniswap V2, V3 and V4 pools, each hop by itself.

A hop's expected output is what the chain gave where the file says so (`v2_actual`, `v4_onchain`), else the recorded
output; its input is the output of the hop before that the record used. Hops: `hop_outputs`, from `optimal_input`. A V4
pool that ran dry ("EMPTY-HALT") took a part of its input: the output of that part is compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from typing import Any

from engine.market.feeds.vector_case import Case, Unsupported, each
from engine.market.venues.base import Trade, TradeRefusedError
from engine.market.venues.concentrated import ConcentratedState, swap
from engine.market.venues.constant_product import ConstantProduct, ConstantProductState
from engine.market.venues.tick_math import FEE_UNITS

ASSETS = ("sim:vectors/token:0", "sim:vectors/token:1")
"""The two assets of any pool here."""

RANGES, PRODUCT = "sim:vectors/pool:ranges", "sim:vectors/pool:product"
"""Names of pools here."""

CONCENTRATED = ("uniswap_v3", "uniswap_v4", "pancakeswap_v3", "sushiswap_v3")
PRODUCTS = ("uniswap_v2", "sushiswap_v2", "pancakeswap_v2", "swapbased_v2")
DENOMINATORS = ("fee_denominator", "fee_denom")
HOOKS = ("hooks", "hook_address", "hooks_address", "hook")

DYNAMIC_FEE = 0x800000
"""A V4 pool with this fee is told its fee by its hook."""

SWAP_HOOKS = 0b11001100
"""Permissions in a hook's address that let it act at a swap: before, after, and with amounts of its own (v4-core, Hooks.sol)."""


def path_cases(data: dict[str, Any]) -> Iterator[Case | Unsupported]:
    """Every hop of a path file."""
    if "recorded_solve" not in data:
        yield from each("", [data["v4_hop"]], lambda _, hop: [_one_hop(data, hop)])
        return
    solve, pools = data["recorded_solve"], data["pools"]

    def hop_case(_: str, hop: dict[str, Any]) -> Iterator[Case | Unsupported]:
        number = int(hop["hop"])
        name = f"hop {number} ({hop['pool']})"
        given = solve["optimal_input"] if number == 0 else solve["hop_outputs"][number - 1]
        expected = _on_chain(solve, number) or solve["hop_outputs"][number]
        if given is None or expected is None:
            yield Unsupported(name, "no recorded output" if expected is None else "no recorded input")
            return
        yield _hop_case(name, pools[hop["pool"]], int(given), int(expected), down=_down(hop))

    yield from each("path", data["path"], hop_case)


def _one_hop(data: dict[str, Any], hop: dict[str, Any]) -> Case | Unsupported:
    """A path of which only the V4 hop was recorded, with what the chain gave."""
    key = data["path"][int(hop["hop_index"])]["pool"]
    name = f"hop {hop['hop_index']} ({key})"
    return _hop_case(name, data["pools"][key], int(hop["input"]), int(hop["onchain_actual"]), down=_down(hop))


def _down(hop: dict[str, Any]) -> bool:
    """Whether token 0 goes in; the direction is never guessed."""
    down = hop["zero_for_one"]
    if not isinstance(down, bool):
        raise TypeError(f"zero_for_one: true or false is expected, {down!r} found")
    return down


def _hop_case(name: str, stated: dict[str, Any], amount: int, expected: int, *, down: bool) -> Case | Unsupported:
    family = str(stated["family"])
    if family in CONCENTRATED:
        reason = hook_at_swaps(stated) if family == "uniswap_v4" else None
        if reason is not None:
            return Unsupported(name, reason)
        return Case(
            name, expected, partial(_ranges_output, ranges_state(stated, RANGES, ASSETS, down=down), amount, down=down)
        )
    if family in PRODUCTS:
        return Case(
            name,
            expected,
            partial(_product_output, product_state(stated, PRODUCT, ASSETS, down=down), amount, down=down),
        )
    return Unsupported(name, f"family {family} has no arithmetic here")


def hook_at_swaps(stated: dict[str, Any]) -> str | None:
    """Why a V4 pool's swaps are not the pool's alone; None where they are."""
    hooks = next((str(stated[field]) for field in HOOKS if stated.get(field) is not None), "0x0")
    if int(hooks, 16) & SWAP_HOOKS:
        return f"the hook {hooks} takes part in swaps"
    fee = stated.get("lp_fee", stated.get("fee", 0))
    return "the fee is dynamic and not in the file" if int(fee) == DYNAMIC_FEE else None


def recurrence_cases(data: dict[str, Any]) -> Iterator[Case | Unsupported]:
    """V4 hops of files of recurrences; only pools of one range carry their whole state."""
    proven = data.get("oracle_verification", {}).get("forward_amount_gap_inputs", {})
    yield from each("recurrences", data["recurrences"], lambda name, item: _recurrence(name, item, proven))


def _recurrence(name: str, item: dict[str, Any], proven: dict[str, Any]) -> Iterator[Case | Unsupported]:
    stated = item["v4"]
    if stated["n_ranges"] != 1:
        yield Unsupported(name, f"the {stated['n_ranges']} ranges that the swap crossed are not in the file")
        return
    # The range's ends are not in the file; within one range they do not enter.
    protocol, down = int(stated["protocol_fee"]), bool(stated["zfo"])
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
    hop = str(item.get("path_type", "V3-V4-V3")).split("-").index("V4")
    for path, solved in item["solve"].items():
        outputs = solved["hop_outputs"]
        given = solved["optimal_input"] if hop == 0 else outputs[hop - 1]
        compute = partial(_ranges_output, state, int(given), down=down)
        yield Case(f"{name}/{path}", int(outputs[hop]), compute)
    for key, gap in proven.items():
        if f"block_{item['block']}" in key:
            compute = partial(_ranges_output, state, int(gap["input_reproducing_actual"]), down=down)
            yield Case(f"{name}/on chain", int(gap["recorded_actual"]), compute)


def _on_chain(solve: dict[str, Any], number: int) -> str | None:
    """What the chain gave at a hop, where the record says and it is an amount."""
    for index, actual in (("v2_hop_index", "v2_actual"), ("v4_hop_index", "v4_onchain")):
        if solve.get(index) == number and str(solve.get(actual, "")).isdigit():
            return str(solve[actual])
    return None


def _fee(stated: dict[str, Any], *, down: bool) -> Fraction:
    """The share of the input that a pool keeps in one direction, from any of the fields that files have for it."""
    denominator = next((int(stated[field]) for field in DENOMINATORS if field in stated), FEE_UNITS)
    if "fee_gamma" in stated:
        return 1 - Fraction(int(stated["fee_gamma"]), denominator)
    if "lp_fee" in stated:
        return Fraction(int(stated["lp_fee"]), FEE_UNITS)
    sides = (f"fee_token{1 - down}", f"fee_currency{1 - down}", "fee")
    found = [str(stated[field]) for field in sides if field in stated]
    if not found:
        raise KeyError(sides[0])
    text = found[0]
    if "/" in text:
        return Fraction(text)
    if not any(field in stated for field in DENOMINATORS) and stated["family"] not in CONCENTRATED:
        raise ValueError(f"the denominator of the fee {text} is not in the file")
    return Fraction(int(text), denominator)


def ranges_state(stated: dict[str, Any], name: str, assets: tuple[str, str], *, down: bool) -> ConcentratedState:
    """A concentrated pool of a path, with the fee of one direction. KeyError and the like where it is of another form."""
    fee = _fee(stated, down=down) * FEE_UNITS
    if fee.denominator != 1:
        raise ValueError(f"a fee in millionths is expected, {fee} found")
    protocol = int(stated.get("protocol_fee", 0)) if stated["family"] == "uniswap_v4" else 0
    nets = {int(tick): tick_net(entry) for tick, entry in stated["tick_data"].items()}
    return ConcentratedState(
        id=name,
        asset0=assets[0],
        asset1=assets[1],
        sqrt_price=int(stated["sqrt_price_x96"]),
        tick=int(stated["tick"]),
        liquidity=int(stated["liquidity"]),
        ticks=tuple(sorted(nets.items())),
        tick_spacing=int(stated["tick_spacing"]),
        fee=int(fee),
        protocol_fees=(protocol & 0xFFF, protocol >> 12),
    )


def tick_net(entry: Any) -> int:
    """A tick's net liquidity: an object's field, or the second of [gross, net, block]."""
    return int(entry["liquidity_net"] if isinstance(entry, dict) else entry[1])


def _ranges_output(state: ConcentratedState, amount: int, *, down: bool) -> int:
    return swap(state, amount, down=down).amount_out


def product_state(stated: dict[str, Any], name: str, assets: tuple[str, str], *, down: bool) -> ConstantProductState:
    """A constant product pool of a path, with the fee of one direction. KeyError and the like where it is of another form."""
    reserves = {asset: int(stated[f"reserve{i}"]) for i, asset in enumerate(assets)}
    fee = _fee(stated, down=down)
    return ConstantProductState(id=name, reserves=reserves, fee=fee.as_integer_ratio())


def _product_output(state: ConstantProductState, amount: int, *, down: bool) -> int:
    source, target = ASSETS if down else reversed(ASSETS)
    try:
        return ConstantProduct().execute(state, "anyone", Trade(source, amount, target), 0)[0]
    except TradeRefusedError as error:
        raise ValueError(str(error)) from None
