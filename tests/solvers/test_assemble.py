"""The assembler: a plan told in a few routes becomes solutions that verify to the last unit."""

from random import Random

import pytest

from engine.auction.problem import Problem
from engine.auction.solution import Solution
from engine.auction.verify import verify
from solvers.assemble import assemble, assemble_with_reasons
from solvers.plan import Hop, Plan, Route, Take
from tests.solvers.small_worlds import SOLVER, book, bridge, pool, problem, swap, token

A, B, C = token("A"), token("B"), token("C")


def group(paid: str, received: str) -> str:
    return f"{paid}>{received}"


def own(paid: str, received: str, amount: int, *hops: Hop) -> Route:
    return Route(group(paid, received), group(paid, received), amount, hops)


def assembled(question: Problem, plan: Plan) -> tuple[Solution, ...]:
    """Assemble, and check every solution with the verifier and the whole against the sum of its parts."""
    solutions = assemble(question, plan, SOLVER)
    for solution in solutions:
        assert verify(question, solution, solver=SOLVER).fault is None
    if len(solutions) > 1:
        whole, parts = solutions[0], solutions[1:]

        assert {f.intent: f for f in whole.fills} == {f.intent: f for part in parts for f in part.fills}
        assert sorted(map(repr, whole.legs)) == sorted(repr(leg) for part in parts for leg in part.legs)
        assert whole.prices == {g: p for part in parts for g, p in part.prices.items()}
    return solutions


def test_one_sell_through_one_pool_gets_exactly_what_the_pool_gives() -> None:
    question = problem([swap("sell", A, 1000, B, 900)], [pool("ab", (A, 10**6), (B, 10**6))])
    plan = Plan(takes=(Take("import:sell", 1000),), routes=(own(A, B, 1000, Hop("sim:one/pool:ab", A, B)),))

    (solution,) = assembled(question, plan)

    assert solution.fills[0].ins == {A: 1000}
    assert solution.fills[0].outs == {B: 996}
    assert solution.prices == {group(A, B): (996, 1000)}
    assert solution.lines == ()


def test_two_groups_that_share_nothing_become_single_group_parts() -> None:
    question = problem(
        [swap("one", A, 1000, B, 900), swap("two", A, 1000, C, 900)],
        [pool("ab", (A, 10**6), (B, 10**6)), pool("ac", (A, 10**6), (C, 10**6))],
    )
    plan = Plan(
        takes=(Take("import:one", 1000), Take("import:two", 1000)),
        routes=(
            own(A, C, 1000, Hop("sim:one/pool:ac", A, C)),
            own(A, B, 1000, Hop("sim:one/pool:ab", A, B)),
        ),
    )

    whole, *parts = assembled(question, plan)

    assert len(whole.fills) == 2
    assert [list(part.prices) for part in parts] == [[group(A, B)], [group(A, C)]]


def test_parts_that_meet_in_a_pool_state_what_holds_alone_and_together() -> None:
    """B>A runs after A>B in the replay and would get more than alone: the smaller output is stated."""
    question = problem(
        [swap("one", A, 50_000, B, 40_000), swap("two", B, 50_000, A, 40_000)], [pool("ab", (A, 10**6), (B, 10**6))]
    )
    plan = Plan(
        takes=(Take("import:one", 50_000), Take("import:two", 50_000)),
        routes=(
            own(A, B, 50_000, Hop("sim:one/pool:ab", A, B)),
            own(B, A, 50_000, Hop("sim:one/pool:ab", B, A)),
        ),
    )

    whole, *parts = assembled(question, plan)

    assert len(parts) == 2
    assert {fill.outs.get(A) or fill.outs.get(B) for fill in whole.fills} == {47_482}


def test_the_marginal_intent_is_cut_to_what_the_routes_carry() -> None:
    question = problem(
        [swap("easy", A, 600, B, 300), swap("hard", A, 1000, B, 900)], [pool("ab", (A, 10**6), (B, 10**6))]
    )
    plan = Plan(
        takes=(Take("import:easy", 100), Take("import:hard", 400)),
        routes=(own(A, B, 900, Hop("sim:one/pool:ab", A, B)),),
    )

    (solution,) = assembled(question, plan)

    assert {fill.intent: fill.units for fill in solution.fills} == {"import:easy": 600, "import:hard": 400}
    assert solution.legs[0].ins == {A: 1000}


