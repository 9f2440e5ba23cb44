"""Joint replay: what bids do together (docs/rules.md, section 4)."""

from engine.auction.escrow import Reservation
from engine.auction.problem import Problem
from engine.auction.replay import Bid, ExecutedLeg, Replayed, group_conflict, replay
from engine.auction.solution import Solution
from engine.auction.verdict import Fault
from engine.market.venues.constant_product import ConstantProductState
from tests.auction.builders import (
    ALICE,
    ANN,
    BEN,
    BOB,
    BTC,
    CAROL,
    DAI,
    DAI_POOL,
    ETH,
    GAS,
    POOL,
    USD,
    bid,
    book,
    edited,
    fill,
    give,
    intent,
    judged,
    leg,
    line,
    option,
    plus,
    pool_sale,
    problem,
    resold,
    sale,
    sold,
    take,
)
from tests.auction.stories_payoffs import (
    a_short_call_spread_with_its_escrow,
    one_person_writes_another_an_option,
    the_losses_of_two_underlyings_add_up,
)


def _fault(question: Problem, *bids: Bid) -> Fault:
    found = replay(question, bids)
    assert isinstance(found, Fault), "jointly feasible"
    return found


def _done(question: Problem, *bids: Bid) -> Replayed:
    done = replay(question, bids)
    assert isinstance(done, Replayed), done
    return done


def test_two_bids_in_one_group_conflict() -> None:
    question = problem([sale("one", 500, 900_000), sale("two", 500, 900_000, owner=BOB)])
    bids = (bid("b", pool_sale("two", 500)), bid("a", pool_sale("one", 500)))

    fault = _fault(question, *bids)

    group = f"{ETH}>{USD}"
    assert fault == Fault("group_conflict", "", f"one bid filling {group}", "two", resource=group, bids=("a", "b"))
    assert group_conflict(question, bids[:1]) is None


def _two_groups_one_pool() -> tuple[Problem, Bid, Bid]:
    """Alice sells ETH for USD, Bob ETH for USD and a DAI of the solver's: two groups, one pool."""
    other = intent("other", {ETH: 500}, {USD: 900_000, DAI: 0}, owner=BOB, surplus=USD)
    got = sold(500)
    second = Solution(fills=(fill("other", 500, {ETH: 500}, {USD: got}),), legs=(leg(POOL, {ETH: 500}, {USD: got}),))
    question = problem([sale("one", 500, 900_000), other])
    return question, bid("a", pool_sale("one", 500)), bid("b", second, BEN)


def test_two_bids_that_together_overdraw_a_pool() -> None:
    question, one, two = _two_groups_one_pool()
    assert judged(question, one.solution).accepted
    assert judged(question, two.solution, BEN).accepted

    fault = _fault(question, one, two)

    assert (fault.code, fault.resource, fault.bids) == ("output_overstated", POOL, ("a", "b"))
    assert fault.where == "/legs/0/out/sim:alpha~1token:USD"


def _modest() -> tuple[Problem, Bid, Bid, int]:
    """Legs run by the bids' smallest groups: `import:other` is before `sim:...`, so bid a is second and must state what
    is left after bid b. Alone it gives the protocol the difference."""
    question, one, two = _two_groups_one_pool()
    left = resold(500, 500)
    second = edited(one.solution, "legs", 0, "out", USD, by=lambda _: str(left))
    second = edited(second, "fills", 0, "out", USD, by=lambda _: str(left))
    second = second.model_copy(update={"prices": {f"{ETH}>{USD}": (left, 500)}})
    return question, bid("a", second), two, left


def test_legs_run_by_the_smallest_group_of_their_bid() -> None:
    question, modest, first, left = _modest()

    alone, both = _done(question, modest), _done(question, modest, first)

    assert alone.replay_gains == {USD: sold(500) - left}
    assert alone.balances["protocol"] == {USD: sold(500) - left}
    assert [leg.bid for leg in both.legs] == ["b", "a"]
    assert [leg.actual for leg in both.legs] == [sold(500), left]
    assert both.replay_gains == {}
    assert "protocol" not in both.balances


