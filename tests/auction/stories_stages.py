"""Stories of time, bridges, balances and execution (docs/rules.md, section 4)."""

from typing import Any

from engine.auction.problem import Intent
from engine.auction.solution import Fill, Leg, Solution, Transfer
from tests.auction.builders import (
    ALICE,
    BETA_GAS,
    BETA_POOL,
    BETA_USD,
    BOB,
    BRIDGE,
    DAI,
    DAI_POOL,
    ETH,
    GAS,
    NOW,
    POOL,
    USD,
    bridge,
    edited,
    fill,
    give,
    intent,
    leg,
    line,
    output,
    plus,
    pool_sale,
    problem,
    sale,
    sold,
    take,
    venues,
)
from tests.auction.story import Tale, accepted, refused

ANN_ACCOUNT = "solver:ann"
PRICE = {f"{USD}>{BETA_USD}": (999, 1000)}


def _crossing(
    *,
    stage: int = 0,
    transfers: tuple[Transfer, ...] = (),
    stock: int = 0,
    legs: tuple[Leg, ...] | None = None,
    **more: Any,
) -> Tale:
    """Alice wants her 100,000 USD on the other chain; the bridge brings 99,900 within 600 seconds."""
    wish = intent("cross", {USD: 100_000}, {BETA_USD: 99_000}, **more)
    solution = Solution(
        fills=(fill("cross", 100_000, {USD: 100_000}, {BETA_USD: 99_900}, stage=stage),),
        legs=legs or (leg(BRIDGE, {USD: 100_000}, {BETA_USD: 99_900}),),
        transfers=transfers,
        prices=PRICE,
    )
    return problem([wish], holdings={ANN_ACCOUNT: {GAS: 1000, BETA_GAS: 1000, BETA_USD: stock}}), solution


REFUND = {USD: 100_000}


@accepted()
def delivered_from_inventory_that_the_bridge_repays() -> Tale:
    return _crossing(transfers=(give(BETA_USD, 99_900), take(BETA_USD, 99_900, stage=1)), stock=99_900)


@refused("insufficient_balance", "")
def inventory_one_unit_short() -> Tale:
    return _crossing(transfers=(give(BETA_USD, 99_900), take(BETA_USD, 99_900, stage=1)), stock=99_899)


@accepted()
def delivered_when_the_bridge_arrives() -> Tale:
    return _crossing(stage=1, refund=REFUND)


@refused("bridge_output_early", "/fills/0/out/sim:beta~1token:USD")
def delivered_before_the_bridge_arrives() -> Tale:
    return _crossing(refund=REFUND)


@refused("bridge_output_early", "/fills/0/out/sim:beta~1token:USD")
def repaid_before_the_bridge_arrives() -> Tale:
    return _crossing(transfers=(give(BETA_USD, 99_900), take(BETA_USD, 99_900)), stock=99_900)


@refused("staged_delivery_not_allowed", "/fills/0/stage")
def delivered_later_without_a_refund() -> Tale:
    return _crossing(stage=1)


@refused("delivery_too_late", "/fills/0/stage")
def the_bridge_arrives_when_the_intent_ends() -> Tale:
    return _crossing(stage=1, refund=REFUND, valid_until=NOW + 600)


@accepted()
def the_bridge_arrives_in_the_last_second() -> Tale:
    return _crossing(stage=1, refund=REFUND, valid_until=NOW + 601)


@accepted()
def a_bridge_after_the_delivery_delays_nothing() -> Tale:
    """Delivery at stage 1 from inventory given at stage 1; the bridge leaves at stage 1 and repays at stage 2."""
    return _crossing(
        stage=1,
        legs=(leg(BRIDGE, {USD: 100_000}, {BETA_USD: 99_900}, stage=1),),
        transfers=(give(BETA_USD, 99_900, stage=1), take(BETA_USD, 99_900, stage=2)),
        stock=99_900,
        refund=REFUND,
        valid_until=NOW + 1,
    )


