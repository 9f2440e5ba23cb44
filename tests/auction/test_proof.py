"""Advice is checked by integers: true advice proves, false advice proves less, and no advice proves what is not so."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.advisers.tree import advise
from engine.auction.advice import Advice, Clause, Step
from engine.auction.auction import clear
from engine.auction.select import ADVISED, Candidate, Component, NoGood, Purpose, Stock, select
from engine.audit.record import record_bytes
from engine.audit.replay import replay_record
from intents.errors import InputError
from tests.auction.plain_selection import exact_judge, plain_winners, subsets
from tests.auction.test_select import cases, crowded_auction
from tests.audit.records import WORK, question, submissions

ENOUGH = 1_000_000
Case = tuple[list[Candidate], frozenset[frozenset[str]]]


@st.composite
def trees(draw: st.DrawFn, ids: list[str], rows: int, depth: int = 3) -> list[Step]:
    """Any tree with any prices; bids may stand on a path twice."""
    if depth == 0 or draw(st.booleans()):
        prices = draw(st.lists(st.integers(0, 2**9), min_size=rows, max_size=rows))
        return [Step(prices=tuple(prices), work=draw(st.sampled_from([0, 0, 5, ENOUGH])))]
    below = trees(ids, rows, depth - 1)
    return [Step(bid=draw(st.sampled_from(ids))), *draw(below), *draw(below)]


@settings(max_examples=100, derandomize=True, deadline=None)
@given(cases(), st.data())
def test_whatever_is_advised_the_bound_holds_and_what_is_called_optimal_is(case: Case, data: st.DataObject) -> None:
    candidates, refused = case
    scores = {c.id: c.score for c in candidates}
    plain = plain_winners(candidates, lambda ids: ids not in refused)
    sets = [tuple(sorted(c.id for c in chosen)) for chosen in subsets(candidates)]
    judged = data.draw(st.lists(st.sampled_from(sets), max_size=3))
    best = data.draw(st.sampled_from([*sets, plain]))

    def adviser(component: Component) -> Advice:
        ids, everything = sorted(scores), frozenset(scores)
        clauses = [Clause(present=s, absent=tuple(everything - set(s))) for s in judged if frozenset(s) in refused]
        steps = data.draw(trees(ids, len(component.groups) + len(clauses)))
        scale = data.draw(st.integers(-len(ids), 1))
        return Advice(
            first=component.first,
            best=best,
            judged=tuple(judged),
            clauses=tuple(clauses),
            scale=scale,
            tree=tuple(steps),
        )

    judge = exact_judge(lambda ids: ids not in refused, candidates)
    found = select(candidates, judge, (), work=ENOUGH, adviser=adviser)

    assert frozenset(found.ids) not in refused
    assert found.certificate.score == sum(scores[i] for i in found.ids)
    assert found.certificate.bound >= sum(scores[i] for i in plain)
    assert not found.certificate.optimal or found.ids == plain


@settings(max_examples=25, derandomize=True, deadline=None)
@given(cases())
def test_advice_proves_the_winners_of_small_auctions_ties_included(case: Case) -> None:
    candidates, refused = case
    judge = exact_judge(lambda ids: ids not in refused, candidates)

    found = select(candidates, judge, (), work=ENOUGH, adviser=advise)

    assert found.certificate.optimal
    assert found.ids == plain_winners(candidates, lambda ids: ids not in refused)


def test_advice_proves_crowded_pools_as_the_plain_search_does() -> None:
    candidates, judge, no_goods = crowded_auction(groups=40, pools=30, seed=3)

    advised = select(candidates, judge, no_goods, work=ENOUGH, adviser=advise)

    assert advised.certificate.method == ADVISED
    assert advised.certificate.optimal
    assert advised.ids == select(candidates, judge, no_goods, work=ENOUGH).ids


def exhaustible(seed: int) -> tuple[list[Candidate], list[Stock]]:
    """Eight bids over five groups that draw on two stocks, each too small for all."""
    random = Random(seed)
    bids = [
        Candidate(
            f"bid{i}",
            f"{random.random():.9f}",
            {g: random.randint(0, 5) for g in random.sample("pqrst", random.choice((1, 1, 2)))},
            frozenset({"stock0", "stock1"}),
        )
        for i in range(8)
    ]
    takes = [{bid.id: random.randint(1, 4) for bid in bids if random.random() < 0.7} for _ in range(2)]
    return bids, [Stock(f"stock{k}", 6, taken) for k, taken in enumerate(takes)]


@pytest.mark.parametrize("seed", range(20))
def test_stocks_are_rows_that_a_proof_may_price(seed: int) -> None:
    candidates, stocks = exhaustible(seed)
    random = Random(seed)

    def feasible(ids: frozenset[str]) -> bool:
        return all(sum(stock.takes.get(i, 0) for i in ids) <= stock.capacity for stock in stocks)

    def careless(component: Component) -> Advice:
        count = len(component.groups) + len(component.stocks)
        cases = (Step(prices=tuple(random.randint(0, 9) for _ in range(count)), work=0) for _ in range(2))
        return Advice(first=component.first, best=(), scale=0, tree=(Step(bid=component.first), *cases))

    judge, plain = exact_judge(feasible, candidates), plain_winners(candidates, feasible)
    proven = select(candidates, judge, (), work=ENOUGH, adviser=advise, stocks=stocks)
    guessed = select(candidates, judge, (), work=ENOUGH, adviser=careless, stocks=stocks)

    assert (proven.ids, proven.certificate.optimal) == (plain, True)
    assert guessed.certificate.bound >= proven.certificate.score
    assert not guessed.certificate.optimal or guessed.ids == plain


def large(seed: int) -> list[Candidate]:
    """A hundred bids over fifty groups, scores of sixty bits: one component, and too much for the plain search."""
    random = Random(seed)
    bids = []
    for i in range(100):
        groups = random.sample(range(50), random.randint(1, 6))
        scores = {f"g{g:02}": random.randrange(9 * 10**17, 11 * 10**17) for g in groups}
        bids.append(Candidate(f"bid{i:02}", f"{random.random():.9f}", scores))
    return bids


def test_a_proof_is_checked_by_multiplication_and_without_one_nothing_is_claimed() -> None:
    candidates, advice = large(1), list[Advice]()

    def once(component: Component) -> Advice:
        advice.append(advise(component))
        return advice[-1]

    found = select(candidates, lambda _: None, (), work=ENOUGH, adviser=once)
    again = select(candidates[::-1], lambda _: None, (), work=ENOUGH, adviser=lambda _: advice[0])

    assert again == found == select(candidates[::-1], lambda _: None, (), work=ENOUGH, adviser=advise)
    assert found.certificate.optimal
    # The set judged, then a leaf at a time: no search.
    leaves = [step for step in advice[0].tree if step.bid is None]
    assert found.certificate.work <= 2 * len(leaves) + 2

    free = advice[0].model_copy(update={"tree": (Step(prices=(0,) * len(leaves[0].prices)),)})
    unproved = select(candidates, lambda _: None, (), work=ENOUGH, adviser=lambda _: free)
    assert unproved.ids == found.ids
    assert not unproved.certificate.optimal
    assert unproved.certificate.bound >= sum(c.score for c in candidates)


PAIR = [Candidate("a", "1", {"p": 5, "q": 5}), Candidate("b", "2", {"p": 4}), Candidate("c", "3", {"q": 4})]
GOOD = Advice(first="a", best=("a",), scale=0, tree=(Step(prices=(5, 5)),))


@pytest.mark.parametrize(
    "change",
    [
        {"first": "b"},
        {"best": ("a", "b")},
        {"best": ("z",)},
        {"judged": (("a", "c"),)},
        {"cliques": (("b", "c"),)},
        {"clauses": (Clause(present=("b", "c")),)},
        {"scale": -4},
        {"tree": (Step(prices=(5,)),)},
        {"tree": (Step(bid="z"), Step(prices=(5, 5)), Step(prices=(5, 5)))},
    ],
)
def test_advice_that_is_not_about_the_component_is_refused(change: dict[str, object]) -> None:
    assert select(PAIR, lambda _: None, (), work=9, adviser=lambda _: GOOD).certificate.optimal
    with pytest.raises(InputError, match="bad_advice"):
        select(PAIR, lambda _: None, (), work=9, adviser=lambda _: GOOD.model_copy(update=change))


@pytest.mark.parametrize("steps", [(), (Step(bid="a"), Step()), (Step(), Step())])
def test_a_tree_has_a_leaf_for_each_case(steps: tuple[Step, ...]) -> None:
    with pytest.raises(ValueError, match="bad_advice"):
        Advice(first="a", best=(), scale=0, tree=steps)


def test_clauses_that_are_known_are_rows() -> None:
    three = [Candidate(name, name, {name: 6}, frozenset({"pool"})) for name in "abc"]
    clause = Clause(present=("a", "b", "c"))
    advice = Advice(first="a", best=("a", "b"), clauses=(clause,), scale=0, tree=(Step(prices=(6,)),))

    found = select(three, lambda _: None, [NoGood(frozenset("abc"))], work=9, adviser=lambda _: advice)

    # 2 * 6 for the clause, nothing beside it but the ties of the three.
    assert (found.ids, found.certificate.bound) == (("a", "b"), 12)


def test_a_record_with_advice_replays_without_who_gave_it() -> None:
    asked = question()

    def advisers(_: Purpose, component: Component) -> Advice:
        return advise(component)

    record = clear(asked, submissions(asked), work=WORK, advisers=advisers)
    plain = clear(asked, submissions(asked), work=WORK)

    assert record.winner_selection.advice
    assert (record.winners, record.total_score) == (plain.winners, plain.total_score)
    assert replay_record(record_bytes(record)).identical

    (advice, *rest) = record.winner_selection.advice
    free = Step(prices=(0,) * len(advice.tree[0].prices))
    for change, place in (
        ({"tree": (free,)}, "/winner_selection/bound"),
        ({"first": "sha256:" + "0" * 64}, "/winner_selection/advice"),
    ):
        told = (advice.model_copy(update=change), *rest)
        forged = record.winner_selection.model_copy(update={"advice": told})
        report = replay_record(record_bytes(record.model_copy(update={"winner_selection": forged}).sealed()))
        assert (report.step, report.difference) == ("recomputed", place)