def test_the_order_of_bids_changes_nothing() -> None:
    question, modest, first, _ = _modest()

    assert replay(question, (modest, first)) == replay(question, (first, modest))


def test_a_later_stage_runs_after_all_earlier_ones() -> None:
    question, modest, first, _ = _modest()
    late = Solution(
        fills=tuple(item.model_copy(update={"stage": 1}) for item in first.solution.fills),
        legs=tuple(item.model_copy(update={"stage": 1}) for item in first.solution.legs),
    )

    fault = _fault(question, modest, bid("b", late, BEN))

    assert (fault.code, fault.where) == ("output_overstated", "/legs/0/out/sim:alpha~1token:USD")
    assert fault.actual == str(sold(500))


def test_legs_of_one_bid_run_by_their_position() -> None:
    got = sold(500) + resold(500, 500)
    split = Solution(
        fills=(fill("sale", 1000, {ETH: 1000}, {USD: got}),),
        legs=(leg(POOL, {ETH: 500}, {USD: sold(500)}), leg(POOL, {ETH: 500}, {USD: resold(500, 500)})),
    )

    done = _done(problem([sale()]), bid("a", split))

    assert [(item.position, item.actual) for item in done.legs] == [(0, sold(500)), (1, resold(500, 500))]


def test_the_final_states_are_those_after_all_legs() -> None:
    question, modest, first, left = _modest()

    after = _done(question, modest, first).venues

    pool = after[POOL]
    assert isinstance(pool, ConstantProductState)
    assert pool.reserves == {ETH: 1_001_000, USD: 2_000_000_000 - sold(500) - left}
    assert after[DAI_POOL] == question.venues_by_id[DAI_POOL]
    assert after.keys() == question.venues_by_id.keys()


PUT = option(9000, "P")
CALL = option(10000)


def _two_option_buyers(first: int, second: int, *, second_option: str = PUT) -> tuple[Problem, Bid, Bid]:
    states = [book(PUT, asks=[(50, 1000), (60, 1000)]), book(CALL, asks=[(50, 1000)])]
    bids, wishes = [], []
    for name, owner, amount, asset in (("a", ALICE, first, PUT), ("b", BOB, second, second_option)):
        cost = amount * 50 // 1000
        wishes.append(intent(name, {BTC: 1000, ETH: 0}, {asset: amount}, owner=owner, surplus=BTC))
        venue = next(state.id for state in states if state.base == asset)  # type: ignore[union-attr]  # all are books
        solution = Solution(
            fills=(fill(name, 1000, {BTC: cost}, {asset: amount}),),
            legs=(leg(venue, {BTC: cost}, {asset: amount}, level="ask:0"),),
        )
        bids.append(bid(name, solution, {"a": ANN, "b": BEN}[name]))
    return problem(wishes, states=states), bids[0], bids[1]


def test_two_bids_that_together_overdraw_a_level() -> None:
    question, one, two = _two_option_buyers(600, 500)

    fault = _fault(question, one, two)

    assert (fault.code, fault.where) == ("level_overdrawn", "/legs/0")
    assert fault.resource == "deribit:main/book:BTC-20200626T08-9000-P-inv#ask:0"
    assert fault.bids == ("a", "b")


def test_two_bids_share_a_level_to_the_last_unit() -> None:
    question, one, two = _two_option_buyers(600, 400)

    assert isinstance(replay(question, (one, two)), Replayed)