def _two_bridges(*, second_stage: int, until: int) -> Tale:
    """Two halves over one bridge, delivered after both."""
    halves = (
        leg(BRIDGE, {USD: 50_000}, {BETA_USD: 49_950}),
        leg(BRIDGE, {USD: 50_000}, {BETA_USD: 49_950}, stage=second_stage),
    )
    return _crossing(stage=second_stage + 1, legs=halves, refund=REFUND, valid_until=until)


@accepted()
def two_bridges_at_once_take_as_long_as_one() -> Tale:
    return _two_bridges(second_stage=0, until=NOW + 601)


@refused("delivery_too_late", "/fills/0/stage")
def two_bridges_one_after_the_other_take_twice_as_long() -> Tale:
    return _two_bridges(second_stage=1, until=NOW + 1200)


@accepted()
def two_bridges_one_after_the_other_in_time() -> Tale:
    return _two_bridges(second_stage=1, until=NOW + 1201)


def _bridge_then_pool(pool_stage: int) -> Tale:
    got = output(venues()[3], BETA_USD, 99_900, BETA_GAS)
    wish = intent("cross", {USD: 100_000}, {BETA_GAS: 1}, refund=REFUND)
    solution = Solution(
        fills=(fill("cross", 100_000, {USD: 100_000}, {BETA_GAS: got}, stage=2),),
        legs=(
            leg(BRIDGE, {USD: 100_000}, {BETA_USD: 99_900}),
            leg(BETA_POOL, {BETA_USD: 99_900}, {BETA_GAS: got}, stage=pool_stage),
        ),
        prices={f"{USD}>{BETA_GAS}": (got, 100_000)},
    )
    return problem([wish]), solution


@accepted()
def a_pool_after_the_bridge() -> Tale:
    return _bridge_then_pool(1)


@refused("bridge_output_early", "/legs/1/in/sim:beta~1token:USD")
def a_pool_fed_by_a_bridge_of_its_own_stage() -> Tale:
    return _bridge_then_pool(0)


@refused("negative_balance", "/fills/0/out/sim:alpha~1token:USD")
def taken_at_stage_0_and_given_at_stage_1() -> Tale:
    early = (take(USD, 10), give(USD, 10, stage=1))
    question = problem([sale()], holdings={ANN_ACCOUNT: {GAS: 200, USD: 10}})
    return question, pool_sale().model_copy(update={"transfers": early})


@refused("negative_balance", "/transfers/2/take/sim:alpha~1token:DAI")
def an_asset_that_only_the_solver_moves() -> Tale:
    early = (give(USD, 1), take(DAI, 1, stage=1), take(DAI, 10), give(DAI, 11, stage=1), take(USD, 1))
    question = problem([sale()], holdings={ANN_ACCOUNT: {GAS: 200, DAI: 11, USD: 1}})
    return question, pool_sale().model_copy(update={"transfers": early})


@refused("negative_balance", "/fills/0/out/sim:alpha~1token:USD")
def delivered_before_the_pool_trades() -> Tale:
    return problem([sale()]), edited(pool_sale(), "legs", 0, "stage", by=lambda _: 1)


@refused("negative_balance", "/legs/0/in/sim:alpha~1token:USD")
def a_leg_that_borrows_from_the_next_stage() -> Tale:
    """USD -> DAI -> USD with the first leg a stage too early."""
    _, solution = _round_trip(0)
    legs = solution.legs
    staged = (legs[1], legs[2], legs[0].model_copy(update={"stage": 1}))
    late = solution.model_copy(update={"legs": staged, "fills": (_at_stage_1(solution.fills[0]),)})
    refundable = [sale(refund={ETH: 1000})]
    return problem(refundable, holdings={ANN_ACCOUNT: {GAS: 1000}}), late


def _at_stage_1(item: Fill) -> Fill:
    return item.model_copy(update={"stage": 1})


