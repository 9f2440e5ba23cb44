"""Stories of payoff floors, worst losses and escrow (docs/rules.md, section 3).

Options and BTC have the same number of decimals, so one unit of an inverse call on 9,000 pays max(S - 9000, 0) / S units.
"""

from typing import Any

from engine.auction.problem import Intent
from engine.auction.solution import Solution
from engine.market.venues import AnyVenueState
from intents.outcome import IndexHaircut, Knot, PayoffFloor
from tests.auction.builders import (
    BOB,
    BTC,
    CAROL,
    JUNE,
    book,
    edited,
    fill,
    give,
    intent,
    leg,
    line,
    option,
    plus,
    problem,
    take,
)
from tests.auction.story import Tale, accepted, refused

C9, C10, C11 = option(9000), option(10000), option(11000)
P9 = option(9000, "P")
P9_OTHER = option(9000, "P", index="other.btc")
OTHER_BTC = "deribit:main/token:BTC"
OUT = "/fills/0/out"


def _at(asset: str) -> str:
    return asset.replace("/", "~1")


def _put_floor(**more: Any) -> PayoffFloor:
    """At least 1,000 puts on 9,000."""
    fields: dict[str, Any] = {
        "underlying": "BTC",
        "index": "deribit.btc",
        "fixing_seconds": JUNE,
        "settlement": BTC,
        "style": "inverse",
        "knots": (Knot(at="0", value=9_000_000), Knot(at="9000", value=0)),
        "slope": 0,
    }
    return PayoffFloor(**(fields | more))


def _floor(*floors: PayoffFloor, budget: int = 60, **more: Any) -> Intent:
    fields: dict[str, Any] = {"payoff_floors": floors, "units": 1000, "owner": CAROL}
    return intent("floor", {BTC: budget}, {}, **(fields | more))


def _puts(wish: Intent, amount: int = 1000, *, put: str = P9, units: int = 1000) -> Tale:
    """Puts at 50 thousandths of a BTC unit each."""
    states = [book(put, asks=[(50, 2000)])]
    cost = amount * 50 // 1000
    solution = Solution(
        fills=(fill("floor", units, {BTC: cost}, {put: amount}),),
        legs=(leg(states[0].id, {BTC: cost}, {put: amount}, level="ask:0"),),
    )
    return problem([wish], states=states), solution


@accepted()
def a_put_floor_of_as_many_puts() -> Tale:
    return _puts(_floor(_put_floor()))


@refused("floor_not_met", OUT)
def a_put_floor_of_too_few_puts() -> Tale:
    return _puts(_floor(_put_floor()), 900)


@accepted()
def half_the_floor_for_half_the_units() -> Tale:
    return _puts(_floor(_put_floor()), 500, units=500)


@refused("floor_not_met", OUT)
def half_the_floor_for_half_the_units_and_one() -> Tale:
    return _puts(_floor(_put_floor()), 500, units=501)


@refused("floor_not_met", OUT)
def puts_on_another_underlying() -> Tale:
    return _puts(_floor(_put_floor(underlying="ETH")))


@refused("floor_not_met", OUT)
def puts_of_another_day() -> Tale:
    return _puts(_floor(_put_floor(fixing_seconds=JUNE + 3600)))


@refused("floor_not_met", OUT)
def puts_of_another_style() -> Tale:
    return _puts(_floor(_put_floor()), put=option(9000, "P", "lin"))


@refused("floor_not_met", OUT)
def puts_on_another_index() -> Tale:
    return _puts(_floor(_put_floor()), put=P9_OTHER)


def _haircut(bps: int, *, amount: int, index: str = "other.btc") -> Tale:
    allowed = (IndexHaircut(index=index, haircut_bps=bps),)
    return _puts(_floor(_put_floor(), allowed_indices=allowed), amount, put=P9_OTHER)


@accepted()
def puts_on_an_allowed_index_less_the_haircut() -> Tale:
    """1,200 at nine tenths are 1,080."""
    return _haircut(1000, amount=1200)


