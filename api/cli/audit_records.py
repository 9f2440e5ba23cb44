"""`clearway audit counterfactual` and `report`: what a record would have been, and how it looks. From files alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.files import read_bytes, write_atomically
from api.cli.output import print_json, say, show_table
from api.cli.solve import score_text
from engine.audit.counterfactual import GroupChange, compare, rerun
from engine.audit.record import Record, Submission, record_bytes
from engine.audit.replay import replay_record
from engine.audit.report import report_page
from intents.errors import InputError

RecordFile = Annotated[Path, typer.Argument(metavar="RECORD", help="A record.", dir_okay=False)]


def counterfactual(
    record_file: RecordFile,
    *,
    without: Annotated[list[str] | None, typer.Option(help="A solver to leave out; may be given again.")] = None,
    proposal: Annotated[Path | None, typer.Option(help="A proposal to add.", dir_okay=False)] = None,
    as_solver: Annotated[str, typer.Option("--as", help="Whose the added proposal is.")] = "added",
    work: Annotated[int | None, typer.Option(min=1, help="Sets that the selection may look at.")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The other record.", dir_okay=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Clear a recorded auction again with a solver left out or added, and say what is other. The record must replay."""
    record = read_record(record_file)
    added = {} if proposal is None else {as_solver: Submission.read(read_bytes(proposal))}
    other = rerun(record, without=without or (), added=added, work=work)
    found = compare(record, other)
    if output is not None:
        write_atomically(output, record_bytes(other))
    if as_json:
        print_json(
            {
                "score_before": str(found.score_before),
                "score_after": str(found.score_after),
                "groups": [_wire(change) for change in found.groups],
                "units": {intent: [str(count) for count in counts] for intent, counts in found.units.items()},
            }
        )
        return
    problem = record.problem
    say(f"score {score_text(problem, found.score_before)} would be {score_text(problem, found.score_after)}")
    rows = [[change.group, *(_won(record, side) for side in change[1:])] for change in found.groups]
    if rows:
        show_table({"group": False, "won by": False, "would be": False}, rows)
    for intent, (before, after) in found.units.items():
        say(f"{intent}: {before} units filled would be {after}")


def report(
    record_file: RecordFile,
    output: Annotated[Path, typer.Option("-o", "--output", help="The page.", dir_okay=False)],
) -> None:
    """Write a recorded auction as one HTML page that needs nothing else. The record must replay."""
    write_atomically(output, report_page(read_record(record_file)).encode())
    say(f"written to {output}")


def read_record(file: Path) -> Record:
    """A record that replays. Raises InputError `not_identical`."""
    content = read_bytes(file)
    found = replay_record(content)
    if not found.identical:
        raise InputError("not_identical", found.difference or "", expected=found.expected, actual=found.actual)
    return Record.from_json(content)


def _won(record: Record, side: tuple[str, int] | None) -> str:
    return "nobody" if side is None else f"{side[0]}, {score_text(record.problem, side[1])}"


def _wire(change: GroupChange) -> dict[str, Any]:
    before, after = ({"solver": side[0], "score": str(side[1])} if side else None for side in change[1:])
    return {"group": change.group, "before": before, "after": after}
