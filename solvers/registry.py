"""The solvers that come with Clearway, by name. Importing this module loads none of them."""

from __future__ import annotations

from importlib import import_module

from intents.errors import ClearwayError
from solvers.protocol import Solver

BUILT_IN = ("cpsat", "greedy", "lp")
"""Names of the built-in solvers; each is a package here that exposes its solver as `SOLVER`."""


class SolverUnavailableError(ClearwayError):
    """A solver is not there: `unknown_solver`, or `missing_extra` where an optional package is not installed."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(f"{code}: {message}")


def load(name: str) -> Solver:
    """The named solver, with its optimiser loaded. Raises SolverUnavailableError."""
    if name not in BUILT_IN:
        raise SolverUnavailableError("unknown_solver", f"expected one of {', '.join(BUILT_IN)}, got {name!r}")
    try:
        module = import_module(f"solvers.{name}")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in {"intents", "engine", "solvers"}:
            raise  # a fault of ours, no missing extra
        raise SolverUnavailableError(
            "missing_extra", f"solver {name!r} needs {error.name}: install clearway[solvers]"
        ) from None
    solver: Solver = module.SOLVER
    return solver
