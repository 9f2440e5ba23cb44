"""The seed that decided among equals, beside the one that solvers got."""

from __future__ import annotations

import json
import zlib
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"

AUCTIONS = sa.table(
    "auctions",
    sa.column("number", sa.BigInteger),
    sa.column("tie_seed", sa.String),
    sa.column("record", sa.LargeBinary),
)
COMMENTS: dict[str, tuple[Any, str, str]] = {
    "number": (sa.BigInteger(), "Counts up from 1", "Counts up from 0"),
    "solver_seed": (sa.String(66), "The problem's seed", "The problem's seed, drawn when the batch was cut"),
}


def upgrade() -> None:
    """To this revision. The records of settled auctions have the seed."""
    with op.batch_alter_table("auctions") as table:
        comment = "What decided among equals; null unless settled"
        table.add_column(sa.Column("tie_seed", sa.String(length=71), nullable=True, comment=comment))
    connection = op.get_bind()
    settled = connection.execute(sa.select(AUCTIONS.c.number).where(AUCTIONS.c.record.is_not(None))).scalars().all()
    for number in settled:
        one = AUCTIONS.c.number == number
        packed = connection.execute(sa.select(AUCTIONS.c.record).where(one)).scalar_one()
        seed = json.loads(zlib.decompress(packed))["tie_seed"]
        connection.execute(sa.update(AUCTIONS).where(one).values(tie_seed=seed))
    for name, (kind, before, after) in COMMENTS.items():
        _comment(name, kind, before, after)


def downgrade() -> None:
    """Back to the revision before."""
    for name, (kind, before, after) in COMMENTS.items():
        _comment(name, kind, after, before)
    with op.batch_alter_table("auctions") as table:
        table.drop_column("tie_seed")


def _comment(name: str, kind: Any, before: str, after: str) -> None:
    if op.get_bind().dialect.name == "postgresql":  # SQLite keeps no comments
        op.alter_column(
            "auctions", name, existing_type=kind, existing_nullable=False, existing_comment=before, comment=after
        )