def test_bids_at_other_levels_or_books_are_not_named() -> None:
    """Bid c takes the next level, which is no part of the conflict."""
    question, one, two = _two_option_buyers(600, 500)
    third = intent("0", {BTC: 1000, ETH: 0}, {PUT: 100}, owner=CAROL, surplus=BTC)
    apart = Solution(
        fills=(fill("0", 1000, {BTC: 6}, {PUT: 100}),),
        legs=(leg("deribit:main/book:BTC-20200626T08-9000-P-inv", {BTC: 6}, {PUT: 100}, level="ask:1"),),
    )
    wider = problem([*question.intents, third], states=list(question.snapshot.venues))

    assert _fault(wider, one, two, bid("0", apart)).bids == ("a", "b")


def _shared_owner(balance: int) -> tuple[Problem, Bid, Bid]:
    """Alice sells 600 ETH in one bid and 400 in another, each of which she can pay."""
    first = sale("one", 600, 1_000_000)
    second = intent("two", {ETH: 400}, {USD: 700_000, DAI: 0}, surplus=USD)
    mine = pool_sale("one", 600)
    other = Solution(fills=(fill("two", 400, {ETH: 400}, {USD: 700_000}),), transfers=())
    # The second is delivered from Ben's inventory against ETH that he does not take: the protocol gets it.
    other = other.model_copy(update={"transfers": (give(USD, 700_000),), "lines": (line("cycle_gain", ETH, 400),)})
    held = {ALICE: {ETH: balance}, "solver:ben": {USD: 700_000}}
    return problem([first, second], holdings=held), bid("a", mine), bid("b", other, BEN)


def test_two_bids_that_together_overdraw_an_owner() -> None:
    question, one, two = _shared_owner(999)

    fault = _fault(question, one, two)

    assert (fault.code, fault.resource) == ("insufficient_balance", f"{ALICE} {ETH}")
    assert (fault.actual, fault.bids) == ("-1", ("a", "b"))


def test_two_bids_use_all_that_an_owner_has() -> None:
    question, one, two = _shared_owner(1000)

    done = _done(question, one, two)

    assert done.balances[ALICE] == {ETH: -1000, USD: sold(600) + 700_000}
    assert done.balances["solver:ben"] == {USD: -700_000}
    assert done.balances["protocol"] == {ETH: 400}
    assert done.gas == {"solver:ann": {GAS: 200}}


def test_only_bids_that_take_are_named() -> None:
    """Bid c pays Alice ETH, which does not help enough; it is not to blame."""
    question, one, two = _shared_owner(998)
    gift = intent("gift", {DAI: 10}, {ETH: 1}, owner=BOB, receiver=ALICE)
    paying = Solution(
        fills=(fill("gift", 10, {DAI: 10}, {ETH: 1}),),
        transfers=(give(ETH, 1),),
        prices={f"{DAI}>{ETH}": (1, 10)},
        lines=(line("cycle_gain", DAI, 10),),
    )
    held = {ALICE: {ETH: 998}, "solver:ben": {USD: 700_000}, "solver:carl": {ETH: 1}}
    wider = problem([*question.intents, gift], holdings=held | {BOB: {DAI: 10}})

    fault = _fault(wider, one, two, bid("c", paying, "carl"))

    assert (fault.actual, fault.bids) == ("-1", ("a", "b"))


def test_one_solvers_gas_adds_up_over_its_bids() -> None:
    question, modest, first, _ = _modest()
    poor = question.model_copy(update={"holdings": {**question.holdings, "solver:ann": {}}})
    rich = problem(list(question.intents), holdings={"solver:ann": {GAS: 400}})
    tight = problem(list(question.intents), holdings={"solver:ann": {GAS: 399}})
    mine = Bid(first.id, ANN, first.solution)

    assert _done(rich, modest, mine).gas == {"solver:ann": {GAS: 400}}
    assert _fault(tight, modest, mine).resource == f"solver:ann {GAS}"
    assert _fault(poor, modest).code == "insufficient_balance"


