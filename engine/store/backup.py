"""Copies of a SQLite database while it is used, and back.

Guarantees
1. A backup is one moment of the database (SQLite's own backup interface, in one step), one file, checked before it gets
   its name. It replaces no file.
2. `restore` reads the backup through before it writes, writes in one transaction, and only where no table has a row.

PostgreSQL has better tools of its own: both refuse and name them. The engine's key is no part of a backup.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy import make_url

from engine.store.database import MIGRATIONS, Database
from engine.store.errors import StoreError

BUSY_SECONDS = 10.0
"""How long a writer is waited for."""


def backup(url: str, target: Path) -> None:
    """Copy the database at the URL to a new file. Raises StoreError `use_pg_dump`, `no_database`, `file_exists`, ..."""
    source = sqlite_file(url, tool="pg_dump")
    if not source.is_file():
        raise StoreError("no_database", str(source), expected="a database", actual="no file")
    if target.exists():
        raise _exists(target)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with _open(source) as database, _open(temporary, make=True) as copy:
            database.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, not three
            _check(copy, temporary)
        target.hardlink_to(temporary)  # unlike a renaming, it never replaces what another put there meanwhile
    except FileExistsError:
        raise _exists(target) from None
    except (OSError, sqlite3.Error) as error:
        raise StoreError("backup_failed", str(target), expected="a copy", actual=str(error)) from None
    finally:
        temporary.unlink(missing_ok=True)


def restore(url: str, source: Path) -> None:
    """Copy a backup to the database at the URL, which must hold nothing.

    Raises StoreError `use_pg_restore`, `not_a_backup`, `unknown_revision`, `database_not_empty`, `restore_failed`.
    """
    target = sqlite_file(url, tool="pg_restore")
    if not source.is_file():
        raise StoreError("not_a_backup", str(source), expected="a backup", actual="no file")
    try:
        with _open(source) as copy:
            _check(copy, source)
            target.parent.mkdir(parents=True, exist_ok=True)
            with _open(target, make=True) as database:
                _check_empty(database, target)
                copy.backup(database)
    except (OSError, sqlite3.Error) as error:
        raise StoreError("restore_failed", str(target), expected="a copy", actual=str(error)) from None
    # What SQLite wrote is on disk; that the file has its name there is the folder's to keep.
    folder = os.open(target.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def sqlite_file(url: str, *, tool: str) -> Path:
    """The file of a SQLite database. Raises StoreError `use_<tool>` for PostgreSQL, `bad_database_url`."""
    Database.open(url).close()  # opens no connection; refuses what is no database of ours
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        raise StoreError(f"use_{tool}", "DATABASE_URL", expected="a SQLite database", actual=f"PostgreSQL: use {tool}")
    return Path(parsed.database or "")


@contextmanager
def _open(path: Path, *, make: bool = False) -> Iterator[sqlite3.Connection]:
    uri = f"{path.resolve().as_uri()}?mode={'rwc' if make else 'rw'}"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


def _check(copy: sqlite3.Connection, path: Path) -> None:
    """Raise StoreError unless it is a sound database of ours, of this release or an older one."""
    try:
        (sound,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
        revisions = [row[0] for row in copy.execute("SELECT version_num FROM alembic_version")]
    except sqlite3.DatabaseError as error:
        raise StoreError("not_a_backup", str(path), expected="a database of ours", actual=str(error)) from None
    if sound != "ok":
        raise StoreError("not_a_backup", str(path), expected="a sound database", actual=str(sound)[:200])
    known = {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}
    if not revisions or not known.issuperset(revisions):
        expected = "a revision that this release knows"
        raise StoreError("unknown_revision", str(path), expected=expected, actual=", ".join(revisions) or "none")


def _check_empty(database: sqlite3.Connection, path: Path) -> None:
    names = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for name in names:
        quoted = '"' + name.replace('"', '""') + '"'
        held = name != "alembic_version" and not name.startswith("sqlite_")
        if held and database.execute(f"SELECT 1 FROM {quoted} LIMIT 1").fetchone():  # noqa: S608 - a name the file holds, quoted
            raise StoreError("database_not_empty", str(path), expected="no rows", actual=f"rows in {name}")


def _exists(path: Path) -> StoreError:
    return StoreError("file_exists", str(path), expected="a new file", actual="one that is there")
