"""Single values by key."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from engine.store.repositories._insert import insert_missing, insert_new
from engine.store.tables import meta


class Meta:
    """Text by key; what it means is the caller's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, key: str) -> str | None:
        """The value; None where none was set."""
        return self._connection.scalar(select(meta.c.value).where(meta.c.key == key))

    def claim(self, key: str, value: str) -> bool:
        """Set the value unless there is one; whether it was set now. Of several that try at once, one does."""
        return insert_new(self._connection, meta, {"key": key, "value": value}) is not None

    def set(self, key: str, value: str) -> None:
        """Set or replace the value."""
        insert_missing(self._connection, meta, [{"key": key, "value": value}])
        self._connection.execute(update(meta).where(meta.c.key == key).values(value=value))
