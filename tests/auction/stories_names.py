"""Stories of binding and names (docs/rules.md, section 2, steps 1 and 2)."""

from engine.auction.solution import Solution
from engine.market.snapshot import Chain
from tests.auction.builders import (
    ANN,
    BTC,
    ETH,
    GAS,
    POOL,
    USD,
    book,
    edited,
    fill,
    give,
    intent,
    leg,
    line,
    option,
    plus,
    pool,
    pool_sale,
    problem,
    sale,
    take,
    venues,
)
from tests.auction.story import Tale, accepted, refused


@accepted()
def an_honest_sale() -> Tale:
    return problem([sale()]), pool_sale()


@accepted(in_auction=True)
def an_honest_sale_in_an_auction() -> Tale:
    question = problem([sale()])
    return question, pool_sale().model_copy(update={"problem": question.hash, "solver": ANN})


@accepted(solver=None)
def nobody_claims_it_so_no_gas_is_burned() -> Tale:
    return problem([sale()]), pool_sale()


@accepted(solver=None)
def the_solver_is_read_from_the_solution() -> Tale:
    return problem([sale()]), pool_sale(fee=600).model_copy(update={"solver": ANN})


@refused("tampered_snapshot", "problem/snapshot_hash")
def one_unit_more_in_a_pool_than_was_hashed() -> Tale:
    question = problem([sale()])
    richer = [pool(POOL, {ETH: 1_000_000, USD: 2_000_000_001}), *venues()[1:]]
    snapshot = question.snapshot.model_copy(update={"venues": tuple(sorted(richer, key=lambda v: v.id))})
    return question.model_copy(update={"snapshot": snapshot}), pool_sale()


@refused("wrong_problem_hash", "/problem")
def the_answer_to_another_question() -> Tale:
    other = problem([sale(least=1_900_001)])
    return problem([sale()]), pool_sale().model_copy(update={"problem": other.hash})


@refused("wrong_problem_hash", "/problem", in_auction=True)
def a_bid_that_names_no_problem() -> Tale:
    return problem([sale()]), pool_sale()


@refused("unknown_intent", "/fills/1/intent")
def an_intent_nobody_signed() -> Tale:
    honest = pool_sale()
    return problem([sale()]), honest.model_copy(update={"fills": (*honest.fills, fill("ghost", 1, {ETH: 1}, {USD: 1}))})


@refused("unknown_venue", "/legs/0/venue")
def a_venue_that_is_not_there() -> Tale:
    return problem([sale()]), edited(pool_sale(), "legs", 0, "venue", by=lambda _: "sim:alpha/pool:elsewhere")


@refused("unknown_venue", "/legs/0/venue")
def a_venue_spelled_with_an_ending() -> Tale:
    return problem([sale()]), edited(pool_sale(), "legs", 0, "venue", by=lambda venue: venue + ".")


@refused("unknown_venue", "/legs/0/venue")
def a_venue_in_other_capitals() -> Tale:
    return problem([sale()]), edited(pool_sale(), "legs", 0, "venue", by=lambda _: "sim:alpha/pool:ETH-usd")


@refused("unknown_asset", "/fills/0/out/sim:alpha~1token:GOLD")
def an_asset_that_is_not_there() -> Tale:
    return problem([sale()]), edited(
        pool_sale(), "fills", 0, "out", by=lambda out: {**out, "sim:alpha/token:GOLD": "1"}
    )


@refused("unknown_asset", "/lines/0")
def a_line_in_an_asset_that_is_not_there() -> Tale:
    stray = line("dust", "sim:alpha/token:GOLD", 1)
    return problem([sale()]), pool_sale().model_copy(update={"lines": (stray,)})


@refused("unknown_asset", "/fills/0/out/sim:alpha~1option:PAPER")
def a_derivative_whose_id_says_nothing() -> Tale:
    paper = "sim:alpha/option:PAPER"
    question = problem([sale()], extra_assets=(paper,))
    return question, edited(pool_sale(), "fills", 0, "out", by=lambda out: {**out, paper: "1"})


@refused("unknown_asset", "/fills/0/out/" + option(9000).replace("/", "~1"))
def an_option_nobody_listed() -> Tale:
    return problem([sale()]), edited(pool_sale(), "fills", 0, "out", by=lambda out: {**out, option(9000): "1"})


@refused("unknown_solver", "/solver", in_auction=True, solver="carl")
def a_stranger_in_the_auction() -> Tale:
    question = problem([sale()])
    return question, pool_sale().model_copy(update={"problem": question.hash})


@refused("unknown_solver", "/solver", in_auction=True, solver=None)
def nobody_in_the_auction() -> Tale:
    question = problem([sale()])
    return question, pool_sale().model_copy(update={"problem": question.hash, "solver": ANN})


@refused("unknown_solver", "/solver", solver="ben")
def the_work_of_another_solver() -> Tale:
    return problem([sale()]), pool_sale().model_copy(update={"solver": ANN})


@refused("unknown_solver", "/transfers/0", solver=None)
def inventory_of_nobody() -> Tale:
    return problem([sale()]), pool_sale().model_copy(update={"transfers": (give(USD, 1),)})


