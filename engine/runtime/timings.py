"""What an auctioneer notes of an auction beside its record: how long each step took, and how each solver did."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from engine.audit.record import Record
from engine.runtime.contest import Run
from engine.runtime.pool import Collected
from engine.settlement.plan import winning_solutions


@dataclass
class Timings:
    """Milliseconds since the cut, by what was reached."""

    started: float = field(default_factory=time.monotonic)
    reached: dict[str, int] = field(default_factory=dict)

    def reach(self, name: str) -> None:
        """It is reached now."""
        self.reached[f"{name}_ms"] = round((time.monotonic() - self.started) * 1000)


def solver_timings(runs: list[Run], collected: Collected) -> dict[str, object]:
    """How late the answers were frozen, and what each solver took, in milliseconds."""
    return {
        "frozen_late_ms": round(collected.frozen_late_seconds * 1000),
        "reaped_ms": round(collected.reaped_seconds * 1000),
        "unreaped": list(collected.unreaped),
        "solvers": {run.solver: round(run.seconds * 1000) for run in runs},
    }


def outcomes(run: Run, record: Record) -> list[str]:
    """What a solver's standing counts: whether it answered, how it failed, and once each whether a bid won, was invalid, ..."""
    statuses = {bid.status for bid in record.bids if bid.solver == run.solver}
    failures = [run.failure] if run.failure else []
    return ["no_bid" if run.no_bid else "answered", *failures, *sorted(statuses)]


def filled_by(record: Record, bid: str) -> list[str]:
    """The intents that a winning bid would fill."""
    solution = winning_solutions(record)[bid]
    return [fill.intent for fill in solution.fills]
