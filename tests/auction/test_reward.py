"""Rewards: the vectors by a second reading of docs/rewards.md, and what must hold of any auction."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.auction.reward import Contest, RewardRules, Share, pay_period, reward_of
from engine.auction.select import Candidate, Certificate
from intents.errors import InputError
from tests.auction.laws import ENOUGH, drawn, one_each
from tests.auction.plain_selection import plain_decision
from tests.vectors.make_reward import FOLDER, rendered

REWARDS = json.loads((FOLDER / "rewards.json").read_text(encoding="utf-8"))
PERIODS = json.loads((FOLDER / "period.json").read_text(encoding="utf-8"))
RULES = RewardRules(most=10**6, least=10**6, not_settled=3, not_revealed=2, late_reveal=1)


def test_the_files_are_what_the_program_writes() -> None:
    assert {name: (FOLDER / f"{name}.json").read_text(encoding="utf-8") for name in rendered()} == rendered()


def plain_winners_of(told: dict[str, Any], without: str) -> tuple[str, ...]:
    """By brute force over every set, filter included."""
    bids = [
        Candidate(bid, bid, {group: int(score) for group, score in given["scores"].items()})
        for bid, given in told["bids"].items()
        if given["solver"] != without
    ]
    return plain_decision(bids, lambda ids: not any(ids.issuperset(pair) for pair in told["exclusive"]))[3]


@pytest.mark.parametrize("name", sorted(REWARDS))
def test_rewards_by_a_second_reading(name: str) -> None:
    told = REWARDS[name]
    rules, failed, fees = told["rules"], told["failed"], told["fees"]
    worth = {bid: sum(map(int, given["scores"].values())) for bid, given in told["bids"].items()}
    winners = plain_winners_of(told, "")

    assert list(winners) == told["winners"]
    assert sum(worth[bid] for bid in winners) == int(told["total"])
    assert {told["bids"][bid]["solver"] for bid in winners} == told["rewards"].keys()
    for solver, stated in told["rewards"].items():
        reference = sum(worth[bid] for bid in plain_winners_of(told, solver))
        assert str(reference) == stated["reference_score"]
        own = [bid for bid in winners if told["bids"][bid]["solver"] == solver]
        settled = [bid for bid in own if bid not in failed]
        blameless = [bid for bid in own if failed.get(bid) != "not_landed"]
        others = int(told["total"]) - sum(worth[bid] for bid in own)
        numerator, denominator = map(int, rules["fee_share"])
        paid = min(
            others + sum(worth[bid] for bid in settled) - reference,
            int(rules["most"]),
            sum(int(fees.get(bid, 0)) for bid in settled) * numerator // denominator,
        )
        charged = min(reference - others - sum(worth[bid] for bid in blameless), int(rules["least"]))
        assert int(stated["reward"]) == (-charged if charged > 0 else max(0, paid))


@pytest.mark.parametrize("name", sorted(PERIODS))
def test_periods_by_a_second_reading(name: str) -> None:
    told = PERIODS[name]
    budget = int(told["budget"])
    owed = {solver: 0 for solver, _ in told["earned"]}
    for solver, reward in told["earned"]:
        owed[solver] += max(int(reward), 0)
    for solver, amount in owed.items():
        paid = int(told["paid"].get(solver, "0"))
        if sum(owed.values()) <= budget:
            assert paid == amount
        else:
            assert paid * sum(owed.values()) <= amount * budget < (paid + 1) * sum(owed.values())


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 2), st.integers(0, 12))
def test_laws_of_any_auction(seed: int, venues: int, fee: int) -> None:
    random = Random(seed)
    candidates = drawn(random, venues)
    solvers = {candidate.id: random.choice(("ann", "ben", "cat")) for candidate in candidates}
    contest = Contest(candidates, solvers, one_each(candidates))
    won = contest.decide(work=ENOUGH).winners
    total, scores = won.certificate.score, {c.id: c.score for c in candidates}
    failed = {bid: random.choice(("not_landed", "not_jointly_feasible")) for bid in won.ids if random.random() < 0.3}
    for solver in ("ann", "ben", "cat"):
        own = {bid: scores[bid] for bid in won.ids if solvers[bid] == solver}
        others = [c for c in candidates if solvers[c.id] != solver]
        reference = contest.decide(without=[solver], work=ENOUGH).winners.certificate
        # Leaving it out is its reference, and as nothing else is known of the others, so is never having had it.
        assert reference == Contest(others, solvers, one_each(others)).decide(work=ENOUGH).winners.certificate
        share = Share(total, own, dict.fromkeys(own, fee), failed)
        reward = reward_of(RULES, share, reference)
        if not own:
            assert reward == 0
        assert reward <= fee * sum(bid not in failed for bid in own)
        assert reward <= max(0, total - reference.score)
        settled = reward_of(RULES, Share(total, own, dict.fromkeys(own, fee), {}), reference)
        assert reward <= max(settled, 0), "a failure never pays"
        if not any(failed.get(bid) == "not_landed" for bid in own) and total >= reference.score:
            assert reward >= 0


def test_what_is_not_proven_favours_nobody() -> None:
    share = Share(100, {"a": 60}, {"a": 50}, {})

    def reward(score: int, bound: int) -> int:
        return reward_of(RULES, share, Certificate("any", 1, score, bound, optimal=score == bound))

    assert [reward(70, 70), reward(70, 80), reward(70, 100), reward(70, 130)] == [30, 20, 0, 0]
    assert [reward(130, 130), reward(120, 130)] == [-30, -20]


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(-50, 2**80))), st.integers(0, 2**80), st.randoms())
def test_a_budget_is_kept_in_any_order(earned: list[tuple[str, int]], budget: int, random: Random) -> None:
    paid = pay_period(earned, budget)

    assert sum(paid.values()) <= budget
    assert all(0 < paid[solver] <= sum(max(0, n) for who, n in earned if who == solver) for solver in paid)
    shuffled = random.sample(earned, len(earned))
    assert pay_period(shuffled, budget) == paid


def test_rules_that_make_no_sense_are_refused() -> None:
    fine = RULES.to_wire()
    for bad in ({"fee_share": ["2", "1"]}, {"fee_share": ["0", "0"]}, {"late_reveal": "5"}):
        with pytest.raises(InputError, match="bad_reward_rules"):
            RewardRules.from_wire({**fine, **bad})
    assert RewardRules.from_wire({**fine, "late_reveal": "2"}).late_reveal == 2  # as much as not_revealed
    with pytest.raises(InputError, match="bad_budget"):
        pay_period([], -1)
