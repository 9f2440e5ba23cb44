"""`clearway import` and `clearway demo`: problems out of outside files and out of a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.documents import read_intents, write_value
from api.cli.files import read_bytes
from api.cli.output import print_json, say
from engine.auction.check_problem import check_problem
from engine.auction.problem import Intent, Problem
from engine.market.demo import with_intents
from engine.market.feeds.base import Imported
from engine.market.feeds.cow_instance import import_cow
from engine.market.feeds.deribit_book import import_deribit
from engine.market.feeds.deribit_examples import examples as deribit_examples
from engine.market.feeds.deribit_examples import with_examples
from engine.market.feeds.synthetic import demo_world
from intents.errors import InputError
from intents.outcome import is_derivative


class Format(StrEnum):
    """Outside formats."""

    COW_INSTANCE = "cow-instance"
    DERIBIT_BOOK = "deribit-book"


_FEEDS: dict[Format, Callable[..., Imported]] = {
    Format.COW_INSTANCE: import_cow,
    Format.DERIBIT_BOOK: import_deribit,
}

Output = Annotated[Path, typer.Option("-o", "--output", help="Where the problem is written.", dir_okay=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def import_file(
    feed: Annotated[Format, typer.Argument(metavar="FORMAT", help="cow-instance or deribit-book.")],
    file: Annotated[Path, typer.Argument(help="The file; .gz is read as such.")],
    output: Output,
    *,
    examples: Annotated[int, typer.Option(min=0, help="Add this many example payoffs (deribit-book).")] = 0,
    intents: Annotated[Path | None, typer.Option(help="JSON file of signed intents to add, one or a list.")] = None,
    solvers: Annotated[str | None, typer.Option(help="Names of the solvers that take part, by commas.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read an outside file into a problem, and say what became of each of its items."""
    imported = read_feed(feed, file, solvers)
    problem = imported.problem
    if examples and feed is not Format.DERIBIT_BOOK:
        raise InputError("no_examples", "--examples", expected="a deribit-book", actual=feed.value)
    if examples:
        problem = with_examples(problem, deribit_examples(problem)[:examples])
    if intents is not None:
        added = read_intents(intents)
        problem = with_intents(problem, added, needs(added))
    check_problem(problem)
    write_value(output, problem)
    if as_json:
        print_json({**imported.report, "problem": problem.hash, "intents": len(problem.intents)})
    else:
        _tell(imported.report)
        _tell_problem(problem, output)


def read_feed(feed: Format, file: Path, solvers: str | None = None) -> Imported:
    """Import a file of a format. Raises FeedError (InputError) by name."""
    name = file.name.removesuffix(".gz")
    content = read_bytes(file)
    return _FEEDS[feed](content, name, solvers.split(",")) if solvers else _FEEDS[feed](content, name)


def needs(intents: Sequence[Intent]) -> dict[str, dict[str, int]]:
    """What the owners of intents from a file are taken to hold for them: all they may pay and have to reserve."""
    deposits: dict[str, dict[str, int]] = {}
    for intent in intents:
        held = deposits.setdefault(intent.outcome.owner, {})
        for amounts in (intent.outcome.pays, intent.outcome.max_escrow):
            for asset, amount in amounts.items():
                if not is_derivative(asset):  # a short option is covered by escrow, not by holding it
                    held[asset] = held.get(asset, 0) + amount
    return deposits


def demo(
    output: Output,
    *,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the synthetic world.")] = 1,
) -> None:
    """Write the seeded demo auction: a synthetic world of several chains, pools, bridges and an option book."""
    problem = demo_world(seed).problem()
    check_problem(problem)
    write_value(output, problem)
    _tell_problem(problem, output)


def _tell(report: dict[str, Any]) -> None:
    for section, counts in report.items():
        if not isinstance(counts, dict) or "kept" not in counts:
            continue
        reported = sum(counts["reported"].values())
        say(f"{section}: {counts['in']} in the file = {counts['kept']} kept + {reported} reported")
        for reason, count in counts["reported"].items():
            say(f"  {count:>5} {reason}")
    for note, count in report.get("notes", {}).items():
        say(f"{note}: {count}")


def _tell_problem(problem: Problem, output: Path) -> None:
    say(f"{len(problem.intents)} intents, {len(problem.snapshot.venues)} venues, {len(problem.snapshot.assets)} assets")
    say(f"problem {problem.hash}")
    say(f"written to {output}")
