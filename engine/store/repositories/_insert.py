"""INSERT ... ON CONFLICT DO NOTHING, which both databases have under different constructs.

On PostgreSQL it waits for another transaction that is inserting the same key: afterwards the key is there, whoever
wrote it, and no error has spoilt the transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Insert, Row, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert


def insert_new(connection: Connection, table: Table, row: Mapping[str, Any]) -> Row[Any] | None:
    """Insert the row and return its primary key; None where a row with one of its unique keys is there already."""
    return connection.execute(_returning(connection.dialect.name, table), row).first()


def insert_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert the rows whose keys are not there yet; how many. Ascending by key, or two writers could wait for each other."""
    return connection.execute(missing(connection.dialect.name, table), rows).rowcount if rows else 0


# Statements are kept: SQLAlchemy then finds their compiled text by identity, which makes an insert three times as fast.
@cache
def _returning(dialect: str, table: Table) -> ReturningInsert[Any]:
    return missing(dialect, table).returning(*table.primary_key)


@cache
def missing(dialect: str, table: Table) -> Insert:
    """INSERT ... ON CONFLICT DO NOTHING."""
    construct = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return construct(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
