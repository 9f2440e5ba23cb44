"""Fixtures of more than one area."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest

from engine.store.database import Database
from tests.databases import Databases


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what takes long, unless it is what is run."""
    if "CLEARWAY_LONG" not in os.environ:
        skipped = pytest.mark.skip(reason="takes long: `make test-long`")
        for item in items:
            if item.get_closest_marker("long") is not None:
                item.add_marker(skipped)


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """Where databases for tests come from."""
    made = Databases(tmp_path_factory)
    yield made
    made.close()


@pytest.fixture
def opened() -> Iterator[Callable[[str], Database]]:
    """Opens databases that are closed after the test, also where it fails: what is left open is told in a later one."""
    with ExitStack() as stack:
        yield lambda url: stack.enter_context(closing(Database.open(url)))
