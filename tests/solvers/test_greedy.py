"""The greedy solver on small markets that each need one idea, on random ones, and on a real instance."""

import gzip
import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.auction.problem import Intent, Problem
from engine.auction.solution import Proposal
from engine.auction.verify import verify
from engine.market.feeds.cow_instance import import_cow
from engine.market.venues import AnyVenueState
from engine.market.venues.order_book import OrderBookState
from intents.instruments import Option, option_asset
from intents.kinds import Terms, payoff, structure
from intents.outcome import Knot, Outcome, PayoffFloor
from solvers.greedy import Greedy
from solvers.greedy.portfolio import naive_cost, naive_portfolio
from solvers.protocol import Budget
from tests.data import data_path
from tests.solvers.small_worlds import NOW, book, bridge, hash_of, pool, problem, swap, token

A, B, C, D = (token(name) for name in "ABCD")
UNLIMITED = Budget(work=10**9, seconds=3600, expired=lambda: False)
EXPIRY = NOW // 86400 * 86400 + 90 * 86400
COIN = "deribit:main/coin:BTC"


def solve(question: Problem, budget: Budget = UNLIMITED) -> Proposal:
    """Solve, and hold the proposal to its promises: everything verifies, the parts sum to the whole, all are counted."""
    proposal = Greedy().solve(question, budget, 0)
    for solution in proposal.solutions:
        verdict = verify(question, solution, solver="greedy", in_auction=True)
        assert verdict.fault is None
    filled = {fill.intent for solution in proposal.solutions for fill in solution.fills}
    assert len(filled) + sum(proposal.unfilled.values()) == len(question.intents)
    if len(proposal.solutions) > 1:
        whole, *parts = proposal.solutions
        assert {fill.intent: fill for fill in whole.fills} == {f.intent: f for part in parts for f in part.fills}
    return proposal


def fills(proposal: Proposal) -> dict[str, dict[str, int]]:
    """What each filled intent gets."""
    return {fill.intent: fill.outs for fill in proposal.solutions[0].fills} if proposal.solutions else {}


def test_two_pools_split_beats_the_better_one_alone() -> None:
    venues = [pool("x", (A, 10**6), (B, 10**6)), pool("y", (A, 10**6), (B, 10**6))]
    question = problem([swap("sell", A, 200_000, B, 100_000)], venues)

    split = fills(solve(question))["import:sell"][B]
    single = 200_000 * 997 * 10**6 // (10**9 + 200_000 * 997)

    assert split > single * 108 // 100


def test_a_path_over_three_pools_is_found() -> None:
    chain = [pool(x + y, (token(x), 10**7), (token(y), 10**7)) for x, y in ("AB", "BC", "CD")]
    question = problem([swap("sell", A, 1000, D, 980)], chain)

    assert fills(solve(question))["import:sell"][D] >= 980


