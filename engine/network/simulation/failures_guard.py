"""What is switched on in a run with failures, so that every baseline goes through the same lines as ours."""

from __future__ import annotations

from typing import NamedTuple


class Guard(NamedTuple):
    """What protects a run, and its clients."""

    health: bool
    """Limits, ejection and membership; without it every cap stays as it was."""
    shed: bool
    """Admission by class, with health alone."""
    budget: bool
    """Retries within the budget."""
    tries: int
    """Attempts of a request at most."""
    deadline_us: int
    backoff_us: int
    report_us: int
    failure_ppm: int
    """Failures of healthy nodes."""
    lost_ppm: int
    """Chance that a report or a probe is lost."""