def test_all_or_none_is_filled_whole_or_dropped() -> None:
    venues = [pool("ab", (A, 10**6), (B, 10**6))]
    route = own(A, B, 700, Hop("sim:one/pool:ab", A, B))
    good = problem([swap("all", A, 1000, B, 900, whole=True)], venues)
    bad = problem([swap("all", A, 1000, B, 999, whole=True)], venues)

    (solution,) = assembled(good, Plan((Take("import:all", 1000),), (route,)))
    refused = assemble_with_reasons(bad, Plan((Take("import:all", 1000),), (route,)), SOLVER)

    assert (solution.fills[0].units, solution.fills[0].ins) == (1000, {A: 1000})
    assert refused.solutions == ()
    assert refused.reasons == {"import:all": "limit_not_met"}


@pytest.mark.parametrize("guess", [2000, 1003, 500])
def test_a_buy_pays_what_its_routes_cost_and_hardly_more(guess: int) -> None:
    question = problem([swap("buy", A, 2000, B, 1000, buy=True, whole=True)], [pool("ab", (A, 10**6), (B, 10**6))])
    plan = Plan((Take("import:buy", 1000),), (own(A, B, guess, Hop("sim:one/pool:ab", A, B)),))

    (solution,) = assembled(question, plan)

    assert solution.fills[0].outs == {B: 1000}
    assert 1005 <= solution.fills[0].ins[A] <= 1007


def test_sellers_and_buyers_of_a_group_share_one_price() -> None:
    question = problem(
        [swap("sell", A, 30_000, B, 20_000), swap("buy", A, 30_000, B, 20_000, buy=True, whole=True)],
        [pool("ab", (A, 10**6), (B, 10**6))],
    )
    plan = Plan(
        (Take("import:sell", 30_000), Take("import:buy", 20_000)),
        (own(A, B, 50_000, Hop("sim:one/pool:ab", A, B)),),
    )

    (solution,) = assembled(question, plan)

    assert {fill.intent for fill in solution.fills} == {"import:sell", "import:buy"}


def test_opposing_orders_net_without_a_venue() -> None:
    question = problem([swap("one", A, 1000, B, 900), swap("two", B, 1000, A, 900)])
    plan = Plan(
        (Take("import:one", 1000), Take("import:two", 1000)),
        (Route(group(A, B), group(B, A), 1000), Route(group(B, A), group(A, B), 1000)),
    )

    (solution,) = assembled(question, plan)

    assert solution.legs == ()
    assert {tuple(fill.outs.items()) for fill in solution.fills} == {((A, 1000),), ((B, 1000),)}


def test_a_ring_shrinks_together_where_one_side_offers_less() -> None:
    question = problem([swap("ab", A, 1000, B, 900), swap("bc", B, 400, C, 360), swap("ca", C, 1000, A, 900)])
    ring = [group(A, B), group(B, C), group(C, A)]
    plan = Plan(
        (Take("import:ab", 400), Take("import:bc", 400), Take("import:ca", 400)),
        tuple(Route(ring[i], ring[i - 1], 1000) for i in range(3)),
    )

    (solution,) = assembled(question, plan)

    assert {fill.units for fill in solution.fills} == {400}


def test_a_book_keeps_nothing_and_takes_whole_lots() -> None:
    question = problem([swap("buyer", A, 1000, B, 30)], [book("ba", B, A, asks=[(30, 20), (31, 40)], lot=10)])
    hop = Hop("sim:one/book:ba", A, B, "ask:0")
    plan = Plan((Take("import:buyer", 1000),), (own(A, B, 650, hop),))

    (solution,) = assembled(question, plan)

    assert solution.legs[0].ins == {A: 600}
    assert solution.legs[0].outs == {B: 20}


def test_a_bridge_delivers_from_inventory_or_else_late_with_a_refund() -> None:
    far = token("A", "two")
    staged = [swap("far", A, 10_000, far, 9_000, refund=True)]
    plain = [swap("far", A, 10_000, far, 9_000)]
    plan = Plan((Take("import:far", 10_000),), (own(A, far, 10_000, Hop("sim:one/bridge:x", A, far)),))
    inventory = {(f"solver:{SOLVER}", far): 10**6}

    (lent,) = assembled(problem(plain, [bridge("x", "A")], balances=inventory), plan)
    (late,) = assembled(problem(staged, [bridge("x", "A")]), plan)
    neither = assemble(problem(plain, [bridge("x", "A")]), plan, SOLVER)

    assert lent.fills[0].stage == 0
    assert [(t.stage, t.give, t.take) for t in lent.transfers] == [(0, {far: 9990}, {}), (1, {}, {far: 9990})]
    assert (late.fills[0].stage, late.transfers) == (1, ())
    assert neither == ()


