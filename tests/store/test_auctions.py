from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from engine.auction.auction import clear
from engine.auction.problem import Problem
from engine.auction.solution import Proposal
from engine.audit.record import Record, Submission, record_bytes
from engine.audit.replay import replay_record
from engine.store.database import Database
from engine.store.errors import StoreError
from engine.store.repositories.auctions import Mention, StoredFill
from engine.store.work import Work
from tests.auction.builders import ANN, BEN, DAI, USD, fill
from tests.audit.records import WORK, bound, dai_swap, question, small_file, small_record
from tests.store.people import open_auction


def opened(work: Work, number: int, asked: Problem) -> None:
    work.snapshots.put(asked.snapshot)
    for intent in asked.intents:
        work.intents.add(intent, 1, {})
    ids = [intent.id for intent in asked.intents]
    open_auction(work, number, asked.snapshot_hash, *ids, problem_hash=asked.hash)


def settled(work: Work, number: int, record: Record) -> None:
    opened(work, number, record.problem)
    work.auctions.decide(number, record, {"solve_ms": 12})
    work.auctions.settle(number, record, record.winners, 3_000)


def test_the_record_comes_back_byte_for_byte_and_replays(database: Database) -> None:
    with database.transaction() as work:
        settled(work, 1, small_record())
    with database.reading() as work:
        whole = work.auctions.record_bytes(1)
        assert work.auctions.record_bytes(2) is None
    assert whole == small_file()
    assert replay_record(whole).identical


def test_every_bid_is_a_row_with_its_reason(database: Database) -> None:
    with database.transaction() as work:
        settled(work, 1, small_record())
        bids = work.auctions.bids(1)
    assert bids == list(small_record().bids)
    assert {bid.status for bid in bids} == {"won", "lost", "filtered", "invalid"}


def test_winners_and_fills_are_rows(database: Database) -> None:
    record = small_record()
    with database.transaction() as work:
        settled(work, 1, record)
        winners, filled = work.auctions.winners(1), work.auctions.fills(1)
        auction = work.auctions.get(1)
        assert [work.auctions.fills_of(one.intent) for one in filled] == [[one] for one in filled]

    assert auction is not None
    assert (auction.status, auction.ended_ms, auction.timings) == ("settled", 3_000, {"solve_ms": 12})
    assert (auction.total_score, auction.record_hash) == (record.total_score, record.record_hash)
    assert {winner.group: winner.price for winner in winners} == record.prices
    assert {winner.bid for winner in winners} == set(record.winners)
    assert sum(winner.score for winner in winners) == record.total_score
    assert all(winner.score >= winner.baseline for winner in winners)
    assert {one.intent: one.units for one in filled} == record.settlement.filled_units
    swap = next(one for one in filled if one.intent == "import:swap")
    assert swap == StoredFill(1, "import:swap", swap.bid, swap.solver, 5_000, {USD: 5_000}, swap.received, {}, 0)
    assert swap.received.keys() == {DAI}


def test_a_bid_mentions_each_intent_of_the_batch_once_whatever_it_names(database: Database) -> None:
    with database.transaction() as work:
        settled(work, 1, strange_record())
        mentions = work.auctions.mentions("import:swap")
        only = work.auctions.mentions("import:swap", limit=1)
    assert [(one.solver, one.units, one.status) for one in mentions] == [
        (ANN, 5_000, "won"),
        (BEN, 2 * (2**256 - 1), "invalid"),
    ]
    assert [None if one.reason is None else one.reason.code for one in mentions] == [None, "unknown_intent"]
    assert only == mentions[:1] == [Mention(1, mentions[0].bid, ANN, 5_000, "won", None)]


@cache
def strange_record() -> Record:
    """One winner, and a bid that fills one intent twice, hugely, and others that nobody has."""
    asked = question()
    huge = fill("swap", 2**256 - 1, {USD: 2**256 - 1}, {DAI: 1})
    strange = dai_swap().model_copy(update={"fills": (huge, huge, fill("nobody", 1, {USD: 1}, {DAI: 1}))})
    return clear(asked, {ANN: bound(asked, ANN, dai_swap()), BEN: bound(asked, BEN, strange)}, work=WORK)


