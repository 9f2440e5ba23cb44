"""Skips this folder, with the reason, wherever `make test-chain` does not run."""

from __future__ import annotations

import pytest

from tests.chain.cache import why_skipped


@pytest.fixture(autouse=True, scope="session")
def _chain() -> None:
    if reason := why_skipped():
        pytest.skip(reason)
