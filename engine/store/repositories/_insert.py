"""INSERT ... ON CONFLICT DO NOTHING, which both databases have under different constructs.

`insert_all` sends many rows as one JSON text in one statement: the driver of SQLite gives other threads their turn at every
row of an ordinary `executemany`, and each of them may keep it for milliseconds.

On PostgreSQL it waits for another transaction that is inserting the same key: afterwards the key is there, whoever
wrote it, and no error has spoilt the transaction.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import JSON, ColumnElement, Connection, Insert, Row, Table, Text, bindparam, cast, func, select, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from engine.store.errors import OvertakenError


def insert_new(connection: Connection, table: Table, row: Mapping[str, Any]) -> Row[Any] | None:
    """Insert the row and return its primary key; None where a row with one of its unique keys is there already."""
    return connection.execute(_returning(connection.dialect.name, table), row).first()


def insert_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert the rows whose keys are not there yet; how many. Ascending by key, or two writers could wait for each other."""
    return connection.execute(_missing(connection.dialect.name, table), rows).rowcount if rows else 0


def insert_all(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that have the same columns, none of them binary.

    Raises OvertakenError where one of their unique keys was there already; the other rows are there then.
    """
    columns = tuple(rows[0])
    processors = _processors(connection, table, columns)
    plain = [[process(row[name]) for name, process in processors] for row in rows]
    text = json.dumps(plain, separators=(",", ":"), default=str)
    inserted = connection.execute(_from_text(connection.dialect.name, table, columns), {"rows": text}).rowcount
    if inserted != len(rows):
        raise OvertakenError("overtaken", table.name, expected=f"{len(rows)} new rows", actual=str(inserted))


# Statements are kept: SQLAlchemy then finds their compiled text by identity, which makes an insert three times as fast.
@cache
def _returning(dialect: str, table: Table) -> ReturningInsert[Any]:
    return _missing(dialect, table).returning(*table.primary_key)


@cache
def _missing(dialect: str, table: Table) -> Insert:
    construct = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return construct(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)


@cache
def _from_text(dialect: str, table: Table, columns: tuple[str, ...]) -> Insert:
    values: list[ColumnElement[Any]]
    if dialect == "sqlite":
        rows = func.json_each(bindparam("rows")).table_valued("value")
        values = [func.json_extract(rows.c.value, f"$[{place}]") for place in range(len(columns))]
    else:
        rows = func.json_array_elements(cast(bindparam("rows", type_=Text), JSON)).table_valued("value")
        values = [cast(rows.c.value.op("->>")(place), table.c[name].type) for place, name in enumerate(columns)]
    # Without a condition SQLite takes ON CONFLICT for a join's.
    return _missing(dialect, table).from_select(columns, select(*values).where(true()))


def _processors(
    connection: Connection, table: Table, columns: tuple[str, ...]
) -> list[tuple[str, Callable[[Any], Any]]]:
    """What the columns' types make of values that are stored."""
    dialect = connection.dialect
    found = ((name, table.c[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in columns)
    return [(name, process or _same) for name, process in found]


def _same(value: Any) -> Any:
    return value
