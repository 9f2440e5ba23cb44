"""Greedy: netting, then paths chunk by chunk; for payoffs the naive portfolio improved by local search."""

from solvers.greedy.solver import SOLVER, Greedy

__all__ = ["SOLVER", "Greedy"]
