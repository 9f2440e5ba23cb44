"""Runs solvers, each in a process group of its own, side by side, and ends those that outstay their limit.

A solver that gives nothing usable in time has no bid; why is said in its run and in the notes of its empty submission.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

from engine.auction.problem import Problem
from engine.auction.solution import Solution
from engine.audit.record import Submission
from solvers.registry import BUILT_IN, SolverUnavailableError

GRACE_SECONDS = 20.0
"""Beyond its time limit a worker gets this long to start, load its optimiser, read and write; then it is killed."""

DEFAULT_WORK = 1_000_000_000
"""Budget of work, in each solver's own unit, where none is stated: the time limit then decides."""


@dataclass(frozen=True, slots=True)
class Run:
    """What became of one solver: what it submitted (nothing, where it has no bid, and why), and its seconds."""

    solver: str
    submission: Submission
    seconds: float
    no_bid: str = ""

    @property
    def best(self) -> Solution | None:
        """Its solution over everything it fills, where there is one that could be read."""
        first = next(iter(self.submission.solutions), None)
        return first if isinstance(first, Solution) else None


@dataclass(frozen=True, slots=True)
class Limits:
    """Budget of one run; `seed` defaults to the problem's (31 bits of it: optimisers take no more)."""

    seconds: float
    work: int = DEFAULT_WORK
    seed: int | None = None
    grace_seconds: float = GRACE_SECONDS


def run_solvers(
    names: Sequence[str], problem: Problem, limits: Limits, *, finished: Callable[[Run], None] = lambda _: None
) -> list[Run]:
    """One run for each name, in the order given; `finished` is called as each ends.

    Raises SolverUnavailableError where a name is unknown or its optimiser is not installed.
    """
    for name in names:
        if name not in BUILT_IN:
            raise SolverUnavailableError("unknown_solver", f"expected one of {', '.join(BUILT_IN)}, got {name!r}")
    seed = int(problem.solver_seed, 16) % 2**31 if limits.seed is None else limits.seed
    text = problem.model_dump_json(by_alias=True).encode()

    def run(index: int) -> Run:
        request = {"solver": names[index], "seconds": limits.seconds, "work": limits.work, "seed": seed}
        done = _converse(names[index], workers[index], json.dumps(request).encode() + b"\n" + text, limits)
        finished(done)
        return done

    workers: list[subprocess.Popen[bytes]] = []
    with _ended_by_termination(), ThreadPoolExecutor(max_workers=len(names)) as threads:
        try:
            workers.extend(_start(name) for name in names)
            return list(threads.map(run, range(len(names))))
        finally:  # one that can not be loaded, or an interruption, ends the others too
            for worker in workers:
                _kill_group(worker)


@contextmanager
def _ended_by_termination() -> Iterator[None]:
    """Within it a SIGTERM ends the program like an interruption does, so that no worker outlives it."""

    def leave(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _start(name: str) -> subprocess.Popen[bytes]:
    """A worker as the leader of a new process group, so that it and what it starts can be ended together."""
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module, no shell
        [sys.executable, "-P", "-m", "solvers.worker", name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _converse(name: str, worker: subprocess.Popen[bytes], request: bytes, limits: Limits) -> Run:
    started = time.monotonic()
    with worker:  # leaving it closes the pipes and reaps the process
        try:
            answer, errors = worker.communicate(request, timeout=limits.seconds + limits.grace_seconds)
        except subprocess.TimeoutExpired:
            _kill_group(worker)
            return _without_bid(name, "time", started, "time")
    if worker.returncode != 0:
        lines = errors.decode(errors="replace").strip().splitlines()
        last = lines[-1][:200] if lines else ""
        return _without_bid(name, f"crashed ({worker.returncode}): {last}", started, "unknown")
    data = json.loads(answer)
    if "error" in data:
        raise SolverUnavailableError(data["error"]["code"], data["error"]["message"])
    return Run(name, Submission.read(json.dumps(data["proposal"]).encode()), float(data["seconds"]))


def _without_bid(name: str, reason: str, started: float, stopped_by: Literal["time", "unknown"]) -> Run:
    submission = Submission(solutions=(), stopped_by=stopped_by, work=0, notes={"no_bid": reason})
    return Run(name, submission, time.monotonic() - started, reason)


def _kill_group(worker: subprocess.Popen[bytes]) -> None:
    """End what the worker started too. One that was reaped already is let be: its number may be someone else's now."""
    if worker.returncode is None:
        with suppress(ProcessLookupError):  # it ended in this very moment
            os.killpg(worker.pid, signal.SIGKILL)
