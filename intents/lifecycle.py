"""The life of an intent: its statuses and the events that move it.

    OPEN, PARTIALLY_FILLED   in no batch, reserving nothing
    SETTLING                 in one batch; at its end filled, filled in part, or as before
    FILLED, CANCELLED, EXPIRED   the end: nothing moves it any more

Guarantees
1. An intent is in at most one batch: only one that is open or partially filled can be cut into one.
2. A cancellation during SETTLING takes effect after that auction: whatever it fills stays filled, the rest is
   cancelled. A batch that was cut in time is settled; an intent expires only outside one.
3. Cancelling twice, or anything after the end, is refused like any other event that can not happen.

Pure: time and fills are the caller's. Source: the architecture's "Books" rule.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from intents.errors import ClearwayError


class Status(StrEnum):
    """Where an intent stands."""

    OPEN = "OPEN"
    SETTLING = "SETTLING"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


@dataclass(frozen=True)
class IntentState:
    """An intent's status, its units filled so far of N, and whether a cancellation waits for the running auction."""

    units: int
    filled_units: int = 0
    status: Status = Status.OPEN
    cancel_waits: bool = False


@dataclass(frozen=True)
class Cut:
    """The intent enters a batch."""


@dataclass(frozen=True)
class Settled:
    """The batch ended and filled this many units of the intent (0: none)."""

    filled_units: int


@dataclass(frozen=True)
class Cancel:
    """The owner's signed cancellation arrived."""


@dataclass(frozen=True)
class Expire:
    """valid_until has passed."""


Event = Cut | Settled | Cancel | Expire


_WAITING: frozenset[type[Event]] = frozenset({Cut, Cancel, Expire})
_LEGAL: dict[Status, frozenset[type[Event]]] = {
    Status.OPEN: _WAITING,
    Status.PARTIALLY_FILLED: _WAITING,
    Status.SETTLING: frozenset({Settled, Cancel}),
    Status.FILLED: frozenset(),
    Status.CANCELLED: frozenset(),
    Status.EXPIRED: frozenset(),
}


class TransitionError(ClearwayError):
    """An event that can not happen to an intent as it stands: code `illegal_transition` or `over_units`."""

    def __init__(self, code: str, *, expected: str, actual: str) -> None:
        self.code = code
        self.expected = expected
        self.actual = actual
        super().__init__(f"{code}: expected {expected}, got {actual}")


def transition(state: IntentState, event: Event) -> IntentState:
    """The state after an event. Raises TransitionError."""
    if type(event) not in _LEGAL[state.status] or (state.cancel_waits and isinstance(event, Cancel)):
        legal = sorted(kind.__name__ for kind in _LEGAL[state.status])
        raise TransitionError(
            "illegal_transition",
            expected=f"one of {legal} while {state.status}, each cancellation once",
            actual=f"{event}",
        )
    match event:
        case Cut():
            return replace(state, status=Status.SETTLING)
        case Expire():
            return replace(state, status=Status.EXPIRED)
        case Cancel() if state.status is Status.SETTLING:
            return replace(state, cancel_waits=True)
        case Cancel():
            return replace(state, status=Status.CANCELLED)
        case Settled(filled_now):
            return _settle(state, filled_now)


def _settle(state: IntentState, filled_now: int) -> IntentState:
    filled = state.filled_units + filled_now
    if filled_now < 0 or filled > state.units:
        actual = f"{filled_now} more than {state.filled_units}"
        raise TransitionError("over_units", expected=f"at most {state.units} units", actual=actual)
    if filled == state.units:
        status = Status.FILLED
    elif state.cancel_waits:
        status = Status.CANCELLED
    else:
        status = Status.PARTIALLY_FILLED if filled else Status.OPEN
    return replace(state, status=status, filled_units=filled, cancel_waits=False)
