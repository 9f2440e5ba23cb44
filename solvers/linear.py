"""A linear program as plain data, and its optimum: what models write and backends read. Floats, no meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

INFINITY = float("inf")


@dataclass
class Linear:
    """Maximise sum gain x subject to lower <= x <= upper and row_low <= sum coefficient x <= row_high."""

    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    gain: list[float] = field(default_factory=list)
    rows: list[tuple[dict[int, float], float, float]] = field(default_factory=list)
    whole: set[int] = field(default_factory=set)
    """Columns that must be integers; a backend that can not see to it says so."""

    def column(self, lower: float, upper: float, gain: float = 0.0) -> int:
        """Add a column; its index."""
        self.lower.append(lower)
        self.upper.append(upper)
        self.gain.append(gain)
        return len(self.lower) - 1

    def row(self, coefficients: Mapping[int, float], low: float, high: float) -> int:
        """Add a row; its index. Coefficients of 0 are dropped."""
        self.rows.append(({column: value for column, value in coefficients.items() if value != 0}, low, high))
        return len(self.rows) - 1


@dataclass(frozen=True)
class Optimum:
    """Values of the columns, and what one unit more on the right side of each row would cost (sizes, without signs)."""

    values: list[float]
    row_values: list[float]
