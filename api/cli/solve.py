"""`clearway solve`: one solver on one problem, in a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.documents import read_problem, write_value
from api.cli.output import EXIT_NO, in_units, print_json, remark, say
from api.cli.workers import run_solvers
from engine.auction.problem import Problem
from engine.auction.verdict import Verdict
from engine.auction.verify import verify
from engine.runtime.contest import DEFAULT_WORK, GRACE_SECONDS, Limits, Run

TimeLimit = Annotated[float, typer.Option(min=0.001, help="Seconds of wall time for each solver.")]
Work = Annotated[int, typer.Option(min=1, help="Budget of work, in each solver's own unit.")]
Grace = Annotated[float, typer.Option(min=0, help="Seconds beyond the limit after which a solver is killed.")]
Seed = Annotated[int | None, typer.Option(min=0, max=2**31 - 1, help="Seed; by default the problem's own.")]


def solve(
    problem_file: Annotated[Path, typer.Argument(metavar="PROBLEM")],
    *,
    solver: Annotated[str, typer.Option(help="Name of the solver: greedy, lp or cpsat.")],
    time_limit: TimeLimit = 60.0,
    work: Work = DEFAULT_WORK,
    seed: Seed = None,
    grace: Grace = GRACE_SECONDS,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the solution there.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON, the solution included.")] = False,
) -> None:
    """Ask one solver for its best solution over everything it can fill. What it says is verified before it is shown."""
    problem = read_problem(problem_file)
    (run,) = run_solvers([solver], problem, Limits(time_limit, work, seed, grace))
    solution = run.best
    verdict = verify(problem, solution, solver=solver, in_auction=True) if solution else None
    if output is not None and solution is not None:
        write_value(output, solution)
    if as_json:
        print_json(_wire(problem, run, verdict))
    else:
        _tell(problem, run, verdict)
    if verdict is not None and verdict.fault is not None:
        remark(f"the solution is refused: {verdict.fault.code} at {verdict.fault.where}")
    if verdict is None or verdict.fault is not None:
        raise typer.Exit(EXIT_NO)


def _wire(problem: Problem, run: Run, verdict: Verdict | None) -> dict[str, Any]:
    submission = run.submission
    solutions = [solution.to_wire() for solution in submission.solutions]
    return {
        "solver": run.solver,
        "problem": problem.hash,
        "stopped_by": submission.stopped_by,
        "work": submission.work,
        "seconds": round(run.seconds, 3),
        "score": str(verdict.score if verdict else 0),
        "fills": len(run.best.fills) if run.best else 0,
        "unfilled": submission.unfilled,
        "notes": submission.notes,
        "fault": verdict.fault.to_wire() if verdict and verdict.fault else None,
        "solution": solutions[0] if solutions else None,
        "parts": solutions[1:],
    }


def _tell(problem: Problem, run: Run, verdict: Verdict | None) -> None:
    submission = run.submission
    fills = len(run.best.fills) if run.best else 0
    say(
        f"{run.solver}: {fills} of {len(problem.intents)} intents filled, {max(0, len(submission.solutions) - 1)} parts"
    )
    say(f"score {score_text(problem, verdict.score if verdict else 0)}")
    say(f"stopped by {submission.stopped_by}, work {submission.work}, {run.seconds:.1f} s")
    for reason, count in sorted(submission.unfilled.items()):
        say(f"{count:>5} {reason}")
    for name, note in sorted(submission.notes.items()):
        say(f"{name}: {note}")


def score_text(problem: Problem, score: int) -> str:
    """A score in whole units of the numeraire with its symbol."""
    asset = problem.snapshot.assets[problem.snapshot.numeraire]
    return f"{in_units(score, asset.decimals)} {asset.symbol}"
