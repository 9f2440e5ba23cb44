"""How the network stood at each settlement."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "network_standings",
        sa.Column("auction", NUMBER, nullable=False, comment="The auction"),
        sa.Column("standing", sa.LargeBinary(), nullable=False, comment="Nodes and chains, canonical JSON, deflated"),
        sa.ForeignKeyConstraint(
            ["auction"], ["settlements.auction"], name=op.f("fk_network_standings_auction_settlements")
        ),
        sa.PrimaryKeyConstraint("auction", name=op.f("pk_network_standings")),
        comment="How the network stood when each auction was settled, for those who watch",
    )


def downgrade() -> None:
    """Back to the revision before."""
    op.drop_table("network_standings")