@refused("floor_not_met", OUT)
def puts_on_an_allowed_index_too_few_for_the_haircut() -> Tale:
    """1,100 at nine tenths are 990."""
    return _haircut(1000, amount=1100)


@refused("floor_not_met", OUT)
def puts_on_an_index_that_is_not_the_allowed_one() -> Tale:
    return _haircut(0, amount=1200, index="third.btc")


@refused("floor_not_met", OUT)
def two_floors_of_which_one_is_not_met() -> Tale:
    high = _put_floor(knots=(Knot(at="0", value=9_000_001), Knot(at="9000", value=0)))
    return _puts(_floor(_put_floor(), high))


@refused("floor_not_met", OUT)
def a_floor_that_rises_beyond_all_strikes() -> Tale:
    return _puts(_floor(_put_floor(slope=1)))


def _spread(
    *, max_escrow: int = 100, free: int = 70, wish: Intent | None = None, floors: tuple[PayoffFloor, ...] = ()
) -> Tale:
    """Bob sells 1,000 calls on 9,000 and buys as many on 10,000: 80 less 50 BTC units for a loss of at most a tenth."""
    states = [book(C9, asks=[], bids=[(80, 1000)]), book(C10, asks=[(50, 1000)])]
    seller = wish or intent(
        "spread",
        {C9: 1000},
        {C10: 1000, BTC: 20},
        owner=BOB,
        surplus=BTC,
        max_escrow={BTC: max_escrow},
        payoff_floors=floors,
    )
    solution = Solution(
        fills=(fill("spread", 1000, {C9: 1000}, {C10: 1000, BTC: 30}),),
        legs=(
            leg(states[0].id, {C9: 1000}, {BTC: 80}, level="bid:0"),
            leg(states[1].id, {BTC: 50}, {C10: 1000}, level="ask:0"),
        ),
    )
    return problem([seller], states=states, holdings={BOB: {BTC: free}}), solution


@accepted()
def a_short_call_spread_with_its_escrow() -> Tale:
    """100 is lost at S = 10,000; 70 held and 30 received cover it."""
    return _spread()


@refused("uncovered_short", "/fills/0")
def a_short_call_spread_one_unit_short_of_escrow() -> Tale:
    return _spread(free=69)


@refused("escrow_over_max", "/fills/0")
def an_escrow_one_unit_over_the_signed_most() -> Tale:
    return _spread(max_escrow=99)


@refused("escrow_over_max", "/fills/0")
def an_escrow_that_nobody_signed() -> Tale:
    states = [book(C9, asks=[], bids=[(80, 1000)])]
    seller = intent("spread", {C9: 1000}, {BTC: 20}, owner=BOB, surplus=BTC)
    return problem([seller], states=states, holdings={BOB: {BTC: 5000}}), _naked(states[0], C9)


def _naked(state: AnyVenueState, asset: str, amount: int = 1000) -> Solution:
    got = amount * 80 // 1000
    return Solution(
        fills=(fill("spread", amount, {asset: amount}, {BTC: got}),),
        legs=(leg(state.id, {asset: amount}, {BTC: got}, level="bid:0"),),
    )


def _naked_call(free: int) -> Tale:
    states = [book(C9, asks=[], bids=[(80, 1000)])]
    seller = intent("spread", {C9: 1000}, {BTC: 20}, owner=BOB, surplus=BTC, max_escrow={BTC: 1000})
    return problem([seller], states=states, holdings={BOB: {BTC: free}}), _naked(states[0], C9)


@accepted()
def a_naked_inverse_call_needs_a_whole_coin_each() -> Tale:
    return _naked_call(920)


@refused("uncovered_short", "/fills/0")
def a_naked_inverse_call_without_the_last_unit() -> Tale:
    return _naked_call(919)


@refused("uncovered_short", "/fills/0")
def a_naked_inverse_put_is_unbounded() -> Tale:
    states = [book(P9, asks=[], bids=[(80, 1000)])]
    seller = intent("spread", {P9: 1000}, {BTC: 20}, owner=BOB, surplus=BTC, max_escrow={BTC: 2**200})
    return problem([seller], states=states, holdings={BOB: {BTC: 2**210}}), _naked(states[0], P9)


