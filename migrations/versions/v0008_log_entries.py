"""What the log says."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "log_entries",
        sa.Column(
            "number", NUMBER, autoincrement=False, nullable=False, comment="Its index in the log, from 0 without gaps"
        ),
        sa.Column("auction", NUMBER, nullable=False, comment="The auction"),
        sa.Column("kind", sa.String(20), nullable=False, comment="problem, commitments, result, settlement or voided"),
        sa.Column(
            "entry", sa.LargeBinary(), nullable=False, comment="The leaf: canonical JSON with the payload's salted hash"
        ),
        sa.Column(
            "salt", sa.String(66), nullable=True, comment="The salt, 0x and hex; null once the payload is erased"
        ),
        sa.Column(
            "payload",
            sa.LargeBinary(),
            nullable=True,
            comment="What is under the hash, canonical JSON, deflated; null once erased",
        ),
        sa.CheckConstraint("(salt IS NULL) = (payload IS NULL)", name=op.f("ck_log_entries_erased")),
        sa.ForeignKeyConstraint(["auction"], ["auctions.number"], name=op.f("fk_log_entries_auction_auctions")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_log_entries")),
        sa.UniqueConstraint("auction", "kind", name=op.f("uq_log_entries_auction_kind")),
        comment="What the log says, written in the transaction that it tells of, then appended to the log's files",
    )


def downgrade() -> None:
    """Back to the revision before."""
    op.drop_table("log_entries")
