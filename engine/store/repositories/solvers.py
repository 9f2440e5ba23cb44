"""Solvers and their standing: counts of what happened, and for remote ones where they are and whether they are benched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, RowMapping, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from engine.store.errors import StoreError
from engine.store.repositories._insert import insert_missing, insert_new
from engine.store.tables import remote_solvers, solver_standing, solvers

MAX_REMOTE = 32
"""Most remote solvers: each is a thread, an account and a share of every problem."""


@dataclass(frozen=True, slots=True)
class RemoteSolver:
    """A solver that is asked over HTTP. `failures` are auctions failed one after the other; times in Unix milliseconds.

    `registered_ms` is when it last said anything about itself. It is benched (not asked) while the time is before
    `benched_until_ms`; `last_failure` says why it failed last. Since `removed_ms`, where there is one, it is not asked at
    all, and the name stays its key's: the account of that name may hold money.
    """

    name: str
    url: str
    key: str
    registered_ms: int
    failures: int = 0
    last_failure: str | None = None
    benched_until_ms: int | None = None
    removed_ms: int | None = None


@dataclass(frozen=True, slots=True)
class StoredSolver:
    """A solver and how often what happened, by outcome (a word: answered, won, late, crashed, ...).

    `remote` is None for built-in ones and those that were removed.
    """

    name: str
    kind: str
    standing: Mapping[str, int]
    remote: RemoteSolver | None = None


class Solvers:
    """Who may bid, and what came of it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def register_builtin(self, name: str) -> None:
        """Add a built-in solver; one that is known stays as it is."""
        insert_missing(self._connection, solvers, [{"name": name, "kind": "builtin"}])

    def register_remote(self, name: str, url: str, key: str, *, issued_ms: int, at_ms: int) -> RemoteSolver:
        """Add a remote solver, or have one with this name and key asked at another URL or again, which also ends its bench.

        `issued_ms` is when the challenge was issued that the registration answers. The same registration again changes
        nothing. Raises StoreError `name_taken`, `key_taken`, `too_many_solvers`, or `stale_challenge` where it was
        issued before the registration that it would change.
        """
        known = self.remote(name)
        if known is None:
            return self._add_remote(RemoteSolver(name, url, key, at_ms))
        if known.key != key:
            raise StoreError("name_taken", name, expected="a name of yours or a new one", actual="another's")
        if known.url == url and known.benched_until_ms is None and known.removed_ms is None:
            return known
        _check_younger(known, issued_ms)
        if known.removed_ms is not None:
            self._check_room()
        changes = {"url": url, "registered_ms": at_ms, "failures": 0, "benched_until_ms": None, "removed_ms": None}
        return self._change(known, changes)

    def remove_remote(self, name: str, *, issued_ms: int, at_ms: int) -> int:
        """Ask a remote solver no more; since when. One that is removed stays so.

        Raises StoreError `unknown_solver`, or `stale_challenge` as `register_remote` does.
        """
        known = self.known_remote(name)
        if known.removed_ms is not None:
            return known.removed_ms
        _check_younger(known, issued_ms)
        self._change(known, {"registered_ms": at_ms, "removed_ms": at_ms, "benched_until_ms": None})
        return at_ms

    def change_key(self, name: str, key: str, *, issued_ms: int, at_ms: int) -> RemoteSolver:
        """Give a remote solver another key. One that it has already stays.

        Raises StoreError `unknown_solver`, `key_taken`, or `stale_challenge` as `register_remote` does.
        """
        known = self.known_remote(name)
        if known.key == key:
            return known
        _check_younger(known, issued_ms)
        try:
            with self._connection.begin_nested():
                return self._change(known, {"key": key, "registered_ms": at_ms})
        except IntegrityError:  # only the database sees the key that another writer takes in this moment
            raise _key_taken(name) from None

    def _change(self, known: RemoteSolver, changes: Mapping[str, Any]) -> RemoteSolver:
        self._connection.execute(update(remote_solvers).where(remote_solvers.c.solver == known.name).values(changes))
        return replace(known, **changes)

    def _check_room(self) -> None:
        asked = select(func.count()).select_from(remote_solvers).where(remote_solvers.c.removed_ms.is_(None))
        count = self._connection.execute(asked).scalar_one()
        if count >= MAX_REMOTE:
            raise StoreError("too_many_solvers", "", expected=f"at most {MAX_REMOTE}", actual=f"{count} already")

    def _add_remote(self, solver: RemoteSolver) -> RemoteSolver:
        self._check_room()
        if not insert_new(self._connection, solvers, {"name": solver.name, "kind": "remote"}):
            raise StoreError("name_taken", solver.name, expected="a name of yours or a new one", actual="another's")
        row = {"solver": solver.name, "url": solver.url, "key": solver.key, "registered_ms": solver.registered_ms}
        if not insert_new(self._connection, remote_solvers, {**row, "failures": 0}):
            raise _key_taken(solver.name)
        return solver

    def remote(self, name: str) -> RemoteSolver | None:
        """The remote solver of this name."""
        query = select(remote_solvers).where(remote_solvers.c.solver == name)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else _remote(row)

    def known_remote(self, name: str) -> RemoteSolver:
        """The remote solver of this name. Raises StoreError `unknown_solver`."""
        known = self.remote(name)
        if known is None:
            raise StoreError("unknown_solver", name, expected="a remote solver", actual="none")
        return known

    def entrants(self, now_ms: int) -> list[RemoteSolver]:
        """The remote solvers that are to be asked now, by name: those that are neither removed nor benched."""
        until = remote_solvers.c.benched_until_ms
        asked = remote_solvers.c.removed_ms.is_(None) & or_(until.is_(None), until <= now_ms)
        query = select(remote_solvers).where(asked).order_by(remote_solvers.c.solver)
        return [_remote(row) for row in self._connection.execute(query).mappings()]

    def judge(self, name: str, failure: str, *, at_ms: int, most: int, bench_ms: int) -> RemoteSolver:
        """What a remote solver did in an auction: `failure` says why it failed, "" that it did not. How it stands now.

        The `most`th failure in a row, and every further one until it succeeds, benches it for `bench_ms`.
        """
        known = self.known_remote(name)
        changed: dict[str, object] = {"failures": 0, "benched_until_ms": None}
        if failure:
            failures = known.failures + 1
            until = at_ms + bench_ms if failures >= most else None
            changed = {"failures": failures, "last_failure": failure, "benched_until_ms": until}
        return self._change(known, changed)

    def all(self) -> list[StoredSolver]:
        """All solvers by name."""
        counts: dict[str, dict[str, int]] = {}
        for row in self._connection.execute(select(solver_standing).order_by(solver_standing.c.outcome)):
            counts.setdefault(row.solver, {})[row.outcome] = row.times
        known = self._connection.execute(select(remote_solvers)).mappings()
        remote = {row["solver"]: _remote(row) for row in known if row["removed_ms"] is None}
        rows = self._connection.execute(select(solvers).order_by(solvers.c.name))
        return [StoredSolver(row.name, row.kind, counts.get(row.name, {}), remote.get(row.name)) for row in rows]

    def note(self, name: str, outcome: str) -> None:
        """Count one more such outcome of a registered solver."""
        insert_missing(self._connection, solver_standing, [{"solver": name, "outcome": outcome, "times": 0}])
        counted = (solver_standing.c.solver == name) & (solver_standing.c.outcome == outcome)
        self._connection.execute(update(solver_standing).where(counted).values(times=solver_standing.c.times + 1))


def _check_younger(known: RemoteSolver, issued_ms: int) -> None:
    if issued_ms <= known.registered_ms:
        expected = "a challenge issued after what it would change"
        raise StoreError("stale_challenge", known.name, expected=expected, actual="one from before")


def _key_taken(name: str) -> StoreError:
    return StoreError("key_taken", name, expected="a key of its own", actual="another solver's")


def _remote(row: RowMapping) -> RemoteSolver:
    return RemoteSolver(
        name=row["solver"],
        url=row["url"],
        key=row["key"],
        registered_ms=row["registered_ms"],
        failures=row["failures"],
        last_failure=row["last_failure"],
        benched_until_ms=row["benched_until_ms"],
        removed_ms=row["removed_ms"],
    )
