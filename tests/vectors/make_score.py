"""Write tests/vectors/score/*.json, for strangers who write the score of their own from docs/score.md.

clearway.json: by name a fill in its simplest form (side, units of all, the surplus asset's limit and amount at the price, fee
policies, price) and what follows. cow-2024.json: an order, executed amounts and a price, and what follows. Integers are
digits in strings, rationals [numerator, denominator] in lowest terms.

    python -m tests.vectors.make_score          (from the root of the checkout; rewrites the files)
"""

import json
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any

from engine.auction.protocol_fees import FeePolicy, FeeSchedule, exact_fee
from engine.auction.score import surplus_of
from engine.auction.score_cow_2024 import Order, Policy, Quote, protocol_fee, score_trade
from tests.auction.builders import ETH, USD, fill, intent

FOLDER = Path(__file__).resolve().parent / "score"

HALF, TENTH, PERCENT = (1, 2), (1, 10), (1, 100)

CLEARWAY: dict[str, tuple[str, tuple[int, int], int, int, list[dict[str, Any]], int | None, tuple[int, int]]] = {
    "received_without_fees": ("received", (1, 1), 100, 137, [], None, (1, 1)),
    "received_part_of_the_units_is_exact": ("received", (2, 3), 100, 70, [], None, (1, 1)),
    "a_price_is_applied_before_the_floor": ("received", (2, 3), 100, 77, [], None, (7, 3)),
    "paid_without_fees": ("paid", (1, 1), 100, 71, [], None, (5, 2)),
    "paid_part_of_the_units_is_exact": ("paid", (2, 7), 100, 20, [], None, (1, 3)),
    "at_the_limit_scores_nothing": ("received", (1, 1), 100, 100, [], None, (9, 1)),
    "surplus_fee_is_floored_once": ("received", (1, 1), 100, 137, [{"kind": "surplus", "factor": HALF}], None, (1, 1)),
    "surplus_fee_of_a_payer": ("paid", (1, 1), 100, 71, [{"kind": "surplus", "factor": HALF}], None, (1, 1)),
    "surplus_fee_is_capped_by_volume": (
        "received",
        (1, 1),
        100,
        1370,
        [{"kind": "surplus", "factor": HALF, "cap": PERCENT}],
        None,
        (1, 1),
    ),
    "surplus_fee_of_a_payer_is_capped_by_volume": (
        "paid",
        (1, 1),
        1000,
        710,
        [{"kind": "surplus", "factor": HALF, "cap": PERCENT}],
        None,
        (1, 1),
    ),
    "improvement_over_a_quote_better_than_the_limit": (
        "received",
        (1, 2),
        100,
        75,
        [{"kind": "price_improvement", "factor": HALF, "cap": TENTH}],
        120,
        (1, 1),
    ),
    "improvement_over_a_quote_worse_than_the_limit": (
        "received",
        (1, 1),
        100,
        137,
        [{"kind": "price_improvement", "factor": HALF}],
        90,
        (1, 1),
    ),
    "improvement_of_a_payer": ("paid", (1, 1), 100, 71, [{"kind": "price_improvement", "factor": HALF}], 80, (1, 1)),
    "no_improvement_takes_nothing": (
        "received",
        (1, 1),
        100,
        110,
        [{"kind": "price_improvement", "factor": HALF}],
        120,
        (1, 1),
    ),
    "without_a_quote_improvement_takes_nothing": (
        "received",
        (1, 1),
        100,
        137,
        [{"kind": "price_improvement", "factor": HALF}],
        None,
        (1, 1),
    ),
    "volume_fee": ("received", (1, 1), 1000, 1370, [{"kind": "volume", "factor": (1, 300)}], None, (1, 1)),
    "volume_fee_of_a_payer": ("paid", (1, 1), 1000, 710, [{"kind": "volume", "factor": (1, 300)}], None, (1, 1)),
    "volume_then_surplus": (
        "received",
        (1, 1),
        1000,
        1370,
        [{"kind": "volume", "factor": (1, 300)}, {"kind": "surplus", "factor": HALF}],
        None,
        (3, 7),
    ),
    "surplus_then_volume_takes_another_fee": (
        "received",
        (1, 1),
        1000,
        1370,
        [{"kind": "surplus", "factor": HALF}, {"kind": "volume", "factor": (1, 300)}],
        None,
        (3, 7),
    ),
    "three_policies_of_a_payer": (
        "paid",
        (5, 9),
        10**24,
        4 * 10**23,
        [
            {"kind": "volume", "factor": (1, 300)},
            {"kind": "surplus", "factor": (1, 3), "cap": TENTH},
            {"kind": "price_improvement", "factor": (2, 3)},
        ],
        9 * 10**23,
        (10**12 + 39, 7),
    ),
    "nothing_saturates": (
        "received",
        (1, 1),
        1,
        2**255,
        [{"kind": "surplus", "factor": (2**100 - 1, 2**100)}],
        None,
        (2**255, 1),
    ),
}
"""Side, (n, N), limit of all units, amount at the price before protocol fees, policies, quote of all units, price."""

