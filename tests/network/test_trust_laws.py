"""Draws nobody can steer, ceilings that splitting does not raise, censors found, deadlines kept against them."""

from fractions import Fraction
from random import Random
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.network.policies.base import PPM
from engine.network.stake_caps import stake_ceilings_ppm
from engine.network.trust.censorship import CensorshipWatch, PairTest
from engine.network.trust.challengers import Member, capture_probability, challengers_of, round_seed
from engine.network.trust.fall_through import ASKED, Candidate, Fleet, Tried, asking_order, narrowed, pause_us, slots
from intents.errors import InputError
from intents.values import content_hash

ROOT = content_hash("test", "root")
MEMBERS = [Member(f"node{i:02}", f"operator{i % 12}", f"region{i % 5}") for i in range(40)]


def test_challengers_are_other_operators_of_many_regions_and_the_same_for_everybody() -> None:
    seed = round_seed(ROOT, 4)

    for prover in MEMBERS:
        drawn = challengers_of(prover, MEMBERS, 5, seed)
        assert drawn == challengers_of(prover, MEMBERS[::-1], 5, seed)
        operators = {member.operator for member in drawn}
        assert len(operators) == 5
        assert prover.operator not in operators
        assert len({member.region for member in drawn}) >= 4

    with pytest.raises(InputError, match="too_few_operators"):
        challengers_of(MEMBERS[0], MEMBERS, 12, seed)


def test_every_round_and_root_draws_anew_and_everybody_is_drawn() -> None:
    prover, counts = MEMBERS[0], dict.fromkeys((member.id for member in MEMBERS), 0)
    for number in range(600):
        for member in challengers_of(prover, MEMBERS, 5, round_seed(ROOT, number)):
            counts[member.id] += 1

    others = [
        count for member, count in zip(MEMBERS, counts.values(), strict=True) if member.operator != prover.operator
    ]
    # 3,000 draws over 36 nodes of 11 operators; a node of an operator with many is drawn less often than one of few.
    assert min(others) > 40
    assert max(others) < 160
    assert challengers_of(prover, MEMBERS, 5, round_seed(ROOT, 1)) != challengers_of(
        prover, MEMBERS, 5, round_seed(content_hash("test", "another root"), 1)
    )


def told_by(chance: Random, count: int) -> float:
    """The median's relative error: `count` vantage points of 50, of which 10 lie alike and the others are off by 10 %."""
    drawn = chance.sample(range(50), count)
    return abs(median(5.0 if who < 10 else chance.lognormvariate(0, 0.1) for who in drawn) - 1)


