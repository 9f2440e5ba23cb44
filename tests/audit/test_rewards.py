"""Rewards of recorded auctions: they follow from the record, and an edit is found."""

from __future__ import annotations

import pytest

from engine.advisers.tree import advise
from engine.auction.auction import clear
from engine.auction.problem import Problem
from engine.auction.protocol_fees import FeePolicy, FeeSchedule
from engine.auction.reward import RewardRules
from engine.auction.solution import Solution
from engine.audit.counterfactual import rerun
from engine.audit.record import Record, Submission
from engine.audit.rewards import Rewards, check_rewards, contest_of, rewards_of
from intents.errors import InputError
from tests.auction.builders import ANN, BEN, USD, line, pool_sale, problem, sale, sold
from tests.audit.records import WORK, bound, question, small_record
from tests.runtime.stand_in import seal

RULES = RewardRules(most=10**9, least=500, not_settled=30, not_revealed=20, late_reveal=5)
SCHEDULE = FeeSchedule(policies=(FeePolicy(kind="surplus", factor=(1, 4), cap=(1, 100)),))
LEAST = 1_900_000


def fee_of(price: int) -> int:
    return min((price - LEAST) // 4, price // 100)


def charged_sale(short: int = 0) -> Solution:
    """The sale at `short` less than the pool's price, of which the protocol takes its fee."""
    price, plain = sold() - short, pool_sale()
    fee = fee_of(price)
    taken = plain.fills[0].model_copy(update={"outs": {USD: price - fee}, "protocol_fee": fee})
    leg = plain.legs[0].model_copy(update={"outs": {USD: price}})
    lines = (line("protocol_fee", USD, fee),)
    prices = dict.fromkeys(plain.prices, (price, 1000))
    return plain.model_copy(update={"fills": (taken,), "legs": (leg,), "lines": lines, "prices": prices})


def charged_record() -> Record:
    """Ann wins the sale by 100 of price over Ben, under a schedule of fees."""
    asked = problem([sale(least=LEAST)]).model_copy(update={"protocol_fees": SCHEDULE})
    return clear(asked, {ANN: bound(asked, ANN, charged_sale()), BEN: bound(asked, BEN, charged_sale(100))}, work=WORK)


def scored(price: int) -> int:
    return price - fee_of(price) - LEAST


def test_a_record_is_the_contest_it_was() -> None:
    record = small_record()

    decision = contest_of(record).decide(work=WORK)

    assert decision.winners.ids == record.winners
    assert dict(decision.baselines) == record.baselines
    for one in rewards_of(record, RULES, failed={}).solvers:
        assert one.reference is not None
        assert one.reference.winner_selection.score == rerun(record, without=[one.solver]).total_score
        assert (one.fees, one.reward) == (0, 0)  # no schedule, no fees, no rewards


def test_a_winner_is_paid_its_lead_and_no_more_than_the_fee() -> None:
    record = charged_record()
    lead = scored(sold()) - scored(sold() - 100)

    [ann] = rewards_of(record, RULES, failed={}).solvers
    assert (ann.solver, ann.fees, ann.reward, ann.charge) == (ANN, fee_of(sold()), lead, 0)
    tight = RULES.model_copy(update={"fee_share": (1, 1000)})
    [ann] = rewards_of(record, tight, failed={}).solvers
    assert ann.reward == fee_of(sold()) // 1000 < lead


def test_a_failure_is_charged_and_earns_nothing() -> None:
    record = charged_record()
    [bid] = record.winners

    [ann] = rewards_of(record, RULES, failed={bid: "not_landed"}).solvers
    assert (ann.fees, ann.reward, ann.charge) == (0, -500, 530)
    assert [(penalty.code, penalty.bid) for penalty in ann.penalties] == [("not_settled", bid)]
    [ann] = rewards_of(record, RULES, failed={bid: "not_jointly_feasible"}).solvers
    assert (ann.reward, ann.penalties) == (0, ())
    with pytest.raises(InputError, match="not_a_winner"):
        rewards_of(record, RULES, failed={"sha256:" + "0" * 64: "not_landed"})


def silent_record(asked: Problem, *sealed: Solution) -> Record:
    """Ben sealed, and nothing was revealed."""
    none = Submission(solutions=(), stopped_by="unknown", work=0, sealed=seal(asked, *sealed))
    return clear(asked, {ANN: bound(asked, ANN, pool_sale()), BEN: none}, work=WORK)


def test_who_seals_must_reveal() -> None:
    asked = question()
    record = silent_record(asked, pool_sale())

    def charged(late: list[str]) -> list[tuple[str, int]]:
        told = {one.solver: one for one in rewards_of(record, RULES, failed={}, late=late).solvers}
        assert told[BEN].reference is None
        return [(penalty.code, penalty.amount) for penalty in told[BEN].penalties]

    assert charged([]) == [("not_revealed", 20)]
    assert charged([BEN]) == [("late_reveal", 5)]
    with pytest.raises(InputError, match="not_late"):
        charged([ANN])
    nothing = rewards_of(silent_record(asked), RULES, failed={})
    assert [one.solver for one in nothing.solvers] == [ANN]


def test_an_edit_is_found_where_it_is() -> None:
    record = charged_record()
    rewards = rewards_of(record, RULES, failed={})
    check_rewards(record, Rewards.from_json(rewards.model_dump_json(by_alias=True)))

    [ann] = rewards.solvers
    edited = rewards.model_copy(update={"solvers": (ann.model_copy(update={"reward": ann.reward + 1}),)})
    with pytest.raises(InputError, match="other_rewards at /solvers/0/reward"):
        check_rewards(record, edited)
    kinder = rewards.model_copy(update={"failed": {record.winners[0]: "not_landed"}})
    with pytest.raises(InputError, match="other_rewards"):
        check_rewards(record, kinder)
    with pytest.raises(InputError, match="other_record"):
        check_rewards(small_record(), rewards)


def test_references_are_redone_with_the_advice_they_followed() -> None:
    record = small_record()

    rewards = rewards_of(record, RULES, failed={}, advisers=lambda _, component: advise(component))

    (one, *rest) = rewards.solvers
    assert one.reference is not None
    (advice, *others) = one.reference.winner_selection.advice
    check_rewards(record, rewards)
    foreign = advice.model_copy(update={"first": "sha256:" + "0" * 64})
    told = one.reference.winner_selection.model_copy(update={"advice": (foreign, *others)})
    forged = one.model_copy(update={"reference": one.reference.model_copy(update={"winner_selection": told})})
    with pytest.raises(InputError, match="other_rewards at /solvers/0/reference/winner_selection"):
        check_rewards(record, rewards.model_copy(update={"solvers": (forged, *rest)}))
