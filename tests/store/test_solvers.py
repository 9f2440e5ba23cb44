"""Names and keys of remote solvers: each belongs to who had it first, also where two ask in the same moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from engine.store.database import Database
from engine.store.errors import StoreError
from engine.store.repositories.solvers import MAX_REMOTE, RemoteSolver
from tests.databases import Databases

KEYS = [f"ed25519:{number:064x}" for number in range(MAX_REMOTE + 2)]


def test_names_and_keys_belong_to_who_had_them_first(database: Database) -> None:
    with database.transaction() as work:
        work.solvers.register_builtin("greedy")

    def register(name: str, at: str, key: str, *, issued_ms: int = 10, at_ms: int = 11) -> RemoteSolver | str:
        try:
            with database.transaction() as work:
                return work.solvers.register_remote(name, at, key, issued_ms=issued_ms, at_ms=at_ms)
        except StoreError as error:
            return error.code

    first = RemoteSolver("one", "https://a", KEYS[0], 11)
    assert register("one", "https://a", KEYS[0]) == register("one", "https://a", KEYS[0], at_ms=99) == first
    assert register("one", "https://a", KEYS[1]) == register("greedy", "https://a", KEYS[1]) == "name_taken"
    assert register("two", "https://a", KEYS[0]) == "key_taken"
    assert register("one", "https://b", KEYS[0]) == "stale_challenge"
    assert register("one", "https://b", KEYS[0], issued_ms=12, at_ms=13) == RemoteSolver(
        "one", "https://b", KEYS[0], 13
    )
    for number in range(1, MAX_REMOTE):
        assert isinstance(register(f"solver-{number}", "https://a", KEYS[number]), RemoteSolver)
    assert register("late", "https://a", KEYS[-1]) == "too_many_solvers"
    with database.reading() as work:
        assert len(work.solvers.entrants(0)) == MAX_REMOTE
        assert "two" not in {solver.name for solver in work.solvers.all()}


@pytest.mark.parametrize("how", ["changed to", "registered with"])
def test_a_key_that_another_takes_in_the_same_moment_is_taken(
    how: str, databases: Databases, opened: Callable[[str], Database]
) -> None:
    database = opened(databases.migrated("postgresql"))  # on SQLite writers exclude each other
    with database.transaction() as work:
        for name, key in zip(("one", "two"), KEYS, strict=False):
            work.solvers.register_remote(name, "https://a", key, issued_ms=1, at_ms=1)

    def take() -> None:
        with database.transaction() as work:
            if how == "changed to":
                work.solvers.change_key("two", KEYS[2], issued_ms=2, at_ms=2)
            else:
                work.solvers.register_remote("three", "https://a", KEYS[2], issued_ms=2, at_ms=2)

    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as work:
            work.solvers.change_key("one", KEYS[2], issued_ms=2, at_ms=2)
            other = pool.submit(take)
            until = time.monotonic() + 20
            while not work._connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                assert time.monotonic() < until, "the other waits for nobody"
                time.sleep(0.01)
        with pytest.raises(StoreError, match="key_taken"):
            other.result(20)

    with database.reading() as work:
        assert {one.name: one.key for one in work.solvers.entrants(0)} == {"one": KEYS[2], "two": KEYS[1]}
