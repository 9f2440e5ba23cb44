"""Remote solvers that left."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """To this revision."""
    with op.batch_alter_table("remote_solvers") as table:
        table.add_column(
            sa.Column(
                "removed_ms",
                NUMBER,
                nullable=True,
                comment="Since when it is asked no more; null unless it was removed",
            )
        )
    _say_registered("When this was last registered", "When it last said anything of this")


def downgrade() -> None:
    """Back to the revision before, where nobody leaves: those that did would be asked again, so they are dropped.

    They stay in `solvers`, where their standing refers to them.
    """
    _say_registered("When it last said anything of this", "When this was last registered")
    op.execute("DELETE FROM remote_solvers WHERE removed_ms IS NOT NULL")
    with op.batch_alter_table("remote_solvers") as table:
        table.drop_column("removed_ms")


def _say_registered(before: str, after: str) -> None:
    if op.get_bind().dialect.name == "postgresql":  # SQLite keeps no comments
        op.alter_column(
            "remote_solvers",
            "registered_ms",
            existing_type=NUMBER,
            existing_nullable=False,
            existing_comment=before,
            comment=after,
        )
