"""The LP solver: stories with the answer known, its optimum against another LP solver, and the real instance."""

import gzip
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from engine.auction.problem import Problem
from engine.auction.verify import verify
from engine.market.feeds.cow_instance import import_cow
from engine.market.feeds.synthetic import demo_world
from solvers.flow_model import Choices
from solvers.flow_values import build_model
from solvers.greedy import Greedy
from solvers.lp import SOLVER
from solvers.lp.backend import solve_linear
from solvers.network import build_network
from solvers.wishes import build_desk
from tests.data import data_path
from tests.solvers.model_worlds import (
    COIN,
    ENOUGH,
    at_market_time,
    option,
    option_book,
    payoff_intent,
    score_of,
    solved,
    structure_intent,
    units_of,
    world,
)
from tests.solvers.small_worlds import pool, swap, token

A, B, C = token("A"), token("B"), token("C")


def test_a_ring_of_three_intents_clears_without_any_venue() -> None:
    ring = [swap("ab", A, 1000, B, 900), swap("bc", B, 1000, C, 900), swap("ca", C, 1000, A, 900)]
    question = world(ring)

    proposal = solved(SOLVER, question)

    assert units_of(proposal) == {"ab": 1000, "bc": 1000, "ca": 1000}
    assert proposal.solutions[0].legs == ()
    assert score_of(question, proposal, SOLVER) == 300


def test_a_sell_is_split_over_two_pools() -> None:
    pools = [pool("one", (A, 10**6), (B, 10**6)), pool("two", (A, 10**6), (B, 10**6))]
    question = world([swap("sell", A, 100_000, B, 90_000)], pools)

    proposal = solved(SOLVER, question)

    (fill,) = proposal.solutions[0].fills
    assert {leg.venue for leg in proposal.solutions[0].legs} == {"sim:one/pool:one", "sim:one/pool:two"}
    # Half to each is the optimum: 2 * floor(50,000 * 997 * 10^6 / (10^9 + 50,000 * 997)) = 2 * 47,482.
    assert 94_960 <= fill.outs[B] <= 94_964


def test_an_intent_out_of_reach_is_left_out_by_reason() -> None:
    question = world(
        [swap("dear", A, 1000, B, 1000), swap("lost", A, 1000, C, 1)], [pool("ab", (A, 10**6), (B, 10**6))]
    )

    proposal = solved(SOLVER, question)

    assert proposal.solutions == ()
    assert proposal.unfilled == {"limit_out_of_reach": 1, "no_path": 1}


def test_easier_limits_are_filled_first_and_no_limit_is_broken() -> None:
    sells = [swap("easy", A, 50_000, B, 40_000), swap("hard", A, 50_000, B, 44_000)]
    question = world(sells, [pool("ab", (A, 10**6), (B, 10**6))])

    proposal = solved(SOLVER, question)

    filled = units_of(proposal)
    assert filled["easy"] == 50_000
    assert 0 < filled.get("hard", 0) < 50_000


CHAIN = [
    option_book(9000, "P", bids=[(40, 30)], asks=[(50, 20), (55, 50)]),
    option_book(9000, "C", bids=[(60, 30)], asks=[(66, 40)]),
    option_book(10000, "C", bids=[(30, 30)], asks=[(36, 40)]),
    option_book(8000, "P", bids=[(15, 50)], asks=[(21, 50)]),
]


def call_spread(count: int) -> list[tuple[int, int]]:
    return [(0, 0), (9000, 0), (10000, 1000 * count)]


def test_the_payoff_optimum_equals_another_lp_solvers() -> None:
    """The least cost of ten 9000/10000 call spreads, from the books alone, by HiGHS on a matrix written out by hand."""
    question = at_market_time(world([payoff_intent("spread", call_spread(10), 0, 1000)], CHAIN))
    network = build_network(question, "solver:lp")
    model = build_model(network, build_desk(question), Choices(shares={"import:spread": (1.0, 1.0)}))

    status, optimum = solve_linear(model.linear, 10)

    assert status == "optimal"
    assert optimum is not None
    ours = optimum.values[model.wishes["import:spread"].payment] / model.units(COIN)
    payoffs = {
        ("P", 9000): lambda s: max(9000 - s, 0),
        ("C", 9000): lambda s: max(s - 9000, 0),
        ("C", 10000): lambda s: max(s - 10000, 0),
        ("P", 8000): lambda s: max(8000 - s, 0),
    }
    levels = [
        (right, strike, sign, price, size)
        for (right, strike), book in zip(payoffs, CHAIN, strict=True)
        for sign, side in ((1, book.asks), (-1, book.bids))
        for price, size in ((level.price, level.size) for level in side)
    ]
    rows, least = [], []
    for s in (0, 8000, 9000, 10000):
        wanted = 10 * min(max(s - 9000, 0), 1000)
        rows.append([-sign * payoffs[right, strike](s) for right, strike, sign, _, _ in levels])
        least.append(-wanted)
    rows.append([-sign * (right == "C") for right, _, sign, _, _ in levels])
    least.append(0)
    oracle = linprog(
        [sign * price for _, _, sign, price, _ in levels],
        A_ub=rows,
        b_ub=least,
        bounds=[(0, size) for *_, size in levels],
    )
    assert oracle.success
    assert ours == pytest.approx(oracle.fun, rel=1e-6)


