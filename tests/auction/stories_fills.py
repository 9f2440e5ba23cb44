"""Stories of fills against what was signed (docs/rules.md, section 2, step 3)."""

from typing import Any

from engine.auction.solution import Solution
from intents.outcome import ExposureBound
from tests.auction.builders import (
    BOB,
    BTC,
    DAI,
    DAI_POOL,
    ETH,
    JUNE,
    NOW,
    ODD,
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
    output,
    plus,
    pool_sale,
    problem,
    sale,
    sold,
    venues,
)
from tests.auction.story import Tale, accepted, refused

CALL = option(9000)


def _netting(**more: Any) -> Tale:
    """Bob gives what Alice wants and takes what she pays: no venue."""
    alice = intent("alice", {ETH: 1000}, {USD: 2_000_000}, **more)
    bob = intent("bob", {USD: 2_000_000}, {ETH: 1000}, owner=BOB)
    solution = Solution(
        fills=(
            fill("alice", 1000, {ETH: 1000}, {USD: 2_000_000}),
            fill("bob", 2_000_000, {USD: 2_000_000}, {ETH: 1000}),
        ),
        prices={f"{ETH}>{USD}": (2000, 1), f"{USD}>{ETH}": (1, 2000)},
    )
    return problem([alice, bob]), solution


@accepted()
def two_people_net_without_a_venue() -> Tale:
    return _netting()


@accepted()
def valid_from_this_second() -> Tale:
    return problem([sale(valid_from=NOW)]), pool_sale()


@refused("intent_not_valid", "/fills/0/intent")
def valid_from_the_next_second() -> Tale:
    return problem([sale(valid_from=NOW + 1)]), pool_sale()


@accepted()
def valid_for_one_more_second() -> Tale:
    return problem([sale(valid_until=NOW + 1)]), pool_sale()


@refused("intent_not_valid", "/fills/0/intent")
def expired_this_second() -> Tale:
    return problem([sale(valid_until=NOW)]), pool_sale()


@refused("unsupported_outcome", "/fills/0/intent")
def exposure_bounds_need_tables() -> Tale:
    bound = ExposureBound(underlying="BTC", measure="delta", low=-1, high=1)
    return problem([sale(exposure_bounds=(bound,))]), pool_sale()


@refused("over_units", "/fills/0/units")
def one_unit_too_much() -> Tale:
    return problem([sale()]), edited(pool_sale(), "fills", 0, "units", by=plus(1))


@refused("over_units", "/fills/0/units")
def more_than_remains() -> Tale:
    return problem([sale(filled=1)]), pool_sale()


@accepted()
def all_that_remains() -> Tale:
    return problem([sale(amount=1500, least=2_800_000, filled=500)]), pool_sale()


@refused("zero_units", "/fills/0/units")
def nothing_filled() -> Tale:
    return problem([sale()]), edited(pool_sale(), "fills", 0, "units", by=lambda _: "0")


@refused("under_min_units", "/fills/0/units")
def one_unit_under_the_minimum() -> Tale:
    return problem([sale(amount=2000, least=3_800_000, min_units=1001)]), pool_sale()


@accepted()
def the_minimum_itself() -> Tale:
    return problem([sale(amount=2000, least=3_800_000, min_units=1000)]), pool_sale()


@accepted()
def a_rest_under_the_minimum() -> Tale:
    return problem([sale(amount=2000, least=3_800_000, min_units=1500, filled=1000)]), pool_sale()


@refused("under_min_units", "/fills/0/units")
def half_of_all_or_none() -> Tale:
    half = sale(amount=2000, least=3_800_000, min_units=2000, fill_policy="all_or_none")
    return problem([half]), pool_sale()


@refused("asset_on_both_sides", "/fills/0/out/sim:alpha~1token:ETH")
def paying_and_receiving_one_asset() -> Tale:
    return problem([sale()]), edited(pool_sale(), "fills", 0, "out", by=lambda out: {**out, ETH: "1"})


