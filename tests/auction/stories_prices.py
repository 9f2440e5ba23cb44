"""Stories of uniform prices (docs/rules.md, section 2, step 4)."""

from typing import Any

from engine.auction.problem import Intent
from engine.auction.solution import Solution
from tests.auction.builders import (
    ALICE,
    BOB,
    CAROL,
    DAI,
    ETH,
    NOW,
    POOL,
    USD,
    edited,
    fill,
    intent,
    leg,
    line,
    output,
    plus,
    pool_sale,
    problem,
    sale,
    sold,
    venues,
)
from tests.auction.story import Tale, accepted, refused

SELLERS = f"{ETH}>{USD}"


@refused("price_missing", "/prices/sim:alpha~1token:ETH>sim:alpha~1token:USD")
def a_swap_without_a_price() -> Tale:
    return problem([sale()]), pool_sale().model_copy(update={"prices": {}})


@refused("price_missing", "/prices/sim:alpha~1token:ETH>sim:alpha~1token:USD")
def a_price_over_zero() -> Tale:
    return problem([sale()]), pool_sale().model_copy(update={"prices": {SELLERS: (sold(), 0)}})


@refused("price_missing", "/prices/sim:alpha~1token:ETH>sim:alpha~1token:USD")
def a_price_of_zero() -> Tale:
    return problem([sale()]), pool_sale().model_copy(update={"prices": {SELLERS: (0, 1)}})


@refused("unknown_group", "/prices/sim:alpha~1token:USD>sim:alpha~1token:ETH")
def a_price_of_a_group_that_is_not_filled() -> Tale:
    honest = pool_sale()
    return problem([sale()]), honest.model_copy(update={"prices": {**honest.prices, f"{USD}>{ETH}": (1, 2000)}})


@refused("unknown_group", "/prices/import:two")
def a_price_of_an_intent_that_is_no_plain_swap() -> Tale:
    two = intent("two", {ETH: 1000, DAI: 1}, {USD: 1_900_000})
    got = sold()
    solution = Solution(
        fills=(fill("two", 1000, {ETH: 1000}, {USD: got}),),
        legs=(leg(POOL, {ETH: 1000}, {USD: got}),),
        prices={"import:two": (got, 1000)},
    )
    return problem([two]), solution


@accepted()
def an_intent_that_is_no_plain_swap_has_no_price() -> Tale:
    question, solution = a_price_of_an_intent_that_is_no_plain_swap()
    return question, solution.model_copy(update={"prices": {}})


@accepted()
def a_price_in_other_terms() -> Tale:
    return problem([sale()]), pool_sale().model_copy(update={"prices": {SELLERS: (3 * sold(), 3000)}})


@accepted()
def a_price_whose_fraction_is_floored() -> Tale:
    return problem([sale()]), pool_sale().model_copy(update={"prices": {SELLERS: (2 * sold() + 1, 2000)}})


@refused("price_mismatch", "/fills/0/out/sim:alpha~1token:USD")
def a_price_one_unit_too_high() -> Tale:
    return problem([sale()]), pool_sale().model_copy(update={"prices": {SELLERS: (sold() + 1, 1000)}})


def _purchase(price: tuple[int, int], *, fee: int = 0, limit: int = 2_100_000, least: int = 1) -> Tale:
    """Bob buys at most 1,000 ETH units, surplus in what he pays; the pool gets what he pays less the fee."""
    paid = 2_006_020
    got = output(venues()[0], USD, paid, ETH)
    assert got == 999
    buyer = intent("buyer", {USD: limit}, {ETH: least}, owner=BOB, units=1, surplus=USD)
    solution = Solution(
        fills=(fill("buyer", 1, {USD: paid + fee}, {ETH: got}, fee={USD: fee} if fee else {}),),
        legs=(leg(POOL, {USD: paid}, {ETH: got}),),
        prices={f"{USD}>{ETH}": price},
        lines=(line("fee", USD, fee, "solver:ann"),) if fee else (),
    )
    return problem([buyer]), solution


@accepted()
def a_buyer_pays_the_ceiling() -> Tale:
    """999 at 999/2006019.5 ETH per USD is 2,006,019.5, which he pays rounded up."""
    return _purchase((1998, 4_012_039))


@accepted()
def a_buyer_pays_a_fee_in_what_he_pays() -> Tale:
    return _purchase((999, 2_006_020), fee=600)


@accepted()
def a_buyer_gets_exactly_his_limit_at_his_limit() -> Tale:
    return _purchase((999, 2_006_020), limit=2_006_020, least=999)


