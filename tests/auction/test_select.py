"""Selection equals the plain reading of section 6 of docs/rules.md, whatever feasibility looks like."""

from __future__ import annotations

from itertools import combinations, pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.auction.search import clique_cover, search
from engine.auction.select import METHOD, Candidate, Certificate, Judge, NoGood, Selection, decide, select
from tests.auction.plain_selection import exact_judge, plain_decision, plain_winners, subsets

ENOUGH = 1_000_000


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Candidate], frozenset[frozenset[str]]]:
    """Up to seven candidates over four groups with small scores, so that ties abound, and any infeasible sets."""
    count = draw(st.integers(1, 7))
    keys = draw(st.permutations([f"{i}" for i in range(count)]))
    groups = st.dictionaries(st.sampled_from("pqrs"), st.integers(0, 3), min_size=1, max_size=3)
    candidates = [Candidate(f"bid{i}", keys[i], draw(groups), frozenset({"world"})) for i in range(count)]
    sets = [frozenset(c.id for c in chosen) for chosen in subsets(candidates) if chosen]
    return candidates, frozenset(draw(st.lists(st.sampled_from(sets), max_size=len(sets))))


@settings(max_examples=100, derandomize=True, deadline=None)
@given(cases())
def test_equals_brute_force_where_any_set_may_be_infeasible(
    case: tuple[list[Candidate], frozenset[frozenset[str]]],
) -> None:
    candidates, refused = case

    found = select(candidates, exact_judge(lambda ids: ids not in refused, candidates), (), work=ENOUGH)

    assert found.ids == plain_winners(candidates, lambda ids: ids not in refused)
    assert found.certificate.optimal
    assert found.certificate.bound == found.certificate.score


@settings(max_examples=100, derandomize=True, deadline=None)
@given(cases(), st.data())
def test_equals_brute_force_with_no_goods_known_or_learned(
    case: tuple[list[Candidate], frozenset[frozenset[str]]], data: st.DataObject
) -> None:
    candidates, _ = case
    ids = st.sets(st.sampled_from([c.id for c in candidates]), min_size=1, max_size=3)
    absent = st.sets(st.sampled_from([c.id for c in candidates]), max_size=2)
    drawn = data.draw(st.lists(st.tuples(ids, absent), max_size=6))
    no_goods = [NoGood(frozenset(present), frozenset(gone - present)) for present, gone in drawn]
    told = no_goods[: data.draw(st.integers(0, len(no_goods)))]

    def judge(chosen: frozenset[str]) -> NoGood | None:
        return next((n for n in no_goods if n.present <= chosen and not n.absent & chosen), None)

    found = select(candidates, judge, told, work=ENOUGH)

    assert found.ids == plain_winners(candidates, lambda chosen: judge(chosen) is None)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(cases(), st.integers(0, 12))
def test_a_cut_off_search_is_feasible_and_encloses_the_best(
    case: tuple[list[Candidate], frozenset[frozenset[str]]], work: int
) -> None:
    candidates, refused = case
    scores = {c.id: c.score for c in candidates}
    best = sum(scores[i] for i in plain_winners(candidates, lambda ids: ids not in refused))

    found = select(candidates, exact_judge(lambda ids: ids not in refused, candidates), (), work=work)

    assert not found.ids or frozenset(found.ids) not in refused
    assert found.certificate.score == sum(scores[i] for i in found.ids) <= best <= found.certificate.bound
    assert not found.certificate.optimal or found.certificate.score == best


@settings(max_examples=100, derandomize=True, deadline=None)
@given(cases(), st.randoms(use_true_random=False))
def test_order_changes_nothing(case: tuple[list[Candidate], frozenset[frozenset[str]]], random: Random) -> None:
    candidates, refused = case
    judge = exact_judge(lambda ids: ids not in refused, candidates)
    shuffled = list(candidates)
    random.shuffle(shuffled)

    assert decide(shuffled, judge, (), work=20) == decide(candidates, judge, (), work=20)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(cases())
