"""What dispatchers know, and each change of membership."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "network_memory",
        sa.Column("name", sa.String(length=100), nullable=False, comment="Whose"),
        sa.Column(
            "memory",
            sa.LargeBinary(),
            nullable=False,
            comment="Health, evidence, delays, sends under way: canonical JSON, deflated",
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_network_memory")),
        comment="What the dispatchers know, for whoever leads next to go on from; replaced as a whole",
    )
    op.create_table(
        "membership_changes",
        sa.Column("chain", sa.String(length=100), nullable=False, comment="The chain"),
        sa.Column("position", NUMBER, nullable=False, comment="Which change of its nodes, counted from 0"),
        sa.Column(
            "change",
            sa.LargeBinary(),
            nullable=False,
            comment="The change, and the inputs that reproduce it: canonical JSON, deflated",
        ),
        sa.PrimaryKeyConstraint("chain", "position", name=op.f("pk_membership_changes")),
        comment="Nodes that went out, came back on trial, or are in again",
    )


def downgrade() -> None:
    """Back to the revision before."""
    op.drop_table("membership_changes")
    op.drop_table("network_memory")