@refused("zero_amount", "/fills/0/out/sim:alpha~1token:DAI")
def a_fill_that_says_nothing_of_dai() -> Tale:
    return problem([sale()]), edited(pool_sale(), "fills", 0, "out", by=lambda out: {**out, DAI: "0"})


@refused("zero_amount", "/fills/0/in/sim:alpha~1token:DAI")
def a_fill_that_takes_nothing_of_dai() -> Tale:
    return problem([sale()]), edited(pool_sale(), "fills", 0, "in", by=lambda paid: {**paid, DAI: "0"})


@refused("zero_amount", "/fills/0/fee/sim:alpha~1token:USD")
def a_fee_of_nothing() -> Tale:
    return problem([sale()]), edited(pool_sale(), "fills", 0, "fee", by=lambda _: {USD: "0"})


@refused("zero_amount", "/legs/1/in/sim:alpha~1token:ETH")
def a_leg_of_nothing() -> Tale:
    honest = pool_sale()
    return problem([sale()]), honest.model_copy(update={"legs": (*honest.legs, leg(POOL, {ETH: 0}, {USD: 1}))})


@refused("zero_amount", "/transfers/0/give/sim:alpha~1token:USD")
def a_transfer_of_nothing() -> Tale:
    return problem([sale()]), pool_sale().model_copy(update={"transfers": (give(USD, 0),)})


@refused("zero_amount", "/lines/0")
def a_line_of_nothing() -> Tale:
    return problem([sale()]), pool_sale().model_copy(update={"lines": (line("dust", USD, 0),)})


@refused("asset_not_allowed", "/fills/0/in/sim:alpha~1token:DAI")
def taking_what_was_not_offered() -> Tale:
    return problem([sale()]), edited(pool_sale(), "fills", 0, "in", by=lambda paid: {**paid, DAI: "1"})


@refused("asset_not_allowed", "/fills/0/in/" + CALL.replace("/", "~1"))
def making_a_seller_of_eth_write_a_call() -> Tale:
    question = problem([sale()], states=[*venues(), book(CALL, asks=[(50, 1000)])])
    return question, edited(pool_sale(), "fills", 0, "in", by=lambda paid: {**paid, CALL: "1"})


@refused("asset_not_allowed", "/fills/1/out/sim:alpha~1token:DAI")
def giving_one_owner_of_a_group_more_beside_the_price() -> Tale:
    """Both sell at one low price; what the pool gives beyond it goes to Bob in another asset."""
    got, low = sold(2000), 1_900_000
    extra = output(venues()[1], USD, got - 2 * low, DAI)
    return problem([sale("a"), sale("b", owner=BOB)]), Solution(
        fills=(fill("a", 1000, {ETH: 1000}, {USD: low}), fill("b", 1000, {ETH: 1000}, {USD: low, DAI: extra})),
        legs=(leg(POOL, {ETH: 2000}, {USD: got}), leg(DAI_POOL, {USD: got - 2 * low}, {DAI: extra})),
        prices={f"{ETH}>{USD}": (low, 1000)},
    )


@refused("paid_over_limit", "/fills/0/in/sim:alpha~1token:ETH")
def taking_one_unit_more_than_offered() -> Tale:
    return problem([sale()]), edited(pool_sale(), "fills", 0, "in", ETH, by=plus(1))


@refused("paid_over_limit", "/fills/0/in/sim:alpha~1token:ETH")
def taking_all_for_a_part() -> Tale:
    return problem([sale()]), edited(pool_sale(), "fills", 0, "units", by=plus(-1))


@refused("fill_below_limit", "/fills/0/out/sim:alpha~1token:USD")
def one_unit_below_the_limit() -> Tale:
    return problem([sale(least=sold() + 1)]), pool_sale()


@accepted()
def exactly_the_limit() -> Tale:
    return problem([sale(least=sold())]), pool_sale()


@refused("fill_below_limit", "/fills/0/out/sim:alpha~1token:USD")
def a_fee_that_goes_below_the_limit() -> Tale:
    return problem([sale(least=sold() - 599)]), pool_sale(fee=600)