def _sells_a_held_call(held: int, reserved: int = 0) -> Tale:
    states = [book(C9, asks=[], bids=[(80, 1000)])]
    seller = intent("spread", {C9: 1000}, {BTC: 20}, owner=BOB, surplus=BTC)
    return problem([seller], states=states, holdings={BOB: {C9: (held, reserved)}}), _naked(states[0], C9)


@accepted()
def a_held_call_sold_needs_no_escrow() -> Tale:
    return _sells_a_held_call(1000)


@refused("uncovered_short", "/fills/0")
def more_calls_sold_than_held() -> Tale:
    """The last 100 are written and may lose a coin each; Bob has the 50 that he got."""
    question, solution = _sells_a_held_call(900)
    poor = edited(solution, "fills", 0, "out", BTC, by=plus(-30))
    rest = poor.model_copy(update={"lines": (line("cycle_gain", BTC, 30),)})
    return question, rest


@refused("escrow_over_max", "/fills/0")
def a_held_call_that_covers_another_short() -> Tale:
    """It is reserved with that short, so it covers nothing more."""
    return _sells_a_held_call(1000, reserved=10)


@accepted()
def a_held_call_of_a_higher_strike_lessens_the_escrow() -> Tale:
    question, solution = _naked_call(0)
    held = {BOB: {C10: 1000, BTC: 20}}
    states = list(question.snapshot.venues)
    return problem(list(question.intents), states=states, holdings=held, extra_assets=(C10,)), solution


@refused("uncovered_short", "/fills/0")
def a_held_call_of_another_issuer_covers_nothing() -> Tale:
    return _covered_by(option(9000, issuer="cwoption"))


@refused("uncovered_short", "/fills/0")
def a_held_call_on_another_index_covers_nothing() -> Tale:
    return _covered_by(option(9000, index="other.btc"))


def _two_spreads(first: int, second: int, free: int) -> Tale:
    """Bob's two intents: a call spread that loses 100 at most, and 10 calls on 11,000 of which he holds none: 10."""
    question, solution = _spread(max_escrow=first, free=free)
    states = [*question.snapshot.venues, book(C11, asks=[], bids=[(100, 1000)], lot=10)]
    other = intent("other", {C11: 10}, {BTC: 1}, owner=BOB, surplus=BTC, max_escrow={BTC: second})
    both = solution.model_copy(
        update={
            "fills": (*solution.fills, fill("other", 10, {C11: 10}, {BTC: 1})),
            "legs": (*solution.legs, leg(states[2].id, {C11: 10}, {BTC: 1}, level="bid:0")),
        }
    )
    return problem([*question.intents, other], states=states, holdings={BOB: {BTC: free}}), both


@accepted()
def two_fills_of_one_class_share_what_they_signed() -> Tale:
    """Short 1,000 on 9,000, long 1,000 on 10,000, short 10 on 11,000: at S = 11,000 it is 1,000 * 1,000 / 11,000, at the
    end 10, at S = 10,000 100. So 100."""
    return _two_spreads(60, 40, 69)


@refused("escrow_over_max", "/fills/0")
def two_fills_of_one_class_over_what_they_signed() -> Tale:
    return _two_spreads(60, 39, 69)


@refused("uncovered_short", "/fills/0")
def two_fills_of_one_class_one_unit_short() -> Tale:
    return _two_spreads(60, 40, 68)


def _half_spread(most: int) -> Tale:
    """Half of the spread's units: 50 is escrowed of half of what was signed."""
    question, solution = _spread(max_escrow=most)
    half = Solution(
        fills=(fill("spread", 500, {C9: 500}, {C10: 500, BTC: 15}),),
        legs=(
            leg(solution.legs[0].venue, {C9: 500}, {BTC: 40}, level="bid:0"),
            leg(solution.legs[1].venue, {BTC: 25}, {C10: 500}, level="ask:0"),
        ),
    )
    return question, half


