"""Solvers that are asked over HTTP."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _column(name: str, kind: Any, *, comment: str, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, comment=comment, **{"nullable": False, **options})


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "remote_solvers",
        _column("solver", sa.String(length=140), comment="The solver"),
        _column("url", sa.Text(), comment="Where it is asked"),
        _column("key", sa.String(length=72), comment="Its Ed25519 public key, ed25519: and hex"),
        _column("registered_ms", NUMBER, comment="When this was last registered"),
        _column("failures", NUMBER, comment="Auctions failed one after the other, up to now"),
        _column("last_failure", sa.Text(), nullable=True, comment="Why it failed last; null where it never did"),
        _column("benched_until_ms", NUMBER, nullable=True, comment="Until when it is not asked; null unless benched"),
        sa.ForeignKeyConstraint(["solver"], ["solvers.name"], name=op.f("fk_remote_solvers_solver_solvers")),
        sa.PrimaryKeyConstraint("solver", name=op.f("pk_remote_solvers")),
        sa.UniqueConstraint("key", name=op.f("uq_remote_solvers_key")),
        comment="Solvers that are asked over HTTP",
    )
    _say_kind("builtin", "builtin or remote")


def downgrade() -> None:
    """Back to the revision before. Remote solvers stay in `solvers`, where their standing refers to them."""
    _say_kind("builtin or remote", "builtin")
    op.drop_table("remote_solvers")


def _say_kind(before: str, after: str) -> None:
    if op.get_bind().dialect.name == "postgresql":  # SQLite keeps no comments
        op.alter_column(
            "solvers",
            "kind",
            existing_type=sa.String(length=20),
            existing_nullable=False,
            existing_comment=before,
            comment=after,
        )