@refused("price_mismatch", "/fills/0/in/sim:alpha~1token:USD")
def a_buyer_pays_one_unit_too_much() -> Tale:
    return _purchase((999, 2_006_019))


@refused("price_mismatch", "/fills/0/in/sim:alpha~1token:USD")
def a_buyer_pays_one_unit_too_little() -> Tale:
    return _purchase((999, 2_006_021))


@refused("fee_over_cap", "/fills/0/fee/sim:alpha~1token:USD")
def a_buyer_pays_a_fee_over_the_cap() -> Tale:
    return _purchase((999, 2_006_020), fee=601)


def _two_sales(second: Intent, units: int = 0, *, paid: int | None = None, **holdings: dict[str, int]) -> Tale:
    """Alice's 1,000 at 1,900 each are sold, and `units` of the other's 500, whose limit is lower, for `paid` (units)."""
    paid = units if paid is None else paid
    got = sold(1000 + paid)
    each = got // (1000 + paid)
    fills = [fill("sale", 1000, {ETH: 1000}, {USD: 1000 * each})]
    if units:
        fills.append(fill("second", units, {ETH: paid}, {USD: paid * each}))
    rest = got - (1000 + paid) * each
    solution = Solution(
        fills=tuple(fills),
        legs=(leg(POOL, {ETH: 1000 + paid}, {USD: got}),),
        prices={SELLERS: (each, 1)},
        lines=(line("cycle_gain", USD, rest),) if rest else (),
    )
    named = {f"import:{name}": amounts for name, amounts in holdings.items()}
    return problem([sale(), second], holdings=named), solution


def _cheaper(**more: Any) -> Intent:
    fields: dict[str, Any] = {"amount": 500, "least": 949_999, "owner": BOB}
    return sale("second", **(fields | more))


SKIPPED = "/prices/sim:alpha~1token:ETH>sim:alpha~1token:USD"


@refused("better_limit_skipped", SKIPPED)
def a_better_limit_left_out() -> Tale:
    return _two_sales(_cheaper())


@refused("better_limit_skipped", SKIPPED)
def a_better_limit_filled_but_for_one_unit() -> Tale:
    return _two_sales(_cheaper(), 499)


@accepted()
def a_better_limit_filled_whole() -> Tale:
    return _two_sales(_cheaper(), 500)


@refused("better_limit_skipped", SKIPPED)
def a_better_limit_used_up_without_its_money() -> Tale:
    """All its units and its least, but half of what it sells: the market is kept for the worse limit."""
    return _two_sales(_cheaper(least=400_000), 500, paid=250)


@refused("better_limit_skipped", SKIPPED)
def a_better_limit_used_up_for_two_units_less() -> Tale:
    return _two_sales(_cheaper(least=900_000), 500, paid=498)


@accepted()
def a_better_limit_filled_whole_for_one_unit_less() -> Tale:
    return _two_sales(_cheaper(least=900_000), 500, paid=499)


@accepted()
def an_equal_limit_left_out() -> Tale:
    return _two_sales(_cheaper(least=950_000))


@accepted()
def a_worse_limit_left_out() -> Tale:
    return _two_sales(_cheaper(least=950_001))


@accepted()
def a_better_limit_with_a_minimum_left_out() -> Tale:
    return _two_sales(_cheaper(min_units=2))


@accepted()
def a_better_limit_that_expired_left_out() -> Tale:
    return _two_sales(_cheaper(valid_until=NOW))


@accepted()
def a_better_limit_not_yet_valid_left_out() -> Tale:
    return _two_sales(_cheaper(valid_from=NOW + 1))


@refused("better_limit_skipped", SKIPPED)
def a_better_limit_valid_from_this_second_to_the_next() -> Tale:
    return _two_sales(_cheaper(valid_from=NOW, valid_until=NOW + 1))


@accepted()
def a_better_limit_all_or_none_of_one_unit_left_out() -> Tale:
    return _two_sales(_cheaper(units=1, fill_policy="all_or_none"))


@accepted()
def a_better_limit_one_unit_short_of_money_left_out() -> Tale:
    return _two_sales(_cheaper(), bob={ETH: 499})


@refused("better_limit_skipped", SKIPPED)
def a_better_limit_with_just_enough_money_left_out() -> Tale:
    return _two_sales(_cheaper(), bob={ETH: 500})


@refused("better_limit_skipped", SKIPPED)
def a_better_limit_partly_filled_before_needs_money_for_the_rest_alone() -> Tale:
    return _two_sales(_cheaper(filled=100), bob={ETH: 400})


@accepted()
def a_better_limit_partly_filled_before_without_money_for_the_rest() -> Tale:
    return _two_sales(_cheaper(filled=100), bob={ETH: 399})