def _round_trip(lie: int) -> Tale:
    """The honest sale and a pointless trip of 1,000 USD to DAI and back, its loss borne by Alice."""
    got = sold()
    there = output(venues()[1], USD, 1000, DAI)
    back = there * 997 * (10**10 + 1000) // ((10**10 - there) * 1000 + there * 997)
    kept = got - 1000 + back
    solution = Solution(
        fills=(fill("sale", 1000, {ETH: 1000}, {USD: kept + lie}),),
        legs=(
            leg(POOL, {ETH: 1000}, {USD: got}),
            leg(DAI_POOL, {USD: 1000}, {DAI: there}),
            leg(DAI_POOL, {DAI: there}, {USD: back + lie}),
        ),
        prices={f"{ETH}>{USD}": (kept + lie, 1000)},
    )
    return problem([sale()]), solution


@accepted()
def a_round_trip_that_loses() -> Tale:
    return _round_trip(0)


@refused("output_overstated", "/legs/2/out/sim:alpha~1token:USD")
def a_round_trip_that_says_one_unit_too_much() -> Tale:
    return _round_trip(1)


@accepted()
def an_output_understated_is_the_protocols_gain() -> Tale:
    return _round_trip(-1)


@refused("output_overstated", "/legs/0/out/sim:alpha~1token:USD")
def an_output_overstated_by_one() -> Tale:
    richer = edited(pool_sale(), "legs", 0, "out", USD, by=plus(1))
    more = edited(richer, "fills", 0, "out", USD, by=plus(1))
    return problem([sale()]), more.model_copy(update={"prices": {f"{ETH}>{USD}": (sold() + 1, 1000)}})


@refused("unknown_asset", "/legs/0")
def a_pool_asked_for_what_it_does_not_trade() -> Tale:
    wish = intent("wish", {ETH: 1000}, {DAI: 1})
    solution = Solution(
        fills=(fill("wish", 1000, {ETH: 1000}, {DAI: 5}),),
        legs=(leg(POOL, {ETH: 1000}, {DAI: 5}),),
        prices={f"{ETH}>{DAI}": (5, 1000)},
    )
    return problem([wish]), solution


@refused("no_output", "/legs/0")
def a_pool_that_gives_nothing() -> Tale:
    wish = intent("wish", {USD: 1}, {ETH: 0})
    solution = Solution(
        fills=(fill("wish", 1, {USD: 1}, {ETH: 1}),),
        legs=(leg(POOL, {USD: 1}, {ETH: 1}),),
        prices={f"{USD}>{ETH}": (1, 1)},
    )
    return problem([wish]), solution


@accepted()
def all_that_she_has() -> Tale:
    return problem([sale()], holdings={ALICE: {ETH: 1000}}), pool_sale()


@refused("insufficient_balance", "")
def one_unit_more_than_she_has() -> Tale:
    return problem([sale()], holdings={ALICE: {ETH: 999}}), pool_sale()


@refused("insufficient_balance", "")
def what_she_has_is_reserved() -> Tale:
    return problem([sale()], holdings={ALICE: {ETH: (1000, 1)}}), pool_sale()


def _one_owner_two_fills(balance: int) -> Tale:
    """Alice sells 600 and 400 for different things, each of which she could pay alone."""
    first = sale("first", 600, 1_000_000)
    second = intent("second", {ETH: 400}, {USD: 700_000, DAI: 0}, surplus=USD)
    got = sold()
    solution = Solution(
        fills=(
            fill("first", 600, {ETH: 600}, {USD: 1_000_000}),
            fill("second", 400, {ETH: 400}, {USD: got - 1_000_000}),
        ),
        legs=(leg(POOL, {ETH: 1000}, {USD: got}),),
        prices={f"{ETH}>{USD}": (1_000_000, 600)},
    )
    return problem([first, second], holdings={ALICE: {ETH: balance}}), solution


@accepted()
def two_fills_of_one_owner() -> Tale:
    return _one_owner_two_fills(1000)


@refused("insufficient_balance", "")
def two_fills_that_together_overdraw_their_owner() -> Tale:
    return _one_owner_two_fills(999)


