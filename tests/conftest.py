"""Fixtures of more than one area."""

from __future__ import annotations

import pytest

from tests.databases import Databases


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    """Where databases for tests come from."""
    return Databases(tmp_path_factory)