def test_an_owner_who_cannot_pay_for_both_ties_its_groups() -> None:
    owner = 7
    intents = [
        swap("one", A, 1000, B, 900, owner=owner),
        swap("two", A, 1000, C, 900, owner=owner),
        swap("other", A, 1000, C, 950),
    ]
    venues = [pool("ab", (A, 10**6), (B, 10**6)), pool("ac", (A, 10**6), (C, 10**6))]
    question = problem(intents, venues, balances={(f"0x{owner:040x}", A): 1000})
    plan = Plan(
        (Take("import:one", 1000), Take("import:other", 1000)),
        (own(A, B, 1000, Hop("sim:one/pool:ab", A, B)), own(A, C, 1000, Hop("sim:one/pool:ac", A, C))),
    )

    solutions = assembled(question, plan)

    assert [sorted(solution.prices) for solution in solutions] == [[group(A, B), group(A, C)]]


def test_gas_that_the_solver_cannot_pay_drops_the_part() -> None:
    question = problem(
        [swap("sell", A, 1000, B, 900)],
        [pool("ab", (A, 10**6), (B, 10**6), gas=100_000)],
        balances={(f"solver:{SOLVER}", token("GAS")): 99_999},
        gas_price=1,
    )
    plan = Plan((Take("import:sell", 1000),), (own(A, B, 1000, Hop("sim:one/pool:ab", A, B)),))

    outcome = assemble_with_reasons(question, plan, SOLVER)

    assert (outcome.solutions, outcome.reasons) == ((), {"import:sell": "no_gas"})


def random_case(seed: int) -> tuple[Problem, Plan]:
    """Pools near par, swaps with loose limits, and a plan whose fills and routes fit each other only roughly."""
    chance = Random(seed)
    pairs = [(A, B), (B, C), (C, A)]
    venues = [
        pool(f"p{i}", (x, chance.randint(10**4, 10**6)), (y, chance.randint(10**4, 10**6)))
        for i, (x, y) in enumerate(pairs)
    ]
    ba = book("ba", B, A, asks=[(1, 1000), (2, 4000)], bids=[], lot=chance.choice([1, 20]))
    intents, routes = [], []
    for i in range(chance.randint(1, 6)):
        paid, received = chance.sample([A, B, C], 2)
        pays, part = chance.randint(1, 5000), chance.choice([3, 10, 100])
        buy, whole, owner = chance.random() < 0.3, chance.random() < 0.4, chance.randint(1, 4)
        least = max(1, pays // part)
        intents.append(swap(f"i{i}", paid, pays, received, least, buy=buy, whole=whole, owner=owner))
    groups = sorted({intent.group for intent in intents})
    for source in groups:
        paid, received = source.split(">")
        for sink in [source, *(g for g in groups if chance.random() < 0.3)]:
            at, goal = paid, sink.split(">")[1]
            hops: list[Hop] = []
            while at != goal or (source == sink and not hops):
                venue, (x, y) = chance.choice([(v, p) for v, p in zip(venues, pairs, strict=True) if at in p])
                out = y if at == x else x
                on_book = (at, out) == (A, B) and chance.random() < 0.5
                hops.append(
                    Hop(ba.id, A, B, chance.choice(["ask:0", "ask:1", "ask:2"])) if on_book else Hop(venue.id, at, out)
                )
                at = out
            routes.append(Route(source, sink, chance.randint(1, 5000), tuple(hops)))
    takes = tuple(
        Take(i.id, i.outcome.units if chance.random() < 0.7 else chance.randint(1, i.outcome.units)) for i in intents
    )
    owners = sorted({(i.outcome.owner, asset) for i in intents for asset in i.outcome.pays})
    poor = {key: chance.randint(0, 8000) for key in owners if chance.random() < 0.2}
    return problem(intents, [*venues, ba], balances=poor), Plan(takes, tuple(routes))


def test_no_plan_however_rough_becomes_a_broken_solution() -> None:
    filled = 0
    for seed in range(200):
        question, plan = random_case(seed)
        solutions = assembled(question, plan)
        filled += bool(solutions)

        assert assemble(question, plan, SOLVER) == solutions
    assert filled > 100
