"""The first tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
AMOUNT = sa.Text().with_variant(sa.Numeric(78, 0), "postgresql")
SUM = sa.Text().with_variant(sa.Numeric(400, 0), "postgresql")


def _column(name: str, kind: Any, *, comment: str, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, comment=comment, **{"nullable": False, **options})


def upgrade() -> None:
    """To this revision."""
    _snapshots()
    _auctions()
    _intents()
    _bids()
    _winners()
    _ledger()
    _service()


def downgrade() -> None:
    """Back to an empty database."""
    for table in (
        "solver_standing",
        "solvers",
        "leases",
        "idempotency_keys",
        "meta",
        "balances",
        "holds",
        "postings",
        "entries",
        "winners",
        "fills",
        "bid_intents",
        "bids",
        "auction_intents",
        "intent_events",
        "intents",
        "auctions",
        "snapshots",
    ):
        op.drop_table(table)


def _snapshots() -> None:
    op.create_table(
        "snapshots",
        _column("sequence", NUMBER, autoincrement=True, comment="Order of storing; gaps are possible"),
        _column("hash", sa.String(length=71), comment="The snapshot's hash, as problems state it"),
        _column("time_seconds", NUMBER, comment="The moment it shows, Unix seconds"),
        _column(
            "parent",
            sa.String(length=71),
            nullable=True,
            comment="The snapshot it is a difference from; null for one that is stored whole",
        ),
        _column("depth", sa.Integer(), comment="How many differences lie between it and a whole one"),
        _column("body", sa.LargeBinary(), comment="Canonical JSON of the snapshot or of the difference, deflated"),
        sa.CheckConstraint("(depth = 0) = (parent IS NULL)", name=op.f("ck_snapshots_depth")),
        sa.ForeignKeyConstraint(["parent"], ["snapshots.hash"], name=op.f("fk_snapshots_parent_snapshots")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_snapshots")),
        sa.UniqueConstraint("hash", name=op.f("uq_snapshots_hash")),
        comment="Snapshots, most of them as what changed since the one before",
    )


def _auctions() -> None:
    op.create_table(
        "auctions",
        _column("number", NUMBER, autoincrement=False, comment="Counts up from 1"),
        _column("status", sa.String(length=10), comment="open, settled or void"),
        _column("problem_hash", sa.String(length=71), comment="Stored before any solver sees the problem"),
        _column("snapshot", sa.String(length=71), comment="The problem's snapshot"),
        _column("rules_version", sa.String(length=10), comment="The rules it is cleared by"),
        _column("solver_seed", sa.String(length=66), comment="The problem's seed"),
        _column("code_version", sa.String(length=80), comment="The version of the code that ran it"),
        _column("cut_ms", NUMBER, comment="When its batch was cut"),
        _column("deadline_ms", NUMBER, comment="When the bid set freezes"),
        _column("ended_ms", NUMBER, nullable=True, comment="When it was settled or voided; null while open"),
        _column("void_reason", sa.Text(), nullable=True, comment="Why it was voided; null unless void"),
        _column(
            "timings",
            sa.Text(),
            nullable=True,
            comment="What each step took, as the auctioneer measured it; null unless settled",
        ),
        _column(
            "total_score", SUM, nullable=True, comment="The winners' score, numeraire base units; null unless settled"
        ),
        _column(
            "record_hash", sa.String(length=71), nullable=True, comment="The record's own hash; null unless settled"
        ),
        _column(
            "record_digest",
            sa.String(length=64),
            nullable=True,
            comment="SHA-256 of the record's bytes, hex; null unless settled",
        ),
        _column(
            "record",
            sa.LargeBinary(),
            nullable=True,
            comment="The record without its snapshot, deflated; null unless settled",
        ),
        sa.CheckConstraint("(status = 'open') = (ended_ms IS NULL)", name=op.f("ck_auctions_ended")),
        sa.CheckConstraint("(status = 'settled') = (record IS NOT NULL)", name=op.f("ck_auctions_record")),
        sa.CheckConstraint("(status = 'void') = (void_reason IS NOT NULL)", name=op.f("ck_auctions_void")),
        sa.CheckConstraint("status IN ('open', 'settled', 'void')", name=op.f("ck_auctions_status")),
        sa.ForeignKeyConstraint(["snapshot"], ["snapshots.hash"], name=op.f("fk_auctions_snapshot_snapshots")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_auctions")),
        comment="Every auction, settled or not",
    )
    op.create_index(op.f("ix_auctions_status"), "auctions", ["status"], unique=False)


def _intents() -> None:
    op.create_table(
        "intents",
        _column("sequence", NUMBER, autoincrement=True, comment="Order of acceptance; gaps are possible"),
        _column("id", sa.String(length=180), comment="The signed digest, 0x and 64 hex digits"),
        _column("owner", sa.String(length=140), comment="The outcome's owner"),
        _column("nonce", AMOUNT, comment="The outcome's nonce"),
        _column("pair", sa.Text(), comment="Its group: the directed pair of a plain swap, else the intent's id"),
        _column("valid_from", NUMBER, comment="Unix seconds, from when it may be filled, inclusive"),
        _column("valid_until", NUMBER, comment="Unix seconds, from when it may not be filled any more"),
        _column("outcome", sa.Text(), comment="The outcome as signed, canonical JSON"),
        _column("scheme", sa.String(length=10), nullable=True, comment="eip712 or ed25519; null for unsigned imports"),
        _column("signature", sa.String(length=132), nullable=True, comment="0x and hex; null for unsigned imports"),
        _column("status", sa.String(length=20), comment="As in intents.lifecycle"),
        _column("filled_units", AMOUNT, comment="Units filled so far, of the outcome's units"),
        _column("cancel_waits", sa.Boolean(), comment="A cancellation takes effect when the running auction ends"),
        _column("auction", NUMBER, nullable=True, comment="The auction whose batch it is in; null unless SETTLING"),
        _column("receipt", sa.Text(), comment="The receipt that its owner was given"),
        _column("accepted_ms", NUMBER, comment="When it was stored"),
        sa.CheckConstraint(
            "(status = 'SETTLING') = (auction IS NOT NULL)", name=op.f("ck_intents_auction_while_settling")
        ),
        sa.CheckConstraint(
            "status IN ('OPEN', 'SETTLING', 'PARTIALLY_FILLED', 'FILLED', 'CANCELLED', 'EXPIRED')",
            name=op.f("ck_intents_status"),
        ),
        sa.CheckConstraint("(scheme IS NULL) = (signature IS NULL)", name=op.f("ck_intents_signature")),
        sa.ForeignKeyConstraint(["auction"], ["auctions.number"], name=op.f("fk_intents_auction_auctions")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_intents")),
        sa.UniqueConstraint("id", name=op.f("uq_intents_id")),
        sa.UniqueConstraint("owner", "nonce", name=op.f("uq_intents_owner_nonce")),
        comment="Every accepted intent and where it stands",
    )
    op.create_index(op.f("ix_intents_owner_sequence"), "intents", ["owner", "sequence"], unique=False)
    op.create_index(op.f("ix_intents_status_valid_until"), "intents", ["status", "valid_until"], unique=False)
    op.create_table(
        "intent_events",
        _column("intent", sa.String(length=180), comment="The intent"),
        _column("position", sa.Integer(), comment="0 for its acceptance, then counting up"),
        _column("event", sa.String(length=20), comment="accepted, cut, settled, cancel or expire"),
        _column("status", sa.String(length=20), comment="Its status afterwards"),
        _column("filled_units", AMOUNT, comment="Its filled units afterwards"),
        _column("at_ms", NUMBER, comment="When it happened"),
        _column("auction", NUMBER, nullable=True, comment="The auction concerned, if one is"),
        _column("detail", sa.Text(), comment="What else is to be said, a JSON object"),
        sa.ForeignKeyConstraint(["auction"], ["auctions.number"], name=op.f("fk_intent_events_auction_auctions")),
        sa.ForeignKeyConstraint(["intent"], ["intents.id"], name=op.f("fk_intent_events_intent_intents")),
        sa.PrimaryKeyConstraint("intent", "position", name=op.f("pk_intent_events")),
        comment="The history of intents, append-only",
    )
    op.create_table(
        "auction_intents",
        _column("auction", NUMBER, comment="The auction"),
        _column("intent", sa.String(length=180), comment="An intent of its batch"),
        sa.ForeignKeyConstraint(["auction"], ["auctions.number"], name=op.f("fk_auction_intents_auction_auctions")),
        sa.ForeignKeyConstraint(["intent"], ["intents.id"], name=op.f("fk_auction_intents_intent_intents")),
        sa.PrimaryKeyConstraint("auction", "intent", name=op.f("pk_auction_intents")),
        comment="Batches",
    )
    op.create_index(op.f("ix_auction_intents_intent"), "auction_intents", ["intent"], unique=False)


def _bids() -> None:
    op.create_table(
        "bids",
        _column("auction", NUMBER, comment="The auction"),
        _column("id", sa.String(length=71), comment="The bid's id (docs/rules.md, section 7)"),
        _column("position", sa.Integer(), comment="Place in the record's list: by solver, then index"),
        _column("solver", sa.Text(), comment="Who proposed it"),
        _column("solution_index", sa.Integer(), comment="Place in the solver's list of solutions"),
        _column("solution_hash", sa.String(length=71), comment="Hash of the solution"),
        _column("tie_key", sa.String(length=71), comment="What decides between sets of equal score"),
        _column("status", sa.String(length=10), comment="won, lost, filtered or invalid"),
        _column(
            "reason",
            sa.Text(),
            nullable=True,
            comment="Why it did not win, a JSON object with `code`; null for winners",
        ),
        _column("score", SUM, comment="Base units of the numeraire; 0 for invalid bids"),
        _column("group_scores", sa.Text(), comment="The score by group, digit strings"),
        _column("unpriced", sa.Text(), comment="Intents whose fills score 0 because no price exists"),
        sa.CheckConstraint("(status = 'won') = (reason IS NULL)", name=op.f("ck_bids_reason")),
        sa.CheckConstraint("status IN ('won', 'lost', 'filtered', 'invalid')", name=op.f("ck_bids_status")),
        sa.ForeignKeyConstraint(["auction"], ["auctions.number"], name=op.f("fk_bids_auction_auctions")),
        sa.PrimaryKeyConstraint("auction", "id", name=op.f("pk_bids")),
        comment="Every bid of every settled auction",
    )
    op.create_table(
        "bid_intents",
        _column("auction", NUMBER, comment="The auction"),
        _column("bid", sa.String(length=71), comment="The bid"),
        _column("intent", sa.String(length=180), comment="An intent of the batch that the bid would fill"),
        _column("units", SUM, comment="How many units, all of the bid's fills of it together"),
        sa.ForeignKeyConstraint(
            ["auction", "bid"], ["bids.auction", "bids.id"], name=op.f("fk_bid_intents_auction_bid_bids")
        ),
        sa.ForeignKeyConstraint(
            ["auction", "intent"],
            ["auction_intents.auction", "auction_intents.intent"],
            name=op.f("fk_bid_intents_auction_intent_auction_intents"),
        ),
        sa.PrimaryKeyConstraint("auction", "bid", "intent", name=op.f("pk_bid_intents")),
        comment="Which bids would fill which intents, won or not",
    )
    op.create_index(op.f("ix_bid_intents_intent_auction"), "bid_intents", ["intent", "auction"], unique=False)


def _winners() -> None:
    op.create_table(
        "fills",
        _column("auction", NUMBER, comment="The auction"),
        _column("intent", sa.String(length=180), comment="The intent; one fill an auction"),
        _column("bid", sa.String(length=71), comment="The winning bid that fills it"),
        _column("units", AMOUNT, comment="Units filled"),
        _column("paid", sa.Text(), comment="What the owner gave, by asset, digit strings; fees included"),
        _column("received", sa.Text(), comment="What the receiver got, by asset, digit strings"),
        _column("fee", sa.Text(), comment="The solver's fee, by asset, digit strings"),
        _column("stage", sa.Integer(), comment="The stage of the delivery"),
        sa.ForeignKeyConstraint(
            ["auction", "bid"], ["bids.auction", "bids.id"], name=op.f("fk_fills_auction_bid_bids")
        ),
        sa.ForeignKeyConstraint(
            ["auction", "intent"],
            ["auction_intents.auction", "auction_intents.intent"],
            name=op.f("fk_fills_auction_intent_auction_intents"),
        ),
        sa.PrimaryKeyConstraint("auction", "intent", name=op.f("pk_fills")),
        comment="What winners filled",
    )
    op.create_index(op.f("ix_fills_intent_auction"), "fills", ["intent", "auction"], unique=False)
    op.create_table(
        "winners",
        _column("auction", NUMBER, comment="The auction"),
        _column("group", sa.Text(), comment="A group; won at most once"),
        _column("bid", sa.String(length=71), comment="The bid that won it"),
        _column("score", SUM, comment="The bid's score in the group"),
        _column("baseline", SUM, comment="The group's baseline score"),
        _column(
            "price_num", AMOUNT, nullable=True, comment="Numerator of the group's price; null for groups without one"
        ),
        _column("price_den", AMOUNT, nullable=True, comment="Denominator of the group's price"),
        sa.CheckConstraint("(price_num IS NULL) = (price_den IS NULL)", name=op.f("ck_winners_price")),
        sa.ForeignKeyConstraint(
            ["auction", "bid"], ["bids.auction", "bids.id"], name=op.f("fk_winners_auction_bid_bids")
        ),
        sa.PrimaryKeyConstraint("auction", "group", name=op.f("pk_winners")),
        comment="Who won what, by group",
    )


def _ledger() -> None:
    op.create_table(
        "entries",
        _column("number", NUMBER, autoincrement=True, comment="Order of posting; gaps are possible"),
        _column("kind", sa.String(length=40), comment="deposit, settlement, ..."),
        _column("reference", sa.Text(), comment="What caused it"),
        _column("at_ms", NUMBER, comment="When it was posted"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_entries")),
        comment="Ledger entries, append-only",
    )
    op.create_table(
        "postings",
        _column("entry", NUMBER, comment="The entry"),
        _column("position", sa.Integer(), comment="Place in the entry"),
        _column("owner", sa.Text(), comment="Whose balance"),
        _column("asset", sa.Text(), comment="The asset, whose id begins with the account's place"),
        _column("amount", AMOUNT, comment="The change, signed"),
        sa.ForeignKeyConstraint(["entry"], ["entries.number"], name=op.f("fk_postings_entry_entries")),
        sa.PrimaryKeyConstraint("entry", "position", name=op.f("pk_postings")),
        comment="Changes of balances; per entry and asset they sum to zero",
    )
    op.create_index(op.f("ix_postings_owner_entry"), "postings", ["owner", "entry"], unique=False)
    op.create_table(
        "holds",
        _column("entry", NUMBER, comment="The entry"),
        _column("position", sa.Integer(), comment="Place in the entry"),
        _column("owner", sa.Text(), comment="Whose balance"),
        _column("asset", sa.Text(), comment="The asset, whose id begins with the account's place"),
        _column("amount", AMOUNT, comment="The change, signed"),
        sa.ForeignKeyConstraint(["entry"], ["entries.number"], name=op.f("fk_holds_entry_entries")),
        sa.PrimaryKeyConstraint("entry", "position", name=op.f("pk_holds")),
        comment="Changes of reserved parts of balances",
    )
    op.create_index(op.f("ix_holds_owner_entry"), "holds", ["owner", "entry"], unique=False)
    op.create_table(
        "balances",
        _column("owner", sa.Text(), comment="Person, solver or system"),
        _column("asset", sa.Text(), comment="The asset, whose id begins with the account's place"),
        _column("amount", AMOUNT, comment="Sum of the postings; may be negative for systems and derivatives"),
        _column("reserved", AMOUNT, comment="Sum of the holds"),
        sa.PrimaryKeyConstraint("owner", "asset", name=op.f("pk_balances")),
        comment="What the entries add up to, kept in the same transaction",
    )


def _service() -> None:
    op.create_table(
        "meta",
        _column("key", sa.String(length=100), comment="What is remembered, as a word"),
        _column("value", sa.Text(), comment="Text that the owner of the key understands"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
        comment="Single values: which world this is, keys of the engine",
    )
    op.create_table(
        "idempotency_keys",
        _column("key", sa.String(length=255), comment="The client's key"),
        _column("request_hash", sa.String(length=71), comment="Hash of the request that first used it"),
        _column("at_ms", NUMBER, comment="When it was first used"),
        _column("status", sa.Integer(), nullable=True, comment="HTTP status of the answer; null until there is one"),
        _column(
            "body", sa.LargeBinary(), nullable=True, comment="The answer's body, deflated; null until there is one"
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_idempotency_keys")),
        comment="Answers to repeat for repeated requests",
    )
    op.create_table(
        "leases",
        _column("name", sa.String(length=40), comment="What is led"),
        _column("holder", sa.String(length=140), comment="Who leads or led last"),
        _column("fence", NUMBER, comment="Grows by one with every new term; work under an older one is refused"),
        _column("expires_ms", NUMBER, comment="When the term ends unless renewed"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
        comment="Who leads",
    )
    op.create_table(
        "solvers",
        _column("name", sa.String(length=140), comment="The solver's name"),
        _column("kind", sa.String(length=20), comment="builtin"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_solvers")),
        comment="Who may bid",
    )
    op.create_table(
        "solver_standing",
        _column("solver", sa.String(length=140), comment="The solver"),
        _column("outcome", sa.String(length=40), comment="What happened, as a word"),
        _column("times", NUMBER, comment="How often"),
        sa.ForeignKeyConstraint(["solver"], ["solvers.name"], name=op.f("fk_solver_standing_solver_solvers")),
        sa.PrimaryKeyConstraint("solver", "outcome", name=op.f("pk_solver_standing")),
        comment="What solvers did, counted",
    )
