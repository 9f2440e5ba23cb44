"""What every table is declared with: the collection of all, the names of constraints, integer keys, columns with a comment.

It guarantees that a column is NOT NULL unless it says otherwise, and that none is without a comment; migrations/SCHEMA.md
is made of these. Which tables there are is in engine.store.tables.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Integer, MetaData

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""All tables, once engine.store.tables is imported. Constraints get their names from one convention, so that migrations can name them on every database."""

Number = BigInteger().with_variant(Integer(), "sqlite")
"""A counter or a time; SQLite counts rows up by itself in INTEGER keys only, which hold 64 bits there."""


def column(name: str, kind: Any, *rest: Any, comment: str, **options: Any) -> Column[Any]:
    """A column that may not be null unless `nullable=True` says so."""
    options.setdefault("nullable", False)
    return Column(name, kind, *rest, comment=comment, **options)
