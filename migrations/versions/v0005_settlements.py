"""Settlements on chains: plans, progress and records; auctions that are decided and not settled yet."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SUM = sa.Text().with_variant(sa.Numeric(400, 0), "postgresql")

_BEFORE = (
    ("status", "status IN ('open', 'settled', 'void')"),
    ("ended", "(status = 'open') = (ended_ms IS NULL)"),
    ("record", "(status = 'settled') = (record IS NOT NULL)"),
)
_AFTER = (
    ("status", "status IN ('open', 'settling', 'settled', 'void')"),
    ("ended", "(status IN ('open', 'settling')) = (ended_ms IS NULL)"),
    ("record", "(status IN ('settling', 'settled')) = (record IS NOT NULL)"),
)
_COMMENTS: tuple[tuple[str, Any, bool, str, str], ...] = (
    ("status", sa.String(length=10), False, "open, settled or void", "open, settling, settled or void"),
    (
        "ended_ms",
        NUMBER,
        True,
        "When it was settled or voided; null while open",
        "When it was settled or voided; null before",
    ),
    *(
        (name, kind, True, f"{text}; null unless settled", f"{text}; null before winners are decided")
        for name, kind, text in (
            ("timings", sa.Text(), "What each step took, as the auctioneer measured it"),
            ("tie_seed", sa.String(length=71), "What decided among equals"),
            ("total_score", SUM, "The winners' score, numeraire base units"),
            ("record_hash", sa.String(length=71), "The record's own hash"),
            ("record_digest", sa.String(length=64), "SHA-256 of the record's bytes, hex"),
            ("record", sa.LargeBinary(), "The record without its snapshot, deflated"),
        )
    ),
)
_TABLES = (
    ("bids", "Every bid of every settled auction", "Every bid of every auction whose winners are decided"),
    ("fills", "What winners filled", "What winners that landed filled"),
)


def _column(name: str, kind: Any, *, comment: str, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, comment=comment, **{"nullable": False, **options})


def upgrade() -> None:
    """To this revision."""
    _change_auctions(_BEFORE, _AFTER, back=False)
    op.create_table(
        "settlements",
        _column("auction", NUMBER, comment="The auction"),
        _column("plan_hash", sa.String(length=71), comment="Hash of the plan"),
        _column("plan", sa.LargeBinary(), comment="Canonical JSON of the plan, deflated"),
        _column(
            "progress",
            sa.LargeBinary(),
            comment="JSON of what was sent, proved and decided so far, deflated",
        ),
        _column(
            "settlement_hash",
            sa.String(length=71),
            nullable=True,
            comment="The settlement record's hash; null before its end",
        ),
        _column(
            "record", sa.LargeBinary(), nullable=True, comment="The settlement record, deflated; null before its end"
        ),
        sa.CheckConstraint("(settlement_hash IS NULL) = (record IS NULL)", name=op.f("ck_settlements_record")),
        sa.ForeignKeyConstraint(["auction"], ["auctions.number"], name=op.f("fk_settlements_auction_auctions")),
        sa.PrimaryKeyConstraint("auction", name=op.f("pk_settlements")),
        comment="How each decided auction is settled on its chains",
    )
    op.create_table(
        "settled_bids",
        _column("auction", NUMBER, comment="The auction"),
        _column("bid", sa.String(length=71), comment="A winning bid"),
        _column("failure", sa.String(length=30), nullable=True, comment="Why it had no effect; null where it landed"),
        sa.ForeignKeyConstraint(
            ["auction", "bid"], ["bids.auction", "bids.id"], name=op.f("fk_settled_bids_auction_bid_bids")
        ),
        sa.ForeignKeyConstraint(["auction"], ["settlements.auction"], name=op.f("fk_settled_bids_auction_settlements")),
        sa.PrimaryKeyConstraint("auction", "bid", name=op.f("pk_settled_bids")),
        comment="What became of each winner",
    )
    op.create_table(
        "simulated_networks",
        _column("name", sa.String(length=100), comment="Which world's network"),
        _column("world", sa.LargeBinary(), comment="What it is made of, canonical JSON, deflated"),
        _column("state", sa.LargeBinary(), comment="Where its chains and nodes stand, JSON, deflated"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_simulated_networks")),
        comment="Simulated chains: the outside, kept here for the embedded world; nothing else refers to it",
    )


def downgrade() -> None:
    """Back to the revision before. Refused by the database while an auction is settling."""
    for table in ("simulated_networks", "settled_bids", "settlements"):
        op.drop_table(table)
    _change_auctions(_AFTER, _BEFORE, back=True)


def _change_auctions(before: tuple[tuple[str, str], ...], after: tuple[tuple[str, str], ...], *, back: bool) -> None:
    with op.batch_alter_table("auctions") as auctions:
        for name, _ in before:
            auctions.drop_constraint(op.f(f"ck_auctions_{name}"), type_="check")
        for name, text in after:
            auctions.create_check_constraint(op.f(f"ck_auctions_{name}"), text)
    if op.get_bind().dialect.name == "sqlite":
        return  # it keeps no comments
    for name, kind, nullable, *comments in _COMMENTS:
        old, new = reversed(comments) if back else comments
        op.alter_column(
            "auctions", name, existing_type=kind, existing_nullable=nullable, existing_comment=old, comment=new
        )
    for name, *comments in _TABLES:
        old, new = reversed(comments) if back else comments
        op.create_table_comment(name, new, existing_comment=old)
