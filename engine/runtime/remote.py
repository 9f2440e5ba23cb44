"""Registered solvers: the problem to all of them, their seals until the close, what they reveal after it.

    runs, collected = compete_openly(pool, entrants, problem, limits, gateway)

Guarantees
1. All are sent the same bytes. A seal counts if it arrived whole before the close, and of several the one with the
   greatest sequence number; solutions count if they are what was sealed and arrived inside the window.
2. Nothing that a solver does delays the close or the window's end: see engine.runtime.outgoing.
3. Nobody is asked to reveal before the close; what is revealed goes into the record and nowhere else.

Each solver's run says by code why it has no bid: `late`, `unreachable`, `redirected`, `bad_status`, `too_large`,
`forbidden_address`, `bad_url`, `bad_seal`, or, of one that sealed, `not_revealed`, `reveal_mismatch`, `unreadable`,
`too_many_solutions`. One that answers with nothing has `declined`, which is no failure.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.auction.ids import commitment
from engine.auction.problem import Problem
from engine.auction.sealed import RevealRequest, Seal
from engine.audit.record import Submission, Unreadable
from engine.runtime.contest import Limits, Run, Sealed, compete, sealed_by
from engine.runtime.outgoing import Answer, Post
from engine.runtime.pool import Collected, Pool
from engine.runtime.settings import Settings
from engine.store.repositories.solvers import RemoteSolver
from intents.errors import InputError
from intents.values import canonical_bytes

SEAL_BYTES = 64 * 1024
"""What a solver may write before the close: some hundred seals."""

MAX_SOLUTIONS = 64
"""Most solutions of one solver: each is verified, at our cost."""

DETAIL_CHARACTERS = 200
"""How much is said about a failure."""

DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Gateway:
    """How registered solvers are asked: the engine's private key, and the operator's bounds (see Settings)."""

    engine_key: bytes
    private: bool
    reveal_seconds: float
    reveal_bytes: int

    @classmethod
    def of(cls, settings: Settings, engine_key: bytes) -> Gateway:
        """The gateway that the settings describe."""
        return cls(engine_key, settings.private_solvers, settings.reveal_seconds, settings.reveal_bytes)


def compete_openly(
    pool: Pool,
    entrants: Sequence[RemoteSolver],
    problem: Problem,
    limits: Limits,
    gateway: Gateway,
    *,
    finished: Callable[[str], None] = lambda _: None,
    closed: Callable[[Sequence[Sealed]], None] = lambda _: None,
) -> tuple[list[Run], Collected]:
    """One run for each solver of the pool, then one for each entrant; how the pool's were collected.

    `closed` is told what binds each solver, before anybody is asked to reveal.
    """
    rounds: list[Round] = []

    def send(text: bytes, closes: float) -> None:
        rounds.append(Round(entrants, problem, text, gateway, closes=closes))

    runs, collected = compete(pool, pool.names, problem, limits, finished=finished, sending=send)
    seals = [exchange.close() for exchange in rounds]
    sealed = [(name, one.seal, ()) for each in seals for name, one in each.items()]
    closed([*(sealed_by(run) for run in runs), *sealed])
    revealed = [run for exchange, each in zip(rounds, seals, strict=True) for run in exchange.reveal(each)]
    return [*runs, *revealed], collected


@dataclass(frozen=True, slots=True)
class _Closed:
    """What became of one solver at the close: its seal, or why it has none."""

    seal: Seal | None
    answer: Answer
    failure: str = ""
    detail: str = ""


class Round:
    """One auction's exchange with registered solvers."""

    def __init__(
        self, entrants: Sequence[RemoteSolver], problem: Problem, text: bytes, gateway: Gateway, *, closes: float
    ) -> None:
        """Sends the problem; `text` is its bytes. The seals are due when the monotonic clock is at `closes`."""
        self._entrants = {solver.name: solver for solver in entrants}
        self._problem, self._gateway, self._closes = problem, gateway, closes
        headers = {
            "Clearway-Auction": problem.auction,
            "Clearway-Problem": problem.hash,
            "Clearway-Seconds": f"{max(0.0, closes - time.monotonic()):.3f}",
        }
        self._posts = self._send("/solve", {solver.name: (text, headers) for solver in entrants}, SEAL_BYTES, closes)

    def close(self) -> Mapping[str, _Closed]:
        """Wait for the seals, at most until the close."""
        return {name: self._read_seal(name, answer) for name, answer in _ended(self._posts).items()}

    def reveal(self, closed: Mapping[str, _Closed]) -> list[Run]:
        """Ask those that sealed for their solutions; the run of each solver, by name."""
        seals = {name: one.seal for name, one in closed.items() if one.seal is not None}
        requests: dict[str, tuple[bytes, Mapping[str, str]]] = {
            name: (canonical_bytes(RevealRequest.signed(seal, self._gateway.engine_key)), {})
            for name, seal in seals.items()
        }
        until = time.monotonic() + self._gateway.reveal_seconds
        answers = _ended(self._send("/reveal", requests, self._gateway.reveal_bytes, until))
        runs = []
        for name, one in sorted(closed.items()):
            if one.seal is None:
                runs.append(_without_bid(name, None, one.answer.seconds, one.failure, one.detail))
            else:
                runs.append(_read_reveal(name, one.seal, one.answer.seconds, answers[name]))
        return runs

    def _send(
        self, path: str, requests: Mapping[str, tuple[bytes, Mapping[str, str]]], most: int, until: float
    ) -> dict[str, Post]:
        private = self._gateway.private
        return {
            name: Post(self._entrants[name].url + path, body, headers, most=most, until=until, private=private)
            for name, (body, headers) in requests.items()
        }

    def _read_seal(self, name: str, answer: Answer) -> _Closed:
        lines = answer.content.split(b"\n")
        if answer.failure:
            lines.pop()  # a line that was still being written
        seal, fault = None, ""
        for line in filter(None, (line.strip() for line in lines)):
            try:
                found = Seal.from_json(line)
                found.check(self._problem.auction, self._problem.hash, self._entrants[name].key)
            except InputError as error:
                fault = fault or f"{error.code} at {error.where}"
                continue
            if seal is None or found.sequence > seal.sequence:
                seal = found
        if seal is not None:
            return _Closed(seal, answer)
        if fault:
            return _Closed(None, answer, "bad_seal", fault)
        return _Closed(None, answer, answer.failure or DECLINED, answer.detail)


