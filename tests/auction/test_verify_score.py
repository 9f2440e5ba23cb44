"""Scores: exact surplus at reference prices, floored once a fill (docs/rules.md, section 5)."""

from fractions import Fraction

import pytest

from engine.auction.problem import Problem
from engine.auction.score import score_fill, score_solution, surplus_of
from engine.auction.solution import Solution
from tests.auction.builders import (
    ALICE,
    BOB,
    BTC,
    DAI,
    ETH,
    ODD,
    USD,
    edited,
    fill,
    give,
    intent,
    judged,
    pool_sale,
    problem,
    sale,
    sold,
)


def test_surplus_received_is_what_comes_beyond_the_limit() -> None:
    verdict = judged(problem([sale(least=1_900_000)]), pool_sale())

    assert [fill.surplus for fill in verdict.fills] == [sold() - 1_900_000]
    assert verdict.score == sold() - 1_900_000
    assert verdict.group_scores == {f"{ETH}>{USD}": verdict.score}


def test_fees_lessen_the_score() -> None:
    question = problem([sale()])

    assert judged(question, pool_sale()).score - judged(question, pool_sale(fee=600)).score == 600


def test_an_understated_output_lessens_the_score() -> None:
    """What goes to the protocol scores nothing."""
    question = problem([sale()])
    less = edited(pool_sale(), "fills", 0, "out", USD, by=lambda text: str(int(text) - 5))
    less = edited(less, "legs", 0, "out", USD, by=lambda text: str(int(text) - 5))
    less = less.model_copy(update={"prices": {f"{ETH}>{USD}": (sold() - 5, 1000)}})

    assert judged(question, less).score == judged(question, pool_sale()).score - 5


def test_surplus_paid_is_what_is_not_taken() -> None:
    buyer = intent("buyer", {USD: 100}, {ETH: 3}, units=3, surplus=USD)

    surplus = surplus_of(fill("buyer", 2, {USD: 50}, {ETH: 2}), buyer)

    assert surplus == Fraction(2 * 100, 3) - 50


def test_surplus_received_of_a_part_is_measured_against_the_part() -> None:
    seller = intent("seller", {ETH: 3}, {USD: 100}, units=3)

    assert surplus_of(fill("seller", 2, {ETH: 2}, {USD: 70}), seller) == 70 - Fraction(2 * 100, 3)


def test_nothing_taken_is_all_surplus() -> None:
    buyer = intent("buyer", {USD: 100}, {}, units=1, surplus=USD)

    assert surplus_of(fill("buyer", 1, {}, {}), buyer) == 100


def _question(*, surplus: str) -> tuple[Problem, Solution]:
    wish = intent("wish", {DAI: 9}, {surplus: 10}, units=3)
    return problem([wish]), Solution(fills=(fill("wish", 1, {DAI: 3}, {surplus: 40}),))


def test_a_score_is_floored_once_after_the_price() -> None:
    """Surplus 40 - 10/3 = 110/3 at a tenth is 3.67."""
    question, solution = _question(surplus=BTC)

    scored = score_fill(question, solution.fills[0])

    assert (scored.surplus, scored.score, scored.unpriced) == (Fraction(110, 3), 3, False)


def test_without_a_price_a_fill_scores_nothing_and_says_so() -> None:
    question, solution = _question(surplus=ODD)

    scored = score_fill(question, solution.fills[0])

    assert (scored.surplus, scored.score, scored.unpriced) == (Fraction(110, 3), 0, True)


def test_what_is_delivered_beyond_the_outcome_scores_nothing() -> None:
    """Of an intent alone in its group; in a swap group it is refused."""
    restricted = sale(allowed_venues=("sim:alpha",))
    question = problem([restricted], holdings={"solver:ann": {"sim:alpha/coin:GAS": 200, DAI: 5}})
    plain = pool_sale().model_copy(update={"prices": {}})
    generous = edited(plain, "fills", 0, "out", by=lambda out: {**out, DAI: "5"})
    generous = generous.model_copy(update={"transfers": (give(DAI, 5),)})

    assert judged(question, generous).score == judged(question, plain).score > 0


def test_a_groups_score_is_the_sum_of_its_fills() -> None:
    question = problem([sale("a", 10, 100), sale("b", 10, 90, owner=BOB), intent("c", {DAI: 9}, {USD: 5}, owner=ALICE)])
    solution = Solution(
        fills=(
            fill("a", 10, {ETH: 10}, {USD: 101}),
            fill("c", 9, {DAI: 9}, {USD: 9}),
            fill("b", 10, {ETH: 10}, {USD: 101}),
        )
    )

    assert score_solution(question, solution) == {f"{DAI}>{USD}": 4, f"{ETH}>{USD}": 1 + 11}
    assert list(score_solution(question, solution)) == sorted([f"{DAI}>{USD}", f"{ETH}>{USD}"])


def test_gas_is_stated_by_native_asset() -> None:
    assert judged(problem([sale()]), pool_sale()).gas == {"sim:alpha/coin:GAS": 200}


def test_a_verdict_on_the_wire_has_digits_and_lowest_terms() -> None:
    wire = judged(problem([sale()]), pool_sale()).to_wire()

    assert wire["accepted"] is True
    assert wire["fault"] is None
    assert wire["score"] == str(sold() - 1_900_000)
    assert wire["fills"][0] == {
        "intent": "import:sale",
        "group": f"{ETH}>{USD}",
        "surplus_asset": USD,
        "surplus": [str(sold() - 1_900_000), "1"],
        "score": str(sold() - 1_900_000),
        "unpriced": False,
    }
    assert wire["group_scores"] == {f"{ETH}>{USD}": str(sold() - 1_900_000)}
    assert wire["gas"] == {"sim:alpha/coin:GAS": "200"}


def test_a_refusal_on_the_wire_names_its_place() -> None:
    wire = judged(problem([sale(least=sold() + 1)]), pool_sale()).to_wire()

    assert wire["accepted"] is False
    assert wire["fault"] == {
        "code": "fill_below_limit",
        "where": "/fills/0/out/sim:alpha~1token:USD",
        "expected": f"at least {sold() + 1}",
        "actual": str(sold()),
        "resource": "",
        "bids": [],
    }
    assert wire["score"] == "0"


@pytest.mark.parametrize("amount", [999, 1001])
def test_a_sale_of_another_amount_has_another_score(amount: int) -> None:
    least = 1900 * amount

    assert judged(problem([sale(amount=amount, least=least)]), pool_sale(amount=amount)).score == sold(amount) - least
