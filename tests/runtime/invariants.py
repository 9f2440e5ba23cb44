"""What must hold of a database whatever happened to the service."""

from collections import Counter
from functools import cache
from pathlib import Path

from sqlalchemy import create_engine, select

from engine.audit.log.checkpoints import open_checkpoint
from engine.audit.log.entries import ORDER, check_payload
from engine.audit.log.payloads import check_record
from engine.audit.log.tiles import WIDTH, Tile, unbundle
from engine.audit.record import Record
from engine.audit.replay import replay_record
from engine.network.trust.rounds import Round
from engine.settlement.record import SettlementRecord, check_settlement
from engine.store.database import Database
from engine.store.tables import balances, entries, holds, postings
from intents.lifecycle import Status
from tests.runtime.service import LOG_KEY


def check_books(url: str) -> None:
    """Balances are what the entries add up to, each entry balances, and no auction is settled twice."""
    engine = create_engine(url)
    with engine.connect() as connection:
        sums: Counter[tuple[str, str]] = Counter()
        reserved: Counter[tuple[str, str]] = Counter()
        by_entry: Counter[tuple[int, str]] = Counter()
        for row in connection.execute(select(postings)):
            sums[row.owner, row.asset] += row.amount
            by_entry[row.entry, row.asset] += row.amount
        for row in connection.execute(select(holds)):
            reserved[row.owner, row.asset] += row.amount
        stored = {(row.owner, row.asset): (row.amount, row.reserved) for row in connection.execute(select(balances))}
        settled = Counter(connection.scalars(select(entries.c.reference).where(entries.c.kind == "settlement")))
    engine.dispose()

    assert stored == {key: (sums[key], reserved[key]) for key in stored}
    assert sums.keys() | reserved.keys() == stored.keys()
    assert not any(by_entry.values())
    assert set(settled.values()) <= {1}


def check_fills(database: Database) -> None:
    """No intent is filled twice, beyond its limit, or without an auction that says so."""
    with database.reading() as work:
        stored, _ = work.intents.page(None, None, None, 10_000)
        for item in stored:
            outcome, fills = item.intent.outcome, work.auctions.fills_of(item.intent.id)
            assert sum(fill.units for fill in fills) == item.filled_units <= outcome.units
            assert len({fill.auction for fill in fills}) == len(fills)
            for asset, most in outcome.pays.items():
                assert sum(fill.paid.get(asset, 0) for fill in fills) * outcome.units <= item.filled_units * most
            assert (item.status is Status.SETTLING) == (item.auction is not None)
            last = work.intents.history(item.intent.id)[-1]
            assert (last.status, last.filled_units) == (item.status, item.filled_units)


def check_records(database: Database) -> None:
    """Every settled auction replays to its bytes, and its settlement to what it says; rounds of probes follow on each other."""
    hashes: dict[int, str] = {}
    rounds: dict[str, Round] = {}
    with database.reading() as work:
        auctions, _ = work.auctions.page(None, 1000)
        for auction in sorted(auctions, key=lambda each: each.number):
            record = work.auctions.record_bytes(auction.number)
            settlement = work.settlements.record_bytes(auction.number)
            assert (record is None) == (settlement is None) == (auction.status != "settled")
            if record is not None and settlement is not None:
                assert replays(record)
                settled = SettlementRecord.from_json(settlement)
                check_settlement(Record.from_json(record), settled)
                for made in (shares.round for shares in settled.shares if shares.round is not None):
                    last = rounds.get(made.chain)
                    assert made.root == hashes[made.number]
                    assert last is None or made.number > last.number + 1 or made == last or made.before == last.after
                    rounds[made.chain] = made
                hashes[auction.number] = settled.settlement_hash


def check_log(database: Database, folder: Path) -> None:
    """The log's files say what the database does, of each auction after the first what it came to, in the right order."""
    with database.reading() as work:
        leaves = work.log.leaves(0, 1000)
        auctions = {auction.number: auction for auction in work.auctions.page(None, 1000)[0]}
        stored = {number: work.log.of_auction(number) for number in auctions if number}
        records = {number: work.auctions.record_bytes(number) for number in stored}
    size = open_checkpoint((folder / "checkpoint").read_bytes(), LOG_KEY.name, (LOG_KEY.verifier,)).size
    tail = size % WIDTH
    assert size == len(leaves) < WIDTH
    assert unbundle((folder / Tile(None, 0, tail).path).read_bytes(), tail) == tuple(leaves)
    for number, logged in stored.items():
        kinds = [each.entry.kind for each in logged]
        payloads: dict[str, dict[str, object]] = {
            each.entry.kind: each.disclosed.payload for each in logged if each.disclosed is not None
        }
        for each in logged:
            assert each.disclosed is not None
            check_payload(each.entry, each.disclosed)
        if auctions[number].status == "void":
            assert kinds in (["problem", "voided"], ["problem", "commitments", "voided"])
        else:
            record = records[number]
            assert kinds == list(ORDER)
            assert record is not None
            check_record(Record.from_json(record), payloads)


@cache
def replays(record: bytes) -> bool:
    """Whether it replays to its bytes: once for each, since many databases begin with the same auctions."""
    return replay_record(record).identical
