"""The application over a real database that holds the embedded world; no auctioneer runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fastapi.testclient import TestClient

from api.http.app import create_app
from api.server import embedded_service
from engine.runtime.embedded import EmbeddedWorld
from engine.store.database import Database
from tests.databases import KINDS, Databases

ENGINE_KEY = b"\x07" * 32


@contextmanager
def opened(url: str) -> Iterator[TestClient]:
    """A client of the application over the database."""
    database = Database.open(url)
    service = embedded_service(database, EmbeddedWorld.open(database, 1), ENGINE_KEY)
    with TestClient(create_app(service), raise_server_exceptions=False) as client:
        yield client
    database.close()


@pytest.fixture
def client(databases: Databases) -> Iterator[TestClient]:
    """On SQLite."""
    with opened(databases.migrated("sqlite")) as found:
        yield found


@pytest.fixture(params=KINDS)
def either(request: pytest.FixtureRequest, databases: Databases) -> Iterator[TestClient]:
    """On SQLite, and on PostgreSQL."""
    with opened(databases.migrated(request.param)) as found:
        yield found