SURPLUS = Policy(0.5, 0.01)
COW: dict[str, tuple[Order, int, int, int]] = {
    "sell_without_fees": (Order("sell", 1000, 2000), 500, 1010, 10**18),
    "sell_floors_the_limit": (Order("sell", 7, 10), 3, 5, 10**18),
    "buy_without_fees": (Order("buy", 7, 10), 3, 5, 10**18),
    "sell_surplus": (Order("sell", 10**18, 10**9, (SURPLUS,)), 10**18, 1_004_000_001, 3 * 10**26),
    "sell_surplus_capped": (Order("sell", 10**18, 10**9, (SURPLUS,)), 10**18, 1_104_000_001, 3 * 10**26),
    "buy_surplus": (Order("buy", 10**18, 10**9, (SURPLUS,)), 996 * 10**15, 10**9, 10**18 + 7),
    "sell_improvement": (
        Order("sell", 10**18, 10**9, (Policy(0.5, 0.01, Quote(10**18, 1_020_000_000, 10**15)),)),
        10**18,
        1_022_000_000,
        10**26,
    ),
    "buy_improvement": (
        Order("buy", 10**18, 10**9, (Policy(0.5, 0.01, Quote(98 * 10**16, 10**9, 10**15)),)),
        975 * 10**15,
        10**9,
        10**18,
    ),
    "improvement_of_a_partial_fill": (
        Order("sell", 10**18, 10**9, (Policy(0.5, 0.01, Quote(2 * 10**18, 2_040_000_000, 10**15)),)),
        3 * 10**17,
        307_000_000,
        10**26,
    ),
    "volume": (Order("sell", 10**18, 10**9, (Policy(0.0035),)), 10**18, 1_004_000_001, 10**26),
    "surplus_then_volume": (Order("sell", 10**18, 10**9, (SURPLUS, Policy(0.002))), 10**18, 1_004_000_001, 10**26),
    "volume_then_surplus": (Order("buy", 10**18, 10**9, (Policy(0.002), SURPLUS)), 99 * 10**16, 10**9, 10**18),
    "both_parts_are_floored": (Order("sell", 3, 3, (Policy(0.5, 0.9),)), 3, 10, 7 * 10**17),
    "beyond_64_and_256_bits": (Order("sell", 2**200, 1, (SURPLUS,)), 2**200, 2**250, 2**200),
}
"""Order, executed amounts sold and bought, price."""


def clearway_vectors() -> dict[str, Any]:
    """Every fill of CLEARWAY with its fee, net amount, surplus and score."""
    told = {}
    for name, (side, (n, whole), limit, amount, policies, quote, price) in CLEARWAY.items():
        received = side == "received"
        pays, receives = ({ETH: 1}, {USD: limit}) if received else ({USD: limit}, {ETH: 1})
        asked = intent("it", pays, receives, units=whole, surplus=USD)
        quotes = {} if quote is None else {asked.id: quote}
        schedule = FeeSchedule(policies=tuple(FeePolicy(**policy) for policy in policies), quotes=quotes)
        exact = exact_fee(schedule, asked, n, amount)
        fee = floor(exact)
        net = amount - fee if received else amount + fee
        surplus = surplus_of(fill("it", n, {ETH: 1} if received else {USD: net}, {USD: net} if received else {}), asked)
        told[name] = {
            "surplus_asset": side,
            "units": str(n),
            "of_units": str(whole),
            "limit": str(limit),
            "amount": str(amount),
            "policies": [FeePolicy(**policy).to_wire() for policy in policies],
            "quote": None if quote is None else str(quote),
            "price": _ratio(Fraction(*price)),
            "exact_fee": _ratio(exact),
            "fee": str(fee),
            "net": str(net),
            "surplus": _ratio(surplus),
            "score": str(floor(surplus * Fraction(*price))),
        }
    return told


def cow_vectors() -> dict[str, Any]:
    """Every trade of COW with its fee and score."""
    told = {}
    for name, (order, sold, bought, price) in COW.items():
        policies = []
        for policy in order.policies:
            quote = policy.quote
            quoted = None if quote is None else {"sell": str(quote.sell), "buy": str(quote.buy), "fee": str(quote.fee)}
            policies.append({"factor": policy.factor, "most": policy.most, "quote": quoted})
        told[name] = {
            "kind": order.kind,
            "sell": str(order.sell),
            "buy": str(order.buy),
            "policies": policies,
            "sold": str(sold),
            "bought": str(bought),
            "price": str(price),
            "fee": str(protocol_fee(order, sold, bought)),
            "score": str(score_trade(order, sold, bought, price)),
        }
    return told


def _ratio(value: Fraction) -> list[str]:
    return [str(value.numerator), str(value.denominator)]


def rendered() -> dict[str, str]:
    """Every file's text by name: one entry a line, keys ascending."""
    texts = {}
    for name, content in {"clearway": clearway_vectors(), "cow-2024": cow_vectors()}.items():
        lines = (f"{json.dumps(key)}: {json.dumps(content[key], sort_keys=True)}" for key in sorted(content))
        texts[name] = "{\n" + ",\n".join(lines) + "\n}\n"
    return texts


def main() -> None:
    """Rewrite the folder."""
    for name, text in rendered().items():
        (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
