"""`clearway replay`: recorded auctions done again, from the records alone."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import track

from api.cli.extras import needed
from api.cli.files import read_bytes
from api.cli.output import ERR, EXIT_NO, print_json, say
from engine.audit.replay import ReplayReport, replay_record
from intents.errors import InputError

PATTERNS = ("*.json", "*.json.gz")
"""What is taken for records in a folder."""


def replay_files(
    records: Annotated[
        list[Path], typer.Argument(metavar="RECORD...", help="Records, or folders of them (*.json, *.json.gz).")
    ],
    *,
    settlement: Annotated[
        Path | None,
        typer.Option(help="The settlement record of the only auction named, redone from both.", dir_okay=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Redo recorded auctions from their records alone. `identical`, or the first difference of each and exit code 1."""
    files = list(_files(records))
    alone = [*records] == files and len(files) == 1
    if settlement is not None and not alone:
        raise InputError("one_record", "--settlement", expected="one record", actual=f"{len(files)} of them")
    if alone:
        report = _replay_one(files[0], settlement)
        if as_json:
            print_json(_wire(report))
        else:
            say("identical" if report.identical else _difference(report))
        identical = report.identical
    else:
        identical = _replay_all(files, as_json=as_json)
    if not identical:
        raise typer.Exit(EXIT_NO)


def _replay_one(file: Path, settlement: Path | None) -> ReplayReport:
    content = read_bytes(file)
    report = replay_record(content)
    if report.identical and settlement is not None:
        # Making dispatch choices again takes the policies, and they numpy; auctions replay without.
        redone: ReplayReport = needed("engine.settlement.replay", "server").replay_settlement(
            content, read_bytes(settlement)
        )
        return redone
    return report


def _replay_all(files: Sequence[Path], *, as_json: bool) -> bool:
    """Replay one after the other, with progress on a terminal; whether all are identical."""
    started = time.perf_counter()
    differing: list[tuple[Path, ReplayReport]] = []
    for file in track(files, "replaying", console=ERR, transient=True, disable=not ERR.is_terminal):
        report = replay_record(read_bytes(file))
        if not report.identical:
            differing.append((file, report))
    seconds = time.perf_counter() - started
    if as_json:
        found = [{"file": str(file), **_wire(report)} for file, report in differing]
        print_json({"records": len(files), "differing": found, "seconds": round(seconds, 3)})
    else:
        for file, report in differing:
            say(f"{file} {_difference(report)}")
        say(f"{len(files) - len(differing)} of {len(files)} identical, {len(files) / seconds:.1f} a second")
    return not differing


def _files(records: Sequence[Path]) -> Iterator[Path]:
    """The records that are meant. Raises InputError `no_records` for a folder that has none."""
    for record in records:
        if not record.is_dir():
            yield record
            continue
        found = sorted(file for pattern in PATTERNS for file in record.glob(pattern))
        if not found:
            raise InputError("no_records", str(record), expected=" or ".join(PATTERNS), actual="none in it")
        yield from found


def _difference(report: ReplayReport) -> str:
    return f"differs at {report.difference or '/'}: expected {report.expected}, got {report.actual}"


def _wire(report: ReplayReport) -> dict[str, Any]:
    return {
        "identical": report.identical,
        "difference": report.difference,
        "expected": report.expected,
        "actual": report.actual,
    }