def test_with_a_fifth_of_liars_the_medians_error_is_below_a_tenth() -> None:
    chance = Random(5)
    errors = sorted(told_by(chance, 21) for _ in range(2000))

    assert errors[len(errors) // 2] <= 0.05
    assert errors[int(0.95 * len(errors))] <= 0.10


def test_fewer_vantage_points_than_twice_the_liars_are_captured_as_often_as_computed() -> None:
    chance = Random(6)
    captured = sum(told_by(chance, 5) > 3 for _ in range(4000)) / 4000

    assert captured == pytest.approx(float(capture_probability(50, 10, 5)), abs=0.01)
    assert capture_probability(50, 10, 21) == 0


def test_capture_is_exact_on_small_numbers() -> None:
    # Of 4 operators with 2 liars, three are drawn: two liars in 2 of the 4 ways.
    assert capture_probability(4, 2, 3) == Fraction(1, 2)
    assert capture_probability(4, 1, 3) == 0


@settings(max_examples=200, derandomize=True, deadline=None)
@given(
    st.lists(st.integers(1, 10**6), min_size=1, max_size=6),
    st.lists(st.integers(1, 10**6), min_size=1, max_size=20),
    st.integers(20_000, 10**6),
)
def test_splitting_an_identity_and_its_machine_raises_no_ceiling(
    parts: list[int], others: list[int], per_stake: int
) -> None:
    whole = [sum(parts), *others]
    capacity = max(per_stake, 2 * PPM // sum(whole) + 1)

    together = stake_ceilings_ppm(whole, [stake * capacity for stake in whole])[0]
    divided = stake_ceilings_ppm([*parts, *others], [stake * capacity for stake in (*parts, *others)])

    assert together == PPM or together - len(parts) < sum(divided[: len(parts)]) <= together


def pairs_until_accused(victim_loss: float, other_loss: float, pairs: int, chance: Random) -> int | None:
    test = PairTest()
    for number in range(1, pairs + 1):
        victim_landed, other_landed = chance.random() >= victim_loss, chance.random() >= other_loss
        test = test.observe(victim_landed=victim_landed, other_landed=other_landed)
        if test.verdict == "censors":
            return number
    return None


def test_a_node_that_drops_its_victim_is_accused_after_eight_pairs() -> None:
    assert pairs_until_accused(1.0, 0.0, 100, Random(1)) == 8
    # At a loss of 5 % for all others: at most 30 pairs in each of 500 runs.
    found = [pairs_until_accused(1.0, 0.05, 30, Random(i)) for i in range(500)]
    assert all(found)


@pytest.mark.parametrize("loss", [0.02, 0.3, 0.7])
def test_an_honest_node_is_accused_in_at_most_one_of_a_hundred_tests(loss: float) -> None:
    accused, ended = 0, 0
    for i in range(600):
        chance, test = Random(i), PairTest()
        for _ in range(600):
            test = test.observe(victim_landed=chance.random() >= loss, other_landed=chance.random() >= loss)
        ended += test.cleared + (test.verdict == "censors")
        accused += test.verdict == "censors"

    assert ended >= 1000
    # At most three standard deviations above 1 % of the tests.
    assert accused <= 0.01 * ended + 3 * (0.01 * ended) ** 0.5


def test_the_watch_names_the_owner_that_a_node_drops_and_no_other() -> None:
    chance, watch, accused = Random(3), CensorshipWatch(), set()
    for _ in range(4000):
        node, owner = chance.choice(["fair", "unfair"]), chance.choice(["ann", "bob", "cat", "dan"])
        dropped = node == "unfair" and owner == "bob"
        for victim in watch.settle(node, owner, landed=not dropped and chance.random() >= 0.1):
            accused.add((node, victim))

    assert accused == {("unfair", "bob")}


EVEN = [Candidate(f"node{i:02}", f"operator{i:02}", 5) for i in range(20)]


def test_an_order_is_of_all_operators_once_and_cannot_be_chosen() -> None:
    twins = [*EVEN, Candidate("node99", "operator00", 5), Candidate("idle", "nobody", 0)]
    order = asking_order(ROOT, "t1", twins)

    assert order == asking_order(ROOT, "t1", twins[::-1])
    assert len(order) == 20
    assert "idle" not in order
    assert not {"node00", "node99"} <= set(order)
    assert order != asking_order(ROOT, "t2", twins)


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_delay_beyond_k_slots_is_as_rare_as_the_censors_share_to_the_power_k(share: float) -> None:
    # Unequal weights; censors are the first operators that make up the share.
    candidates = [Candidate(f"n{i:02}", f"o{i:02}", weight) for i, weight in enumerate([8, 4, 2, 2, 4, 4, 4, 4])]
    censors, held = set(), 0
    for candidate in candidates:
        if held + candidate.weight <= share * 32:
            censors.add(candidate.node)
            held += candidate.weight
    assert held == share * 32
    runs, beyond = 4000, [0, 0, 0, 0, 0]
    for number in range(runs):
        order = asking_order(round_seed(ROOT, number), "t", candidates)
        asked = next(k for k, node in enumerate(order) if node not in censors)
        for k in range(1, asked + 1):
            beyond[k] += 1

    for k in range(1, 5):
        limit = share**k
        assert beyond[k] / runs <= limit + 3 * (limit * (1 - limit) / runs) ** 0.5
    assert beyond[1] / runs >= share - 3 * (share * (1 - share) / runs) ** 0.5


def test_slots_leave_the_last_asked_a_whole_one() -> None:
    assert [slots(0, deadline, 100) for deadline in (-5, 0, 99, 100, 250)] == [0, 0, 0, 1, 2]


@given(st.integers(0, 10**9), st.integers(0, 10**7), st.integers(1, 10**6), st.integers(0, ASKED))
@settings(max_examples=200, derandomize=True, deadline=None)
def test_all_that_are_to_be_asked_fit_before_the_deadline_where_the_least_pause_allows(
    now_us: int, span_us: int, least_us: int, left: int
) -> None:
    usual_us, deadline_us = 3 * least_us, now_us + span_us
    waited = pause_us(now_us, deadline_us, usual_us, least_us, left)

    assert least_us <= waited <= usual_us
    assert waited == least_us or now_us + (left + 1) * waited <= deadline_us
    assert waited == usual_us or now_us + (left + 2) * usual_us > deadline_us
    assert pause_us(now_us, None, usual_us, least_us, left) == usual_us


FIVE = Fleet(names="abcde", operators=[0, 0, 1, 2, 3], share_ppm=[1, 1, 5, 3, 0], own=[0] * 5, cap=[4, 4, 4, 4, 4])


def shown(fleet: Fleet, nodes: str = "", shut: str = "", number: int = 0, *, above: bool = False) -> str:
    """The nodes that may be chosen."""
    caps = narrowed(fleet, Tried(ROOT, f"t{number}", len(nodes), nodes), shut, above=above)
    return "".join(name for name, own, cap in zip(fleet.names, fleet.own, caps, strict=True) if own < cap)


def test_who_falls_through_meets_another_operator_drawn_by_share() -> None:
    drawn = [shown(FIVE, "a", number=number) for number in range(800)]

    assert set(drawn) == {"c", "d"}  # b is a's operator's, e has no share
    assert 0.56 < drawn.count("c") / len(drawn) < 0.69  # 5 of 8
    assert shown(FIVE) == "abcde"
    assert shown(FIVE, shut="cd") == "abe"
    assert {shown(FIVE, "acd", number=number) for number in range(20)} == {"e"}  # nobody with a share is left
    assert {shown(FIVE, "acde", number=number) for number in range(20)} == {"b"}


def test_where_nobody_else_may_take_it_those_tried_and_shut_out_may() -> None:
    full = FIVE._replace(own=[0, 4, 4, 4, 4])

    assert shown(full, "a") == shown(full, shut="a") == shown(full, "a", shut="a") == "a"
    assert shown(FIVE._replace(own=[4] * 5, cap=[4, 4, 4, 4, 0]), above=True) == "abcd"
    assert shown(FIVE._replace(own=[4] * 5)) == ""
