"""One solver in a process of its own: `python -m solvers.worker NAME`, talking as `engine.runtime.frames` says.

The solver's optimiser is loaded before the first request, once. Whatever it prints goes to standard error. The process
knows nothing of the deadline's enforcement: who started it ends it, and all that it started (engine.runtime.guard).
"""

from __future__ import annotations

import json
import os
import sys

from engine.auction.problem import Problem
from engine.runtime.frames import Request, frame, read_frame
from solvers.protocol import Budget, Solver
from solvers.registry import SolverUnavailableError, load


def main() -> None:
    """Answer requests until there are no more."""
    # Optimisers, and the programs they start, print to descriptor 1: it becomes standard error for them.
    with os.fdopen(os.dup(1), "wb") as output:
        os.dup2(2, 1)
        loaded = _load(sys.argv[1])
        content: bytes | None = b""
        while content is not None:
            output.write(frame(content))
            output.flush()
            content = _next_answer(loaded)


def _load(name: str) -> Solver | SolverUnavailableError:
    try:
        return load(name)
    except SolverUnavailableError as error:
        return error


def _next_answer(loaded: Solver | SolverUnavailableError) -> bytes | None:
    content = read_frame(sys.stdin.buffer)
    if content is None:
        return None
    if isinstance(loaded, SolverUnavailableError):
        return json.dumps({"error": {"code": loaded.code, "message": loaded.message}}).encode()
    line, _, text = content.partition(b"\n")
    request = Request.read(line)
    problem = Problem.from_json(text)
    budget = Budget(work=request.work, seconds=request.left(), expired=lambda: request.left() <= 0)
    proposal = loaded.solve(problem, budget, request.seed)
    return json.dumps({"proposal": proposal.to_wire()}).encode()


if __name__ == "__main__":
    main()