def test_the_first_stage_short_is_the_one_named() -> None:
    """Ann is one DAI short at stage 1 already, and two at stage 2."""
    moves = (give(DAI, 5, stage=1), take(DAI, 2, stage=1), give(DAI, 2, stage=2), take(DAI, 5, stage=3))
    question = problem([sale()], holdings={"solver:ann": {GAS: 200, DAI: 2}})

    fault = _fault(question, bid("a", pool_sale().model_copy(update={"transfers": moves})))

    assert (fault.code, fault.actual) == ("insufficient_balance", "-1")
    assert "stage 1" in fault.expected


def test_a_fault_of_one_bid_alone_names_it() -> None:
    question, modest, first, _ = _modest()
    early = first.solution.model_copy(update={"transfers": (take(DAI, 1), give(DAI, 1, stage=1))})

    fault = _fault(question, modest, bid("b", early, BEN))

    assert (fault.code, fault.bids) == ("negative_balance", ("b",))


def test_escrow_is_reserved_with_its_positions() -> None:
    question, solution = a_short_call_spread_with_its_escrow()

    done = _done(question, bid("a", solution))

    assert done.reservations == (
        Reservation(BOB, CALL, 1000),
        Reservation(BOB, option(9000), -1000),
        Reservation(BOB, BTC, 100),
    )


def test_every_class_reserves_its_positions_and_all_their_escrow() -> None:
    question, solution = the_losses_of_two_underlyings_add_up()

    reserved = {item.asset: item.amount for item in _done(question, bid("a", solution)).reservations}

    assert reserved == {
        option(9000): -1000,
        CALL: 1000,
        option(9000, index="other.btc"): -1000,
        option(10000, index="other.btc"): 1000,
        BTC: 200,
    }


def test_a_bought_option_reserves_nothing() -> None:
    question, one, _ = _two_option_buyers(600, 500)

    assert _done(question, one).reservations == ()


def test_a_writer_reserves_and_a_buyer_does_not() -> None:
    question, solution = one_person_writes_another_an_option()
    own = option(9000, issuer="cwoption")

    assert _done(question, bid("a", solution)).reservations == (
        Reservation(BOB, own, -1000),
        Reservation(BOB, BTC, 1000),
    )


def _two_writers(free: int, *, most: int = 1000) -> tuple[Problem, Bid, Bid]:
    """Bob writes 1,000 calls on 9,000 in one bid and 500 on 10,000 in another."""
    states = [book(option(9000), asks=[], bids=[(80, 1000)]), book(CALL, asks=[], bids=[(50, 1000)])]
    wishes, bids = [], []
    for name, asset, amount, got, state in (("a", option(9000), 1000, 80, states[0]), ("b", CALL, 500, 25, states[1])):
        wishes.append(intent(name, {asset: amount}, {BTC: 1}, owner=BOB, surplus=BTC, max_escrow={BTC: most}))
        solution = Solution(
            fills=(fill(name, amount, {asset: amount}, {BTC: got}),),
            legs=(leg(state.id, {asset: amount}, {BTC: got}, level="bid:0"),),
        )
        bids.append(bid(name, solution))
    return problem(wishes, states=states, holdings={BOB: {BTC: free}}), bids[0], bids[1]


def test_escrow_of_one_owner_adds_up_over_bids() -> None:
    """Together 1,500 coins may be lost; 105 are received."""
    question, one, two = _two_writers(1395)

    assert _done(question, one, two).reservations[-1] == Reservation(BOB, BTC, 1500)


def test_two_bids_that_together_leave_a_short_uncovered() -> None:
    question, one, two = _two_writers(1394)
    assert isinstance(replay(question, (one,)), Replayed)
    assert isinstance(replay(question, (two,)), Replayed)

    fault = _fault(question, one, two)

    assert (fault.code, fault.resource, fault.bids) == ("uncovered_short", f"{BOB} {BTC}", ("a", "b"))


