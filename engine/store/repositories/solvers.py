"""Solvers and their standing, as counts of what happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from engine.store.repositories._insert import insert_missing
from engine.store.tables import solver_standing, solvers


@dataclass(frozen=True, slots=True)
class StoredSolver:
    """A solver and how often what happened, by outcome (a word: answered, won, late, crashed, ...)."""

    name: str
    kind: str
    standing: Mapping[str, int]


class Solvers:
    """Who may bid, and what came of it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def register_builtin(self, name: str) -> None:
        """Add a built-in solver; one that is known stays as it is."""
        insert_missing(self._connection, solvers, [{"name": name, "kind": "builtin"}])

    def all(self) -> list[StoredSolver]:
        """All solvers by name."""
        counts: dict[str, dict[str, int]] = {}
        for row in self._connection.execute(select(solver_standing).order_by(solver_standing.c.outcome)):
            counts.setdefault(row.solver, {})[row.outcome] = row.times
        rows = self._connection.execute(select(solvers).order_by(solvers.c.name))
        return [StoredSolver(row.name, row.kind, counts.get(row.name, {})) for row in rows]

    def note(self, name: str, outcome: str) -> None:
        """Count one more such outcome of a registered solver."""
        insert_missing(self._connection, solver_standing, [{"solver": name, "outcome": outcome, "times": 0}])
        counted = (solver_standing.c.solver == name) & (solver_standing.c.outcome == outcome)
        self._connection.execute(update(solver_standing).where(counted).values(times=solver_standing.c.times + 1))
