"""How a benchmark says what it found: a table with notes, as JSON on standard output. docs/benchmarks.py shows it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import ceil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def show(*, columns: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str] = ()) -> None:
    """Print a table: headings, cells, and what is to be known about it."""
    print(json.dumps({"columns": list(columns), "rows": [list(row) for row in rows], "notes": list(notes)}))  # noqa: T201 - its output is what it is for


def quantile(values: Sequence[int], share: float) -> int:
    """The least of the values that this share of them does not exceed."""
    return sorted(values)[ceil(share * len(values)) - 1]
