"""One solver in a process of its own: `python -m solvers.worker`.

Reads from standard input one line of JSON {"solver", "seconds", "work", "seed"}, then the problem. Writes to standard
output {"seconds", "proposal"}, or {"error": {"code", "message"}} where the solver is not available. Whatever the
optimiser prints goes to standard error. The process knows nothing of the deadline's enforcement: who started it kills
its process group.
"""

from __future__ import annotations

import json
import os
import sys
import time

from engine.auction.problem import Problem
from solvers.protocol import Budget
from solvers.registry import SolverUnavailableError, load


def main() -> None:
    """Answer one request."""
    request = json.loads(sys.stdin.buffer.readline())
    problem = Problem.from_json(sys.stdin.buffer.read())
    # Optimisers, and the programs they start, print to descriptor 1: it becomes standard error for them.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    with answer:
        json.dump(_answer(request, problem), answer)


def _answer(request: dict[str, object], problem: Problem) -> dict[str, object]:
    try:
        solver = load(str(request["solver"]))
    except SolverUnavailableError as error:
        return {"error": {"code": error.code, "message": error.message}}
    started, seconds = time.monotonic(), float(str(request["seconds"]))
    budget = Budget(
        work=int(str(request["work"])), seconds=seconds, expired=lambda: time.monotonic() - started >= seconds
    )
    proposal = solver.solve(problem, budget, int(str(request["seed"])))
    return {"seconds": time.monotonic() - started, "proposal": proposal.to_wire()}


if __name__ == "__main__":
    main()
