"""Each story is told and judged: the code and place of its first fault, or acceptance, and all that its vector says."""

import json
from functools import cache
from typing import Any

import pytest

from engine.auction.check_problem import check_problem
from engine.auction.verify import verify
from tests.auction.story import Story, all_stories
from tests.vectors.make_verify import FOLDER, chapter


@cache
def _vectors(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("story", all_stories(), ids=lambda story: story.name)
def test_the_verdict_is_what_the_story_says(story: Story) -> None:
    question, solution = story.tell()

    verdict = verify(question, solution, solver=story.solver, in_auction=story.in_auction)

    fault = verdict.fault
    assert (story.code, story.where) == ((None, "") if fault is None else (fault.code, fault.where)), fault
    assert verdict.to_wire() == _vectors(chapter(story))[story.name]["verdict"]
    assert verdict.score == sum(verdict.group_scores.values()) == sum(fill.score for fill in verdict.fills)


@pytest.mark.parametrize("story", [s for s in all_stories() if s.code is None], ids=lambda story: story.name)
def test_the_problem_of_an_accepted_story_is_sound(story: Story) -> None:
    check_problem(story.tell()[0])
