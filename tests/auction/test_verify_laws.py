"""Laws of verification, over random changes of honest solutions and random sets of bids."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.auction.problem import Problem
from engine.auction.replay import Replayed, replay
from engine.auction.solution import Solution
from engine.auction.verdict import Verdict
from engine.auction.verify import verify
from engine.ledger.books import Ledger
from engine.ledger.settlement_entries import holdings_of, opening_entries, settlement_entry
from intents.errors import InputError
from intents.outcome import is_derivative
from tests.auction.builders import ANN, ETH, USD, bid, judged, pool_sale, problem, sale
from tests.auction.story import Story, all_stories

HONEST = [story for story in all_stories() if story.code is None]
EVERY = all_stories()
EDITS = 200
LAW = settings(max_examples=EDITS, derandomize=True, deadline=None)


def _places(wire: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every path to a leaf or a list element of JSON data."""
    if isinstance(wire, dict):
        return [place for key, item in wire.items() for place in [*_places(item, (*path, key))]]
    if isinstance(wire, list):
        return [place for i, item in enumerate(wire) for place in [(*path, i), *_places(item, (*path, i))]]
    return [path]


def _changed(wire: Any, place: tuple[str | int, ...], draw: st.DataObject) -> None:
    """Change one place: an amount by a little, a part dropped or doubled, a text replaced by another of the solution."""
    inner = wire
    for part in place[:-1]:
        inner = inner[part]
    value = inner[place[-1]]
    if isinstance(value, dict):
        if draw.draw(st.booleans(), label="drop"):
            del inner[place[-1]]
        else:
            inner.insert(place[-1], value)
    elif isinstance(value, str) and value.isdecimal():
        inner[place[-1]] = str(
            max(0, int(value) + draw.draw(st.sampled_from([-1, 1, -2, 2, 1000, 2**255]), label="by"))
        )
    elif isinstance(value, int):
        inner[place[-1]] = draw.draw(st.integers(0, 15), label="stage")
    else:
        texts = sorted({text for text in json.dumps(wire).split('"') if ":" in text or text in {"fee", "dust"}})
        inner[place[-1]] = draw.draw(st.sampled_from(texts), label="text")


def _mutated(honest: Solution, draw: st.DataObject) -> Solution | None:
    """The solution after one to three changes; None where the text can no longer be read."""
    wire = json.loads(honest.model_dump_json(by_alias=True, exclude_none=True))
    for _ in range(draw.draw(st.integers(1, 3), label="changes")):
        places = [place for place in _places(wire) if len(place) > 1]
        if not places:
            break
        _changed(wire, draw.draw(st.sampled_from(places), label="place"), draw)
    try:
        return Solution.from_wire(wire)
    except InputError:
        return None


def _conserves(solution: Solution) -> bool:
    """Conservation once more, in the plainest way: everything as signed amounts of one list."""
    moves: list[tuple[str, int]] = []
    for fill in solution.fills:
        moves += [(a, n) for a, n in fill.ins.items()] + [(a, -n) for a, n in fill.outs.items()]
    for leg in solution.legs:
        moves += [(a, n) for a, n in leg.outs.items()] + [(a, -n) for a, n in leg.ins.items()]
    for transfer in solution.transfers:
        moves += [(a, n) for a, n in transfer.give.items()] + [(a, -n) for a, n in transfer.take.items()]
    moves += [(line.asset, -line.amount) for line in solution.lines]
    return all(sum(n for a, n in moves if a == asset) == 0 for asset, _ in moves)


@settings(LAW)
@given(st.data(), st.sampled_from(EVERY))
def test_whatever_is_changed_the_answer_is_a_verdict_and_never_an_error(draw: st.DataObject, story: Story) -> None:
    question, honest = story.tell()
    solution = _mutated(honest, draw)
    if solution is None:
        return

    verdict = verify(question, solution, solver=story.solver, in_auction=story.in_auction)

    assert isinstance(verdict, Verdict)
    assert json.loads(json.dumps(verdict.to_wire())) == verdict.to_wire()