@accepted()
def half_the_units_for_half_the_escrow() -> Tale:
    return _half_spread(100)


@refused("escrow_over_max", "/fills/0")
def half_the_units_for_more_than_half_the_escrow() -> Tale:
    return _half_spread(99)


def _netting(*, bob_free: int = 950, max_escrow: int = 1000) -> Tale:
    """Bob writes Carol a call of Clearway's own: no venue, no leg, 50 BTC units for it."""
    own = option(9000, issuer="cwoption")
    writer = intent("writer", {own: 1000}, {BTC: 40}, owner=BOB, surplus=BTC, max_escrow={BTC: max_escrow})
    buyer = intent("buyer", {BTC: 60}, {own: 1000}, owner=CAROL, surplus=BTC, units=1000)
    solution = Solution(
        fills=(fill("buyer", 1000, {BTC: 50}, {own: 1000}), fill("writer", 1000, {own: 1000}, {BTC: 50})),
        prices={f"{BTC}>{own}": (20, 1)},
    )
    held = {BOB: {BTC: bob_free}, CAROL: {BTC: 60}}
    return problem([writer, buyer], states=[], holdings=held, extra_assets=(own,)), solution


@accepted()
def one_person_writes_another_an_option() -> Tale:
    return _netting()


@refused("uncovered_short", "/fills/1")
def one_person_writes_an_option_without_cover() -> Tale:
    return _netting(bob_free=949)


@refused("escrow_over_max", "/fills/1")
def one_person_writes_more_than_he_signed() -> Tale:
    return _netting(max_escrow=999)


@refused("conservation", "")
def an_option_that_nobody_writes() -> Tale:
    question, solution = _netting()
    alone = solution.model_copy(update={"fills": solution.fills[:1], "lines": (line("cycle_gain", BTC, 50),)})
    return question, alone


@refused("insufficient_balance", "")
def a_solver_writes_an_option() -> Tale:
    question, solution = _netting()
    own = option(9000, issuer="cwoption")
    written = solution.model_copy(
        update={
            "fills": solution.fills[:1],
            "transfers": (give(own, 1000),),
            "lines": (line("cycle_gain", BTC, 50),),
        }
    )
    return question, written


@accepted()
def a_solver_delivers_an_option_it_has() -> Tale:
    question, solution = a_solver_writes_an_option()
    own = option(9000, issuer="cwoption")
    held = {"solver:ann": {own: 1000}, CAROL: {BTC: 60}}
    return problem(list(question.intents), states=[], holdings=held, extra_assets=(own,)), solution


@refused("insufficient_balance", "")
def a_solver_borrows_an_option_from_the_settlement_and_lends_it_later() -> Tale:
    question, solution = a_solver_writes_an_option()
    own = option(9000, issuer="cwoption")
    moved = (give(own, 1000), give(own, 10), take(own, 10, stage=1))
    held = {"solver:ann": {own: 1009}, CAROL: {BTC: 60}}
    borrowed = solution.model_copy(update={"transfers": moved})
    return problem(list(question.intents), states=[], holdings=held, extra_assets=(own,)), borrowed


def _worst_loss(limit: int, *, units: int = 1000, settlement: str = BTC) -> Tale:
    question, solution = _spread()
    (wish,) = question.intents
    limited = wish.model_copy(
        update={"outcome": wish.outcome.model_copy(update={"worst_loss": {settlement: limit}, "units": units})}
    )
    return problem([limited], states=list(question.snapshot.venues), holdings={BOB: {BTC: 70}}), solution


@accepted()
def the_worst_loss_itself() -> Tale:
    return _worst_loss(100)


@refused("worst_loss_exceeded", "/fills/0")
def one_unit_more_than_the_worst_loss() -> Tale:
    return _worst_loss(99)


@accepted()
def a_worst_loss_in_another_asset_limits_nothing() -> Tale:
    return _worst_loss(0, settlement=OTHER_BTC)