def test_filter_and_winners_follow_the_rules(case: tuple[list[Candidate], frozenset[frozenset[str]]]) -> None:
    candidates, refused = case

    def feasible(ids: frozenset[str]) -> bool:
        return ids not in refused

    decision = decide(candidates, exact_judge(feasible, candidates), (), work=ENOUGH)

    baseline_ids, baselines, filtered, winners = plain_decision(candidates, feasible)
    assert decision.baseline_set.ids == baseline_ids
    assert decision.baselines == baselines
    assert {bid: reason.group for bid, reason in decision.filtered.items()} == filtered
    assert decision.winners.ids == winners
    for bid, reason in decision.filtered.items():
        assert reason.score == next(c for c in candidates if c.id == bid).scores[reason.group] < reason.baseline


def test_independent_components_are_never_judged_together() -> None:
    judged: list[frozenset[str]] = []
    candidates = [Candidate(f"b{i}", f"{i:03}", {f"g{i}": 1}, frozenset({f"pool{i // 2}"})) for i in range(40)]

    def judge(ids: frozenset[str]) -> NoGood | None:
        judged.append(ids)
        return NoGood(ids) if len(ids) == 2 else None

    found = select(candidates, judge, (), work=ENOUGH)

    assert found.ids == tuple(sorted(f"b{i}" for i in range(0, 40, 2)))
    assert max(len(ids) for ids in judged) == 2
    assert found.certificate.work < 400


def components(seed: int) -> tuple[list[list[Candidate]], Judge]:
    """Four components, smallest first and then by tie key, each of one resource; of larger sets every other one is refused."""
    random = Random(seed)
    keys = random.sample(range(100, 1000), 20)
    parts = []
    for part, size in enumerate((1, 6, 6, 7)):
        groups = [f"{part}.{g}" for g in range(3 * size)]
        parts.append(
            [
                Candidate(
                    f"bid{part}{i}",
                    f"{keys.pop()}",
                    {g: random.randint(1, 9) for g in random.sample(groups, random.choice((1, 1, 2)))},
                    frozenset({f"pool{part}"}),
                )
                for i in range(size)
            ]
        )

    parts.sort(key=lambda part: (len(part), min(c.tie_key for c in part)))

    def judge(ids: frozenset[str]) -> NoGood | None:
        part = {c.id for part in parts for c in part if c.resources == {f"pool{min(ids)[3]}"}}
        return NoGood(ids, frozenset(part - ids)) if len(ids) > 2 and Random(repr(sorted(ids))).random() < 0.5 else None

    return parts, judge


