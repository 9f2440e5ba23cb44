from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from engine.store.database import Database, open_engine
from engine.store.errors import StoreError
from engine.store.repositories.intents import HistoryLine
from engine.store.work import Work
from intents.errors import InputError
from intents.lifecycle import Cancel, Cut, Expire, Settled, Status, TransitionError
from tests.auction.builders import problem
from tests.store.people import at_once, open_auction, wish


@pytest.fixture
def snapshot(database: Database) -> str:
    with database.transaction() as work:
        return work.snapshots.put(problem([]).snapshot)


def test_an_intent_comes_back_as_it_was_signed(database: Database) -> None:
    signed = wish("ann", 2**256 - 1, units=2**255)
    with database.transaction() as work:
        added = work.intents.add(signed, 17, {"latest_auction": 4})
    with database.reading() as work:
        found = work.intents.get(signed.id)
        assert work.intents.nonce_taken(signed.outcome.owner, 2**256 - 1) == signed.id

    assert found == added
    assert found is not None
    assert (found.intent, found.status, found.receipt, found.accepted_ms) == (signed, "OPEN", {"latest_auction": 4}, 17)


def test_the_same_intent_twice_is_one_with_the_first_receipt(database: Database) -> None:
    signed = wish("ann")
    with database.transaction() as work:
        first = work.intents.add(signed, 1, {"said": 1})
    with database.transaction() as work:
        assert work.intents.add(signed, 2, {"said": 2}) == first
        assert [line.event for line in work.intents.history(signed.id)] == ["accepted"]


def test_a_nonce_belongs_to_one_intent_of_the_owner_and_does_not_spoil_the_transaction(database: Database) -> None:
    with database.transaction() as work:
        work.intents.add(wish("ann", 5), 1, {})
        with pytest.raises(InputError, match="nonce_used"):
            work.intents.add(wish("ann", 5, units=11), 1, {})
        work.intents.add(wish("bob", 5), 1, {})
    with database.reading() as work:
        assert len(work.intents.page(None, None, None, 10)[0]) == 2


def test_many_who_send_the_same_intent_at_once_make_one(database: Database) -> None:
    def send(number: int) -> int:
        with database.transaction() as work:
            return work.intents.add(wish("ann"), number, {"to": number}).accepted_ms

    assert len(set(at_once(6, send))) == 1
    with database.reading() as work:
        assert len(work.intents.history(wish("ann").id)) == 1


def test_nonces_are_found_together_without_looking_through_the_table(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'clearway.db'}"
    database = Database.open(url)
    database.upgrade()
    sql_engine = open_engine(url)
    with sql_engine.connect() as connection:
        asked: list[tuple[str, Any]] = []
        event.listen(connection, "before_cursor_execute", lambda *call: asked.append(call[2:4]))
        assert Work(connection).intents.claims(("ann", nonce) for nonce in range(256)) == {}
        statement, parameters = asked[-1]
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    sql_engine.dispose()
    database.close()
    assert sum("USING INDEX" in row.detail for row in plan) == 256
    assert not any(row.detail.startswith("SCAN") for row in plan)


def test_what_an_exception_leaves_is_nothing(database: Database) -> None:
    def fail(work: Work, name: str) -> None:
        work.intents.add(wish(name), 1, {})
        raise RuntimeError

    with pytest.raises(RuntimeError), database.transaction() as work:
        fail(work, "ann")
    with database.transaction() as work:
        with pytest.raises(RuntimeError), work.savepoint():
            fail(work, "bob")
        work.intents.add(wish("cat"), 1, {})
    with database.reading() as work:
        assert [stored.intent.id for stored in work.intents.page(None, None, None, 9)[0]] == [wish("cat").id]


