"""The vectors for strangers: they are what the stories say, and reading them back gives the same verdicts."""

from pathlib import Path
from typing import Any

import pytest

from engine.auction.problem import Problem
from engine.auction.solution import Solution
from engine.auction.verify import verify
from intents.values import parse_json
from tests.vectors.make_verify import FOLDER, rendered

FILES = sorted(path for path in FOLDER.glob("*.json") if path.stem != "problems")


def _read(path: Path) -> Any:
    return parse_json(path.read_bytes())


def test_the_files_are_what_the_stories_say() -> None:
    expected = rendered()

    assert {path.stem for path in FOLDER.glob("*.json")} == expected.keys()
    for name, text in expected.items():
        assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == text, f"run make_verify: {name}.json is old"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_verdicts_follow_from_the_files_alone(path: Path) -> None:
    problems = {key: Problem.from_wire(data) for key, data in _read(FOLDER / "problems.json").items()}

    for name, vector in _read(path).items():
        solution = Solution.from_wire(vector["solution"])
        verdict = verify(
            problems[vector["problem"]], solution, solver=vector["solver"], in_auction=vector["in_auction"]
        ).to_wire()

        assert verdict == vector["verdict"], name
