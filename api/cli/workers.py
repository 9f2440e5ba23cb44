"""Runs built-in solvers on one problem, side by side, and ends those that outstay their limit."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from engine.auction.problem import Problem
from engine.runtime.contest import Limits, Run, compete
from engine.runtime.pool import Pool
from intents.errors import InputError
from solvers.registry import BUILT_IN, SolverUnavailableError


def solver_command(name: str) -> tuple[str, ...]:
    """The command that starts a worker of a built-in solver."""
    return sys.executable, "-P", "-m", "solvers.worker", name


def built_in_commands(listed: str) -> dict[str, tuple[str, ...]]:
    """The commands of the built-in solvers that a setting lists, by commas. Raises InputError `unknown_solver`."""
    names = list(filter(None, listed.split(",")))
    for name in names:
        if name not in BUILT_IN:
            expected = f"some of {', '.join(BUILT_IN)}"
            raise InputError("unknown_solver", "CLEARWAY_BUILT_IN", expected=expected, actual=ascii(name))
    return {name: solver_command(name) for name in names}


def run_solvers(
    names: Sequence[str], problem: Problem, limits: Limits, *, finished: Callable[[str], None] = lambda _: None
) -> list[Run]:
    """One run for each name, in the order given; `finished` is told each as it ends.

    Raises SolverUnavailableError where a name is unknown or its optimiser is not installed.
    """
    for name in names:
        if name not in BUILT_IN:
            raise SolverUnavailableError("unknown_solver", f"expected one of {', '.join(BUILT_IN)}, got {name!r}")
    with _ended_by_termination(), Pool({name: solver_command(name) for name in names}) as pool:
        pool.wait_ready(limits.grace_seconds)  # until their optimisers are loaded
        runs, _ = compete(pool, names, problem, limits, finished=finished)
    for run in runs:
        if run.unavailable:
            raise SolverUnavailableError(run.unavailable, run.no_bid)
    return runs


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