def test_two_bids_are_held_to_the_sum_of_what_was_signed() -> None:
    enough, too_little = _two_writers(5000, most=750), _two_writers(5000, most=749)

    assert isinstance(replay(enough[0], enough[1:]), Replayed)
    fault = _fault(too_little[0], *too_little[1:])
    assert (fault.code, fault.resource, fault.bids) == ("escrow_over_max", f"{BOB} {BTC}", ("a", "b"))


def test_a_bid_that_moves_as_much_in_as_out_is_not_to_blame() -> None:
    """Ann lacks the DAI unit that bid a lends; bid b lends and takes back one at once."""
    question, modest, first, _ = _modest()
    short = modest.solution.model_copy(
        update={"transfers": (give(DAI, 1),), "lines": (line("cycle_gain", DAI, 1),)},
    )
    even = first.solution.model_copy(update={"transfers": (give(DAI, 1), take(DAI, 1))})

    fault = _fault(question, bid("a", short), bid("b", even))

    assert (fault.code, fault.resource, fault.bids) == ("insufficient_balance", f"solver:ann {DAI}", ("a",))


def test_fees_and_loans_of_one_asset_add_up() -> None:
    """Ann lends 7 USD for good and is paid fees of 400 and 200 for the fill; the protocol is given rests of two bids."""
    question, modest, first, _ = _modest()
    rests = []
    for entered in (modest, first):
        solution = edited(entered.solution, "fills", 0, "out", USD, by=plus(-605))
        fees = (line("fee", USD, 400, "solver:ann"), line("fee", USD, 200, "solver:ann"))
        more = {"transfers": (give(USD, 7),), "lines": (*fees, line("dust", USD, 1), line("cycle_gain", USD, 11))}
        solution = solution.model_copy(update=more)
        rests.append(bid(entered.id, edited(solution, "fills", 0, "fee", by=lambda _: {USD: "600"})))
    rich = problem(list(question.intents), holdings={"solver:ann": {GAS: 400, USD: 14}})

    done = _done(rich, *rests)

    assert done.balances["solver:ann"] == {GAS: -400, USD: 2 * (600 - 7)}
    assert done.balances["protocol"] == {USD: 2 * 12}
    assert done.bids == tuple(rests)


def test_gains_of_several_legs_add_up() -> None:
    got = sold(500) + resold(500, 500)
    split = Solution(
        fills=(fill("sale", 1000, {ETH: 1000}, {USD: got - 5}),),
        legs=(leg(POOL, {ETH: 500}, {USD: sold(500) - 2}), leg(POOL, {ETH: 500}, {USD: resold(500, 500) - 3})),
    )

    assert _done(problem([sale()]), bid("a", split)).replay_gains == {USD: 5}


def test_a_leg_is_recorded_as_it_ran() -> None:
    honest = edited(pool_sale(), "legs", 0, "out", USD, by=plus(-3))
    honest = edited(honest, "fills", 0, "out", USD, by=plus(-3))
    staged = honest.model_copy(
        update={
            "legs": tuple(item.model_copy(update={"stage": 1}) for item in honest.legs),
            "fills": tuple(item.model_copy(update={"stage": 1}) for item in honest.fills),
        }
    )

    (ran,) = _done(problem([sale(refund={ETH: 1000})]), bid("a", staged)).legs

    assert ran == ExecutedLeg("a", 0, 1, POOL, ETH, 1000, USD, sold() - 3, sold())


def test_no_bids_change_nothing() -> None:
    question = problem([sale()])

    done = _done(question)

    assert (done.legs, done.balances, done.reservations) == ((), {}, ())
    assert done.venues == question.venues_by_id


def test_a_bid_is_prepared_anew_for_another_problem() -> None:
    entered = bid("a", pool_sale())
    plain = problem([sale()])
    structure = problem([sale(max_escrow={BTC: 1})])

    assert entered.groups(plain) == (f"{ETH}>{USD}",)
    assert entered.groups(structure) == ("import:sale",)
    assert entered.prepared(plain) is entered.prepared(plain)