def _gift(receiver: str) -> Intent:
    return sale(receiver=receiver)


@accepted()
def delivered_to_somebody_else() -> Tale:
    return problem([_gift(BOB)]), pool_sale()


def _spends_what_she_gets(receiver: str, stage: int = 0) -> Tale:
    """Alice sells ETH for USD and at once pays that USD for DAI, having none before."""
    dollars = sold()
    dais = output(venues()[1], USD, dollars, DAI)
    second = intent("then", {USD: dollars}, {DAI: 1})
    solution = Solution(
        fills=(
            fill("sale", 1000, {ETH: 1000}, {USD: dollars}, stage=stage),
            fill("then", dollars, {USD: dollars}, {DAI: dais}),
        ),
        legs=(leg(POOL, {ETH: 1000}, {USD: dollars}), leg(DAI_POOL, {USD: dollars}, {DAI: dais})),
        prices={f"{ETH}>{USD}": (dollars, 1000), f"{USD}>{DAI}": (dais, dollars)},
    )
    wishes = [sale(receiver=receiver, refund={ETH: 1000}), second]
    return problem(wishes, holdings={ALICE: {ETH: 1000}}), solution


@accepted()
def she_spends_at_once_what_she_gets() -> Tale:
    return _spends_what_she_gets(ALICE)


@refused("insufficient_balance", "")
def she_spends_what_somebody_else_gets() -> Tale:
    return _spends_what_she_gets(BOB)


@refused("insufficient_balance", "")
def she_spends_what_she_gets_a_stage_later() -> Tale:
    return _spends_what_she_gets(ALICE, stage=1)


@refused("insufficient_balance", "")
def fees_pay_no_gas() -> Tale:
    """Fee lines arrive after the last stage: a solver without gas money cannot live on them."""
    got = sold()
    buyer = intent("gas", {GAS: 1000, ETH: 1000}, {USD: 1_900_000})
    solution = Solution(
        fills=(fill("gas", 1000, {GAS: 200, ETH: 1000}, {USD: got}, fee={GAS: 200}),),
        legs=(leg(POOL, {ETH: 1000}, {USD: got}),),
        lines=(line("fee", GAS, 200, ANN_ACCOUNT),),
    )
    return problem([buyer], holdings={ANN_ACCOUNT: {GAS: 0}}), solution


@refused("delivery_too_late", "/fills/0/stage")
def the_slowest_of_two_bridges_counts() -> Tale:
    """The slow one is named first, the fast one last."""
    fast = "sim:alpha/bridge:fast"
    question, solution = _two_bridges(second_stage=0, until=NOW + 600)
    halves = (solution.legs[0], solution.legs[1].model_copy(update={"venue": fast}))
    states = [*venues(), bridge(venue=fast, delay=60)]
    return problem(list(question.intents), states=states), solution.model_copy(update={"legs": halves})


@accepted()
def a_pool_before_a_later_delivery_delays_nothing() -> Tale:
    later = pool_sale().model_copy(update={"fills": (_at_stage_1(pool_sale().fills[0]),)})
    return problem([sale(refund={ETH: 1000}, valid_until=NOW + 1)]), later


@refused("bridge_output_early", "/fills/0/out/sim:beta~1token:USD")
def a_bridge_of_one_second_is_a_bridge() -> Tale:
    question, solution = delivered_before_the_bridge_arrives()
    return problem(list(question.intents), states=[bridge(delay=1)]), solution


@refused("output_overstated", "/legs/0/out/sim:alpha~1token:USD")
def the_first_leg_of_a_round_trip_says_one_unit_too_much() -> Tale:
    question, solution = _round_trip(0)
    more = edited(solution, "legs", 0, "out", USD, by=plus(1))
    more = edited(more, "fills", 0, "out", USD, by=plus(1))
    return question, more.model_copy(update={"prices": {f"{ETH}>{USD}": (solution.fills[0].outs[USD] + 1, 1000)}})