@accepted()
def the_money_for_an_odd_rest_is_rounded_up() -> Tale:
    """One of 3 units filled: two thirds of 500 are 333.33, and 333 is too little."""
    return _two_sales(_cheaper(units=3, filled=1), bob={ETH: 333})


@refused("better_limit_skipped", SKIPPED)
def the_money_for_an_odd_rest_is_there() -> Tale:
    return _two_sales(_cheaper(units=3, filled=1), bob={ETH: 334})


@accepted()
def a_better_limit_of_one_who_gives_the_money_elsewhere() -> Tale:
    """Alice has 1,499: her other sale takes 1,000 of them, so 500 more are not there."""
    return _two_sales(_cheaper(owner=ALICE), alice={ETH: 1499})


@refused("better_limit_skipped", SKIPPED)
def a_better_limit_of_one_who_has_money_for_both() -> Tale:
    return _two_sales(_cheaper(owner=ALICE), alice={ETH: 1500})


@refused("better_limit_skipped", SKIPPED)
def what_the_skipped_fill_gives_itself_is_not_given_elsewhere() -> Tale:
    return _two_sales(_cheaper(), 499, bob={ETH: 500})


@accepted()
def a_partial_fill_for_all_the_money_there_is() -> Tale:
    return _two_sales(_cheaper(), 499, bob={ETH: 499})


@refused("better_limit_skipped", SKIPPED)
def the_worst_of_three_filled_counts() -> Tale:
    """Filled: the best and the worst. Carol is between them."""
    question, solution = _two_sales(_cheaper(), 500)
    middle = sale("middle", 100, 189_999, owner=CAROL)
    return problem([*question.intents, middle]), solution


@refused("better_limit_skipped", SKIPPED)
def the_worst_counts_wherever_it_stands() -> Tale:
    question, solution = the_worst_of_three_filled_counts()
    return question, solution.model_copy(update={"fills": solution.fills[::-1]})


@accepted()
def the_best_of_two_alone() -> Tale:
    question, solution = _two_sales(_cheaper(), 500)
    worse = sale("third", 100, 190_001, owner=CAROL)
    return problem([*question.intents, worse]), solution


@refused("price_mismatch", "/fills/1/out/sim:alpha~1token:USD")
def two_fills_at_two_prices() -> Tale:
    question, solution = _two_sales(_cheaper(), 500)
    return question, edited(solution, "fills", 1, "out", USD, by=plus(-1))


@accepted()
def a_better_limit_that_gave_nothing_for_a_unit() -> Tale:
    """Bob asks for nothing and gets nothing for one of 500 units; the 499 he has do not cover the whole."""
    question, solution = _two_sales(_cheaper(least=0), bob={ETH: 499})
    nothing = fill("second", 1, {}, {})
    return question, solution.model_copy(update={"fills": (*solution.fills, nothing)})


@refused("better_limit_skipped", SKIPPED)
def a_better_limit_that_gave_nothing_but_could() -> Tale:
    question, solution = a_better_limit_that_gave_nothing_for_a_unit()
    return problem(list(question.intents), holdings={BOB: {ETH: 500}}), solution


@accepted()
def one_unit_at_half_a_unit_gets_nothing() -> Tale:
    wish = intent("wish", {ETH: 1}, {USD: 0})
    solution = Solution(
        fills=(fill("wish", 1, {ETH: 1}, {}),),
        prices={SELLERS: (1, 2)},
        lines=(line("dust", ETH, 1),),
    )
    return problem([wish]), solution


@accepted()
def a_better_limit_of_one_who_gives_the_money_in_two_other_fills() -> Tale:
    """Of 1,509 ETH units 1,000 and 10 go elsewhere: one is missing for the 500 of the better limit."""
    extra = intent("extra", {ETH: 10}, {USD: 1}, max_escrow={DAI: 1})
    got = sold(1010)
    solution = Solution(
        fills=(fill("sale", 1000, {ETH: 1000}, {USD: 1_950_000}), fill("extra", 10, {ETH: 10}, {USD: got - 1_950_000})),
        legs=(leg(POOL, {ETH: 1010}, {USD: got}),),
        prices={SELLERS: (1950, 1)},
    )
    wishes = [sale(), _cheaper(owner=ALICE), extra]
    return problem(wishes, holdings={ALICE: {ETH: 1509}}), solution


@refused("better_limit_skipped", SKIPPED)
def a_better_limit_of_one_who_has_money_for_all_three() -> Tale:
    question, solution = a_better_limit_of_one_who_gives_the_money_in_two_other_fills()
    return problem(list(question.intents), holdings={ALICE: {ETH: 1510}}), solution
