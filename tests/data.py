"""Where tests find the recorded real data. It is no part of this repository; without it those tests are skipped."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def data_path(relative: str) -> Path:
    """The path of a data file; skips the calling test where there is none."""
    folder = Path(os.environ.get("CLEARWAY_DATA", ROOT.parent / "shared" / "data"))
    path = folder / relative
    if not path.exists():
        pytest.skip(f"no data file {path}; set CLEARWAY_DATA to the data folder")
    return path
