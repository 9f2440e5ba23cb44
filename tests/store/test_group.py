"""Group commit: one transaction for all who wait, answers after it, and who fails fails alone."""

from __future__ import annotations

import fcntl
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event, make_url, text

from engine.store import database as database_module
from engine.store.database import Database
from engine.store.errors import StoreError
from engine.store.faults import DatabaseFaultError
from engine.store.group import Group
from engine.store.work import Work
from intents.errors import InputError
from tests.databases import Databases


def claim(work: Work, keys: Sequence[str]) -> list[str]:
    """Stores each key; one that begins with `bad` is refused after it was stored."""
    for key in keys:
        work.meta.set(key, "x")
        if key.startswith("bad"):
            raise InputError("bad_key", key, expected="a good one", actual=key)
    return [key.upper() for key in keys]


def stored(database: Database, *keys: str) -> list[str]:
    with database.reading() as work:
        return [key for key in keys if work.meta.get(key) is not None]


def test_whoever_waits_shares_a_commit_and_hears_of_it_afterwards(database: Database) -> None:
    transactions: list[int] = []
    begun, go_on = threading.Event(), threading.Event()

    @contextmanager
    def counted(shared: bool) -> Iterator[Work]:
        transactions.append(shared)
        with database.transaction() as work:
            if len(transactions) == 1:
                begun.set()
                assert go_on.wait(20)
            yield work

    group = Group(counted, most_waiting=5)
    first = group.hand_in(claim, "first")
    assert begun.wait(20)
    waiting = [group.hand_in(claim, key) for key in ("a", "bad", "b", "bad too", "c")]
    with pytest.raises(StoreError, match="overloaded"):
        group.hand_in(claim, "d")
    assert not first.done()
    go_on.set()

    assert [first.result(20), *(waiting[place].result(20) for place in (0, 2, 4))] == ["FIRST", "A", "B", "C"]
    for place in (1, 3):
        with pytest.raises(InputError, match="bad_key"):
            waiting[place].result(20)
    assert transactions == [False, True]
    assert stored(database, "first", "a", "bad", "b", "bad too", "c", "d") == ["first", "a", "b", "c"]
    group.close()
    with pytest.raises(StoreError, match="closed"):
        group.hand_in(claim, "e")


def test_nobody_knows_what_became_of_a_commit_that_failed(database: Database) -> None:
    @contextmanager
    def failing(_shared: bool) -> Iterator[Work]:
        with database.transaction() as work:
            yield work
        raise DatabaseFaultError("database_unavailable", committing=True, actual="one that was lost")

    group = Group(failing)
    outcomes = group.do_all(claim, ["a", "b"])

    assert [isinstance(outcome, DatabaseFaultError) and outcome.committing for outcome in outcomes] == [True, True]
    group.close()


@pytest.fixture
def impatient(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Database, str]]:
    """A database on SQLite that waits 50 ms for others, and its file."""
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_MS", 50)
    url = databases.migrated("sqlite")
    found = Database.open(url)
    yield found, make_url(url).database or ""
    found.close()


def test_a_locked_database_changed_nothing(impatient: tuple[Database, str]) -> None:
    database, path = impatient
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    future = database.hand_in(claim, "a")

    with pytest.raises(DatabaseFaultError, match="database_busy") as caught:
        future.result(20)
    assert not caught.value.committing
    other.execute("ROLLBACK")
    other.close()
    assert database.hand_in(claim, "a").result(20) == "A"


def test_a_full_disk_changed_nothing(databases: Databases, opened: Callable[[str], Database]) -> None:
    database = opened(databases.migrated("sqlite"))
    event.listen(database._engine, "connect", lambda made, _: made.execute("PRAGMA max_page_count = 1"))

    def fill(work: Work, sizes: Sequence[int]) -> list[int]:
        for size in sizes:
            work.meta.set(f"size {size}", "x" * size)
        return list(sizes)

    outcomes = database.do_all(fill, [10, 1_000_000, 11])

    assert {outcome.code for outcome in outcomes if isinstance(outcome, DatabaseFaultError)} == {"database_full"}
    assert len(outcomes) == 3
    assert stored(database, "size 10", "size 11", "size 1000000") == []


def test_a_lost_connection_changed_nothing_and_the_next_one_works(
    databases: Databases, opened: Callable[[str], Database]
) -> None:
    database = opened(databases.migrated("postgresql"))

    def hang_up(work: Work, keys: Sequence[str]) -> list[str]:
        claim(work, keys)
        work._connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return list(keys)

    with pytest.raises(DatabaseFaultError, match="database_unavailable") as caught:
        database.hand_in(hang_up, "a").result(20)
    assert not caught.value.committing
    assert stored(database, "a") == []
    assert database.hand_in(claim, "b").result(20) == "B"


def test_a_group_gives_way_to_who_locks_in_another_order(
    databases: Databases, opened: Callable[[str], Database]
) -> None:
    database = opened(databases.migrated("postgresql"))
    database.do_all(claim, ["a", "b"])
    held, go_on = threading.Event(), threading.Event()

    def auctioneer() -> None:
        with database.transaction() as work:
            work.meta.set("b", "auctioneer")
            held.set()
            assert go_on.wait(20)
            work.meta.set("a", "auctioneer")

    other = threading.Thread(target=auctioneer)
    other.start()
    assert held.wait(20)

    def lock(work: Work, keys: Sequence[str]) -> list[str]:
        for key in keys:
            work.meta.set(key, "group")
            go_on.set()
        return list(keys)

    assert database.do_all(lock, ["a", "b"]) == ["a", "b"]  # it would be a deadlock, and one of them its victim
    other.join(20)
    assert not other.is_alive()


def test_writers_get_their_turn_in_the_order_in_which_they_asked(
    databases: Databases, opened: Callable[[str], Database]
) -> None:
    url = databases.migrated("sqlite")
    database, order = opened(url), []

    def write(name: str) -> None:
        with database.transaction() as work:
            work.meta.set(name, "x")
            order.append(name)

    for _ in range(3):
        first, second = (threading.Thread(target=write, args=(name,)) for name in ("first", "second"))
        with database.transaction():
            first.start()
            until = time.monotonic() + 20
            while not turn_is_taken(f"{make_url(url).database}.turn"):
                assert time.monotonic() < until, "nobody took the turn"
                time.sleep(0.001)
            time.sleep(0.3)  # SQLite by itself asks less and less often, so that the second would be first
            second.start()
            time.sleep(0.02)
        for thread in (first, second):
            thread.join(20)

    assert order == ["first", "second"] * 3


def turn_is_taken(path: str) -> bool:
    with Path(path).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
