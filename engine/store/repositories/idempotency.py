"""Idempotency keys: the first request with a key acts, every repetition gets its answer.

    stored = work.idempotency.claim(key, request_hash, now)   # None: it is yours
    ...act...
    work.idempotency.store(key, 201, body)

In one transaction with what the request does, so that a key without an answer is never seen by others: a crash takes
the claim back with everything else.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, select, update

from engine.store.errors import StoreError
from engine.store.repositories._insert import insert_new
from engine.store.tables import idempotency_keys as keys


class Stored(NamedTuple):
    """The answer that the first request got."""

    status: int
    body: bytes


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
        found = self._connection.execute(select(keys).where(keys.c.key == key)).first()
        if found is None or found.request_hash != request_hash:
            raise StoreError("idempotency_key_reused", key, expected="the request that first used it", actual="another")
        if found.status is None:
            raise StoreError("idempotency_key_busy", key, expected="a key whose request is answered", actual="none yet")
        return Stored(found.status, found.body)

    def store(self, key: str, status: int, body: bytes) -> None:
        """Set the answer of a key that was claimed. Raises StoreError `not_claimed`."""
        unanswered = (keys.c.key == key) & keys.c.status.is_(None)
        if not self._connection.execute(update(keys).where(unanswered).values(status=status, body=body)).rowcount:
            raise StoreError("not_claimed", key, expected="a claimed key without an answer", actual="none")
