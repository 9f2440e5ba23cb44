"""The CP-SAT solver. Importing this package needs OR-Tools to be installed, but loads it only when something is solved."""

from __future__ import annotations

from importlib.util import find_spec

from solvers.cpsat.solver import CpSatSolver

if find_spec("ortools") is None:
    raise ModuleNotFoundError("the CP-SAT solver needs OR-Tools", name="ortools")

SOLVER = CpSatSolver()

__all__ = ["SOLVER", "CpSatSolver"]
