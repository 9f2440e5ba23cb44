"""Many rows at once, with the driver's own parameters: SQLAlchemy's way of making them takes longer than SQLite's work.

What the columns' types make of values is theirs; the statements' text is SQLAlchemy's too, or made here of names alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Dialect, Row, Table

from engine.store.errors import OvertakenError
from engine.store.repositories._insert import missing


def insert_all(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that have the same columns.

    Raises OvertakenError where one of their unique keys was there already; the other rows are there then.
    """
    dialect = connection.dialect
    statement, names = _insertion(dialect, table, tuple(rows[0]))
    columns = _processors(dialect, table, names)
    values = [[row[name] if process is None else process(row[name]) for name, process in columns] for row in rows]
    parameters: list[Any] = [tuple(row) if dialect.positional else dict(zip(names, row, strict=True)) for row in values]
    inserted = connection.exec_driver_sql(statement, parameters).rowcount
    if inserted != len(rows):
        raise OvertakenError("overtaken", table.name, expected=f"{len(rows)} new rows", actual=str(inserted))


def find_all(
    connection: Connection, table: Table, wanted: Sequence[str], keys: Sequence[str], values: Iterable[Sequence[Any]]
) -> Sequence[Row[Any]]:
    """The wanted columns, as the driver gives them, of the rows whose key columns are together one of the values."""
    dialect = connection.dialect
    processors = [process or _same for _, process in _processors(dialect, table, tuple(keys))]
    found = [tuple(process(part) for process, part in zip(processors, value, strict=True)) for value in values]
    if not found:
        return []
    mark = "?" if dialect.paramstyle == "qmark" else "%s"
    # Not (keys) IN (VALUES ...): for more than one of them SQLite looks through the whole table.
    one = " AND ".join(f"{key} = {mark}" for key in keys)
    statement = f"SELECT {', '.join(wanted)} FROM {table.name} WHERE " + " OR ".join([f"({one})"] * len(found))  # noqa: S608 - names of ours and marks of parameters
    return connection.exec_driver_sql(statement, tuple(part for key in found for part in key)).all()


@cache
def _insertion(dialect: Dialect, table: Table, columns: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """INSERT ... ON CONFLICT DO NOTHING, and the columns in the order of its parameters."""
    compiled = missing(dialect.name, table).compile(dialect=dialect, column_keys=columns)
    return str(compiled), tuple(compiled.positiontup or columns)


@cache
def _processors(
    dialect: Dialect, table: Table, columns: tuple[str, ...]
) -> list[tuple[str, Callable[[Any], Any] | None]]:
    """By column, what its type makes of a value for the driver; None where it leaves it as it is."""
    return [(name, table.c[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in columns]


def _same(value: Any) -> Any:
    return value
