"""Idempotency keys: the first request with a key acts, every repetition gets its answer.

    stored = work.idempotency.claim(key, request_hash, now)   # None: it is yours
    ...act...
    work.idempotency.store(key, 201, body)

In one transaction with what the request does, so that a key without an answer is never seen by others: a crash takes
the claim back with everything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, select, update

from engine.store.errors import OvertakenError, StoreError
from engine.store.repositories._insert import insert_missing, insert_new
from engine.store.tables import idempotency_keys as keys


class Stored(NamedTuple):
    """The answer that the first request got."""

    status: int
    body: bytes


class Used(NamedTuple):
    """A key that was used: the hash of the request that used it, and the answer that it got, None before there is one."""

    request_hash: str
    answer: Stored | None


class Idempotency:
    """Keys and the answers given under them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def claim(self, key: str, request_hash: str, at_ms: int) -> Stored | None:
        """The stored answer, or None where the key is now the caller's.

        Raises StoreError `idempotency_key_reused` for another request under the key, `idempotency_key_busy` where the
        key was claimed in this same transaction and has no answer yet.
        """
        row = {"key": key, "request_hash": request_hash, "at_ms": at_ms}
        if insert_new(self._connection, keys, row) is not None:
            return None
        return repeated(key, self.used([key]).get(key), request_hash)

    def used(self, some: Iterable[str]) -> dict[str, Used]:
        """Those of the keys that were used."""
        rows = self._connection.execute(select(keys).where(keys.c.key.in_(list(some))))
        answers = ((row, None if row.status is None else Stored(row.status, row.body)) for row in rows)
        return {row.key: Used(row.request_hash, answer) for row, answer in answers}

    def store_all(self, answered: Mapping[str, tuple[Used, int]]) -> None:
        """Keys with their answers and the times of their use. Raises OvertakenError where one was used; what was stored with it must be undone."""
        rows = [
            {
                "key": key,
                "request_hash": used.request_hash,
                "at_ms": at_ms,
                "status": None if used.answer is None else used.answer.status,
                "body": None if used.answer is None else used.answer.body,
            }
            for key, (used, at_ms) in sorted(answered.items())
        ]
        inserted = insert_missing(self._connection, keys, rows)
        if inserted != len(rows):
            raise OvertakenError("overtaken", keys.name, expected=f"{len(rows)} new rows", actual=str(inserted))

    def store(self, key: str, status: int, body: bytes) -> None:
        """Set the answer of a key that was claimed. Raises StoreError `not_claimed`."""
        unanswered = (keys.c.key == key) & keys.c.status.is_(None)
        if not self._connection.execute(update(keys).where(unanswered).values(status=status, body=body)).rowcount:
            raise StoreError("not_claimed", key, expected="a claimed key without an answer", actual="none")


def repeated(key: str, used: Used | None, request_hash: str) -> Stored:
    """The answer to repeat. Raises StoreError `idempotency_key_reused` or `idempotency_key_busy`."""
    if used is None or used.request_hash != request_hash:
        raise StoreError("idempotency_key_reused", key, expected="the request that first used it", actual="another")
    if used.answer is None:
        raise StoreError("idempotency_key_busy", key, expected="a key whose request is answered", actual="none yet")
    return used.answer
