"""Each story is told and judged: the code and place of its first fault, or acceptance."""

import pytest

from engine.auction.check_problem import check_problem
from engine.auction.verify import verify
from tests.auction.story import Story, all_stories


@pytest.mark.parametrize("story", all_stories(), ids=lambda story: story.name)
def test_the_verdict_is_what_the_story_says(story: Story) -> None:
    question, solution = story.tell()

    verdict = verify(question, solution, solver=story.solver, in_auction=story.in_auction)

    fault = verdict.fault
    assert (story.code, story.where) == ((None, "") if fault is None else (fault.code, fault.where)), fault
    assert fault is None or (fault.expected != fault.actual and fault.actual)
    assert verdict.score == sum(verdict.group_scores.values()) == sum(fill.score for fill in verdict.fills)


@pytest.mark.parametrize("story", [s for s in all_stories() if s.code is None], ids=lambda story: story.name)
def test_the_problem_of_an_accepted_story_is_sound(story: Story) -> None:
    check_problem(story.tell()[0])