@refused("duplicate_fill", "/fills/1/intent")
def one_intent_filled_twice() -> Tale:
    honest = pool_sale(amount=500)
    return problem([sale()]), honest.model_copy(update={"fills": honest.fills * 2})


@refused("empty_solution", "/fills")
def legs_for_nobody() -> Tale:
    return problem([sale()]), Solution(fills=(), legs=(leg(POOL, {ETH: 1000}, {USD: 1}),))


@refused("insufficient_balance", "", solver="carl")
def an_unregistered_solver_cannot_pay_gas() -> Tale:
    return problem([sale()]), pool_sale()


@accepted(solver="carl")
def gas_that_is_free_needs_no_account() -> Tale:
    states = [pool(POOL, {ETH: 1_000_000, USD: 2_000_000_000}, gas=0)]
    return problem([sale()], states=states), pool_sale()


@refused("insufficient_balance", "")
def one_unit_of_gas_too_little() -> Tale:
    return problem([sale()], holdings={"solver:ann": {GAS: 199}}), pool_sale()


@accepted()
def just_enough_gas() -> Tale:
    return problem([sale()], holdings={"solver:ann": {GAS: 200}}), pool_sale()


@accepted()
def a_place_without_a_chain_burns_no_gas() -> Tale:
    question = problem([sale()], holdings={"solver:ann": {GAS: 0}})
    market = question.snapshot.model_copy(update={"chains": {"sim:beta": Chain()}})
    rehashed = question.model_copy(update={"snapshot": market})
    return rehashed.model_copy(update={"snapshot_hash": rehashed.snapshot_digest}), pool_sale()


@refused("price_mismatch", "/fills/0/out/sim:alpha~1token:USD")
def a_price_that_is_a_lie_by_one() -> Tale:
    return problem([sale()]), edited(pool_sale(), "prices", f"{ETH}>{USD}", 0, by=plus(-1000))


GOLD = "sim:alpha/token:GOLD"


@refused("unknown_asset", "/fills/0/in/sim:alpha~1token:GOLD")
def an_asset_that_is_not_there_is_paid() -> Tale:
    return problem([sale()]), edited(pool_sale(), "fills", 0, "in", by=lambda paid: {**paid, GOLD: "1"})


@refused("unknown_asset", "/fills/0/fee/sim:alpha~1token:GOLD")
def a_fee_in_an_asset_that_is_not_there() -> Tale:
    return problem([sale()]), edited(pool_sale(), "fills", 0, "fee", by=lambda _: {GOLD: "1"})


@refused("unknown_asset", "/legs/0/in/sim:alpha~1token:GOLD")
def a_leg_that_takes_an_asset_that_is_not_there() -> Tale:
    return problem([sale()]), edited(pool_sale(), "legs", 0, "in", by=lambda _: {GOLD: "1"})


@refused("unknown_asset", "/legs/0/out/sim:alpha~1token:GOLD")
def a_leg_that_gives_an_asset_that_is_not_there() -> Tale:
    return problem([sale()]), edited(pool_sale(), "legs", 0, "out", by=lambda _: {GOLD: "1"})


@refused("unknown_asset", "/transfers/0/give/sim:alpha~1token:GOLD")
def a_loan_of_an_asset_that_is_not_there() -> Tale:
    return problem([sale()]), pool_sale().model_copy(update={"transfers": (give(GOLD, 1),)})


@refused("unknown_asset", "/transfers/0/take/sim:alpha~1token:GOLD")
def a_repayment_of_an_asset_that_is_not_there() -> Tale:
    return problem([sale()]), pool_sale().model_copy(update={"transfers": (take(GOLD, 1),)})


@refused("unknown_solver", "/solver", in_auction=True, solver=None)
def a_bid_that_nobody_claims() -> Tale:
    question = problem([sale()])
    return question, pool_sale().model_copy(update={"problem": question.hash})


def _call_and_sale(gas: int) -> Tale:
    """The first leg is at an exchange without gas, the second at the pool."""
    call = option(9000)
    exchange = book(call, asks=[(50, 1000)])
    both = intent("both", {BTC: 5, ETH: 1000}, {call: 100, USD: 1_900_000}, surplus=USD, units=1)
    got = pool_sale().legs[0].outs[USD]
    solution = Solution(
        fills=(fill("both", 1, {BTC: 5, ETH: 1000}, {call: 100, USD: got}),),
        legs=(leg(exchange.id, {BTC: 5}, {call: 100}, level="ask:0"), *pool_sale().legs),
    )
    return problem([both], states=[*venues(), exchange], holdings={"solver:ann": {GAS: gas}}), solution


@accepted()
def gas_after_a_leg_that_burns_none() -> Tale:
    return _call_and_sale(200)


@refused("insufficient_balance", "")
def too_little_gas_after_a_leg_that_burns_none() -> Tale:
    return _call_and_sale(199)


@refused("unknown_level", "/legs/0")
def a_refused_leg_before_others() -> Tale:
    question, solution = _call_and_sale(200)
    return question, edited(solution, "legs", 0, "level", by=lambda _: "ask:1")
