"""Whether a send is admitted now: load shed by class and retries paid from the chain's budget, on record and replayable.

Guarantees
1. A send is admitted where its class may still fill the chain's limits (engine.network.health.shedding) and, if it is a
   retry, where the chain's bucket holds a token (engine.network.health.retries). What undoes is always admitted, and
   moves neither the share of refusals nor the bucket.
2. An `Admission` holds all that was read, in integers, and the verdict; `replayed` gives the verdict and the state after by
   the same code. Each record's state is what the one before left, so none is left out in between unseen.

It does not show that loads and limits were true: they follow from sends and signed receipts. Who is refused waits in no queue
here; the caller asks again, within the send's deadline.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from engine.auction.solution import Count
from engine.network.draws import Ints
from engine.network.health.reducer import ROW, F, Health, N, Settings, may_enter, may_retry, note_request
from engine.network.health.retries import Retries
from engine.network.health.shedding import CRITICAL, NORMAL, Shedding
from engine.network.trust.dispatch_log import Numbers
from intents.errors import InputError
from intents.identifiers import Digest, PlaceId
from intents.values import Value

Klass = Literal["undoing", "begun", "first"]
"""Undoes what landed; a bid of which another step is sent already; a bid of which nothing else is."""

CLASSES: dict[Klass, int] = {"begun": CRITICAL, "first": NORMAL}

Verdict = Literal["admitted", "full", "no_token"]


class Desk(NamedTuple):
    """What one admission leaves to the next: the share of refusals, the bucket, and when its tokens were counted."""

    refused_ppm: int
    tokens_milli: int
    counted_us: int


class Asked(NamedTuple):
    """A send that asks. `attempt` counts the sends of its transaction from 0."""

    chain: str
    transaction: str
    attempt: int
    klass: Klass
    now_us: int


class Admission(Value):
    """One verdict and its inputs. `own` and `cap`: in flight and most in flight, by node; 0 for who is not sent to.

    `rules`: the fields of Shedding, then of Retries.
    """

    format: Literal["clearway/admission/1"] = "clearway/admission/1"
    chain: PlaceId
    transaction: Digest
    attempt: Count
    klass: Klass
    now_us: Count
    own: Numbers
    cap: Numbers
    refused_ppm: Count
    tokens_milli: Count
    counted_us: int = Field(ge=-(2**53), lt=2**53)
    rules: Numbers
    verdict: Verdict


def desk_of(health: Health) -> Desk:
    """The state that admissions go on from."""
    return Desk(int(health.fleet[F.refused_ppm]), int(health.bucket[0]), int(health.bucket[1]))


def set_desk(health: Health, desk: Desk) -> None:
    """Go on from there."""
    health.fleet[F.refused_ppm] = desk.refused_ppm
    health.bucket[:] = desk.tokens_milli, desk.counted_us


def admission_of(own: Ints, cap: Ints, desk: Desk, settings: Settings, asked: Asked) -> tuple[Admission, Desk]:
    """The verdict on record, and the state after it. Changes nothing."""
    verdict, after = _judged(own, cap, desk, settings, asked)
    admission = Admission(
        **asked._asdict(),
        **desk._asdict(),
        own=_text(own),
        cap=_text(cap),
        rules=" ".join(map(str, (*settings.shedding, *settings.retries))),
        verdict=verdict,
    )
    return admission, after


def replayed(admission: Admission) -> tuple[Verdict, Desk]:
    """The verdict from the recorded inputs, and the state after it. Raises InputError `malformed_admission`."""
    own, cap = _row(admission, "own"), _row(admission, "cap")
    rules = _row(admission, "rules").tolist()
    split = len(Shedding._fields)
    if len(own) != len(cap) or len(rules) != split + len(Retries._fields):
        expected = f"a limit for each of {len(own)} nodes, {split + len(Retries._fields)} rules"
        raise InputError("malformed_admission", "", expected=expected, actual=f"{len(cap)} and {len(rules)}")
    settings = Settings(shedding=Shedding(*rules[:split]), retries=Retries(*rules[split:]))
    asked = Asked(admission.chain, admission.transaction, admission.attempt, admission.klass, admission.now_us)
    desk = Desk(admission.refused_ppm, admission.tokens_milli, admission.counted_us)
    try:
        return _judged(own, cap, desk, settings, asked)
    except ArithmeticError as error:
        raise InputError("malformed_admission", "", expected="64-bit inputs", actual=str(error)) from None


def _judged(own: Ints, cap: Ints, desk: Desk, settings: Settings, asked: Asked) -> tuple[Verdict, Desk]:
    if asked.klass == "undoing":
        return "admitted", desk
    fleet = np.zeros(len(F), dtype=np.int64)
    bucket = np.zeros(2, dtype=np.int64)
    nothing = np.zeros((0, len(N)), dtype=np.int64)
    tiers, changes = np.zeros((3, 1), dtype=np.int64), np.zeros((0, ROW), dtype=np.int64)
    health = Health(own, own, cap, nothing, tiers, fleet, bucket, changes)
    set_desk(health, desk)
    verdict: Verdict = "admitted"
    if not may_enter(health, settings, CLASSES[asked.klass]):
        verdict = "full"
    elif asked.attempt == 0:
        note_request(health, settings, asked.now_us)
    elif not may_retry(health, settings, asked.now_us):
        verdict = "no_token"
    return verdict, desk_of(health)


def _row(admission: Admission, name: str) -> Ints:
    words: str = getattr(admission, name)
    try:
        return np.array(words.split(), dtype=np.int64)
    except OverflowError:
        raise InputError("malformed_admission", f"/{name}", expected="64-bit integers", actual=words[:80]) from None


def _text(row: Ints) -> str:
    return " ".join(map(str, row.tolist()))


__all__ = ["Admission", "Asked", "Desk", "Klass", "Verdict", "admission_of", "desk_of", "replayed", "set_desk"]
