"""`clearway auction`: solvers compete on a problem, each in a process of its own; the mechanism decides; all is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from api.cli.documents import read_problem
from api.cli.files import write_atomically
from api.cli.output import ERR, in_units, print_json, remark, say, show_table
from api.cli.solve import Grace, Seed, TimeLimit, Work, score_text
from api.cli.workers import run_solvers
from engine.advisers.advise import advisers
from engine.auction.auction import clear
from engine.auction.problem import Problem
from engine.audit.record import Record, record_bytes
from engine.runtime.contest import DEFAULT_WORK, GRACE_SECONDS, Limits, Run
from intents.errors import InputError

SELECTION_WORK = 20_000
"""Sets that winner selection may look at; see docs/rules.md, section 6."""


def auction(
    problem_file: Annotated[Path, typer.Argument(metavar="PROBLEM")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Where the record is written.", dir_okay=False)],
    *,
    solvers: Annotated[str, typer.Option(help="Names of the solvers, by commas.")] = "greedy,lp,cpsat",
    time_limit: TimeLimit = 60.0,
    work: Work = DEFAULT_WORK,
    seed: Seed = None,
    grace: Grace = GRACE_SECONDS,
    selection_work: Annotated[int, typer.Option(min=1, help="Sets that the selection may look at.")] = SELECTION_WORK,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Clear one auction and write its record, losing and refused bids included."""
    names = solvers.split(",")
    if len(set(names)) != len(names):
        raise InputError("duplicate_solver", "--solvers", expected="each name once", actual=solvers)
    problem = read_problem(problem_file)
    runs = run_visibly(names, problem, Limits(time_limit, work, seed, grace))
    submitted = {run.solver: run.submission for run in runs}
    record = clear(problem, submitted, work=selection_work, advisers=advisers())
    write_atomically(output, record_bytes(record))
    if as_json:
        print_json(_wire(problem, record, runs))
    else:
        _tell(problem, record, runs)
        say(f"record written to {output}")


def run_visibly(names: Sequence[str], problem: Problem, limits: Limits) -> list[Run]:
    """`run_solvers` with one line for each solver on a terminal; silent elsewhere."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=ERR, transient=True, disable=not ERR.is_terminal) as progress:
        tasks = {name: progress.add_task(name, total=1) for name in names}

        def finished(name: str) -> None:
            progress.update(tasks[name], completed=1, description=f"{name}: done")

        return run_solvers(names, problem, limits, finished=finished)


def _rows(record: Record, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """By solver: what it filled and scored by itself, what of it won, and how it ended."""
    rows = []
    for run in runs:
        bids = [bid for bid in record.bids if bid.solver == run.solver]
        won = [bid for bid in bids if bid.status == "won"]
        rows.append(
            {
                "solver": run.solver,
                "fills": len(run.best.fills) if run.best else 0,
                "score": str(bids[0].score if bids else 0),
                "bids": len(bids),
                "won": len(won),
                "filtered": sum(bid.status == "filtered" for bid in bids),
                "won_score": str(sum(bid.score for bid in won)),
                "refused": {bid.index: bid.reason.code for bid in bids if bid.status == "invalid" and bid.reason},
                "stopped_by": run.submission.stopped_by,
                "seconds": round(run.seconds, 3),
                "no_bid": run.no_bid,
            }
        )
    return rows


def _wire(problem: Problem, record: Record, runs: Sequence[Run]) -> dict[str, Any]:
    return {
        "problem": problem.hash,
        "record": record.record_hash,
        "score": str(record.total_score),
        "bound": str(record.winner_selection.bound),
        "optimal": record.winner_selection.optimal,
        "winners": list(record.winners),
        "filled": len(record.settlement.filled_units),
        "intents": len(problem.intents),
        "solvers": _rows(record, runs),
    }


def _tell(problem: Problem, record: Record, runs: Sequence[Run]) -> None:
    decimals = problem.snapshot.assets[problem.snapshot.numeraire].decimals
    table = [
        [
            row["solver"],
            str(row["fills"]),
            in_units(int(row["score"]), decimals),
            f"{row['won']} of {row['bids']}",
            str(row["filtered"]),
            in_units(int(row["won_score"]), decimals),
            "no bid" if row["no_bid"] else row["stopped_by"],
            f"{row['seconds']:.1f} s",
        ]
        for row in _rows(record, runs)
    ]
    columns = {
        "solver": False,
        "fills": True,
        "score alone": True,
        "bids won": True,
        "unfair": True,
        "score won": True,
        "stopped by": False,
        "time": True,
    }
    show_table(columns, table)
    for run in runs:
        if run.no_bid:
            remark(f"{run.solver} has no bid: {run.no_bid}")
    selection = record.winner_selection
    proof = "proven best" if selection.optimal else f"at most {score_text(problem, selection.bound)}"
    filled = len(record.settlement.filled_units)
    say(f"{filled} of {len(problem.intents)} intents filled, score {score_text(problem, record.total_score)}, {proof}")
