"""The verifier alone, on every Python that is here: the same bytes, without anything that a server needs.

`make test-verifier` makes an environment for each.
"""

import hashlib
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from engine.auction.auction import clear
from engine.audit.record import record_bytes
from engine.market.feeds.synthetic import demo_world
from solvers.greedy import Greedy
from tests.audit.records import small_file
from tests.solvers.model_worlds import ENOUGH

ROOT = Path(__file__).parents[2]
HERE = ROOT / "build" / "verifier"

pytestmark = pytest.mark.skipif(
    "CLEARWAY_VERIFIER" not in os.environ, reason="`make test-verifier` makes its environments"
)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Files of records, with the digest that each must have wherever it is made again."""
    folder = tmp_path_factory.mktemp("records")
    problem = demo_world(1).problem()
    demo = clear(problem, {"greedy": Greedy().solve(problem, ENOUGH, 1)}, work=20_000)
    contents = {"small.json": small_file(), "demo.json": record_bytes(demo)}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return {str(folder / name): hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def pythons() -> list[str]:
    return sorted(path.parent.name for path in HERE.glob("*/.installed"))


def test_there_is_one_beside_ours() -> None:
    assert "3.11" in pythons()


@pytest.mark.parametrize("version", pythons())
def test_it_makes_the_same_bytes(version: str, records: Mapping[str, str]) -> None:
    done = subprocess.run(
        [HERE / version / "bin" / "python", ROOT / "tests" / "verifier" / "redo.py", *records],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    said = json.loads(done.stdout)

    assert said["python"].startswith(version)
    assert said["there"] == []
    assert said["records"] == {name: [True, digest] for name, digest in records.items()}
