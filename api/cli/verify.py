"""`clearway verify`: what the engine would say of a solution, from files alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from api.cli.documents import read_solution
from api.cli.files import read_bytes
from api.cli.output import EXIT_NO, EXIT_UNUSABLE, print_json, say
from api.cli.solve import score_text
from engine.auction.check_problem import check_problem
from engine.auction.problem import Problem
from engine.auction.verdict import Fault, Verdict
from engine.auction.verify import verify
from intents.errors import InputError


def verify_files(
    problem_file: Annotated[Path, typer.Argument(metavar="PROBLEM")],
    solution_file: Annotated[
        Path, typer.Argument(metavar="SOLUTION", help="A solution, or what `solve --json` printed.")
    ],
    *,
    solver: Annotated[str | None, typer.Option(help="Who proposes it; by default whom the solution names.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
) -> None:
    """Check a solution against its problem by the rules page, in exact integers.

    Exit code 1 where it is not valid, 2 where it can not be read; the reason is in the verdict in both cases.
    """
    try:
        problem = Problem.from_json(read_bytes(problem_file))
        check_problem(problem)
    except InputError as error:
        _refuse(error, "problem", as_json=as_json)
    try:
        solution = read_solution(solution_file)
    except InputError as error:
        _refuse(error, "", as_json=as_json)
    verdict = verify(problem, solution, solver=solver or solution.solver)
    if as_json:
        print_json(_wire(verdict))
    elif verdict.fault is None:
        say(f"valid: {len(verdict.fills)} fills, score {score_text(problem, verdict.score)}")
    else:
        _tell(verdict.fault)
    if verdict.fault is not None:
        raise typer.Exit(EXIT_NO)


def _refuse(error: InputError, document: str, *, as_json: bool) -> NoReturn:
    """A file that is not what it should be: the verdict names the fault, as it does for a broken rule."""
    fault = Fault(error.code, document + error.where, error.expected, error.actual)
    if as_json:
        print_json(_wire(Verdict(fault)))
    else:
        _tell(fault)
    raise typer.Exit(EXIT_UNUSABLE)


def _tell(fault: Fault) -> None:
    say(f"invalid: {fault.code} at {fault.where}: expected {fault.expected}, got {fault.actual}")


def _wire(verdict: Verdict) -> dict[str, Any]:
    data = verdict.to_wire()
    return {
        "valid": verdict.fault is None,
        "score": data["score"],
        "groups": data["group_scores"],
        "fills": data["fills"],
        "gas": data["gas"],
        "fault": data["fault"],
    }
