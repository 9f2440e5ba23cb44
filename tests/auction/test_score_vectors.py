"""The vectors of scores: what is written is what the code says, and what a second reading of docs/score.md says."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest

from engine.auction.problem import Problem
from engine.auction.protocol_fees import FeePolicy, FeeSchedule, fee_worth
from engine.auction.solution import Solution
from tests.auction.builders import ETH, USD, judged, line, pool_sale, problem, refusal, sale, sold
from tests.vectors.make_score import FOLDER, rendered

CLEARWAY = json.loads((FOLDER / "clearway.json").read_text(encoding="utf-8"))
COW = json.loads((FOLDER / "cow-2024.json").read_text(encoding="utf-8"))


def test_the_files_are_what_the_program_writes() -> None:
    assert {name: (FOLDER / f"{name}.json").read_text(encoding="utf-8") for name in rendered()} == rendered()


@pytest.mark.parametrize("name", sorted(CLEARWAY))
def test_clearway_fees_undone_from_the_end_are_the_same(name: str) -> None:
    """The page charges forward from the amount at the price; here the exact net amount is taken back to it."""
    told = CLEARWAY[name]
    sign = -1 if told["surplus_asset"] == "paid" else 1
    n, whole, limit = int(told["units"]), int(told["of_units"]), int(told["limit"])
    amount, exact = int(told["amount"]), Fraction(*map(int, told["exact_fee"]))
    rest = amount - sign * exact
    for policy in reversed(told["policies"]):
        factor = Fraction(*map(int, policy["factor"]))
        by_volume = factor if policy["kind"] == "volume" else Fraction(*map(int, policy.get("cap", ("1", "1"))))
        # A fee of share c of the volume before it is c/(1-c) of what is left of it, for a payer c/(1+c) of what it became.
        most = rest * by_volume / (1 - sign * by_volume) if by_volume < 1 else None
        if policy["kind"] == "volume":
            assert most is not None
            fee = most
        else:
            asked = Fraction(limit * n, whole)
            if policy["kind"] == "price_improvement":
                quoted = None if told["quote"] is None else Fraction(int(told["quote"]) * n, whole)
                asked = max(sign * asked, sign * quoted) * sign if quoted is not None else rest
            gain = max(Fraction(0), sign * (rest - asked))
            fee = gain * factor / (1 - factor)
            fee = fee if most is None else min(fee, most)
        rest += sign * fee

    assert rest == amount
    assert int(told["fee"]) == exact.numerator // exact.denominator
    assert int(told["net"]) == amount - sign * int(told["fee"])
    over = sign * (int(told["net"]) * whole - limit * n)
    assert [str(v) for v in Fraction(over, whole).as_integer_ratio()] == told["surplus"]
    price = [int(part) for part in told["price"]]
    assert int(told["score"]) == over * price[0] // (whole * price[1])


@pytest.mark.parametrize("name", sorted(COW))
def test_cow_2024_by_a_second_reading(name: str) -> None:
    told = COW[name]
    sell, buy, sold_, bought, price = (int(told[field]) for field in ("sell", "buy", "sold", "bought", "price"))
    sells = told["kind"] == "sell"

    def gain(s: int, b: int, limit_sell: int, limit_buy: int) -> int:
        return b - (s * limit_buy) // limit_sell if sells else (limit_sell * b) // limit_buy - s

    def by_volume(s: int, b: int, factor: float) -> int:
        share = factor / (1 - factor) if sells else factor / (1 + factor)
        return (b if sells else s) * int(share * 1e18) // 10**18

    def fees(policies: list[dict[str, Any]]) -> int:
        """Of these policies, those applied later having been taken back before."""
        if not policies:
            return 0
        policy, later = policies[0], fees(policies[1:])
        s, b = (sold_, bought + later) if sells else (sold_ - later, bought)
        if policy["most"] is None:
            return later + by_volume(s, b, policy["factor"])
        limit_sell, limit_buy = sell, buy
        if policy["quote"]:
            quote = {field: int(value) for field, value in policy["quote"].items()}
            if sells:
                net = quote["buy"] - quote["fee"] * quote["buy"] // quote["sell"]
                limit_buy = max(buy, net * sell // quote["sell"])
            else:
                limit_sell = min(sell, (quote["sell"] + quote["fee"]) * buy // quote["buy"])
        share = int(policy["factor"] / (1 - policy["factor"]) * 1e18)
        wanted = max(0, gain(s, b, limit_sell, limit_buy)) * share // 10**18
        return later + min(wanted, by_volume(s, b, policy["most"]))

    fee = fees(told["policies"])
    assert int(told["fee"]) == fee
    assert int(told["score"]) == gain(sold_, bought, sell, buy) * price // 10**18 + fee * price // 10**18


SCHEDULE = FeeSchedule(policies=(FeePolicy(kind="surplus", factor=(1, 4), cap=(1, 100)),))
LEAST = 1_900_000


def charged_problem() -> Problem:
    return problem([sale(least=LEAST)]).model_copy(update={"protocol_fees": SCHEDULE})


def charged_sale(fee: int) -> Solution:
    """The sale at the pool's price, of which the protocol takes a fee."""
    plain = pool_sale()
    taken = plain.fills[0].model_copy(update={"outs": {USD: sold() - fee}, "protocol_fee": fee})
    lines = (line("protocol_fee", USD, fee),) if fee else ()
    return plain.model_copy(update={"fills": (taken,), "lines": lines})


def test_a_fill_states_the_fee_that_the_schedule_takes_and_scores_what_is_left() -> None:
    due = min((sold() - LEAST) // 4, sold() // 100)
    asked, right = charged_problem(), charged_sale(due)

    assert judged(asked, right).score == sold() - due - LEAST
    assert fee_worth(asked, right.fills[0]) == due
    assert refusal(asked, charged_sale(due - 1)) == ("protocol_fee_mismatch", "/fills/0/protocol_fee")
    assert refusal(asked, pool_sale()) == ("protocol_fee_mismatch", "/fills/0/protocol_fee")
    assert refusal(problem([sale()]), right) == ("protocol_fee_mismatch", "/fills/0/protocol_fee")
    more = right.model_copy(update={"lines": (line("protocol_fee", USD, due + 1),)})
    assert refusal(asked, more) == ("protocol_fee_mismatch", "/lines")
    other = right.model_copy(update={"lines": (*right.lines, line("protocol_fee", ETH, 1))})
    assert refusal(asked, other) == ("protocol_fee_mismatch", "/lines/1")
    shifted = right.model_copy(update={"prices": {f"{ETH}>{USD}": (sold() - due, 1000)}})
    assert refusal(asked, shifted)[0] == "price_mismatch"


def test_without_a_schedule_nothing_is_written_of_it() -> None:
    asked = problem([sale()])

    assert "protocol_fees" not in asked.to_wire()
    assert "protocol_fee" not in pool_sale().to_wire()["fills"][0]
    assert asked.hash != charged_problem().hash
    assert Problem.from_json(charged_problem().model_dump_json(by_alias=True)) == charged_problem()


def test_factors_are_shares() -> None:
    for bad in ({"factor": (1, 1)}, {"factor": (0, 0)}, {"factor": (1, 2), "cap": (3, 2)}):
        with pytest.raises(ValueError, match="bad_factor"):
            FeePolicy(kind="surplus", **bad)