def test_an_auction_without_intents_or_bids_is_settled_too(database: Database) -> None:
    asked = question().model_copy(update={"intents": ()})
    proposals: dict[str, Proposal | Submission] = {}
    record = clear(asked, proposals, work=WORK)
    with database.transaction() as work:
        settled(work, 1, record)
        assert work.auctions.record_bytes(1) == record_bytes(record)
        assert (work.auctions.bids(1), work.auctions.fills(1), work.auctions.winners(1)) == ([], [], [])


def ended(work: Work, record: Record) -> None:
    work.auctions.decide(1, record, {})
    work.auctions.settle(1, record, record.winners, 2)


ENDS: list[Callable[[Work], None]] = [
    lambda work: ended(work, small_record()),
    lambda work: work.auctions.void(1, "again", 2),
]


@pytest.mark.parametrize("again", ENDS)
@pytest.mark.parametrize("once", ENDS)
def test_an_auction_ends_once(database: Database, once: Callable[[Work], None], again: Callable[[Work], None]) -> None:
    with database.transaction() as work:
        with pytest.raises(StoreError, match="auction_not_open"):
            once(work)
        opened(work, 1, question())
        assert [auction.number for auction in work.auctions.unfinished()] == [1]
        once(work)
        assert work.auctions.unfinished() == []
        ended = work.auctions.get(1)
        with pytest.raises(StoreError, match="auction_not_open"):
            again(work)
        assert work.auctions.get(1) == ended


def test_a_record_of_another_problem_is_refused(database: Database) -> None:
    other = question().model_copy(update={"auction": "another"})
    with database.transaction() as work:
        opened(work, 1, other)
        with pytest.raises(StoreError, match="wrong_problem"):
            work.auctions.decide(1, small_record(), {})


def test_only_winners_that_landed_fill_and_only_what_is_decided_settles(database: Database) -> None:
    record = small_record()
    with database.transaction() as work:
        opened(work, 1, record.problem)
        with pytest.raises(StoreError, match="auction_not_open"):
            work.auctions.settle(1, record, record.winners, 2)
        work.auctions.decide(1, record, {})
        decided = work.auctions.get(1)
        assert decided is not None
        assert (decided.status, decided.ended_ms, work.auctions.fills(1)) == ("settling", None, [])
        with pytest.raises(StoreError, match="auction_not_open"):
            work.auctions.void(1, "too late", 2)
        work.auctions.settle(1, record, [], 2)

        assert (work.auctions.fills(1), len(work.auctions.winners(1))) == ([], len(record.prices))


def test_a_voided_auction_says_why(database: Database) -> None:
    with database.transaction() as work:
        opened(work, 4, question())
        work.auctions.void(4, "interrupted", 9)
        found = work.auctions.get(4)
        assert found == work.auctions.latest()
        assert work.auctions.batch(4) == sorted(intent.id for intent in question().intents)
        assert work.auctions.record_bytes(4) is None
    assert found is not None
    assert (found.status, found.void_reason, found.ended_ms) == ("void", "interrupted", 9)


def test_pages_newest_first(database: Database) -> None:
    with database.transaction() as work:
        assert work.auctions.latest() is None
        for number in range(1, 6):
            opened(work, number, question())
        first, after = work.auctions.page(None, 3)
        rest, end = work.auctions.page(after, 3)
    assert [auction.number for auction in first + rest] == [5, 4, 3, 2, 1]
    assert end is None


def test_a_damaged_record_is_not_handed_out(database: Database) -> None:
    with database.transaction() as work:
        settled(work, 1, small_record())
        work._connection.execute(text("UPDATE auctions SET record_digest = 'other'"))
        with pytest.raises(StoreError, match="damaged_record"):
            work.auctions.record_bytes(1)


def test_the_tables_themselves_refuse_a_second_fill_and_a_batch_that_is_none(database: Database) -> None:
    with database.transaction() as work:
        settled(work, 1, small_record())
        for statement in (
            "INSERT INTO fills SELECT * FROM fills",
            "INSERT INTO winners SELECT * FROM winners",
            "UPDATE intents SET auction = 1",
            "UPDATE intents SET auction = 2, status = 'SETTLING'",
            "UPDATE auctions SET status = 'open'",
        ):
            with pytest.raises(IntegrityError), work.savepoint():
                work._connection.execute(text(statement))
