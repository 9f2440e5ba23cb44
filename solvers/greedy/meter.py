"""One run's work and time, shared by everything the greedy solver does."""

from __future__ import annotations

from typing import Literal

from solvers.protocol import Budget


class Meter:
    """Counts quotes: executions of one venue, and costings of one portfolio. Says when to stop."""

    def __init__(self, budget: Budget) -> None:
        self.work = 0
        self._budget = budget

    def stopped_by(self) -> Literal["work", "time"] | None:
        """`work` or `time` where that is used up, else None."""
        if self.work >= self._budget.work:
            return "work"
        return "time" if self._budget.expired() else None
