"""`clearway verify` and `clearway replay`: the two questions an auditor asks, answered from files alone."""

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
from engine.audit.replay import replay_record
from engine.settlement.replay import replay_settlement
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


def replay_file(
    record_file: Annotated[Path, typer.Argument(metavar="RECORD")],
    *,
    settlement: Annotated[
        Path | None, typer.Option(help="The auction's settlement record, to be redone from both.", dir_okay=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Redo a recorded auction from the record alone. `identical`, or the first difference and exit code 1."""
    content = read_bytes(record_file)
    report = replay_record(content)
    if report.identical and settlement is not None:
        report = replay_settlement(content, read_bytes(settlement))
    if as_json:
        print_json(
            {
                "identical": report.identical,
                "difference": report.difference,
                "expected": report.expected,
                "actual": report.actual,
            }
        )
    elif report.identical:
        say("identical")
    else:
        say(f"differs at {report.difference or '/'}: expected {report.expected}, got {report.actual}")
    if not report.identical:
        raise typer.Exit(EXIT_NO)
