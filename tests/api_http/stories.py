"""The service as a program of its own, and the README's blocks run against it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2

ROOT = Path(__file__).resolve().parents[2]
CLEARWAY = str(Path(sys.executable).parent / "clearway")
README = (ROOT / "README.md").read_text(encoding="utf-8")
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
SETTINGS = {"CLEARWAY_CADENCE_SECONDS": "2", "CLEARWAY_SOLVE_SECONDS": "1", "CLEARWAY_SOLVER_WORK": "10000"}
"""As `make run` has them, but for the waiting, and for solvers that would search on for as long as they may."""


@contextmanager
def running(folder: Path, url: str, **settings: str) -> Iterator[tuple[httpx2.Client, subprocess.Popen[str]]]:
    """The service on a free port, its log in the folder; `settings` are variables of its environment."""
    environment = os.environ | {"DATABASE_URL": url, "PORT": "0", "CLEARWAY_DATA_DIR": str(folder / "data"), **settings}
    with (
        (folder / "log").open("a") as log,
        subprocess.Popen([CLEARWAY, "run"], stdout=subprocess.PIPE, stderr=log, text=True, env=environment) as program,
    ):
        assert program.stdout is not None
        try:
            address = program.stdout.readline().strip()
            with httpx2.Client(base_url=address, timeout=10) as client:
                yield client, program
        finally:
            program.terminate()
            program.wait(30)


def eventually(condition: Callable[[], Any], seconds: float) -> Any:
    """What the condition gives once it is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)
    return found


def in_state(client: httpx2.Client, path: str, status: str) -> Any:
    """What is at the path, if it has this status; else nothing."""
    answer = client.get(path)
    return answer.json() if answer.status_code == 200 and answer.json()["status"] == status else None


def block(name: str, language: str = "console") -> str:
    """The README's block `<!-- live: name -->`, as it stands."""
    return README.split(f"<!-- live: {name} -->\n```{language}\n", 1)[1].split("```", 1)[0]


def commands(name: str, url: str, folder: Path, *, code: int = 0, **environment: str) -> tuple[str, str]:
    """What the commands of a block print, and say on standard error, run as one script that ends at its first failure.

    The service is at `url` instead of where the README has it; a solver takes any free port.
    """
    lines = [line.removeprefix("$ ") for line in block(name).splitlines()]
    script = "\n".join(["set -euo pipefail", *lines, "kill $(jobs -p) 2>/dev/null || true"])
    script = script.replace("http://127.0.0.1:8000", url).replace(" 9000 ", " 0 ")
    script = script.replace("examples/", f"{ROOT / 'examples'}/")
    with subprocess.Popen(
        [shutil.which("bash") or "bash", "-c", script],
        cwd=folder,
        env=os.environ | {"PATH": PATH, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as shell:
        try:
            printed, said = shell.communicate(timeout=180)
        finally:
            with suppress(ProcessLookupError):  # what it left in the background, a solver for instance
                os.killpg(shell.pid, signal.SIGKILL)
    assert shell.returncode == code, printed + said
    return printed, said


def call(*arguments: object, url: str, folder: Path, code: int = 0, **environment: str) -> str:
    """What the program prints, standard error included; it must end with this exit code."""
    done = subprocess.run(
        [CLEARWAY, *map(str, arguments)],
        env=os.environ | {"CLEARWAY_URL": url, "COLUMNS": "100", "TERM": "dumb", **environment},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == code, done.stdout
    return done.stdout


def documents(text: str) -> list[Any]:
    """The JSON documents in a text that also holds other lines."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while (at := text.find("{", at)) >= 0:
        document, at = decoder.raw_decode(text, at)
        found.append(document)
    return found
