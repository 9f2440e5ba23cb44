"""What the service keeps beside the market: answers, leases, solvers, single values; and how connections are set."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from engine.store.database import Database
from engine.store.errors import LeaseLostError, StoreError
from engine.store.repositories.idempotency import Stored
from engine.store.repositories.solvers import StoredSolver
from tests.databases import Databases
from tests.store.people import at_once


def test_the_first_answer_is_given_to_every_repetition(database: Database) -> None:
    with database.transaction() as work:
        assert work.idempotency.claim("k", "one", 1) is None
        with pytest.raises(StoreError, match="idempotency_key_busy"):
            work.idempotency.claim("k", "one", 1)
        work.idempotency.store("k", 201, b"{}")
    with database.transaction() as work:
        assert work.idempotency.claim("k", "one", 2) == Stored(201, b"{}")
        with pytest.raises(StoreError, match="idempotency_key_reused"):
            work.idempotency.claim("k", "other", 2)
        for key in ("k", "unclaimed"):
            with pytest.raises(StoreError, match="not_claimed"):
                work.idempotency.store(key, 500, b"")


def test_of_many_who_claim_a_key_at_once_one_acts(database: Database) -> None:
    def ask(number: int) -> tuple[bool, bytes]:
        with database.transaction() as work:
            found = work.idempotency.claim("k", "same", number)
            if found is None:
                work.idempotency.store("k", 200, str(number).encode())
                return True, str(number).encode()
            return False, found.body

    answers = at_once(5, ask)
    assert [acted for acted, _ in answers].count(True) == 1
    assert len({body for _, body in answers}) == 1


def test_one_leads_until_its_term_ends_and_fences_grow(database: Database) -> None:
    with database.transaction() as work:
        assert work.leases.holder() is None
        assert work.leases.acquire("a", 0, 100) == 1
        assert work.leases.acquire("b", 99, 100) is None
        work.leases.renew(1, 99, 100)
        assert work.leases.acquire("b", 198, 100) is None
        assert work.leases.acquire("b", 199, 100) == 2
        assert work.leases.holder() == ("b", 2, 299)
        for late in (work.leases.check, work.leases.release, lambda fence: work.leases.renew(fence, 200, 100)):
            with pytest.raises(LeaseLostError):
                late(1)
        work.leases.check(2)
        assert work.leases.acquire("b", 210, 100) == 3  # the same name after a restart is another term
        work.leases.release(3)
        assert work.leases.acquire("a", 211, 100) == 4


def test_of_many_who_want_to_lead_one_does(database: Database) -> None:
    def want(number: int) -> int | None:
        with database.transaction() as work:
            return work.leases.acquire(f"holder {number}", 0, 100)

    assert sorted(at_once(5, want), key=str) == [1, None, None, None, None]


def test_solvers_and_what_they_did(database: Database) -> None:
    with database.transaction() as work:
        for name in ("lp", "greedy", "lp"):
            work.solvers.register_builtin(name)
        for outcome in ("won", "answered", "won"):
            work.solvers.note("lp", outcome)
        assert work.solvers.all() == [
            StoredSolver("greedy", "builtin", {}),
            StoredSolver("lp", "builtin", {"answered": 1, "won": 2}),
        ]


def test_single_values(database: Database) -> None:
    with database.transaction() as work:
        assert work.meta.get("world") is None
        work.meta.set("world", "one")
        work.meta.set("world", "two")
        assert work.meta.get("world") == "two"


def test_a_reader_sees_one_moment_and_waits_for_no_writer(database: Database) -> None:
    with database.reading() as before:
        assert before.meta.get("k") is None
        with database.transaction() as writer:
            writer.meta.set("k", "v")
            with database.reading() as during:
                assert during.meta.get("k") is None
        assert before.meta.get("k") is None
    with database.reading() as after:
        assert after.meta.get("k") == "v"


def test_sqlite_is_durable_and_holds_references(databases: Databases) -> None:
    database = Database.open(databases.migrated("sqlite"))
    with database.transaction() as work:
        settings = [
            work._connection.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    database.close()
    assert settings == ["wal", 2, 1]
