"""INSERT ... ON CONFLICT DO NOTHING, which both databases have under different constructs.

On PostgreSQL it waits for another transaction that is inserting the same key: afterwards the key is there, whoever
wrote it, and no error has spoilt the transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_new(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert the row; False where a row with one of its unique keys is there already."""
    construct = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = construct(table).values(**row).on_conflict_do_nothing().returning(*table.primary_key)
    return connection.execute(statement).first() is not None


def insert_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows whose keys are not there yet. Ascending by key, or two writers could wait for each other."""
    if rows:
        construct = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        connection.execute(construct(table).on_conflict_do_nothing(), list(rows))