@refused("worst_loss_exceeded", "/fills/0")
def an_unbounded_loss_exceeds_any_limit() -> Tale:
    question, solution = a_naked_inverse_put_is_unbounded()
    (wish,) = question.intents
    limited = wish.model_copy(update={"outcome": wish.outcome.model_copy(update={"worst_loss": {BTC: 2**200}})})
    return problem([limited], states=list(question.snapshot.venues), holdings={BOB: {BTC: 2**210}}), solution


def _two_underlyings(limit: int, *, free: int = 140, most: int = 200) -> Tale:
    """A call spread on each of two indices loses 100 each; one does not offset the other."""
    pairs = [(C9, C10), (option(9000, index="other.btc"), option(10000, index="other.btc"))]
    states, legs, ins, outs = [], [], {}, {BTC: 60}
    for i, (low, high) in enumerate(pairs):
        states += [
            book(low, asks=[], bids=[(80, 1000)], name=f"low-{i}"),
            book(high, asks=[(50, 1000)], name=f"high-{i}"),
        ]
        legs += [
            leg(states[-2].id, {low: 1000}, {BTC: 80}, level="bid:0"),
            leg(states[-1].id, {BTC: 50}, {high: 1000}, level="ask:0"),
        ]
        ins[low], outs[high] = 1000, 1000
    seller = intent(
        "spread", ins, {BTC: 20}, owner=BOB, surplus=BTC, max_escrow={BTC: most}, worst_loss={BTC: limit}, units=1000
    )
    solution = Solution(fills=(fill("spread", 1000, ins, outs),), legs=tuple(legs))
    return problem([seller], states=states, holdings={BOB: {BTC: free}}), solution


@accepted()
def the_losses_of_two_underlyings_add_up() -> Tale:
    return _two_underlyings(200)


@refused("worst_loss_exceeded", "/fills/0")
def the_losses_of_two_underlyings_add_up_over_the_limit() -> Tale:
    return _two_underlyings(199)


def _floor_with_a_sold_call(more: dict[str, Any]) -> Tale:
    """A collar: 1,000 puts on 9,000 bought, 1,000 calls on 10,000 sold, which the floor counts (it asks for both)."""
    collar = _put_floor(
        knots=(Knot(at="0", value=9_000_000), Knot(at="9000", value=0), Knot(at="10000", value=0)), slope=-1000
    )
    states = [book(P9, asks=[(50, 1000)]), book(C10, asks=[], bids=[(30, 1000)])]
    wish = _floor(collar, max_escrow={BTC: 1000}, **more)
    solution = Solution(
        fills=(fill("floor", 1000, {BTC: 20, C10: 1000}, {P9: 1000}),),
        legs=(
            leg(states[0].id, {BTC: 50}, {P9: 1000}, level="ask:0"),
            leg(states[1].id, {C10: 1000}, {BTC: 30}, level="bid:0"),
        ),
    )
    return problem([wish], states=states, holdings={CAROL: {BTC: 1020}}), solution


@accepted()
def a_collar_sells_a_call_that_its_floor_counts() -> Tale:
    return _floor_with_a_sold_call({})


@refused("asset_not_allowed", "/fills/0/in/" + _at(C10))
def a_put_floor_on_another_day_sells_no_call_of_this_one() -> Tale:
    question, solution = _floor_with_a_sold_call({})
    wish = _floor(_put_floor(fixing_seconds=JUNE + 3600), max_escrow={BTC: 1000})
    states = list(question.snapshot.venues)
    return problem([wish], states=states, holdings={CAROL: {BTC: 1020}}), solution


@refused("floor_not_met", OUT)
def a_put_floor_is_broken_by_a_sold_call() -> Tale:
    question, solution = _floor_with_a_sold_call({})
    wish = _floor(_put_floor(), max_escrow={BTC: 1000})
    states = list(question.snapshot.venues)
    return problem([wish], states=states, holdings={CAROL: {BTC: 1020}}), solution


