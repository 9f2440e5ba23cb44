"""The LP solver. Importing this package needs PuLP to be installed, but loads it only when something is solved."""

from __future__ import annotations

from importlib.util import find_spec

from solvers.lp.solver import LpSolver

if find_spec("pulp") is None:
    raise ModuleNotFoundError("the LP solver needs PuLP", name="pulp")

SOLVER = LpSolver()

__all__ = ["SOLVER", "LpSolver"]