def test_a_life_and_its_history(database: Database, snapshot: str) -> None:
    intent = wish("ann", units=10).id
    with database.transaction() as work:
        work.intents.add(wish("ann", units=10), 1, {})
        for number, filled in ((7, 4), (8, 0)):
            open_auction(work, number, snapshot, intent)
            assert work.intents.move(intent, Cut(), number, auction=number).auction == number
            assert work.intents.open_for_batch(500) == []
            if number == 8:
                work.intents.move(intent, Cancel(), 88, detail={"by": "owner"})
            moved = work.intents.move(intent, Settled(filled), 10 * number, auction=number)
            assert moved == work.intents.get(intent)
        lines = work.intents.history(intent)

    assert lines == [
        HistoryLine("accepted", Status.OPEN, 0, 1, None, {}),
        HistoryLine("cut", Status.SETTLING, 0, 7, 7, {}),
        HistoryLine("settled", Status.PARTIALLY_FILLED, 4, 70, 7, {}),
        HistoryLine("cut", Status.SETTLING, 4, 8, 8, {}),
        HistoryLine("cancel", Status.SETTLING, 4, 88, 8, {"by": "owner"}),
        HistoryLine("settled", Status.CANCELLED, 4, 80, 8, {}),
    ]


def test_moves_that_can_not_be_are_refused(database: Database, snapshot: str) -> None:
    intent = wish("ann").id
    with database.transaction() as work:
        work.intents.add(wish("ann"), 1, {})
        open_auction(work, 1, snapshot, intent)
        open_auction(work, 2, snapshot, intent)
        with pytest.raises(StoreError, match="unknown_intent"):
            work.intents.move("0x" + "1" * 64, Cancel(), 1)
        with pytest.raises(StoreError, match="wrong_auction"):
            work.intents.move(intent, Cut(), 1)
        work.intents.move(intent, Cut(), 1, auction=1)
        with pytest.raises(TransitionError):
            work.intents.move(intent, Cut(), 1, auction=2)
        with pytest.raises(StoreError, match="wrong_auction"):
            work.intents.move(intent, Settled(1), 1, auction=2)
        with pytest.raises(TransitionError, match="over_units"):
            work.intents.move(intent, Settled(11), 1, auction=1)
        assert len(work.intents.history(intent)) == 2


def test_two_batches_cut_at_once_share_no_intent(database: Database, snapshot: str) -> None:
    ids = sorted(wish(name).id for name in "abcd")
    with database.transaction() as work:
        for name in "abcd":
            work.intents.add(wish(name), 1, {})
        open_auction(work, 1, snapshot)
        open_auction(work, 2, snapshot)

    def cut(number: int) -> list[str]:
        try:
            with database.transaction() as work:
                batch = [intent.id for intent in work.intents.open_for_batch(500)]
                for intent in batch:
                    work.intents.move(intent, Cut(), 1, auction=number + 1)
                return batch
        except TransitionError:
            return []

    assert sorted(at_once(2, cut)) == [[], ids]


def test_a_batch_holds_what_is_open_and_valid_by_id(database: Database) -> None:
    early, late, good, gone = (
        wish("early", valid_until=100),
        wish("late", valid_from=101),
        wish("good", valid_until=101),
        wish("gone"),
    )
    with database.transaction() as work:
        for one in (early, late, good, gone):
            work.intents.add(one, 1, {})
        work.intents.move(gone.id, Cancel(), 2)
        assert work.intents.open_for_batch(100) == [good]
        assert work.intents.open_for_batch(50) == sorted([early, good], key=lambda one: one.id)
        assert work.intents.overdue(100) == [early.id]
        work.intents.move(early.id, Expire(), 3)
        assert work.intents.overdue(100) == []


def test_pages_hold_everything_once_newest_first(database: Database) -> None:
    with database.transaction() as work:
        for nonce in range(5):
            work.intents.add(wish("ann", nonce), nonce, {})
        work.intents.add(wish("bob"), 9, {})
        work.intents.move(wish("ann", 3).id, Cancel(), 9)
        owner, seen, after = wish("ann").outcome.owner, list[int](), None
        while True:
            page, after = work.intents.page(owner, None, after, 2)
            seen += [stored.accepted_ms for stored in page]
            if after is None:
                break
        cancelled, _ = work.intents.page(None, Status.CANCELLED, None, 10)

    assert seen == [4, 3, 2, 1, 0]
    assert [stored.accepted_ms for stored in cancelled] == [3]