def _short_with_haircut(bps: int, slope: int) -> Tale:
    """The sold calls are on another index: with a haircut they count as more."""
    call = option(10000, index="other.btc")
    collar = _put_floor(
        knots=(Knot(at="0", value=9_000_000), Knot(at="9000", value=0), Knot(at="10000", value=0)), slope=slope
    )
    states = [book(P9, asks=[(50, 1000)]), book(call, asks=[], bids=[(30, 1000)])]
    allowed = (IndexHaircut(index="other.btc", haircut_bps=bps),)
    wish = _floor(collar, max_escrow={BTC: 1000}, allowed_indices=allowed)
    solution = Solution(
        fills=(fill("floor", 1000, {BTC: 20, call: 1000}, {P9: 1000}),),
        legs=(
            leg(states[0].id, {BTC: 50}, {P9: 1000}, level="ask:0"),
            leg(states[1].id, {call: 1000}, {BTC: 30}, level="bid:0"),
        ),
    )
    return problem([wish], states=states, holdings={CAROL: {BTC: 1020}}), solution


@accepted()
def a_short_on_an_allowed_index_counts_for_more() -> Tale:
    return _short_with_haircut(1000, -1100)


@refused("floor_not_met", OUT)
def a_short_on_an_allowed_index_counts_for_too_much() -> Tale:
    return _short_with_haircut(1001, -1100)


@refused("uncovered_short", "/fills/0")
def what_somebody_else_receives_covers_nothing() -> Tale:
    """Bob's long calls go to Carol, so his short is naked."""
    question, _ = _spread(max_escrow=1000, free=900)
    (wish,) = question.intents
    gift = wish.model_copy(update={"outcome": wish.outcome.model_copy(update={"receiver": CAROL})})
    states = list(question.snapshot.venues)
    return problem([gift], states=states, holdings={BOB: {BTC: 999}}), _spread()[1]


@refused("level_overdrawn", "/legs/1")
def two_legs_that_together_overdraw_a_level() -> Tale:
    question, solution = _puts(_floor(_put_floor(), budget=120), 2000)
    first, second = solution.legs[0], solution.legs[0].model_copy(update={"ins": {BTC: 5}, "outs": {P9: 100}})
    both = solution.model_copy(
        update={"fills": (fill("floor", 1000, {BTC: 105}, {P9: 2100}),), "legs": (first, second)}
    )
    return question, both


@refused("unknown_level", "/legs/0")
def a_level_that_is_not_there() -> Tale:
    question, solution = _puts(_floor(_put_floor()))
    return question, edited(solution, "legs", 0, "level", by=lambda _: "ask:1")


@refused("unknown_level", "/legs/0")
def a_level_in_another_spelling() -> Tale:
    question, solution = _puts(_floor(_put_floor()))
    return question, edited(solution, "legs", 0, "level", by=lambda _: "ask:00")


@refused("off_lot", "/legs/0")
def a_sale_of_half_a_lot() -> Tale:
    question, solution = _sells_a_held_call(1000)
    odd = Solution(
        fills=(fill("spread", 995, {C9: 995}, {BTC: 79}),),
        legs=(leg(solution.legs[0].venue, {C9: 995}, {BTC: 79}, level="bid:0"),),
    )
    return question, odd


@accepted()
def an_option_lent_and_repaid() -> Tale:
    question, solution = _puts(_floor(_put_floor()))
    held = {"solver:ann": {P9: 10}, CAROL: {BTC: 60}}
    moved = solution.model_copy(update={"transfers": (give(P9, 10), take(P9, 10))})
    return problem(list(question.intents), states=list(question.snapshot.venues), holdings=held), moved


@refused("uncovered_short", "/fills/0")
def a_held_call_on_another_coin_covers_nothing() -> Tale:
    return _covered_by(option(9000).replace("option:BTC", "option:ETH"))


@refused("uncovered_short", "/fills/0")
def a_held_call_of_another_day_covers_nothing() -> Tale:
    return _covered_by(option(9000).replace("20200626", "20200925"))


