"""Write tests/vectors/reward/*.json, for strangers who compute rewards of their own from docs/rewards.md.

rewards.json: by name an auction (bids with solver, tie key and score by group, pairs that exclude each other, the fees' worth by bid),
what failed, the rules, and what follows: the winners, the total, by solver with winners its reference score and reward.
period.json: what was earned, the budget, and what is paid. Amounts are digits in strings.

    python -m tests.vectors.make_reward          (from the root of the checkout; rewrites the files)
"""

import json
from pathlib import Path
from typing import Any

from engine.auction.reward import Contest, RewardRules, Share, pay_period, reward_of
from engine.auction.select import Candidate, Judge, NoGood

FOLDER = Path(__file__).resolve().parent / "reward"
WORK = 1_000_000

RULES = {"most": 1000, "least": 50, "not_settled": 10, "not_revealed": 10, "late_reveal": 1}

Bids = dict[str, tuple[str, dict[str, int]]]
TWO: Bids = {"a": ("ann", {"p": 90}), "b": ("ben", {"p": 70})}
BATCH: Bids = {
    "a": ("ann", {"p": 60, "q": 60}),
    "b": ("ben", {"p": 50}),
    "c": ("cat", {"q": 55}),
    "d": ("ann", {"r": 9}),
}
FILTERS: Bids = {"a": ("ann", {"p": 50}), "b": ("ben", {"p": 40, "q": 40})}

AUCTIONS: dict[str, tuple[Bids, list[str], dict[str, int], dict[str, str], dict[str, Any]]] = {
    "second_price": (TWO, [], {"a": 40}, {}, {}),
    "never_above_the_fee_of_the_same_fills": (TWO, [], {"a": 15}, {}, {}),
    "a_share_of_the_fee_is_floored": (TWO, [], {"a": 15}, {}, {"fee_share": (1, 2)}),
    "without_a_fee_nothing_is_paid": (TWO, [], {}, {}, {}),
    "at_most_what_the_rules_say": (TWO, [], {"a": 40}, {}, {"most": 12}),
    "alone_the_reference_is_nothing": ({"a": ("ann", {"p": 90})}, [], {"a": 100}, {}, {}),
    "what_did_not_settle_earns_nothing": (BATCH, [], {"a": 100, "d": 100}, {"d": "not_landed"}, {}),
    "what_fell_with_another_earns_nothing_either": (BATCH, [], {"a": 100, "d": 100}, {"d": "not_jointly_feasible"}, {}),
    "a_failure_costs_what_others_would_have_given": (TWO, [], {"a": 40}, {"a": "not_landed"}, {}),
    "a_failure_costs_at_most_what_the_rules_say": (TWO, [], {"a": 40}, {"a": "not_landed"}, {"least": 7}),
    "who_fell_with_another_is_not_charged": (TWO, [], {"a": 40}, {"a": "not_jointly_feasible"}, {}),
    "without_its_single_bid_the_filter_lets_another_batch_in": (FILTERS, [], {"a": 40}, {}, {}),
    "a_venue_for_one_of_them": (
        {"a": ("ann", {"p": 30}), "b": ("ben", {"q": 50}), "c": ("cat", {"q": 45})},
        ["a b"],
        {"a": 99, "c": 99},
        {},
        {},
    ),
    "two_bids_of_one_solver_count_once": (
        {"a": ("ann", {"p": 90}), "a2": ("ann", {"p": 80}), "b": ("ben", {"p": 20})},
        [],
        {"a": 200},
        {},
        {},
    ),
    "nothing_saturates": (
        {"a": ("ann", {"p": 2**300}), "b": ("ben", {"p": 2**299 + 1})},
        [],
        {"a": 2**301},
        {},
        {"most": 2**256 - 1},
    ),
}
"""Bids (solver, scores), pairs that exclude each other, fees' worth by bid, failures, rules that are not RULES."""

PERIODS: dict[str, tuple[list[tuple[str, int]], int]] = {
    "enough": ([("ann", 5), ("ben", 7), ("ann", 3)], 15),
    "scaled_and_floored": ([("ann", 5), ("ben", 7), ("ann", 3)], 10),
    "charges_are_not_netted": ([("ann", 5), ("ann", -4), ("ben", -9)], 4),
    "an_empty_budget_pays_nobody": ([("ann", 5)], 0),
    "large": ([("ann", 2**200), ("ben", 1)], 2**199),
}


def contest(bids: Bids, exclusive: list[str]) -> Contest:
    """The contest that an entry describes; tie keys are the bids' names."""
    pairs = [NoGood(frozenset(pair.split())) for pair in exclusive]
    candidates = [
        Candidate(bid, bid, scores, frozenset(str(i) for i, pair in enumerate(exclusive) if bid in pair.split()))
        for bid, (_, scores) in bids.items()
    ]
    return Contest(candidates, {bid: solver for bid, (solver, _) in bids.items()}, judge_of(pairs), pairs)


def judge_of(pairs: list[NoGood]) -> Judge:
    """Refuses what holds one of the pairs."""
    return lambda ids: next((pair for pair in pairs if pair.present <= ids), None)


def reward_vectors() -> dict[str, Any]:
    """Every auction of AUCTIONS with what follows."""
    told = {}
    for name, (bids, exclusive, fees, failed, other) in AUCTIONS.items():
        rules = RewardRules(**{**RULES, **other})
        asked = contest(bids, exclusive)
        won = asked.decide(work=WORK).winners
        rewards = {}
        for solver in sorted({bids[bid][0] for bid in won.ids}):
            own = {bid: sum(bids[bid][1].values()) for bid in won.ids if bids[bid][0] == solver}
            share = Share(won.certificate.score, own, {bid: fees.get(bid, 0) for bid in own}, failed)
            reference = asked.decide(without=[solver], work=WORK).winners.certificate
            reward = reward_of(rules, share, reference)
            rewards[solver] = {"reference_score": str(reference.score), "reward": str(reward)}
        told[name] = {
            "bids": {
                bid: {"solver": solver, "scores": {group: str(score) for group, score in scores.items()}}
                for bid, (solver, scores) in bids.items()
            },
            "exclusive": [pair.split() for pair in exclusive],
            "fees": {bid: str(fee) for bid, fee in fees.items()},
            "failed": failed,
            "rules": rules.to_wire(),
            "winners": list(won.ids),
            "total": str(won.certificate.score),
            "rewards": rewards,
        }
    return told


def period_vectors() -> dict[str, Any]:
    """Every period of PERIODS with what it pays."""
    return {
        name: {
            "earned": [[solver, str(reward)] for solver, reward in earned],
            "budget": str(budget),
            "paid": {solver: str(amount) for solver, amount in pay_period(earned, budget).items()},
        }
        for name, (earned, budget) in PERIODS.items()
    }


def rendered() -> dict[str, str]:
    """Every file's text by name: one entry a line, keys ascending."""
    texts = {}
    for name, content in {"rewards": reward_vectors(), "period": period_vectors()}.items():
        lines = (f"{json.dumps(key)}: {json.dumps(content[key], sort_keys=True)}" for key in sorted(content))
        texts[name] = "{\n" + ",\n".join(lines) + "\n}\n"
    return texts


def main() -> None:
    """Rewrite the files."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in rendered().items():
        (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
