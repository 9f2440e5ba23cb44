"""The distribution is what it says it is: packages, lock, layers of dependencies."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.txt").read_text()


def test_every_package_is_listed_and_nothing_else() -> None:
    listed = PROJECT["tool"]["setuptools"]["packages"]
    folders = {
        ".".join(folder.relative_to(ROOT).parts)
        for top in ("api", "engine", "intents", "migrations", "solvers")
        for folder in [ROOT / top, *(ROOT / top).rglob("*/")]
        if folder.is_dir() and (folder / "__init__.py").exists()
    }

    assert sorted(folders) == listed


def test_the_lock_names_no_host_and_no_path_and_hashes_everything() -> None:
    code = [line.split("#")[0] for line in LOCK.splitlines()]
    pins = [line for line in code if "==" in line]

    assert not re.search(r"://|^-|@ |/", "\n".join(line for line in code if "--hash" not in line), re.MULTILINE)
    assert LOCK.count(" \\\n    --hash=sha256:") >= len(pins) > 0


def test_the_lock_holds_everything_that_is_asked_for() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    locked = ("solvers", "server", "postgres", "dev")
    asked = [*PROJECT["project"]["dependencies"], *(item for extra in locked for item in extras[extra])]
    pinned = set(re.findall(r"^([a-z0-9-]+)==", LOCK, re.MULTILINE))

    names = {match[0].lower() for item in asked if (match := re.match(r"[A-Za-z0-9-]+", item))}

    assert names - pinned == set()


@pytest.mark.parametrize("module", ["engine.audit.replay", "engine.auction.verify", "api.cli"])
def test_verifying_and_replaying_load_no_optimiser(module: str) -> None:
    heavy = {"pulp", "ortools", "numpy", "scipy", "highspy", "fastapi", "sqlalchemy", "ray"}
    code = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout

    assert heavy & set(loaded.split()) == set()


@pytest.mark.parametrize(("solver", "package"), [("lp", "pulp"), ("cpsat", "ortools")])
def test_a_missing_extra_is_named(solver: str, package: str) -> None:
    code = f"import sys; sys.modules[{package!r}] = None; from solvers.registry import load; load({solver!r})"

    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)

    assert run.returncode == 1
    assert f"missing_extra: solver '{solver}' needs {package}: install clearway[solvers]" in run.stderr