def test_a_put_spread_stands_in_for_what_the_calls_would_cost() -> None:
    """A floor of puts: the cheap level first, then the dear one; never more than the books ask."""
    question = at_market_time(world([payoff_intent("floor", [(0, 9000 * 30), (9000, 0)], 0, 2000)], CHAIN))

    proposal = solved(SOLVER, question)

    (fill,) = proposal.solutions[0].fills
    assert fill.outs == {option(9000, "P"): 30}
    assert fill.ins == {COIN: 20 * 50 + 10 * 55}


def test_two_payoffs_that_want_opposite_sides_trade_with_each_other() -> None:
    """One sells the call that the other buys: neither pays the wide spread of its book."""
    wide = [
        option_book(9000, "C", bids=[(10, 5)], asks=[(100, 5)]),
        option_book(10000, "C", bids=[(5, 5)], asks=[(50, 5)]),
    ]
    spread = payoff_intent("spread", call_spread(5), 0, 600)
    call = payoff_intent("call", [(0, 0), (10000, 0)], 5, 300)
    question = at_market_time(world([spread, call], wide))

    proposal = solved(SOLVER, question)

    fills = {fill.intent: fill for fill in proposal.solutions[0].fills}
    assert fills["import:call"].outs == {option(10000, "C"): 5}
    assert fills["import:spread"].ins[option(10000, "C")] == 5
    assert [leg.venue for leg in proposal.solutions[0].legs] == ["deribit:main/book:BTC-9000-C"]
    assert score_of(question, proposal, SOLVER) == 600 + 300 - 500


def test_a_structure_buys_one_leg_and_sells_the_other() -> None:
    legs = {option(9000, "C"): 10, option(10000, "C"): -10}
    question = at_market_time(world([structure_intent("spread", legs, 500)], CHAIN))

    proposal = solved(SOLVER, question)

    (fill,) = proposal.solutions[0].fills
    assert fill.outs == {option(9000, "C"): 10}
    assert fill.ins == {COIN: 10 * 66 - 10 * 30, option(10000, "C"): 10}


def test_swaps_buy_an_option_from_its_book_at_one_price() -> None:
    call = option(9000, "C")
    buyers = [swap("ten", COIN, 700, call, 10, buy=True), swap("five", COIN, 340, call, 5, buy=True)]
    question = at_market_time(world(buyers, CHAIN))

    proposal = solved(SOLVER, question)

    assert {fill.intent: fill.ins for fill in proposal.solutions[0].fills} == {
        "import:ten": {COIN: 660},
        "import:five": {COIN: 330},
    }


def test_groups_that_share_a_pool_stand_alone() -> None:
    """Money keeps the name of its group: what one pair gains is not given to another."""
    pools = [pool("ab", (A, 10**6), (B, 10**6)), pool("bc", (B, 10**6), (C, 10**6))]
    question = world([swap("near", A, 50_000, B, 40_000), swap("far", A, 50_000, C, 30_000)], pools)

    proposal = solved(SOLVER, question)

    assert units_of(proposal) == {"near": 50_000, "far": 50_000}
    assert [[fill.intent for fill in part.fills] for part in proposal.solutions[1:]] == [
        ["import:near"],
        ["import:far"],
    ]


def test_the_demo_world_scores_at_least_what_greedy_scores_there() -> None:
    question = demo_world(1).problem()

    proposal, greedy = solved(SOLVER, question), Greedy().solve(question, ENOUGH, 7)

    assert score_of(question, proposal, SOLVER) >= verify(question, greedy.solutions[0], solver="greedy").score


@st.composite
def small_markets(draw: st.DrawFn) -> Problem:
    names = [A, B, C]
    pairs = st.sampled_from([(x, y) for x in names for y in names if x != y])
    intents = []
    for number in range(draw(st.integers(1, 6))):
        (paid, received), pays = draw(pairs), draw(st.integers(1, 10_000))
        receives = max(1, pays * draw(st.integers(60, 115)) // 100)
        flags = {"whole": draw(st.booleans()), "buy": draw(st.booleans())}
        intents.append(swap(f"i{number}", paid, pays, received, receives, **flags))
    pools = [
        pool(f"p{number}", (x, draw(st.integers(10**3, 10**6))), (y, draw(st.integers(10**3, 10**6))))
        for number, (x, y) in enumerate(draw(st.lists(pairs, max_size=3)))
    ]
    return world(intents, pools)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(small_markets())
def test_whatever_the_market_every_solution_verifies(question: Problem) -> None:
    proposal = solved(SOLVER, question)

    filled = len(proposal.solutions[0].fills) if proposal.solutions else 0
    assert filled + sum(proposal.unfilled.values()) == len(question.intents)


@pytest.mark.long
def test_the_whole_real_instance_is_solved_and_counted() -> None:
    text = gzip.decompress(data_path("cow/mainnet_2023/instance_7400681.json.gz").read_bytes())
    question = import_cow(text, "7400681").problem

    proposal = solved(SOLVER, question, twice=False)

    # Greedy, which looks at one group after the other, scored 0.01325 ETH on the pools of the first two kinds.
    assert score_of(question, proposal, SOLVER) > 13_250_000 * 10**9
    assert len(proposal.solutions[0].fills) + sum(proposal.unfilled.values()) == 527


@pytest.mark.parametrize("order", ["pulp, ortools.sat.python.cp_model", "ortools.sat.python.cp_model, pulp"])
def test_both_optimisers_live_in_one_process(order: str) -> None:
    code = (
        f"import {order}; import solvers.lp.backend as b; from solvers.linear import Linear; "
        "m = Linear([0.0], [2.0], [1.0]); assert b.solve_linear(m, 5)[1].values == [2.0]"
    )

    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
