"""Every test of the store runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.store.database import Database
from tests.databases import KINDS, Databases


@pytest.fixture(params=KINDS)
def empty(request: pytest.FixtureRequest, databases: Databases) -> str:
    """The URL of a database without tables."""
    return databases.empty(request.param)


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Database]:
    """An open, migrated, empty database."""
    opened = Database.open(databases.migrated(request.param))
    yield opened
    opened.close()