@refused("uncovered_short", "/fills/0")
def a_held_call_of_another_style_covers_nothing() -> Tale:
    return _covered_by(option(9000, style="lin"))


@refused("uncovered_short", "/fills/0")
def a_held_call_settled_in_another_asset_covers_nothing() -> Tale:
    return _covered_by(option(9000).replace("coin.BTC", "token.BTC"))


@accepted()
def the_same_call_held_covers() -> Tale:
    return _covered_by(option(9000))


def _covered_by(call: str) -> Tale:
    question, solution = _naked_call(0)
    extra = (call, OTHER_BTC)
    return problem(
        list(question.intents), states=list(question.snapshot.venues), holdings={BOB: {call: 1000}}, extra_assets=extra
    ), solution


def _linear_put(*, free: int, worst: int) -> Tale:
    """A naked linear put loses its strike at S = 0: 9,000 for each of 1,000, of which 80 are received."""
    put = option(9000, "P", "lin")
    states = [book(put, asks=[], bids=[(80, 1000)])]
    most = 9_000_000
    seller = intent(
        "spread", {put: 1000}, {BTC: 20}, owner=BOB, surplus=BTC, max_escrow={BTC: most}, worst_loss={BTC: worst}
    )
    return problem([seller], states=states, holdings={BOB: {BTC: free}}), _naked(states[0], put)


@accepted()
def a_naked_linear_put_needs_its_strike() -> Tale:
    return _linear_put(free=8_999_920, worst=9_000_000)


@refused("uncovered_short", "/fills/0")
def a_naked_linear_put_one_unit_short() -> Tale:
    return _linear_put(free=8_999_919, worst=9_000_000)


@refused("worst_loss_exceeded", "/fills/0")
def a_naked_linear_put_over_the_worst_loss() -> Tale:
    return _linear_put(free=8_999_920, worst=8_999_999)


@accepted()
def a_call_bought_for_somebody_else() -> Tale:
    """Carol gets it; Bob's account is not touched by the class at all."""
    states = [book(C9, asks=[(50, 1000)])]
    buyer = intent(
        "gift", {BTC: 60}, {C9: 1000}, owner=BOB, receiver=CAROL, surplus=BTC, units=1000, max_escrow={BTC: 1}
    )
    solution = Solution(
        fills=(fill("gift", 1000, {BTC: 50}, {C9: 1000}),),
        legs=(leg(states[0].id, {BTC: 50}, {C9: 1000}, level="ask:0"),),
    )
    return problem([buyer], states=states), solution


@refused("uncovered_short", "/fills/0")
def the_escrows_of_two_classes_add_up_over_the_balance() -> Tale:
    return _two_underlyings(200, free=139)


@refused("escrow_over_max", "/fills/0")
def the_escrows_of_two_classes_add_up_over_the_signed_most() -> Tale:
    return _two_underlyings(200, most=199)


@accepted()
def an_option_given_to_one_who_holds_nothing() -> Tale:
    wish = intent("poor", {}, {C9: 10}, owner=BOB, max_escrow={BTC: 1})
    solution = Solution(fills=(fill("poor", 1, {}, {C9: 10}),), transfers=(give(C9, 10),))
    return problem([wish], states=[], holdings={"solver:ann": {C9: 10}}, extra_assets=(C9,)), solution


def _over_a_lower_call(free: int) -> Tale:
    """Short 1,000 on 9,000 and 900 held on 8,000: beyond all strikes 100 coins are lost, 80 are received."""
    low = option(8000)
    question, solution = _naked_call(0)
    held = {BOB: {low: 900, BTC: free}}
    states = list(question.snapshot.venues)
    return problem(list(question.intents), states=states, holdings=held, extra_assets=(low,)), solution


@accepted()
def a_held_call_of_a_lower_strike_covers_its_number() -> Tale:
    return _over_a_lower_call(20)


@refused("uncovered_short", "/fills/0")
def a_held_call_of_a_lower_strike_covers_no_more_than_its_number() -> Tale:
    return _over_a_lower_call(19)
