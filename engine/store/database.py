"""The database: opened by URL, migrated, used in units of work.

    database = Database.open("sqlite:///clearway.db")
    database.upgrade()
    with database.transaction() as work:
        work.intents.add(intent, accepted_ms=now, receipt=receipt)

Guarantees
1. What a `transaction` did is durable when its block is left, whole, or not done at all where an exception left it:
   the commit here is the only one (SQLite: WAL and synchronous FULL, so that it survives a loss of power).
2. Writers of one SQLite file wait for each other from the first statement (BEGIN IMMEDIATE), and none is overtaken twice
   by the same one (engine.store.turn); on PostgreSQL they wait row by row. A reader waits for nobody and sees one moment.
3. What the database does to a unit of work (locked, full, gone) is a DatabaseFaultError.
4. `upgrade` by several processes at once migrates once; a migration that is interrupted leaves nothing behind.

SQLite: one file on a local disk (WAL needs shared memory). PostgreSQL: 14 or newer, through psycopg 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

import engine
from engine.store.errors import StoreError
from engine.store.faults import fault_of
from engine.store.group import Act, Group, Item, Result
from engine.store.turn import Turn
from engine.store.work import Work

MIGRATIONS = Path(engine.__file__).parent.parent / "migrations"
"""Where the migrations are: beside the package, in a checkout and in an installation alike."""

BUSY_TIMEOUT_MS = 10_000
"""How long a SQLite writer waits for another."""

GROUP_LOCK_MS = 500
"""How long a group of requests waits for a row on PostgreSQL, whose deadlock_timeout is a second."""

_WRITES = "clearway_writes"


class Database:
    """An open database. Safe to share between threads; not across a fork."""

    def __init__(self, sql_engine: Engine) -> None:
        self._engine = sql_engine
        writing = sql_engine.execution_options(**{_WRITES: True})
        self._writing = writing
        self._group = Group(self._shared)
        self._reading = (
            sql_engine
            if sql_engine.dialect.name == "sqlite"
            else sql_engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        )

    @classmethod
    def open(cls, url: str) -> Database:
        """The database at a URL `sqlite:///<path>` or `postgresql://...`. Raises StoreError `bad_database_url`."""
        return cls(open_engine(url))

    def upgrade(self) -> None:
        """Migrate to the newest revision."""
        command.upgrade(migration_config(self._engine.url), "head")

    def revision(self) -> str | None:
        """The revision that the database is at; None before the first migration."""
        with self._reading.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    @staticmethod
    def newest_revision() -> str | None:
        """The revision that this code needs."""
        return ScriptDirectory(str(MIGRATIONS)).get_current_head()

    @contextmanager
    def transaction(self) -> Iterator[Work]:
        """A unit of work that may write: committed at the end of the block, rolled back by an exception."""
        committing = False
        try:
            with self._writing.begin() as connection:
                yield Work(connection)
                committing = True
        except DBAPIError as error:
            fault = fault_of(error, committing=committing)
            if fault is None:
                raise
            raise fault from error

    def hand_in(self, act: Act[Item, Result], item: Item) -> Future[Result]:
        """Have one thread do it, in one transaction with what others ask for (engine.store.group)."""
        return self._group.hand_in(act, item)

    def do_all(self, act: Act[Item, Result], items: Sequence[Item]) -> list[Result | Exception]:
        """Do them now in one transaction, and give what came of each; for who has collected them already."""
        return self._group.do_all(act, items)

    @contextmanager
    def reading(self) -> Iterator[Work]:
        """A unit of work that only reads, all of it as of one moment."""
        try:
            with self._reading.connect() as connection:
                yield Work(connection)
        except DBAPIError as error:
            fault = fault_of(error, committing=False)
            if fault is None:
                raise
            raise fault from error

    def close(self) -> None:
        """Do what was handed in, and close all connections that are not in use."""
        self._group.close()
        self._engine.dispose()

    @contextmanager
    def _shared(self, shared: bool) -> Iterator[Work]:  # noqa: FBT001 - `Group` calls it so
        with self.transaction() as work:
            if shared and self._engine.dialect.name == "postgresql":
                # Items of one transaction lock rows in the order in which they came, the auctioneer in its own. Waiting
                # for less than the server waits before it looks for deadlocks, it is always the group that gives way.
                work.set_lock_timeout(GROUP_LOCK_MS)
            yield work


def open_engine(url: str | URL, *, foreign_keys: bool = True) -> Engine:
    """A SQLAlchemy engine with this project's settings. `foreign_keys` off is for migrations, which check afterwards."""
    try:
        parsed = make_url(url)
        name = parsed.get_backend_name()
        if name not in {"sqlite", "postgresql"} or (name == "sqlite" and parsed.database in {None, "", ":memory:"}):
            raise _bad_url(parsed.drivername)
        sql_engine = create_engine(parsed, **({} if name == "sqlite" else {"pool_pre_ping": True}))
    except (ArgumentError, NoSuchModuleError) as error:
        raise _bad_url(str(error)) from None
    except ModuleNotFoundError as error:
        raise StoreError(
            "missing_driver", "DATABASE_URL", expected="the extra clearway[postgres]", actual=str(error)
        ) from None
    if name == "sqlite":
        _prepare_sqlite(sql_engine, foreign_keys=foreign_keys)
    return sql_engine


def _bad_url(actual: str) -> StoreError:
    # Never the URL itself: it may hold a password.
    expected = "sqlite:///<path of a file> or postgresql://..."
    return StoreError("bad_database_url", "DATABASE_URL", expected=expected, actual=actual)


def _prepare_sqlite(sql_engine: Engine, *, foreign_keys: bool) -> None:
    turn = Turn(f"{sql_engine.url.database}.turn")

    @event.listens_for(sql_engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        # The driver's own BEGIN comes late and not for every statement: ours is sent below.
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout = {BUSY_TIMEOUT_MS}",
            "journal_mode = WAL",
            "synchronous = FULL",
            f"foreign_keys = {'ON' if foreign_keys else 'OFF'}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(sql_engine, "begin")
    def on_begin(connection: Connection) -> None:
        if not connection.get_execution_options().get(_WRITES, False):
            connection.exec_driver_sql("BEGIN")
            return
        with turn:
            connection.exec_driver_sql("BEGIN IMMEDIATE")


def migration_config(url: URL) -> Config:
    """Alembic's settings for this database."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("file_template", "v%%(rev)s_%%(slug)s")
    config.attributes["url"] = url
    return config


@contextmanager
def migrating(url: str | URL) -> Iterator[Connection]:
    """A connection on which one process at a time migrates, in one transaction. Raises StoreError `broken_reference`."""
    sql_engine = open_engine(url, foreign_keys=False)
    try:
        with sql_engine.execution_options(**{_WRITES: True}).begin() as connection:
            if sql_engine.dialect.name == "postgresql":
                connection.execute(text("SET LOCAL lock_timeout = '10s'"))
                connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('clearway/migrations'))"))
            yield connection
            if sql_engine.dialect.name == "sqlite":
                broken = connection.execute(text("PRAGMA foreign_key_check")).first()
                if broken is not None:
                    raise StoreError(
                        "broken_reference", str(broken[0]), expected="references that exist", actual=str(broken)
                    )
    finally:
        sql_engine.dispose()
