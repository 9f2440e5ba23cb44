"""Intents: what was signed, where it stands, and how it came there.

Guarantees
1. Adding the same intent twice is adding it once; a nonce that another intent of the owner has is refused.
2. Every change of status goes through `intents.lifecycle.transition` and leaves a line in the history.
3. An intent is in one batch at most: `Cut` gives it the auction, `Settled` must name that auction and takes it away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update

from engine.auction.problem import Intent, Signature
from engine.store.compare import Difference, differences
from engine.store.errors import StoreError
from engine.store.repositories._bulk import find_all, insert_all
from engine.store.repositories._insert import insert_new
from engine.store.tables import WAITING, intent_events, intents
from engine.store.types import Written
from intents.errors import InputError
from intents.lifecycle import Cut, Event, IntentState, Settled, Status, transition
from intents.outcome import Outcome

_ADD_LINE = insert(intent_events)


@dataclass(frozen=True, slots=True)
class StoredIntent:
    """An accepted intent. `intent.filled_units` is current; `sequence` is its cursor; `auction` is set while SETTLING."""

    intent: Intent
    status: Status
    cancel_waits: bool
    auction: int | None
    receipt: Mapping[str, Any]
    accepted_ms: int
    sequence: int

    @property
    def filled_units(self) -> int:
        """Units filled so far."""
        return self.intent.filled_units


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One event of an intent's life; `status` and `filled_units` are those afterwards."""

    event: str
    status: Status
    filled_units: int
    at_ms: int
    auction: int | None
    detail: Mapping[str, Any]


class Claim(NamedTuple):
    """The intent that has a nonce, and the RFC 8785 bytes of its receipt: empty where it got none."""

    intent: str
    receipt: bytes


class Intents:
    """Accepted intents."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, intent: Intent, accepted_ms: int, receipt: Mapping[str, Any]) -> StoredIntent:
        """Store an intent, OPEN; the stored one where it is there already. Raises InputError `nonce_used`."""
        outcome = intent.outcome
        key = insert_new(self._connection, intents, _row(intent, accepted_ms, receipt))
        if key is not None:
            self._connection.execute(_ADD_LINE, _acceptance(intent, accepted_ms))
            return StoredIntent(
                intent=intent,
                status=Status.OPEN,
                cancel_waits=False,
                auction=None,
                receipt=dict(receipt),
                accepted_ms=accepted_ms,
                sequence=key.sequence,
            )
        stored = self.get(intent.id)
        if stored is None:
            expected = f"a nonce that {outcome.owner} has not used"
            holder = self.nonce_taken(outcome.owner, outcome.nonce)
            raise InputError("nonce_used", "/nonce", expected=expected, actual=f"used by {holder}")
        return stored

    def add_all(self, accepted: Sequence[tuple[Intent, int, Written]]) -> None:
        """Store intents with the time and the receipt of their acceptance, OPEN. None may be there, nor its nonce.

        Raises OvertakenError where one is; what was stored with it must be undone.
        """
        if accepted:
            insert_all(self._connection, intents, [_row(*one) for one in accepted])
            insert_all(self._connection, intent_events, [_acceptance(intent, at_ms) for intent, at_ms, _ in accepted])

    def claims(self, nonces: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Claim]:
        """Who claimed these nonces, given as (owner, nonce); those that nobody claimed are missing."""
        rows = find_all(self._connection, intents, ("owner", "nonce", "id", "receipt"), ("owner", "nonce"), nonces)
        return {
            (row.owner, int(row.nonce)): Claim(row.id, b"" if row.receipt == "{}" else row.receipt.encode())
            for row in rows
        }

    def differences(self, batch: Iterable[Intent]) -> Iterator[Difference]:
        """Where an intent is stored otherwise than an auction had it: who signed what. How far it is filled changes later."""
        for intent in batch:
            row = _row(intent, 0, {})
            signed = {name: row[name] for name in ("id", "owner", "nonce", "pair", "scheme", "signature")}
            signed["outcome"] = intent.outcome.to_wire()
            yield from differences(self._connection, intents, intents.c.id == intent.id, [signed], keys=("id",))

    def get(self, intent: str) -> StoredIntent | None:
        """The intent with this id."""
        row = self._connection.execute(select(intents).where(intents.c.id == intent)).first()
        return None if row is None else _stored(row)

    def nonce_taken(self, owner: str, nonce: int) -> str | None:
        """The id of the intent that claimed the owner's nonce."""
        return self._connection.scalar(select(intents.c.id).where(intents.c.owner == owner, intents.c.nonce == nonce))

    def page(
        self, owner: str | None, status: Status | None, after: int | None, limit: int
    ) -> tuple[list[StoredIntent], int | None]:
        """Newest first, at most `limit`, those accepted before the cursor `after`; and the next cursor, if more follow."""
        conditions: list[ColumnElement[bool]] = []
        if owner is not None:
            conditions.append(intents.c.owner == owner)
        if status is not None:
            conditions.append(intents.c.status == status.value)
        if after is not None:
            conditions.append(intents.c.sequence < after)
        query = select(intents).where(*conditions).order_by(intents.c.sequence.desc()).limit(limit + 1)
        found = [_stored(row) for row in self._connection.execute(query)]
        return found[:limit], found[limit - 1].sequence if len(found) > limit else None

    def open_for_batch(self, time_seconds: int) -> list[Intent]:
        """Intents in no batch and valid at the time, by id; nobody else moves them until this transaction ends."""
        valid = (intents.c.valid_from <= time_seconds) & (intents.c.valid_until > time_seconds)
        query = select(intents).where(intents.c.status.in_(WAITING), valid).order_by(intents.c.id).with_for_update()
        return sorted((_intent(row) for row in self._connection.execute(query)), key=lambda intent: intent.id)

    def overdue(self, time_seconds: int) -> list[str]:
        """Ids of intents in no batch whose validity is over at the time, ascending: due for `Expire`, and locked."""
        over = intents.c.status.in_(WAITING) & (intents.c.valid_until <= time_seconds)
        query = select(intents.c.id).where(over).order_by(intents.c.id).with_for_update()
        return sorted(self._connection.scalars(query))

    def move(
        self, intent: str, event: Event, at_ms: int, auction: int | None = None, detail: Mapping[str, Any] | None = None
    ) -> StoredIntent:
        """Apply an event and write it down. `auction` is needed for Cut and Settled.

        Raises TransitionError where the event can not happen, StoreError `unknown_intent`, or `wrong_auction` where the
        intent is not in that auction's batch.
        """
        row = self._connection.execute(select(intents).where(intents.c.id == intent).with_for_update()).first()
        if row is None:
            raise StoreError("unknown_intent", intent, expected="a stored intent", actual="none")
        before = _stored(row)
        outcome = before.intent.outcome
        state = transition(IntentState(outcome.units, before.filled_units, before.status, before.cancel_waits), event)
        concerned = auction if isinstance(event, Cut | Settled) else before.auction
        if concerned is None and isinstance(event, Cut | Settled):
            raise StoreError("wrong_auction", intent, expected="an auction", actual="none")
        if isinstance(event, Settled) and concerned != before.auction:
            raise StoreError("wrong_auction", intent, expected=f"auction {before.auction}", actual=str(concerned))
        batch = concerned if state.status is Status.SETTLING else None
        self._connection.execute(
            update(intents)
            .where(intents.c.id == intent)
            .values(
                status=state.status.value,
                filled_units=state.filled_units,
                cancel_waits=state.cancel_waits,
                auction=batch,
            )
        )
        position = (
            1
            + self._connection.execute(
                select(func.max(intent_events.c.position)).where(intent_events.c.intent == intent)
            ).scalar_one()
        )
        name = type(event).__name__.lower()
        self._connection.execute(_ADD_LINE, _line(intent, position, name, state, at_ms, concerned, detail or {}))
        return replace(
            before,
            intent=before.intent.model_copy(update={"filled_units": state.filled_units}),
            status=state.status,
            cancel_waits=state.cancel_waits,
            auction=batch,
        )

    def history(self, intent: str) -> list[HistoryLine]:
        """Everything that happened to the intent, oldest first."""
        query = select(intent_events).where(intent_events.c.intent == intent).order_by(intent_events.c.position)
        return [
            HistoryLine(row.event, Status(row.status), row.filled_units, row.at_ms, row.auction, row.detail)
            for row in self._connection.execute(query)
        ]


