"""Write tests/vectors/verify/*.json from the stories: {problem, solution, solver, in_auction, verdict}.

Each story's file is for strangers who write a verifier of their own from docs/rules.md: the code and the place of the
first fault, or the scores and the gas, must be the same; `expected`, `actual` and `resource` are for people. To keep the
files short, stories share problems by hash in problems.json.

    python -m tests.vectors.make_verify          (from the root of the checkout; rewrites the files)
"""

import json
from pathlib import Path
from typing import Any

from engine.auction.verify import verify
from tests.auction.story import Story, all_stories

FOLDER = Path(__file__).resolve().parent / "verify"


def vector(story: Story) -> tuple[dict[str, Any], dict[str, Any]]:
    """The story as data, and its problem."""
    question, solution = story.tell()
    verdict = verify(question, solution, solver=story.solver, in_auction=story.in_auction).to_wire()
    data = {
        "problem": question.hash,
        "solver": story.solver,
        "in_auction": story.in_auction,
        "solution": solution.to_wire(),
        "verdict": verdict,
    }
    return data, question.to_wire()


def chapter(story: Story) -> str:
    """The name of the file that the story is in."""
    return story.tell.__module__.rpartition("stories_")[2]


def vectors() -> dict[str, dict[str, Any]]:
    """Every file's content by name: problems.json (by hash) and one file for each chapter of stories."""
    files: dict[str, dict[str, Any]] = {"problems": {}}
    for story in all_stories():
        data, question = vector(story)
        files["problems"][data["problem"]] = question
        files.setdefault(chapter(story), {})[story.name] = data
    return files


def rendered() -> dict[str, str]:
    """Every file's text by name: one entry a line, keys ascending."""
    texts = {}
    for name, content in vectors().items():
        lines = (f"{json.dumps(key)}: {json.dumps(content[key], sort_keys=True)}" for key in sorted(content))
        texts[name] = "{\n" + ",\n".join(lines) + "\n}\n"
    return texts


def main() -> None:
    """Rewrite the folder."""
    for name, text in rendered().items():
        (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
