"""The tables. migrations/SCHEMA.md says column by column what they hold; the comments here are where it comes from.

Guarantees, by constraint rather than by care
1. An intent is in at most one auction: it has an auction exactly while SETTLING, and enters a batch by that column.
2. An intent is filled at most once an auction (`fills`), a group won at most once an auction (`winners`).
3. (owner, nonce) belongs to one intent.
4. Every row that names an auction, bid, entry, snapshot or stored intent names one that exists.

Times are Unix milliseconds unless the name says seconds. Amounts are base units.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from engine.store.columns import Number, column
from engine.store.columns import metadata as metadata  # noqa: PLC0414 - migrations take it from here, where it is whole
from engine.store.types import SUM_DIGITS, Exact, Json, Packed

WAITING = ("OPEN", "PARTIALLY_FILLED")
"""Statuses from which an intent can be cut into a batch."""


meta = Table(
    "meta",
    metadata,
    column("key", String(100), primary_key=True, comment="What is remembered, as a word"),
    column("value", Text, comment="Text that the owner of the key understands"),
    comment="Single values: which world this is, keys of the engine",
)

intents = Table(
    "intents",
    metadata,
    column("sequence", Number, primary_key=True, autoincrement=True, comment="Order of acceptance; gaps are possible"),
    column("id", String(180), comment="The signed digest, 0x and 64 hex digits"),
    column("owner", String(140), comment="The outcome's owner"),
    column("nonce", Exact, comment="The outcome's nonce"),
    column("pair", Text, comment="Its group: the directed pair of a plain swap, else the intent's id"),
    column("valid_from", Number, comment="Unix seconds, from when it may be filled, inclusive"),
    column("valid_until", Number, comment="Unix seconds, from when it may not be filled any more"),
    column("outcome", Json, comment="The outcome as signed, canonical JSON"),
    column("scheme", String(10), nullable=True, comment="eip712 or ed25519; null for unsigned imports"),
    column("signature", String(132), nullable=True, comment="0x and hex; null for unsigned imports"),
    column("status", String(20), comment="As in intents.lifecycle"),
    column("filled_units", Exact, comment="Units filled so far, of the outcome's units"),
    column("cancel_waits", Boolean, comment="A cancellation takes effect when the running auction ends"),
    column(
        "auction",
        Number,
        ForeignKey("auctions.number"),
        nullable=True,
        comment="The auction whose batch it is in; null unless SETTLING",
    ),
    column("receipt", Json, comment="The receipt that its owner was given"),
    column("accepted_ms", Number, comment="When it was stored"),
    UniqueConstraint("id"),
    UniqueConstraint("owner", "nonce"),
    CheckConstraint("(status = 'SETTLING') = (auction IS NOT NULL)", name="auction_while_settling"),
    CheckConstraint(
        "status IN ('OPEN', 'SETTLING', 'PARTIALLY_FILLED', 'FILLED', 'CANCELLED', 'EXPIRED')", name="status"
    ),
    CheckConstraint("(scheme IS NULL) = (signature IS NULL)", name="signature"),
    Index(None, "status", "valid_until"),
    Index(None, "owner", "sequence"),
    comment="Every accepted intent and where it stands",
)

intent_events = Table(
    "intent_events",
    metadata,
    column("intent", String(180), ForeignKey("intents.id"), primary_key=True, comment="The intent"),
    column("position", Integer, primary_key=True, comment="0 for its acceptance, then counting up"),
    column("event", String(20), comment="accepted, cut, settled, cancel or expire"),
    column("status", String(20), comment="Its status afterwards"),
    column("filled_units", Exact, comment="Its filled units afterwards"),
    column("at_ms", Number, comment="When it happened"),
    column("auction", Number, ForeignKey("auctions.number"), nullable=True, comment="The auction concerned, if one is"),
    column("detail", Json, comment="What else is to be said, a JSON object"),
    comment="The history of intents, append-only",
)

snapshots = Table(
    "snapshots",
    metadata,
    column("sequence", Number, primary_key=True, autoincrement=True, comment="Order of storing; gaps are possible"),
    column("hash", String(71), comment="The snapshot's hash, as problems state it"),
    column("time_seconds", Number, comment="The moment it shows, Unix seconds"),
    column(
        "parent",
        String(71),
        ForeignKey("snapshots.hash"),
        nullable=True,
        comment="The snapshot it is a difference from; null for one that is stored whole",
    ),
    column("depth", Integer, comment="How many differences lie between it and a whole one"),
    column("body", Packed, comment="Canonical JSON of the snapshot or of the difference, deflated"),
    UniqueConstraint("hash"),
    CheckConstraint("(depth = 0) = (parent IS NULL)", name="depth"),
    comment="Snapshots, most of them as what changed since the one before",
)

auctions = Table(
    "auctions",
    metadata,
    column("number", Number, primary_key=True, autoincrement=False, comment="Counts up from 0"),
    column("status", String(10), comment="open, settling, settled or void"),
    column("problem_hash", String(71), comment="Stored before any solver sees the problem"),
    column("snapshot", String(71), ForeignKey("snapshots.hash"), comment="The problem's snapshot"),
    column("rules_version", String(10), comment="The rules it is cleared by"),
    column("solver_seed", String(66), comment="The problem's seed, drawn when the batch was cut"),
    column("tie_seed", String(71), nullable=True, comment="What decided among equals; null before winners are decided"),
    column("code_version", String(80), comment="The version of the code that ran it"),
    column("cut_ms", Number, comment="When its batch was cut"),
    column("deadline_ms", Number, comment="When the bid set freezes"),
    column("ended_ms", Number, nullable=True, comment="When it was settled or voided; null before"),
    column("void_reason", Text, nullable=True, comment="Why it was voided; null unless void"),
    column(
        "timings",
        Json,
        nullable=True,
        comment="What each step took, as the auctioneer measured it; null before winners are decided",
    ),
    column(
        "total_score",
        Exact(SUM_DIGITS),
        nullable=True,
        comment="The winners' score, numeraire base units; null before winners are decided",
    ),
    column("record_hash", String(71), nullable=True, comment="The record's own hash; null before winners are decided"),
    column(
        "record_digest",
        String(64),
        nullable=True,
        comment="SHA-256 of the record's bytes, hex; null before winners are decided",
    ),
    column(
        "record",
        Packed,
        nullable=True,
        comment="The record without its snapshot, deflated; null before winners are decided",
    ),
    CheckConstraint("status IN ('open', 'settling', 'settled', 'void')", name="status"),
    CheckConstraint("(status IN ('open', 'settling')) = (ended_ms IS NULL)", name="ended"),
    CheckConstraint("(status = 'void') = (void_reason IS NOT NULL)", name="void"),
    CheckConstraint("(status IN ('settling', 'settled')) = (record IS NOT NULL)", name="record"),
    Index(None, "status"),
    comment="Every auction, settled or not",
)

auction_intents = Table(
    "auction_intents",
    metadata,
    column("auction", Number, ForeignKey("auctions.number"), primary_key=True, comment="The auction"),
    column("intent", String(180), ForeignKey("intents.id"), primary_key=True, comment="An intent of its batch"),
    Index(None, "intent"),
    comment="Batches",
)

bids = Table(
    "bids",
    metadata,
    column("auction", Number, ForeignKey("auctions.number"), primary_key=True, comment="The auction"),
    column("id", String(71), primary_key=True, comment="The bid's id (docs/rules.md, section 7)"),
    column("position", Integer, comment="Place in the record's list: by solver, then index"),
    column("solver", Text, comment="Who proposed it"),
    column("solution_index", Integer, comment="Place in the solver's list of solutions"),
    column("solution_hash", String(71), comment="Hash of the solution"),
    column("tie_key", String(71), comment="What decides between sets of equal score"),
    column("status", String(10), comment="won, lost, filtered or invalid"),
    column("reason", Json, nullable=True, comment="Why it did not win, a JSON object with `code`; null for winners"),
    column("score", Exact(SUM_DIGITS), comment="Base units of the numeraire; 0 for invalid bids"),
    column("group_scores", Json, comment="The score by group, digit strings"),
    column("unpriced", Json, comment="Intents whose fills score 0 because no price exists"),
    CheckConstraint("status IN ('won', 'lost', 'filtered', 'invalid')", name="status"),
    CheckConstraint("(status = 'won') = (reason IS NULL)", name="reason"),
    comment="Every bid of every auction whose winners are decided",
)

bid_intents = Table(
    "bid_intents",
    metadata,
    column("auction", Number, primary_key=True, comment="The auction"),
    column("bid", String(71), primary_key=True, comment="The bid"),
    column("intent", String(180), primary_key=True, comment="An intent of the batch that the bid would fill"),
    column("units", Exact(SUM_DIGITS), comment="How many units, all of the bid's fills of it together"),
    ForeignKeyConstraint(["auction", "bid"], ["bids.auction", "bids.id"]),
    ForeignKeyConstraint(["auction", "intent"], ["auction_intents.auction", "auction_intents.intent"]),
    Index(None, "intent", "auction"),
    comment="Which bids would fill which intents, won or not",
)

fills = Table(
    "fills",
    metadata,
    column("auction", Number, primary_key=True, comment="The auction"),
    column("intent", String(180), primary_key=True, comment="The intent; one fill an auction"),
    column("bid", String(71), comment="The winning bid that fills it"),
    column("units", Exact, comment="Units filled"),
    column("paid", Json, comment="What the owner gave, by asset, digit strings; fees included"),
    column("received", Json, comment="What the receiver got, by asset, digit strings"),
    column("fee", Json, comment="The solver's fee, by asset, digit strings"),
    column("stage", Integer, comment="The stage of the delivery"),
    ForeignKeyConstraint(["auction", "bid"], ["bids.auction", "bids.id"]),
    ForeignKeyConstraint(["auction", "intent"], ["auction_intents.auction", "auction_intents.intent"]),
    Index(None, "intent", "auction"),
    comment="What winners that landed filled",
)

winners = Table(
    "winners",
    metadata,
    column("auction", Number, primary_key=True, comment="The auction"),
    column("group", Text, primary_key=True, comment="A group; won at most once"),
    column("bid", String(71), comment="The bid that won it"),
    column("score", Exact(SUM_DIGITS), comment="The bid's score in the group"),
    column("baseline", Exact(SUM_DIGITS), comment="The group's baseline score"),
    column("price_num", Exact, nullable=True, comment="Numerator of the group's price; null for groups without one"),
    column("price_den", Exact, nullable=True, comment="Denominator of the group's price"),
    ForeignKeyConstraint(["auction", "bid"], ["bids.auction", "bids.id"]),
    CheckConstraint("(price_num IS NULL) = (price_den IS NULL)", name="price"),
    comment="Who won what, by group",
)

settlements = Table(
    "settlements",
    metadata,
    column("auction", Number, ForeignKey("auctions.number"), primary_key=True, comment="The auction"),
    column("plan_hash", String(71), comment="Hash of the plan"),
    column("plan", Packed, comment="Canonical JSON of the plan, deflated"),
    column("progress", Packed, comment="JSON of what was sent, proved and decided so far, deflated"),
    column("settlement_hash", String(71), nullable=True, comment="The settlement record's hash; null before its end"),
    column("record", Packed, nullable=True, comment="The settlement record, deflated; null before its end"),
    CheckConstraint("(settlement_hash IS NULL) = (record IS NULL)", name="record"),
    comment="How each decided auction is settled on its chains",
)
settled_bids = Table(
    "settled_bids",
    metadata,
    column("auction", Number, ForeignKey("settlements.auction"), primary_key=True, comment="The auction"),
    column("bid", String(71), primary_key=True, comment="A winning bid"),
    column("failure", String(30), nullable=True, comment="Why it had no effect; null where it landed"),
    ForeignKeyConstraint(["auction", "bid"], ["bids.auction", "bids.id"]),
    comment="What became of each winner",
)
network_standings = Table(
    "network_standings",
    metadata,
    column("auction", Number, ForeignKey("settlements.auction"), primary_key=True, comment="The auction"),
    column("standing", Packed, comment="Nodes and chains, canonical JSON, deflated"),
    comment="How the network stood when each auction was settled, for those who watch",
)
network_memory = Table(
    "network_memory",
    metadata,
    column("name", String(100), primary_key=True, comment="Whose"),
    column("memory", Packed, comment="Health, evidence, delays, sends under way: canonical JSON, deflated"),
    comment="What the dispatchers know, for whoever leads next to go on from; replaced as a whole",
)
membership_changes = Table(
    "membership_changes",
    metadata,
    column("chain", String(100), primary_key=True, comment="The chain"),
    column("position", Number, primary_key=True, comment="Which change of its nodes, counted from 0"),
    column("change", Packed, comment="The change, and the inputs that reproduce it: canonical JSON, deflated"),
    comment="Nodes that went out, came back on trial, or are in again",
)

log_entries = Table(
    "log_entries",
    metadata,
    column(
        "number", Number, primary_key=True, autoincrement=False, comment="Its index in the log, from 0 without gaps"
    ),
    column("auction", Number, ForeignKey("auctions.number"), comment="The auction"),
    column("kind", String(20), comment="problem, commitments, result, settlement or voided"),
    column("entry", LargeBinary, comment="The leaf: canonical JSON with the payload's salted hash"),
    column("salt", String(66), nullable=True, comment="The salt, 0x and hex; null once the payload is erased"),
    column(
        "payload", Packed, nullable=True, comment="What is under the hash, canonical JSON, deflated; null once erased"
    ),
    UniqueConstraint("auction", "kind"),
    CheckConstraint("(salt IS NULL) = (payload IS NULL)", name="erased"),
    comment="What the log says, written in the transaction that it tells of, then appended to the log's files",
)

simulated_networks = Table(
    "simulated_networks",
    metadata,
    column("name", String(100), primary_key=True, comment="Which world's network"),
    column("world", Packed, comment="What it is made of, canonical JSON, deflated"),
    column("state", Packed, comment="Where its chains and nodes stand, JSON, deflated"),
    comment="Simulated chains: the outside, kept here for the embedded world; nothing else refers to it",
)
entries = Table(
    "entries",
    metadata,
    column("number", Number, primary_key=True, autoincrement=True, comment="Order of posting; gaps are possible"),
    column("kind", String(40), comment="deposit, settlement, ..."),
    column("reference", Text, comment="What caused it"),
    column("at_ms", Number, comment="When it was posted"),
    comment="Ledger entries, append-only",
)


def _movements(name: str, comment: str) -> Table:
    return Table(
        name,
        metadata,
        column("entry", Number, ForeignKey("entries.number"), primary_key=True, comment="The entry"),
        column("position", Integer, primary_key=True, comment="Place in the entry"),
        column("owner", Text, comment="Whose balance"),
        column("asset", Text, comment="The asset, whose id begins with the account's place"),
        column("amount", Exact, comment="The change, signed"),
        Index(None, "owner", "entry"),
        comment=comment,
    )


postings = _movements("postings", "Changes of balances; per entry and asset they sum to zero")
holds = _movements("holds", "Changes of reserved parts of balances")

balances = Table(
    "balances",
    metadata,
    column("owner", Text, primary_key=True, comment="Person, solver or system"),
    column("asset", Text, primary_key=True, comment="The asset, whose id begins with the account's place"),
    column("amount", Exact, comment="Sum of the postings; may be negative for systems and derivatives"),
    column("reserved", Exact, comment="Sum of the holds"),
    comment="What the entries add up to, kept in the same transaction",
)

solvers = Table(
    "solvers",
    metadata,
    column("name", String(140), primary_key=True, comment="The solver's name"),
    column("kind", String(20), comment="builtin or remote"),
    comment="Who may bid",
)

remote_solvers = Table(
    "remote_solvers",
    metadata,
    column("solver", String(140), ForeignKey("solvers.name"), primary_key=True, comment="The solver"),
    column("url", Text, comment="Where it is asked"),
    column("key", String(72), unique=True, comment="Its Ed25519 public key, ed25519: and hex"),
    column("registered_ms", Number, comment="When it last said anything of this"),
    column("failures", Number, comment="Auctions failed one after the other, up to now"),
    column("last_failure", Text, nullable=True, comment="Why it failed last; null where it never did"),
    column("benched_until_ms", Number, nullable=True, comment="Until when it is not asked; null unless benched"),
    column("removed_ms", Number, nullable=True, comment="Since when it is asked no more; null unless it was removed"),
    comment="Solvers that are asked over HTTP",
)

solver_standing = Table(
    "solver_standing",
    metadata,
    column("solver", String(140), ForeignKey("solvers.name"), primary_key=True, comment="The solver"),
    column("outcome", String(40), primary_key=True, comment="What happened, as a word"),
    column("times", Number, comment="How often"),
    comment="What solvers did, counted",
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    column("key", String(255), primary_key=True, comment="The client's key"),
    column("request_hash", String(71), comment="Hash of the request that first used it"),
    column("at_ms", Number, comment="When it was first used"),
    column("status", Integer, nullable=True, comment="HTTP status of the answer; null until there is one"),
    column("body", Packed, nullable=True, comment="The answer's body, deflated; null until there is one"),
    comment="Answers to repeat for repeated requests",
)
leases = Table(
    "leases",
    metadata,
    column("name", String(40), primary_key=True, comment="What is led"),
    column("holder", String(140), comment="Who leads or led last"),
    column("fence", Number, comment="Grows by one with every new term; work under an older one is refused"),
    column("expires_ms", Number, comment="When the term ends unless renewed"),
    comment="Who leads",
)
