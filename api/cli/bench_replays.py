"""`clearway bench cow-replay`: recorded competitions run through our mechanism, stored and fully replayed.

Each stored auction is a record of its own (ids, seed and salt from its number, engine.market.feeds.cow_replay) in a file of
its own. What is measured is what `clearway replay FOLDER --jobs N` does with them: reading, digests, hash, and the auction
done again, the start of the processes included. Nothing of one auction is used for another: what the interpreter keeps of
identifiers that it has read is dropped before each.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import track

from api.cli.auction import SELECTION_WORK
from api.cli.files import read_bytes
from api.cli.output import ERR, EXIT_NO, print_json, say
from api.cli.replay import mapped, replayed
from engine.auction.auction import clear
from engine.auction.check_problem import check_problem
from engine.audit.record import record_bytes
from engine.market.feeds.cow_competitions import Auction, Competition, read_auctions, read_competitions, read_orders
from engine.market.feeds.cow_replay import recorded_auction
from engine.market.feeds.cow_rescoring import rescore
from intents.errors import InputError
from intents.identifiers import is_identifier


@dataclass(frozen=True, slots=True)
class _Task:
    """A competition, the numbers it is to be an auction under, and where the records go."""

    auction: Auction
    competition: Competition
    numbers: Sequence[int]
    folder: Path


@dataclass(frozen=True, slots=True)
class _Made:
    """What became of the recorded bids of a competition, and the bytes of its records."""

    bids: Counter[str]
    size: int


def cow_replay(
    *,
    auctions: Annotated[Path, typer.Option(metavar="A.jsonl[.gz]", help="Auctions: orders by index, prices.")],
    competitions: Annotated[Path, typer.Option(metavar="C.jsonl[.gz]", help="Competitions: bids with their scores.")],
    orders: Annotated[Path, typer.Option(metavar="O.jsonl[.gz]", help="Orders: limits and fee policies.")],
    count: Annotated[int, typer.Option(min=1, help="How many auctions to store and replay.")] = 7200,
    jobs: Annotated[int, typer.Option(min=1, help="How many processes replay at once.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Recorded CoW competitions as auctions of ours: how fast stored ones are replayed, and recorded bids rescored."""
    book = read_orders(orders.name, read_bytes(orders))
    listed = read_auctions(auctions.name, read_bytes(auctions), book)
    held = {one.auction: one for one in read_competitions(competitions.name, read_bytes(competitions))}
    pairs = [(one, held[one.id]) for one in listed if one.id in held]
    if not pairs:
        raise InputError("no_pairs", auctions.name, expected="an auction that has a competition", actual="none")
    with tempfile.TemporaryDirectory(prefix="clearway-") as name:
        folder = Path(name)
        tasks = [_Task(*pair, range(first, count, len(pairs)), folder) for first, pair in enumerate(pairs[:count])]
        made = _run(_make, tasks, jobs, "clearing")
        files = sorted(folder.glob("*.json"))
        begun = time.perf_counter()
        done = _run(_replay, files, jobs, "replaying")
        seconds = time.perf_counter() - begun
    identical = sum(same for same, _ in done)
    data = {
        "auctions": len(pairs),
        "bids": dict(sorted(sum((one.bids for one in made), Counter[str]()).items())),
        "replayed": len(files),
        "identical": identical,
        "jobs": jobs,
        "megabytes": round(sum(one.size for one in made) / 1e6, 1),
        "seconds": round(seconds, 3),
        "a_second": round(len(files) / seconds, 1),
        "processor_ms_each": round(1000 * sum(spent for _, spent in done) / len(files), 2),
        "rescored_a_second": round(_rescored(pairs, count), 1),
    }
    if as_json:
        print_json(data)
    else:
        for key, value in data.items():
            say(f"{key}: {', '.join(f'{n} {of}' for of, n in value.items()) if isinstance(value, dict) else value}")
    if identical < len(files):
        raise typer.Exit(EXIT_NO)


def _run(act: Any, items: Sequence[Any], jobs: int, what: str) -> list[Any]:
    """The answers in order, with progress on a terminal."""
    with mapped(jobs) as apply:
        found: Iterable[Any] = apply(act, items)
        return list(track(found, what, len(items), console=ERR, transient=True, disable=not ERR.is_terminal))


def _make(task: _Task) -> _Made:
    """Clear the competition under each number and store the records."""
    bids: Counter[str] = Counter()
    size = 0
    for position, number in enumerate(task.numbers):
        recorded = recorded_auction(task.auction, task.competition, number)
        check_problem(recorded.problem)
        record = clear(recorded.problem, recorded.proposals, work=SELECTION_WORK)
        if position == 0:
            bids.update(recorded.left_out)
            bids.update(
                f"{b.status} {b.reason.code}" if b.reason and b.status == "invalid" else b.status for b in record.bids
            )
        content = record_bytes(record)
        size += len(content)
        (task.folder / f"{number:08}.json").write_bytes(content)
    return _Made(bids, size)


def _replay(file: Path) -> tuple[bool, float]:
    """Whether the record is identical to its replay, and the seconds of processor that this took."""
    begun = time.process_time()
    is_identifier.cache_clear()
    _, report = replayed(file)
    return report.identical, time.process_time() - begun


def _rescored(pairs: Sequence[tuple[Auction, Competition]], count: int) -> float:
    """Auctions a second whose recorded bids are scored again, as recorded (`cow-2024`), in this process."""
    auctions, competitions = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    rounds = -(-count // len(pairs))
    begun = time.perf_counter()
    for _ in range(rounds):
        rescore(auctions, competitions)
    return rounds * len(pairs) / (time.perf_counter() - begun)