def test_gas_keeps_a_small_order_on_one_pool_and_a_large_one_on_two() -> None:
    def legs(amount: int) -> int:
        venues = [pool("x", (A, 10**9), (B, 10**9), gas=10), pool("y", (A, 10**9), (B, 10**9), gas=10)]
        question = problem([swap("sell", A, amount, B, amount // 2)], venues, gas_price=1)
        return len(solve(question).solutions[0].legs)

    assert (legs(50_000), legs(50_000_000)) == (1, 2)


def test_opposing_orders_net_and_need_no_venue() -> None:
    question = problem([swap("one", A, 1000, B, 900), swap("two", B, 700, A, 600)])

    (solution,) = solve(question).solutions

    assert solution.legs == ()
    assert {fill.intent: fill.units for fill in solution.fills}["import:two"] == 700


def test_netting_leaves_nobody_worse_off_than_the_pool() -> None:
    venues = [pool("ab", (A, 10**6), (B, 2 * 10**6))]
    both = fills(solve(problem([swap("one", A, 1000, B, 900), swap("two", B, 2000, A, 500)], venues)))
    alone = [
        fills(solve(problem([swap("one", A, 1000, B, 900)], venues)))["import:one"][B],
        fills(solve(problem([swap("two", B, 2000, A, 500)], venues)))["import:two"][A],
    ]

    assert both["import:one"][B] >= alone[0]
    assert both["import:two"][A] >= alone[1]
    assert both["import:one"][B] + 2 * both["import:two"][A] > alone[0] + 2 * alone[1]


def test_a_ring_of_three_needs_no_venue() -> None:
    question = problem([swap("ab", A, 1000, B, 900), swap("bc", B, 1000, C, 900), swap("ca", C, 1000, A, 900)])

    (solution,) = solve(question).solutions

    assert solution.legs == ()
    assert len(solution.fills) == 3


def test_what_could_stand_alone_is_a_single_group_part() -> None:
    venues = [pool("ab", (A, 10**6), (B, 10**6)), pool("ac", (A, 10**6), (C, 10**6))]
    intents = [swap("one", A, 1000, B, 900), swap("two", A, 1000, C, 900), swap("net", C, 500, A, 400)]

    _, *parts = solve(problem(intents, venues)).solutions

    assert sorted(len(part.prices) for part in parts) == [1, 2]


def test_reasons_are_counted() -> None:
    question = problem(
        [swap("dear", A, 1000, B, 1100), swap("lost", A, 1000, D, 1), swap("poor", B, 1000, A, 900, owner=9)],
        [pool("ab", (A, 10**6), (B, 10**6))],
        balances={(f"0x{9:040x}", B): 0},
    )

    assert solve(question).unfilled == {"insufficient_balance": 1, "limit_beyond_market": 1, "no_path": 1}


def test_all_or_none_and_buys() -> None:
    venues = [pool("ab", (A, 10**6), (B, 10**6))]
    intents = [
        swap("whole", A, 50_000, B, 45_000, whole=True),
        swap("toobig", A, 900_000, B, 600_000, whole=True),
        swap("buy", A, 30_000, B, 20_000, buy=True, whole=True),
    ]

    got = fills(solve(problem(intents, venues)))

    assert got.keys() == {"import:whole", "import:buy"}
    assert got["import:buy"] == {B: 20_000}


def test_a_partial_order_stops_near_its_limit() -> None:
    question = problem([swap("sell", A, 10**6, B, 900_000)], [pool("ab", (A, 10**6), (B, 10**6))])

    (fill,) = solve(question).solutions[0].fills

    # The pool's marginal rate falls to 0.9 after about 52,000.
    assert 40_000 < fill.units < 60_000


def test_a_swap_crosses_a_bridge_out_of_inventory() -> None:
    far = token("B", "two")
    venues: list[AnyVenueState] = [pool("ab", (A, 10**6), (B, 10**6)), bridge("b", "B")]
    question = problem([swap("far", A, 1000, far, 900)], venues, balances={("solver:greedy", far): 10**6})

    (solution,) = solve(question).solutions

    assert solution.fills[0].stage == 0
    assert len(solution.transfers) == 2


def test_a_budget_of_work_stops_it_with_a_valid_proposal() -> None:
    venues = [pool("ab", (A, 10**6), (B, 10**6)), pool("ac", (A, 10**6), (C, 10**6))]
    question = problem([swap("one", A, 1000, B, 900), swap("two", A, 1000, C, 900)], venues)

    proposal = solve(question, Budget(work=30, seconds=60, expired=lambda: False))

    assert proposal.stopped_by == "work"


def option(strike: int, right: str, *, clearway: bool = False) -> str:
    """A linear or Clearway-issued inverse option on BTC."""
    return option_asset(
        Option("deribit:main", clearway, "BTC", "deribit.btc", EXPIRY, str(strike), right, "inverse", COIN)  # type: ignore[arg-type]  # "C" or "P"
    )


def listed(strike: int, right: str, bid: int, ask: int, size: int = 100) -> OrderBookState:
    """A book of one bid and one ask, in base units of coin per base unit of option."""
    asset = option(strike, right)
    name = f"{strike}-{right}"
    return book(name, asset, COIN, bids=[(bid, size)], asks=[(ask, size)], place="deribit:main")


def wish(
    name: str, corners: list[tuple[int, int]], slope: int, budget: int, *, units: int = 1, escrow: int = 0
) -> Intent:
    """A payoff intent for S times payment through the corners."""
    floor = PayoffFloor(
        underlying="BTC",
        index="deribit.btc",
        fixing_seconds=EXPIRY,
        settlement=COIN,
        style="inverse",
        knots=tuple(Knot(at=str(at), value=value) for at, value in corners),
        slope=slope,
    )
    return of(
        name,
        payoff(terms(name), floor=floor, budget=budget, premium=COIN, floor_units=units, max_escrow={COIN: escrow}),
    )


def terms(name: str) -> Terms:
    owner = f"0x{hash_of(name):040x}"
    return Terms(owner=owner, nonce=0, valid_from=0, valid_until=NOW + 3600)


def of(name: str, outcome: Outcome) -> Intent:
    return Intent(id=f"import:{name}", outcome=outcome)


CHAIN = [
    *(listed(k, "C", bid, ask) for k, bid, ask in ((8000, 28, 30), (9000, 20, 22), (10_000, 13, 14))),
    *(listed(k, "P", bid, ask) for k, bid, ask in ((8000, 5, 6), (9000, 11, 12), (10_000, 17, 18))),
]
"""Calls of which a butterfly costs 4 (30 - 2 * 20 + 14), puts of which the same butterfly costs 2 (6 - 2 * 11 + 18)."""


def test_the_naive_butterfly_is_not_the_cheapest_and_greedy_finds_the_cheaper() -> None:
    fly = wish("fly", [(0, 0), (8000, 0), (9000, 10_000), (10_000, 0)], 0, budget=100)
    question = problem([fly], CHAIN)

    (fill,) = solve(question).solutions[0].fills

    assert naive_portfolio(question, fly) == {option(8000, "C"): 10, option(9000, "C"): -20, option(10_000, "C"): 10}
    assert naive_cost(question, fly) == 40
    assert fill.ins == {COIN: 20, option(9000, "P"): 20}
    assert fill.outs == {option(8000, "P"): 10, option(10_000, "P"): 10}


def test_a_put_spread_on_a_tiny_book_costs_no_more_than_its_legs() -> None:
    spread = wish("spread", [(0, 10_000), (8000, 10_000), (9000, 0)], 0, budget=100)

    question = problem([spread], CHAIN)
    (fill,) = solve(question).solutions[0].fills

    # Half of a wider spread pays as much where it matters and costs 5 less than ten of the obvious one.
    assert naive_portfolio(question, spread) == {option(9000, "P"): 10, option(8000, "P"): -10}
    assert naive_cost(question, spread) == 70
    assert fill.ins == {COIN: 65, option(8000, "P"): 5}
    assert fill.outs == {option(10_000, "P"): 5}


def test_corners_between_strikes_are_dominated_by_listed_ones() -> None:
    floor = wish("floor", [(0, 85_000), (8500, 0)], 0, budget=1000)

    question = problem([floor], CHAIN)
    (fill,) = solve(question).solutions[0].fills

    assert naive_portfolio(question, floor) == {option(9000, "P"): 10}
    assert fill.ins == {COIN: 90}
    assert fill.outs == {option(8000, "P"): 5, option(9000, "P"): 5}


def test_units_stop_where_depth_or_budget_end() -> None:
    deep = wish("deep", [(0, 9000 * 400), (9000, 0)], 0, budget=400 * 20, units=400)
    poor = wish("poor", [(0, 9000 * 30), (9000, 0)], 0, budget=30 * 11, units=30)

    (served,) = solve(problem([deep], CHAIN)).solutions[0].fills

    # 100 puts at each strike pay 9000 * 300 at a price of 0, and more than 300 puts at 9000 above.
    assert served.units == 300
    assert solve(problem([poor], CHAIN)).unfilled == {"limit_beyond_market": 1}


def test_a_short_needs_the_escrow_that_is_signed() -> None:
    corners = [(0, 0), (10_000, 0)]
    short = {name: wish(name, corners, -10, budget=-125, escrow=escrow) for name, escrow in (("ok", 10), ("no", 9))}

    (fill,) = solve(problem([short["ok"]], CHAIN)).solutions[0].fills

    # With an escrow of 9 only nine calls can be sold, which bring less than is asked.
    assert (fill.ins, fill.outs) == ({option(10_000, "C"): 10}, {COIN: 130})
    assert solve(problem([short["no"]], CHAIN)).unfilled == {"limit_beyond_market": 1}


def legs_wanted(name: str, legs: dict[str, int], quantity: int, net_price: int) -> Intent:
    decimals = dict.fromkeys([*legs, COIN], 0)
    return of(
        name,
        structure(terms(name), legs=legs, quantity=quantity, premium=COIN, net_price=net_price, decimals=decimals),
    )


def test_a_structure_is_filled_at_its_ratios_as_far_as_the_book_goes() -> None:
    ratio = legs_wanted("ratio", {option(8000, "C"): 2, option(9000, "C"): -1}, 80, 45)

    (fill,) = solve(problem([ratio], CHAIN)).solutions[0].fills

    assert fill.units == 50
    assert fill.outs == {option(8000, "C"): 100}
    assert fill.ins == {COIN: 2000, option(9000, "C"): 50}


def test_a_buyer_and_a_seller_of_an_option_trade_inside_the_spread() -> None:
    buyer = legs_wanted("buyer", {option(9000, "C"): 1}, 10, 25)
    seller = legs_wanted("seller", {option(9000, "C"): -1}, 10, -15)

    (solution,) = solve(problem([buyer, seller], CHAIN)).solutions

    assert solution.legs == ()
    assert {fill.ins.get(COIN, fill.outs.get(COIN)) for fill in solution.fills} == {210}


def test_clearway_options_net_between_people_without_a_book() -> None:
    asset = option(9000, "C", clearway=True)
    buyer = legs_wanted("buyer", {asset: 1}, 10, 25)
    seller = legs_wanted("seller", {asset: -1}, 6, -15)

    (solution,) = solve(problem([buyer, seller], CHAIN)).solutions

    assert solution.legs == ()
    assert {fill.intent: fill.units for fill in solution.fills} == {"import:buyer": 6, "import:seller": 6}


def random_problem(seed: int) -> Problem:
    """Pools, a book and a bridge, and swaps of every sort and size, some of owners who cannot pay it all."""
    chance, tokens = Random(seed), [A, B, C, D]
    scale = chance.choice([10**2, 10**6, 10**15])
    venues: list[AnyVenueState] = []
    for index in range(chance.randint(0, 6)):
        one, other = chance.sample(tokens, 2)
        sizes = [chance.randint(5 * scale, 200 * scale) for _ in range(2)]
        venues.append(pool(f"p{index}", (one, sizes[0]), (other, sizes[1]), gas=chance.randint(0, 3)))
    if chance.random() < 0.5:
        levels = {"bids": [(3, 40 * scale), (2, 200 * scale)], "asks": [(4, 60 * scale), (5, 100 * scale)]}
        venues.append(book("ab", A, B, bids=levels["bids"], asks=levels["asks"], lot=chance.choice([1, 10])))
    if chance.random() < 0.5:
        venues.append(bridge("d", "D", capacity=chance.randint(1, 30 * scale)))
    intents = []
    for index in range(chance.randint(1, 9)):
        paid, wanted = chance.sample([*tokens, token("D", "two")], 2)
        pays = chance.randint(1, 30 * scale)
        sort = {key: chance.random() < 0.4 for key in ("buy", "whole", "refund")}
        least = max(1, pays // chance.choice([1, 2, 10, 100]))
        intents.append(swap(f"i{index}", paid, pays, wanted, least, owner=chance.randint(1, 5), **sort))
    owners = sorted({(intent.outcome.owner, asset) for intent in intents for asset in intent.outcome.pays})
    poor = {key: chance.randint(0, 40 * scale) for key in owners if chance.random() < 0.3}
    inventory = {("solver:greedy", token("D", "two")): chance.randint(0, 30 * scale)}
    return problem(intents, venues, balances=poor | inventory, gas_price=1)


@settings(max_examples=80, derandomize=True, deadline=None)
@given(st.integers(0, 10**6))
def test_whatever_the_problem_every_solution_verifies_and_parts_sum_to_the_whole(seed: int) -> None:
    question = random_problem(seed)
    first = solve(question)

    assert first.stopped_by == "finished"
    assert solve(question) == first


@pytest.mark.long
def test_every_third_order_of_the_real_instance_is_cleared_exactly() -> None:
    """On all its venues. The whole is what `clearway bench cow` clears, and the LP solver's tests."""
    path = data_path("cow/mainnet_2023/instance_7400681.json.gz")
    instance = json.loads(gzip.decompress(path.read_bytes()))
    instance["orders"] = dict(list(instance["orders"].items())[::3])
    question = import_cow(json.dumps(instance).encode(), "instance_7400681").problem

    proposal = Greedy().solve(question, UNLIMITED, 0)
    verdict = verify(question, proposal.solutions[0], solver="greedy", in_auction=True)

    assert verdict.fault is None
    assert verdict.score > 0
    assert len(proposal.solutions[0].fills) + sum(proposal.unfilled.values()) == len(question.intents)
    assert all(
        verify(question, part, solver="greedy", in_auction=True).fault is None for part in proposal.solutions[1:]
    )
