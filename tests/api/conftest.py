"""A demo auction that was cleared once, for every test that asks about its files."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.api.program import done


@dataclass(frozen=True)
class Demo:
    """Files of the demo auction: the problem, and its record after greedy and lp competed."""

    problem: Path
    record: Path


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo")
    problem, record = folder / "problem.json", folder / "record.json"
    done("demo", "--seed", 1, "-o", problem)
    done("auction", problem, "--solvers", "greedy,lp", "-o", record)
    return Demo(problem, record)
