"""A story: a problem, a solution to it, and what verification must say. Stories are tests and vectors at once.

The stories themselves are in the modules `stories_*`; `all_stories` imports them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from engine.auction.problem import Problem
from engine.auction.solution import Solution

Tale = tuple[Problem, Solution]

CHAPTERS = (
    "stories_names",
    "stories_fills",
    "stories_prices",
    "stories_money",
    "stories_stages",
    "stories_payoffs",
    "stories_margin",
)


@dataclass(frozen=True)
class Story:
    """`code` is None where the solution is accepted; `solver` and `in_auction` are handed to verify."""

    name: str
    tell: Callable[[], Tale]
    code: str | None
    where: str
    solver: str | None
    in_auction: bool


STORIES: dict[str, Story] = {}


def _story(
    code: str | None, where: str, *, solver: str | None, in_auction: bool
) -> Callable[[Callable[[], Tale]], Callable[[], Tale]]:
    def add(tell: Callable[[], Tale]) -> Callable[[], Tale]:
        assert tell.__name__ not in STORIES, f"two stories are named {tell.__name__}"
        told = cache(tell)  # values are frozen, and telling takes longer than judging
        STORIES[tell.__name__] = Story(tell.__name__, told, code, where, solver, in_auction)
        return told

    return add


def refused(
    code: str, where: str, *, solver: str | None = "ann", in_auction: bool = False
) -> Callable[[Callable[[], Tale]], Callable[[], Tale]]:
    """The solution breaks this rule first, at this place."""
    return _story(code, where, solver=solver, in_auction=in_auction)


def accepted(
    *, solver: str | None = "ann", in_auction: bool = False
) -> Callable[[Callable[[], Tale]], Callable[[], Tale]]:
    """The solution breaks no rule."""
    return _story(None, "", solver=solver, in_auction=in_auction)


def all_stories() -> list[Story]:
    """Every story, by name."""
    for chapter in CHAPTERS:
        import_module(f"tests.auction.{chapter}")
    return [STORIES[name] for name in sorted(STORIES)]
