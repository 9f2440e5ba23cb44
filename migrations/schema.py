"""SCHEMA.md from the tables: `python -m migrations.schema` prints it; a test holds the file to it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import CheckConstraint, Column, Dialect, ForeignKeyConstraint, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql, sqlite

from engine.store.tables import metadata

_INTRODUCTION = """# The database, column by column

Made by `python -m migrations.schema > migrations/SCHEMA.md` from engine/store/tables.py; a test holds it to that.
Times are Unix milliseconds unless a name says seconds. Amounts are exact integers in base units: TEXT on SQLite, whose
integers end at 2^63, NUMERIC on PostgreSQL. A column is never null unless
its type says so."""


_DIALECTS: tuple[Dialect, Dialect] = (
    sqlite.dialect(),
    postgresql.dialect(),  # type: ignore[no-untyped-call]  # SQLAlchemy gives this constructor no types
)


def schema_page() -> str:
    """The whole page, ending in a newline."""
    return "\n".join([_INTRODUCTION, *(line for table in metadata.sorted_tables for line in _section(table)), ""])


def _section(table: Table) -> Iterator[str]:
    yield from ("", f"## {table.name}", "", f"{table.comment}.", "")
    yield from ("| column | SQLite | PostgreSQL | refers to | what it holds |", "| --- | --- | --- | --- | --- |")
    for column in table.columns:
        lite, post = (_type(column, dialect) for dialect in _DIALECTS)
        refers = ", ".join(sorted(key.target_fullname for key in column.foreign_keys if not _composite(key.constraint)))
        yield f"| `{column.name}` | {lite} | {post} | {refers} | {column.comment} |"
    yield ""
    yield f"Key: {_names(table.primary_key.columns)}."
    for constraint in sorted(table.constraints, key=lambda one: str(one.name)):
        if isinstance(constraint, UniqueConstraint):
            yield f"Unique: {_names(constraint.columns)}."
        elif isinstance(constraint, ForeignKeyConstraint) and _composite(constraint):
            targets = ", ".join(key.target_fullname for key in constraint.elements)
            yield f"Refers: {_names(constraint.columns)} to {targets}."
    for check in sorted(str(one.sqltext) for one in table.constraints if isinstance(one, CheckConstraint)):
        yield f"Check: `{check}`."
    for index in sorted(table.indexes, key=lambda one: str(one.name)):
        yield f"Index: {_names(index.columns)}."


def _type(column: Column[Any], dialect: Dialect) -> str:
    return column.type.compile(dialect=dialect) + (" or null" if column.nullable else "")


def _names(columns: Iterable[Column[Any]]) -> str:
    return ", ".join(f"`{column.name}`" for column in columns)


def _composite(constraint: object) -> bool:
    return isinstance(constraint, ForeignKeyConstraint) and len(constraint.columns) > 1


if __name__ == "__main__":
    sys.stdout.write(schema_page())