@refused("fill_below_limit", "/fills/0/out/sim:alpha~1token:DAI")
def one_of_two_wished_assets_missing() -> Tale:
    both = intent("sale", {ETH: 1000}, {USD: 1_900_000, DAI: 1}, surplus=USD)
    return problem([both]), pool_sale().model_copy(update={"prices": {}})


@accepted()
def an_extra_that_nobody_asked_for() -> Tale:
    """What is delivered beyond the outcome, alone in its group, is the owner's; it comes from the solver, scoring nothing."""
    alone = sale(allowed_venues=("sim:alpha",))
    question = problem([alone], holdings={"solver:ann": {"sim:alpha/coin:GAS": 200, ODD: 5}})
    kind = edited(pool_sale(), "fills", 0, "out", by=lambda out: {**out, ODD: "5"})
    return question, kind.model_copy(update={"transfers": (give(ODD, 5),), "prices": {}})


def _bought_call(call: str = CALL, *, now: int = NOW, **more: Any) -> Tale:
    """Alice buys 1,000 units of a call for 50 BTC units at the book."""
    states = [*venues(), book(call, asks=[(50, 1000)])]
    fields: dict[str, Any] = {"valid_until": 2**40, "max_escrow": {BTC: 1}, "units": 1000}
    buyer = intent("buyer", {BTC: 60}, {call: 1000}, surplus=BTC, **(fields | more))
    solution = Solution(
        fills=(fill("buyer", 1000, {BTC: 50}, {call: 1000}),),
        legs=(leg(states[-1].id, {BTC: 50}, {call: 1000}, level="ask:0"),),
    )
    return problem([buyer], states=states, now=now), solution


@accepted()
def an_option_from_an_allowed_issuer() -> Tale:
    return _bought_call(allowed_issuers=("deribit:main",))


@refused("issuer_not_allowed", "/fills/0/out/" + CALL.replace("/", "~1"))
def an_option_from_another_issuer() -> Tale:
    return _bought_call(allowed_issuers=("clearway",))


@refused("issuer_not_allowed", "/fills/0/in/" + CALL.replace("/", "~1"))
def an_option_given_to_another_issuer() -> Tale:
    states = [*venues(), book(CALL, asks=[], bids=[(50, 1000)])]
    seller = intent("seller", {CALL: 1000}, {BTC: 40}, surplus=BTC, allowed_issuers=("clearway",))
    solution = Solution(
        fills=(fill("seller", 1000, {CALL: 1000}, {BTC: 50}),),
        legs=(leg(states[-1].id, {CALL: 1000}, {BTC: 50}, level="bid:0"),),
    )
    return problem([seller], states=states), solution


@accepted()
def a_venue_at_an_allowed_place() -> Tale:
    return _bought_call(allowed_venues=("deribit:main",))


@refused("venue_not_allowed", "/legs/0/venue")
def a_venue_at_another_place() -> Tale:
    return _bought_call(allowed_venues=("sim:alpha", "sim:beta"))


@accepted()
def an_option_in_its_last_second() -> Tale:
    return _bought_call(now=JUNE - 1)


@refused("instrument_expired", "/fills/0/out/" + CALL.replace("/", "~1"))
def an_option_that_expired() -> Tale:
    return _bought_call(now=JUNE)


@refused("instrument_expired", "/legs/0")
def a_book_that_closed() -> Tale:
    """No snapshot passes its check with a book that closes before its option; replay still finds it closed."""
    question, solution = _bought_call()
    states = [*venues(), book(CALL, asks=[(50, 1000)], expiry=NOW)]
    return problem(list(question.intents), states=states), solution


@accepted()
def nothing_is_taken_where_nothing_is_offered() -> Tale:
    got = sold()
    wish = intent("sale", {ETH: 1000, DAI: 0}, {USD: 1_900_000})
    return problem([wish]), pool_sale().model_copy(
        update={"prices": {}, "fills": (fill("sale", 1000, {ETH: 1000}, {USD: got}),)}
    )


@refused("issuer_not_allowed", "/fills/0/out/" + CALL.replace("/", "~1"))
def an_option_from_none_of_two_issuers() -> Tale:
    return _bought_call(allowed_issuers=("clearway", "deribit:test"))