def _row(intent: Intent, accepted_ms: int, receipt: Mapping[str, Any] | Written) -> dict[str, Any]:
    outcome, signature = intent.outcome, intent.signature
    return {
        "id": intent.id,
        "owner": outcome.owner,
        "nonce": outcome.nonce,
        "pair": intent.group,
        "valid_from": outcome.valid_from,
        "valid_until": outcome.valid_until,
        "outcome": Written(outcome.model_dump_json(by_alias=True)),
        "scheme": None if signature is None else signature.scheme,
        "signature": None if signature is None else signature.signature,
        "status": Status.OPEN.value,
        "filled_units": intent.filled_units,
        "cancel_waits": False,
        "auction": None,
        "receipt": receipt if isinstance(receipt, Written) else dict(receipt),
        "accepted_ms": accepted_ms,
    }


def _acceptance(intent: Intent, at_ms: int) -> dict[str, Any]:
    return _line(intent.id, 0, "accepted", IntentState(intent.outcome.units, intent.filled_units), at_ms, None, {})


def _line(
    intent: str,
    position: int,
    event: str,
    state: IntentState,
    at_ms: int,
    auction: int | None,
    detail: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "intent": intent,
        "position": position,
        "event": event,
        "status": state.status.value,
        "filled_units": state.filled_units,
        "at_ms": at_ms,
        "auction": auction,
        "detail": dict(detail),
    }


def _intent(row: Row[Any]) -> Intent:
    signature = None if row.scheme is None else Signature(scheme=row.scheme, signature=row.signature)
    outcome = Outcome.from_wire(row.outcome)
    return Intent(id=row.id, outcome=outcome, signature=signature, filled_units=row.filled_units)


def _stored(row: Row[Any]) -> StoredIntent:
    return StoredIntent(
        intent=_intent(row),
        status=Status(row.status),
        cancel_waits=row.cancel_waits,
        auction=row.auction,
        receipt=row.receipt,
        accepted_ms=row.accepted_ms,
        sequence=row.sequence,
    )