def _ended(posts: Mapping[str, Post]) -> dict[str, Answer]:
    for post in posts.values():
        post.wait()
    return {name: post.freeze() for name, post in posts.items()}


def _read_reveal(name: str, seal: Seal, seconds: float, answer: Answer) -> Run:
    """The run of a solver that sealed: its solutions where they are what it sealed, else none and why."""
    if answer.failure:
        return _without_bid(name, seal, seconds, "not_revealed", f"{answer.failure} {answer.detail}".strip())
    submission = Submission.read(answer.content)
    if len(submission.solutions) > MAX_SOLUTIONS:
        return _without_bid(name, seal, seconds, "too_many_solutions", f"more than {MAX_SOLUTIONS}")
    for solution in submission.solutions:
        if isinstance(solution, Unreadable):
            fault = solution.fault()
            return _without_bid(name, seal, seconds, "unreadable", f"{fault.code} at {fault.where}")
    revealed = commitment([solution.content_hash for solution in submission.solutions])
    if revealed != seal.commitment:
        return _without_bid(name, seal, seconds, "reveal_mismatch", f"{revealed} for {seal.commitment}")
    return Run(name, submission.model_copy(update={"sealed": seal}), seconds)


def _without_bid(name: str, seal: Seal | None, seconds: float, failure: str, detail: str) -> Run:
    # A stranger's words may be in it: they must be short, and what every database and terminal can hold.
    reason = f"{failure}: {ascii(detail)[1:-1][:DETAIL_CHARACTERS]}" if detail else failure
    stopped_by: Literal["time", "unknown"] = "time" if failure == "late" else "unknown"
    submission = Submission(solutions=(), stopped_by=stopped_by, work=0, notes={"no_bid": reason}, sealed=seal)
    return Run(name, submission, seconds, reason, failure="" if failure == DECLINED else failure)
