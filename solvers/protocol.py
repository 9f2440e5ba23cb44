"""What a solver is: a pure function of (problem, budget, seed) that names itself.

A solver that stops by itself (`finished`) is deterministic: the same arguments give the same bytes on every machine.
One stopped by time need not be. The clock reaches it only through `Budget.expired`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from engine.auction.problem import Problem
from engine.auction.solution import Proposal


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of one run: `work` in the solver's own documented unit, `seconds` of wall time as the backstop.

    `expired` says whether the time is up (a clock handed in by the caller, so that the solver needs none).
    """

    work: int
    seconds: float
    expired: Callable[[], bool]


class Solver(Protocol):
    """A competitor."""

    @property
    def name(self) -> str:
        """Lower-case name, also its account `solver:<name>`."""

    def solve(self, problem: Problem, budget: Budget, seed: int) -> Proposal:
        """Propose fills for as many intents as it can. Never raises for a valid problem: what it cannot do it leaves out."""