def test_components_get_equal_shares_of_the_work_that_is_left() -> None:
    parts, judge = components(2)
    ends = set()
    for work in range(0, 150, 2):
        left, alone = work, list[Selection]()
        for done, part in enumerate(parts):
            alone.append(select(part, judge, (), work=left // (len(parts) - done)))
            left = max(0, left - alone[-1].certificate.work)
        told = [selection.certificate for selection in alone]

        found = select([c for part in parts[::-1] for c in part], judge, (), work=work)

        assert found.ids == tuple(sorted(i for selection in alone for i in selection.ids))
        assert found.certificate == Certificate(
            METHOD,
            sum(each.work for each in told),
            sum(each.score for each in told),
            sum(each.bound for each in told),
            all(each.optimal for each in told),
        )
        ends.add(tuple(each.optimal for each in told))
    assert len(ends) > 2


def test_baselines_get_half_of_the_work_and_winners_what_is_left() -> None:
    for seed in range(6):
        parts, judge = components(seed)
        candidates = parts[3]
        for work in range(0, 60, 3):
            decision = decide(candidates, judge, (), work=work)

            single = select([c for c in candidates if len(c.scores) == 1], judge, (), work=work // 2)
            rest = [c for c in candidates if c.id not in decision.filtered]
            assert decision.baseline_set == single
            left = max(0, work - single.certificate.work)
            assert decision.winners == select(rest, judge, (), work=left)


def test_a_pair_that_is_told_is_never_judged_and_work_is_counted_by_falling_weight() -> None:
    judged: list[frozenset[str]] = []
    pair = [Candidate(name, name, {name: 1}, frozenset({"pool"})) for name in "ab"]

    def note(ids: frozenset[str]) -> None:
        judged.append(ids)

    assert select(pair, note, [NoGood(frozenset("ab"))], work=ENOUGH).ids == ("a",)
    assert frozenset("ab") not in judged

    parts, judge = components(2)
    assert [select(part, judge, (), work=ENOUGH).certificate.work for part in parts] == [2, 16, 17, 26]


def test_refuses_what_it_cannot_order() -> None:
    for bad in (
        [Candidate("a", "1", {"g": -1})],
        [Candidate("a", "1", {})],
        [Candidate("a", "1", {"g": 1}), Candidate("a", "2", {"h": 1})],
        [Candidate("a", "1", {"g": 1}), Candidate("b", "1", {"h": 1})],
    ):
        with pytest.raises(
            ValueError, match=r"^expected (distinct ids and tie keys|candidates with groups and without.*scores)$"
        ):
            select(bad, exact_judge(bool, bad), (), work=ENOUGH)


def test_a_cover_by_cliques_bounds_every_independent_set() -> None:
    random = Random(7)
    for _ in range(60):
        n = random.randint(1, 9)
        weights = [random.randint(1, 20) for _ in range(n)]
        rows = [0] * n
        for u, v in combinations(range(n), 2):
            if random.random() < 0.5:
                rows[u] |= 1 << v
                rows[v] |= 1 << u
        independent = [mask for mask in range(1 << n) if all(not (mask >> v & 1 and rows[v] & mask) for v in range(n))]

        def heaviest(allowed: int, sets: list[int] = independent, weights: list[int] = weights) -> int:
            return max(sum(w for v, w in enumerate(weights) if s >> v & 1) for s in sets if s & ~allowed == 0)

        everything = (1 << n) - 1
        slack = random.randint(0, sum(weights))
        total, uncovered = clique_cover(weights, rows, everything, slack)

        assert clique_cover(weights, rows, everything, None)[0] >= heaviest(everything)
        assert heaviest(everything & ~sum(1 << v for v in uncovered)) <= total <= slack


def test_three_solvers_with_wholes_and_parts_stay_fast() -> None:
    """Sixty groups and pools that bear one bid in each direction: the shape of a real auction."""
    for pools in (25, 60):
        candidates, judge, no_goods = crowded_auction(groups=60, pools=pools, seed=3)

        decision = decide(candidates, judge, no_goods, work=20_000)

        assert len(candidates) > 60
        assert decision.winners.certificate.optimal


def crowded_auction(groups: int, pools: int, seed: int) -> tuple[list[Candidate], Judge, list[NoGood]]:
    """Three solvers, each with a whole and parts; two bids in one direction of a pool need one the other way."""
    random = Random(seed)
    pools_of = [random.sample(range(pools), random.randint(1, 3)) for _ in range(groups)]
    candidates, uses = [], dict[str, list[tuple[str, int]]]()
    for solver in range(3):
        order = random.sample(range(groups), groups * 5 // 6)
        cuts = [0, *sorted(random.sample(range(1, len(order)), len(order) // 2)), len(order)]
        parts = [order[a:b] for a, b in pairwise(cuts)]
        for index, part in enumerate([order, *parts]):
            bid = f"{solver}.{index}"
            touched = sorted({pool for group in part for pool in pools_of[group]})
            for pool in touched:
                uses.setdefault(f"pool{pool}", []).append((bid, -1 if pool % 8 == 0 and random.random() < 0.3 else 1))
            scores = {f"g{group:02}": random.randint(500, 1000) * (group + 1) ** 2 for group in part}
            candidates.append(Candidate(bid, f"{random.random():.9f}", scores, frozenset(f"pool{p}" for p in touched)))

    def judge(ids: frozenset[str]) -> NoGood | None:
        for users in uses.values():
            inside = [(bid, way) for bid, way in users if bid in ids]
            if abs(sum(way for _, way in inside)) > 1:
                present = frozenset(bid for bid, _ in inside)
                return NoGood(present, frozenset(bid for bid, _ in users) - present)
        return None

    no_goods = []
    for users in uses.values():
        for (a, way), (b, other) in combinations(users, 2):
            if way == other:
                no_goods.append(NoGood(frozenset({a, b}), frozenset(bid for bid, w in users if w == -way)))
    return candidates, judge, no_goods


def test_the_heaviest_set_needs_no_edges() -> None:
    found = search([5, 4, 3], [], dict[int, tuple[int, int]]().get, ENOUGH)

    assert (found.chosen, found.weight, found.optimal) == (0b111, 12, True)
