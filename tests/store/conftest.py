"""Every test of the store runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.store.database import Database
from tests.databases import KINDS, Databases


@pytest.fixture(params=KINDS)
def empty(request: pytest.FixtureRequest, databases: Databases) -> Iterator[str]:
    """The URL of a database without tables."""
    url = databases.empty(request.param)
    yield url
    databases.drop(url)


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Database]:
    """An open, migrated, empty database."""
    url = databases.migrated(request.param)
    opened = Database.open(url)
    yield opened
    opened.close()
    databases.drop(url)
