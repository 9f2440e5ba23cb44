"""`clearway replay`: recorded auctions done again, from the records alone."""

from __future__ import annotations

import hashlib
import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
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
    jobs: Annotated[int, typer.Option(min=1, help="How many processes replay at once.")] = 1,
    done: Annotated[
        Path | None,
        typer.Option(help="Where records found identical are noted; those noted are not redone.", dir_okay=False),
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
        identical = _replay_all(files, jobs, done, as_json=as_json)
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


def _replay_all(files: Sequence[Path], jobs: int, done: Path | None, *, as_json: bool) -> bool:
    """Replay, with progress on a terminal; whether all are identical. What is noted in `done` survives an interruption."""
    started = time.perf_counter()
    differing: list[tuple[Path, ReplayReport]] = []
    noted = set() if done is None or not done.exists() else set(read_bytes(done).decode(errors="replace").split())
    pending = [file for file in files if not noted or _digest(read_bytes(file)) not in noted]
    with mapped(jobs) as apply, nullcontext() if done is None else done.open("a", encoding="ascii") as notes:
        found = track(
            apply(replayed, pending),
            "replaying",
            len(pending),
            console=ERR,
            transient=True,
            disable=not ERR.is_terminal,
        )
        for file, (digest, report) in zip(pending, found, strict=True):
            if not report.identical:
                differing.append((file, report))
            elif notes is not None:
                notes.write(digest + "\n")
                notes.flush()
    seconds = time.perf_counter() - started
    if as_json:
        listed = [{"file": str(file), **_wire(report)} for file, report in differing]
        print_json({"records": len(files), "redone": len(pending), "differing": listed, "seconds": round(seconds, 3)})
    else:
        for file, report in differing:
            say(f"{file} {_difference(report)}")
        before = f", {len(files) - len(pending)} of them before" if len(pending) < len(files) else ""
        say(f"{len(files) - len(differing)} of {len(files)} identical{before}, {len(pending) / seconds:.1f} a second")
    return not differing


def replayed(file: Path) -> tuple[str, ReplayReport]:
    """The digest of a record's bytes, and its report."""
    content = read_bytes(file)
    return _digest(content), replay_record(content)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


Apply = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


@contextmanager
def mapped(jobs: int) -> Iterator[Apply]:
    """`map` over as many processes; in this one where it is one."""
    if jobs == 1:
        yield map
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield lambda act, items: pool.imap(act, items, chunksize=4)


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
