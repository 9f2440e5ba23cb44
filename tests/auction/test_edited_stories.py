"""Stories edited at random: whatever verification then accepts creates nothing, and leaves a problem that is sound."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

from engine.auction.apply import After, apply
from engine.auction.check_problem import check_problem
from engine.auction.problem import Problem
from engine.auction.replay import Bid, Replayed, replay
from engine.auction.solution import Solution
from engine.auction.verify import verify
from engine.market.snapshot import snapshot_hash
from intents.errors import InputError
from tests.auction.story import all_stories

ROUNDS = 1500
LARGE = ("0", "1", "1000", str(2**112), str(2**128))


def test_what_is_accepted_creates_nothing() -> None:
    random = Random(20200621)
    told = [story.tell() for story in all_stories() if story.code is None]
    accepted = 0
    for _ in range(ROUNDS):
        question, solution = random.choice(told)
        data = solution.to_wire()
        if random.random() < 0.6:
            _edit(random, data)
        else:
            asked = question.to_wire()
            _edit(random, asked["intents"])
            _edit(random, asked["holdings"])
            question, data["problem"] = _read(asked) or question, None
        try:
            edited = Solution.from_json(json.dumps(data))
        except InputError:
            continue
        if verify(question, edited, solver="ann").accepted:
            accepted += 1
            replayed = replay(question, [Bid("", "ann", edited)])
            assert isinstance(replayed, Replayed)
            _check_totals(question, edited, replayed)
    assert accepted > ROUNDS // 10


def _read(data: dict[str, Any]) -> Problem | None:
    try:
        question = Problem.from_json(json.dumps(data))
        check_problem(question)
    except InputError:
        return None
    return question


def _edit(random: Random, data: Any) -> None:
    """One to three leaves become something of their kind: a number near by or large, or a text from elsewhere."""
    places = list(_leaves(data))
    for _ in range(random.choice((1, 1, 2, 3)) if places else 0):
        inside, key = random.choice(places)
        value = inside[key]
        if isinstance(value, str) and value.isdecimal():
            near = [str(int(value) + 1), str(max(0, int(value) - 1)), str(int(value) // 2)]
            inside[key] = random.choice([*near, *LARGE])
        elif isinstance(value, str):
            texts = [at[where] for at, where in places if isinstance(at[where], str) and not at[where].isdecimal()]
            inside[key] = random.choice([*texts, "protocol", "solver:ann"])
        elif isinstance(value, int) and not isinstance(value, bool):
            inside[key] = random.choice((0, 1, value + 1))


def _leaves(data: Any) -> Iterator[tuple[Any, Any]]:
    for key, item in list(data.items() if isinstance(data, dict) else enumerate(data)):
        if isinstance(item, dict | list):
            yield from _leaves(item)
        else:
            yield data, key


def _check_totals(question: Problem, solution: Solution, replayed: Replayed) -> None:
    after = apply(question, replayed)
    moved = Counter({asset: -amount for burned in replayed.gas.values() for asset, amount in burned.items()})
    for leg in replayed.legs:
        moved[leg.asset_out] += leg.actual
        moved[leg.asset_in] -= leg.amount_in
    change = _sums(after.holdings)
    change.subtract(_sums(question.holdings))
    assert {a: n for a, n in change.items() if n} == {a: n for a, n in moved.items() if n}
    allowed = Counter[str]()
    for line in solution.lines:
        allowed[line.asset] += line.amount if line.kind == "fee" else 0
    for fill in solution.fills:
        outcome = question.intents_by_id[fill.intent].outcome
        if outcome.owner == "solver:ann":
            allowed.subtract(fill.ins)
        if outcome.receiver == "solver:ann":
            allowed.update(fill.outs)
    assert all(amount <= allowed[asset] for asset, amount in replayed.balances.get("solver:ann", {}).items())
    check_problem(_next(question, after))


def _sums(holdings: Any) -> Counter[str]:
    total = Counter[str]()
    for held in holdings.values():
        for asset, holding in held.items():
            total[asset] += holding.amount
    return total


def _next(question: Problem, after: After) -> Problem:
    snapshot = question.snapshot.model_copy(update={"venues": after.venues})
    filled = (
        intent.model_copy(update={"filled_units": after.filled_units.get(intent.id, intent.filled_units)})
        for intent in question.intents
    )
    return question.model_copy(
        update={
            "snapshot": snapshot,
            "snapshot_hash": snapshot_hash(snapshot),
            "intents": tuple(intent for intent in filled if intent.open_units),
            "holdings": after.holdings,
        }
    )
