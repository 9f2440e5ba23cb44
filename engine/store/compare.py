"""Rows as they are against rows as they should be: the first difference by table, key and column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, select


class Difference(NamedTuple):
    """What a table says otherwise. `place` is table, key and column: `fills[17, 0xab..].units`."""

    place: str
    expected: str
    actual: str


def differences(
    connection: Connection,
    table: Table,
    condition: ColumnElement[bool],
    expected: Iterable[Mapping[str, Any]],
    keys: Sequence[str] = (),
) -> Iterator[Difference]:
    """Rows that lack, rows too many, and columns that differ, by ascending key; columns that `expected` leaves out are not looked at.

    `keys` are the columns that tell rows apart: the primary key's where none are named.
    """
    names = tuple(keys) or tuple(column.name for column in table.primary_key)
    wanted = {tuple(row[name] for name in names): row for row in expected}
    stored = {
        tuple(row[name] for name in names): row for row in connection.execute(select(table).where(condition)).mappings()
    }
    for key in sorted(wanted.keys() | stored.keys(), key=repr):
        where = f"{table.name}[{', '.join(map(str, key))}]"
        if key not in stored or key not in wanted:
            yield Difference(where, *(("a row", "none") if key in wanted else ("none", "a row")))
            continue
        for column, value in wanted[key].items():
            found = stored[key][column]
            if found != value:
                yield Difference(f"{where}.{column}", str(value)[:200], str(found)[:200])
