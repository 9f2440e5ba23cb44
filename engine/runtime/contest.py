"""One contest: the same problem to every solver at the same moment, and what became of each.

A solver that gives nothing usable in time has no bid; why is said in its run and in the notes of its empty submission.
What a solver wrote is read only after the answers are frozen, and is never believed: it becomes a `Submission`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from engine.auction.problem import Problem
from engine.auction.sealed import Seal
from engine.auction.solution import Solution
from engine.audit.record import Submission
from engine.runtime.frames import Request
from engine.runtime.pool import Collected, Pool, Reply
from intents.errors import InputError
from intents.values import parse_json

DEFAULT_WORK = 1_000_000_000
"""Budget of work, in each solver's own unit, where none is stated: the time limit then decides."""

GRACE_SECONDS = 20.0
"""What a worker gets beyond its time limit where nobody waits at a deadline."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Budget of one run; `seed` defaults to the problem's (31 bits of it: optimisers take no more).

    What has not answered `grace_seconds` after its time limit is killed; the grace is for reading and writing.
    """

    seconds: float
    work: int = DEFAULT_WORK
    seed: int | None = None
    grace_seconds: float = GRACE_SECONDS


@dataclass(frozen=True, slots=True)
class Run:
    """What became of one solver: what it submitted (nothing, where it has no bid, and why), and its seconds.

    `unavailable` is the code where the solver could not be loaded at all, `failure` where a registered one failed.
    """

    solver: str
    submission: Submission
    seconds: float
    no_bid: str = ""
    unavailable: str = ""
    failure: str = ""

    @property
    def best(self) -> Solution | None:
        """Its solution over everything it fills, where there is one that could be read."""
        first = next(iter(self.submission.solutions), None)
        return first if isinstance(first, Solution) else None


Sealed = tuple[str, Seal | None, tuple[str, ...]]
"""What binds a solver at the close: its name, its seal, and, where it has none, the hashes of what it gave."""


def sealed_by(run: Run) -> Sealed:
    """What binds a solver that needs no seal."""
    return run.solver, None, tuple(solution.content_hash for solution in run.submission.solutions)


def compete(
    pool: Pool,
    names: Sequence[str],
    problem: Problem,
    limits: Limits,
    *,
    finished: Callable[[str], None] = lambda _: None,
    sending: Callable[[bytes, float], None] = lambda _text, _closes: None,
) -> tuple[list[Run], Collected]:
    """One run for each name, in the order given, and when they were collected; `finished` is told of each as it ends.

    `sending` is given the problem's bytes and the close (monotonic) in the moment before they are sent.
    """
    seed = int(problem.solver_seed, 16) % 2**31 if limits.seed is None else limits.seed
    text = problem.model_dump_json(by_alias=True).encode()
    now = time.monotonic()
    template = Request("", seconds=limits.seconds, work=limits.work, seed=seed, sent=now)
    requests = {name: replace(template, solver=name).line() + text for name in names}
    deadline = now + limits.seconds + limits.grace_seconds
    sending(text, deadline)
    collected = pool.ask(requests, deadline=deadline, finished=finished)
    return [read_reply(name, collected.replies[name]) for name in names], collected


def read_reply(solver: str, reply: Reply) -> Run:
    """The run that a reply tells of. Never raises for what is in it."""
    if reply.failure:
        return _without_bid(solver, reply, f"{reply.failure}: {reply.detail}" if reply.detail else reply.failure)
    try:
        data = parse_json(reply.content)
    except InputError as error:
        return _without_bid(solver, reply, f"{error.code} at {error.where}")
    match data:
        case {"proposal": proposal}:
            return Run(solver, Submission.read(json.dumps(proposal).encode()), reply.seconds)
        case {"error": {"code": str(code), "message": str(message)}}:
            return replace(_without_bid(solver, reply, message), unavailable=code)
    return _without_bid(solver, reply, "malformed: neither a proposal nor an error")


def _without_bid(solver: str, reply: Reply, reason: str) -> Run:
    stopped_by: Literal["time", "unknown"] = "time" if reply.failure == "time" else "unknown"
    submission = Submission(solutions=(), stopped_by=stopped_by, work=0, notes={"no_bid": reason})
    return Run(solver, submission, reply.seconds, reason)
