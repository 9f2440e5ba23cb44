"""What an operator tells a running service, through the database: run, pause, drain.

    running    auctions at the cadence
    paused     intents are accepted, no auction begins
    draining   no intent is accepted, no auction begins: what runs ends, and then nothing is under way

Guarantees
1. The word is read in the transaction that cuts a batch and in the one that accepts an intent, so on SQLite, whose writers
   wait for each other, none begins after the word was stored. On PostgreSQL one that was begun in the same moment may.
2. It outlives restarts. An auction that was cut before is settled, or voided by whoever leads next.
"""

from __future__ import annotations

from enum import StrEnum

from engine.store.work import Work
from intents.errors import ClearwayError, InputError

_KEY = "operation/mode"


class Mode(StrEnum):
    """What the service is to do."""

    RUNNING = "running"
    PAUSED = "paused"
    DRAINING = "draining"


class HeldError(ClearwayError):
    """No auction is to begin now: code `held`."""

    code = "held"


def mode(work: Work) -> Mode:
    """What the service is to do; `running` unless it was told otherwise."""
    return Mode(work.meta.get(_KEY) or Mode.RUNNING)


def set_mode(work: Work, wanted: Mode) -> None:
    """Tell the service."""
    work.meta.set(_KEY, wanted.value)


def check_running(work: Work) -> None:
    """Raise HeldError unless auctions may begin."""
    current = mode(work)
    if current is not Mode.RUNNING:
        raise HeldError(f"held: the service is {current}")


def check_accepting(work: Work) -> None:
    """Raise InputError `draining` where no new intent is accepted."""
    if mode(work) is Mode.DRAINING:
        raise InputError("draining", "", expected="a service that accepts intents", actual="one that drains")
