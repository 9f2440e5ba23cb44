"""The CP-SAT solver: what an LP can not decide, and integers that lose no more than they say."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from engine.market.feeds.synthetic import demo_world
from solvers.cpsat import SOLVER
from solvers.cpsat.scaling import MOST_SUM, MOST_UNITS, scale_of, whole_row
from solvers.lp import SOLVER as LP
from solvers.protocol import Budget
from tests.solvers.model_worlds import (
    COIN,
    at_market_time,
    option,
    option_book,
    payoff_intent,
    score_of,
    solved,
    units_of,
    world,
)
from tests.solvers.small_worlds import book, pool, swap, token

A, B, C = token("A"), token("B"), token("C")

HALF_OF_A_SECOND_OF_WORK = 500_000
"""On this problem the search ends by its own limit after 800,000."""


def test_a_ring_of_three_intents_clears_without_any_venue() -> None:
    ring = [swap("ab", A, 1000, B, 900), swap("bc", B, 1000, C, 900), swap("ca", C, 1000, A, 900)]
    question = world(ring)

    proposal = solved(SOLVER, question)

    assert units_of(proposal) == {"ab": 1000, "bc": 1000, "ca": 1000}
    assert score_of(question, proposal, SOLVER) == 300


def test_a_knapsack_of_whole_intents_is_packed_where_rounding_an_lp_loses() -> None:
    """A level takes 100. The densest intent takes 70; the two of 50 together are worth more, but none of them is denser."""
    intents = [
        swap("dense", A, 70, B, 50, whole=True),
        swap("left", A, 50, B, 36, whole=True),
        swap("right", A, 50, B, 36, whole=True),
    ]
    question = world(intents, [book("ab", A, B, bids=[(1, 100)])])

    proposal, rounded = solved(SOLVER, question), solved(LP, question)

    assert units_of(proposal) == {"left": 50, "right": 50}
    assert score_of(question, proposal, SOLVER) == 28
    assert score_of(question, rounded, LP) == 20


def test_books_are_taken_in_whole_lots() -> None:
    question = world([swap("sell", A, 95, B, 1)], [book("ab", A, B, bids=[(2, 1000)], lot=10)])

    proposal = solved(SOLVER, question)

    assert [leg.ins for leg in proposal.solutions[0].legs] == [{A: 90}]


def test_a_leg_that_does_not_earn_its_gas_is_not_used() -> None:
    """A second pool would add a little output, less than a leg there costs."""
    pools = [pool("deep", (A, 10**9), (B, 10**9), gas=1), pool("shallow", (A, 10**4), (B, 10**4), gas=1)]
    intents = [swap("sell", A, 100_000, B, 90_000)]

    free = solved(SOLVER, world(intents, pools, gas_price=0))
    costly = solved(SOLVER, world(intents, pools, gas_price=10_000))

    assert {leg.venue for leg in costly.solutions[0].legs} == {"sim:one/pool:deep"}
    assert len(free.solutions[0].legs) >= len(costly.solutions[0].legs)


def test_a_payoff_is_bought_more_cheaply_than_by_its_name() -> None:
    """A put floor from a dear put, or from a call, with another put's book to lean on: the cheaper portfolio is found."""
    books = [
        option_book(9000, "P", bids=[(40, 50)], asks=[(90, 50)]),
        option_book(9500, "P", bids=[(60, 50)], asks=[(70, 50)]),
    ]
    question = at_market_time(world([payoff_intent("floor", [(0, 9000 * 10), (9000, 0)], 0, 1000)], books))

    proposal = solved(SOLVER, question)

    (fill,) = proposal.solutions[0].fills
    assert fill.outs == {option(9500, "P"): 10}
    assert fill.ins == {COIN: 700}


def test_payoffs_come_in_whole_lots() -> None:
    books = [option_book(9000, "P", bids=[], asks=[(50, 100)], lot=10)]
    question = at_market_time(world([payoff_intent("floor", [(0, 9000 * 15), (9000, 0)], 0, 2000)], books))

    proposal = solved(SOLVER, question)

    assert proposal.solutions[0].fills[0].outs == {option(9000, "P"): 20}


def test_the_same_problem_gives_the_same_bytes_and_states_its_scales() -> None:
    intents = [swap("one", A, 10**24, B, 9 * 10**23, whole=True), swap("two", A, 10**24, B, 8 * 10**23, whole=True)]
    question = world(intents, [pool("ab", (A, 10**26), (B, 10**26))])

    proposal = solved(SOLVER, question)

    assert "worst rounding loss" in proposal.notes[f"scale:{A}"]


@given(st.lists(st.integers(0, 2**255), min_size=1, max_size=5))
def test_scaled_amounts_fit_and_round_by_less_than_a_unit(amounts: list[int]) -> None:
    scale = scale_of({A: amounts})

    assert sum(scale.down(A, amount) for amount in amounts) <= MOST_UNITS
    for amount in amounts:
        assert scale.down(A, amount) * scale.units[A] <= amount <= scale.up(A, amount) * scale.units[A]
        assert scale.up(A, amount) - scale.down(A, amount) <= 1


@given(
    st.lists(
        st.tuples(st.fractions(-(10**30), 10**30, max_denominator=10**6), st.integers(1, 2**20)), min_size=1, max_size=6
    ),
    st.data(),
)
def test_an_integer_row_never_allows_what_the_exact_one_forbids(
    terms: list[tuple[Fraction, int]], data: st.DataObject
) -> None:
    weights, bounds = [weight for weight, _ in terms], [bound for _, bound in terms]
    point = [data.draw(st.integers(0, bound)) for bound in bounds]

    whole, _ = whole_row(weights, bounds)

    assert sum(abs(weight) * bound for weight, bound in zip(whole, bounds, strict=True)) <= 2 * MOST_SUM
    if sum(weight * value for weight, value in zip(whole, point, strict=True)) >= 0:
        assert sum(weight * value for weight, value in zip(weights, point, strict=True)) >= 0


def test_the_search_ends_when_the_time_is_up_though_seconds_and_work_are_left() -> None:
    proposal = SOLVER.solve(demo_world(1).problem(), Budget(work=10**9, seconds=600, expired=lambda: True), seed=1)

    assert proposal.stopped_by == "time"
    assert proposal.work < HALF_OF_A_SECOND_OF_WORK
