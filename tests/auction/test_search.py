"""The search counts the same work for ever: records name its method and are replayed byte by byte.

`SEARCHED` was written by the first version of the method. Whoever changes a line of it must give the method another name.
"""

from __future__ import annotations

import hashlib
from itertools import combinations
from random import Random

import pytest

from engine.auction.search import Found, MaskJudge, MaskNoGood, clique_cover, search
from engine.auction.select import METHOD

WORK = (0, 1, 8, 20, 40, 10**9)
"""Limits: none, one node, in the middle, enough."""

SEARCHED = {
    "dense": "607cc8904843bffd",
    "loose": "f7be3a8a5a33fcfd",
    "helped": "02c8f10b8f09332a",
    "mixed": "add83ba458f17d78",
    "small": "1967851ffffe8755",
    "opaque": "d5f2ff2dbaa2ac94",
}
"""By sort of case the hash of everything that its searches found and judged."""


def case(sort: str, seed: int) -> tuple[list[int], list[MaskNoGood], list[MaskNoGood]]:
    """Weights (all sets of another one but in small cases), by falling size but in mixed cases, and no-goods: those told, and all."""
    random = Random(f"{sort} {seed}")
    n = random.randint(1, 13)
    weights = sorted((random.randint(1, 40) << n | 1 << v for v in range(n)), reverse=True)
    if sort == "small":
        weights = [weight >> n + 3 or 1 for weight in weights]
    if sort == "mixed":
        random.shuffle(weights)
    edges = [
        (1 << u | 1 << v, 0) for u, v in combinations(range(n), 2) if random.random() < (0.7, 0.2)[sort != "dense"]
    ]
    clauses = []
    for _ in range(0 if sort == "dense" else random.randint(0, 2 * n)):
        present = sum(1 << v for v in random.sample(range(n), min(n, random.randint(1, 4))))
        absent = 0
        if sort in ("helped", "mixed"):
            absent = sum(1 << v for v in random.sample(range(n), min(n, random.randint(0, 2)))) & ~present
        clauses.append((present, absent))
    everything = edges + clauses
    random.shuffle(everything)
    told = [no_good for no_good in everything if sort != "opaque" and random.random() < 0.5]
    return weights, told, everything


def judge_of(sort: str, no_goods: list[MaskNoGood], n: int, judged: list[int]) -> MaskJudge:
    """Explains a refusal by the first no-good that holds; in opaque cases by the set itself."""

    def judge(mask: int) -> MaskNoGood | None:
        judged.append(mask)
        for present, absent in no_goods:
            if present & mask == present and not absent & mask:
                return (mask, (1 << n) - 1 & ~mask) if sort == "opaque" else (present, absent)
        return None

    return judge


def searched(sort: str, seed: int, work: int) -> tuple[Found, list[int]]:
    """What the search finds, and every set that it judges."""
    weights, told, everything = case(sort, seed)
    judged: list[int] = []
    return search(weights, told, judge_of(sort, everything, len(weights), judged), work), judged


def heaviest(sort: str, seed: int) -> int:
    """The most that a feasible set weighs, by brute force."""
    weights, _, everything = case(sort, seed)
    judge = judge_of(sort, everything, len(weights), [])
    sets = (mask for mask in range(1 << len(weights)) if not mask or judge(mask) is None)
    return max(sum(w for v, w in enumerate(weights) if mask >> v & 1) for mask in sets)


@pytest.mark.parametrize("sort", SEARCHED)
def test_searches_find_judge_and_count_what_the_method_always_did(sort: str) -> None:
    assert METHOD == "branch_and_bound/1"
    runs = [searched(sort, seed, work) for seed in range(60) for work in WORK]
    assert hashlib.sha256(repr(runs).encode()).hexdigest()[:16] == SEARCHED[sort]
    assert sum(found.optimal for found, _ in runs) not in (0, len(runs))


@pytest.mark.parametrize("sort", SEARCHED)
def test_whole_searches_find_the_heaviest_and_cut_ones_enclose_it(sort: str) -> None:
    for seed in range(25):
        best = heaviest(sort, seed)
        for work in WORK:
            found, judged = searched(sort, seed, work)
            assert len(judged) == len(set(judged)) <= found.work
            assert found.weight <= best <= found.bound
            assert found.weight == best or not found.optimal
            assert found.optimal or work < max(WORK)


def test_neither_the_order_of_no_goods_nor_repetition_matters() -> None:
    random = Random(5)
    for seed in range(40):
        weights, told, everything = case("helped", seed)
        judge = judge_of("helped", everything, len(weights), [])
        shuffled = random.sample(told, len(told)) + told[:3]
        for work in WORK:
            assert search(weights, shuffled, judge, work) == search(weights, told, judge, work)


def test_a_cover_splits_weights_and_says_what_is_left() -> None:
    # 0 - 1, 0 - 2, 1 - 2 and 2 - 3.
    weights, rows = [7, 5, 4, 3], [0b0110, 0b0101, 0b1011, 0b0100]

    assert clique_cover(weights, rows, 0b1111, None) == (10, [])
    assert clique_cover(weights, rows, 0b1111, 10) == (10, [])
    assert clique_cover(weights, rows, 0b1111, 9) == (7, [3])
    assert clique_cover(weights, rows, 0b1111, 6) == (5, [0, 3])
    assert clique_cover(weights, rows, 0b1010, 0) == (0, [1, 3])
    assert clique_cover(weights, rows, 0, 0) == (0, [])


def test_what_stays_uncovered_extends_no_clique() -> None:
    # 0 - 1, 0 - 2, 2 - 3; and 1 - 2, 1 - 3, 3 - 4 beside 0.
    assert clique_cover([9, 8, 3, 3], [0b0110, 0b0001, 0b1001, 0b0100], 0b1111, 7) == (3, [0, 1])
    assert clique_cover([9, 8, 8, 3, 3], [0, 0b01100, 0b00010, 0b10010, 0b01000], 0b11111, 7) == (3, [0, 1, 2])


def test_the_edges_of_a_subtree_add_up() -> None:
    """Three that never go together make two an edge once one is chosen; whoever forgets one of two such edges works more."""
    triples = [(44, 0), (50, 0), (7, 0), (22, 0), (21, 0), (14, 0), (56, 0)]

    found = search([14, 2, 9, 17, 16, 13], triples, judge_of("", triples, 6, []), 1_000)

    assert found == Found(0b011011, 49, 49, 20, True)