@settings(LAW)
@given(st.data(), st.sampled_from(HONEST))
def test_what_is_accepted_conserves_and_settles_in_balanced_books(draw: st.DataObject, story: Story) -> None:
    """An accepted change, if there is any, still balances: over the parts, and over the accounts of the ledger."""
    question, honest = story.tell()
    solution = _mutated(honest, draw)
    if solution is None or not verify(question, solution, solver=story.solver).accepted:
        return

    assert _conserves(solution)
    _settles(question, solution, story.solver)


def _settles(question: Problem, solution: Solution, solver: str | None) -> None:
    replayed = replay(question, [bid("b", solution, solver or solution.solver or "")])
    assert isinstance(replayed, Replayed)
    ledger = Ledger(opening_entries(question.holdings, "opening"), question.owed)
    ledger.post(settlement_entry(question, replayed, "auction"), question.owed)
    assert ledger.books.drift() == {}
    for owner, held in holdings_of(ledger.books).items():
        for asset, holding in held.items():
            before = question.holdings.get(owner, {}).get(asset)
            change = replayed.balances.get(owner, {}).get(asset, 0)
            assert holding.amount == (before.amount if before else 0) + change
            assert is_derivative(asset) or holding.free >= 0 or question.may_owe(owner, asset)


def test_every_accepted_story_settles_in_balanced_books() -> None:
    for story in HONEST:
        _settles(*story.tell(), story.solver)


@settings(LAW)
@given(st.data())
def test_no_change_of_the_honest_sale_scores_more(draw: st.DataObject) -> None:
    """The honest sale gives its owner all that the pool gives; nobody who changes it can give more."""
    question = problem([sale()])
    solution = _mutated(pool_sale(), draw)
    if solution is None:
        return

    assert judged(question, solution).score <= judged(question, pool_sale()).score


@settings(LAW)
@given(st.sampled_from(HONEST), st.randoms(use_true_random=False))
def test_the_order_of_fills_transfers_and_lines_changes_nothing(story: Story, random: Any) -> None:
    question, honest = story.tell()
    parts: dict[str, list[Any]] = {
        "fills": list(honest.fills),
        "transfers": list(honest.transfers),
        "lines": list(honest.lines),
    }
    for part in parts.values():
        random.shuffle(part)
    shuffled = honest.model_copy(update={name: tuple(part) for name, part in parts.items()})

    before, after = verify(question, honest, solver=ANN), verify(question, shuffled, solver=ANN)

    assert (before.score, before.group_scores, before.gas) == (after.score, after.group_scores, after.gas)
    assert after.accepted == before.accepted


@settings(LAW)
@given(st.sampled_from(HONEST), st.randoms(use_true_random=False))
def test_the_order_of_legs_at_different_venues_changes_nothing(story: Story, random: Any) -> None:
    """Legs commute where no venue is used twice: inside a stage everything nets."""
    question, honest = story.tell()
    legs = list(honest.legs)
    if len({leg.venue for leg in legs}) != len(legs):
        return
    random.shuffle(legs)

    before = replay(question, [bid("b", honest, ANN)])
    after = replay(question, [bid("b", honest.model_copy(update={"legs": tuple(legs)}), ANN)])

    if isinstance(before, Replayed):
        assert isinstance(after, Replayed)
        assert (before.venues, before.balances, before.reservations) == (
            after.venues,
            after.balances,
            after.reservations,
        )
    else:
        assert not isinstance(after, Replayed)
        assert before.code == after.code


@settings(LAW)
@given(st.integers(1, 10**6), st.integers(0, 2**64), st.integers(0, 2**64))
def test_a_lower_limit_never_makes_an_accepted_sale_refused(amount: int, one: int, other: int) -> None:
    low, high = sorted((one, other))
    solution = pool_sale(amount=amount)
    eager = judged(problem([sale(amount=amount, least=low)]), solution)
    picky = judged(problem([sale(amount=amount, least=high)]), solution)

    assert eager.accepted or not picky.accepted
    if picky.accepted:
        assert eager.score - picky.score == high - low
    assert {f"{ETH}>{USD}"} >= eager.group_scores.keys()
