"""Fixtures of more than one area."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.databases import Databases


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """Where databases for tests come from."""
    made = Databases(tmp_path_factory)
    yield made
    made.close()
