"""The one request core: when to send, when to wait, when to send again, what to raise. It does no I/O and draws no chance.

`exchange` is a generator that two drivers run, one with a blocking client and one with an awaiting one: it yields `Send`,
and is sent the answer or the failure; it yields `Pause`, and is sent nothing; it returns what was asked for.

Guarantees
1. A call is sent again only where that can do no harm: reads, and changes, which all carry an Idempotency-Key.
2. What may come of a change after the last try is never guessed: UnknownOutcomeError.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

from api.client.calls import Call
from api.client.errors import ServiceError, UnknownOutcomeError, refusal
from intents.errors import InputError

T = TypeVar("T")

BUSY = {"idempotency_key_busy"}
"""Refusals that ask to be asked again."""

MAX_WAIT_SECONDS = 30.0
"""No pause is longer, whatever the service asks."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A call is sent at most `tries` times; the pauses between are `first_pause_seconds`, doubling."""

    tries: int = 5
    first_pause_seconds: float = 0.2


@dataclass(frozen=True, slots=True)
class Send:
    """To do: send the call."""


@dataclass(frozen=True, slots=True)
class Pause:
    """To do: wait. Drivers add up to a half by chance, so that clients that failed together do not come back together."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. `retry_after` is the header's text."""

    status: int
    content: bytes
    retry_after: str = ""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """A call that brought no answer, and why."""

    reason: str


Step = Send | Pause
Outcome = Answer | NoAnswer | None


def exchange(call: Call[T], policy: Policy) -> Generator[Step, Outcome, T]:
    """One call until it is answered. Raises ServiceError, UnknownOutcomeError."""
    changes = call.body is not None
    for number in range(policy.tries):
        last = number == policy.tries - 1
        outcome = yield Send()
        match outcome:
            case Answer(status=status, content=content) if status < 300:
                return _read(call, content, status)
            case Answer() as answer:
                error = refusal(answer.status, answer.content, changes=changes)
                if last or not _worth_another_try(error):
                    raise error
            case _:
                if last:
                    raise _unanswered(outcome, changes=changes)
        yield Pause(_seconds(outcome, policy.first_pause_seconds * 2**number))
    raise ValueError("a policy of no tries")


def _read(call: Call[T], content: bytes, status: int) -> T:
    try:
        return call.read(content)
    except InputError as error:
        # It was done; only what was said of it can not be read, most likely by a client of another release.
        kind = ServiceError if call.body is None else UnknownOutcomeError
        expected = "an answer of this release"
        raise kind("bad_answer", expected=expected, actual=str(error), status=status) from None


def _worth_another_try(error: ServiceError) -> bool:
    return error.status >= 500 or error.status == 429 or error.code in BUSY


def _unanswered(outcome: Outcome, *, changes: bool) -> ServiceError:
    kind = UnknownOutcomeError if changes else ServiceError
    reason = outcome.reason if isinstance(outcome, NoAnswer) else "nothing"
    return kind("no_answer", expected="an answer", actual=reason)


def _seconds(outcome: Outcome, otherwise: float) -> float:
    """What the service asks for in whole seconds, where it does; the other form of the header, a date, is not followed."""
    asked = outcome.retry_after if isinstance(outcome, Answer) else ""
    seconds = float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else otherwise
    return min(seconds, MAX_WAIT_SECONDS)
