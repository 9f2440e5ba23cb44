"""`clearway import` and `clearway demo`: problems out of outside files and out of a seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.documents import read_intents, write_value
from api.cli.extras import needed
from api.cli.files import read_bytes
from api.cli.output import EXIT_INTERRUPTED, print_json, remark, say
from engine.auction.check_problem import check_problem
from engine.auction.problem import Intent, Problem
from engine.market.demo import with_intents
from engine.market.feeds.balancer_pools import import_balancer
from engine.market.feeds.base import DEFAULT_SOLVERS, Imported
from engine.market.feeds.bridge_transfers import import_transfers
from engine.market.feeds.cfmm_pools import import_cfmm
from engine.market.feeds.cow_instance import import_cow
from engine.market.feeds.curve_pools import import_curve
from engine.market.feeds.deribit_book import import_deribit
from engine.market.feeds.deribit_examples import examples as deribit_examples
from engine.market.feeds.deribit_examples import with_examples
from engine.market.feeds.dydx_markets import import_dydx
from engine.market.feeds.gnosis_v1 import import_gnosis
from engine.market.feeds.hyperliquid import import_hyperliquid
from engine.market.feeds.option_messages import import_all, import_messages
from engine.market.feeds.synthetic import demo_world
from engine.market.feeds.tick_maps import import_ticks
from intents.errors import InputError
from intents.outcome import is_derivative


class Format(StrEnum):
    """Outside formats."""

    BRIDGE_TRANSFERS = "bridge-transfers"
    BALANCER_POOLS = "balancer-pools"
    CFMM_POOLS = "cfmm-pools"
    COW_INSTANCE = "cow-instance"
    CURVE_POOLS = "curve-pools"
    DERIBIT = "deribit"
    DERIBIT_BOOK = "deribit-book"
    DYDX_MARKETS = "dydx-markets"
    GNOSIS_V1 = "gnosis-v1"
    HYPERLIQUID = "hyperliquid"
    OPTION_MESSAGES = "option-messages"
    TICK_MAPS = "tick-maps"


_FEEDS: dict[Format, Callable[..., Imported]] = {
    Format.BRIDGE_TRANSFERS: import_transfers,
    Format.BALANCER_POOLS: import_balancer,
    Format.CFMM_POOLS: import_cfmm,
    Format.COW_INSTANCE: import_cow,
    Format.CURVE_POOLS: import_curve,
    Format.DERIBIT: partial(import_messages, feed="deribit"),
    Format.DERIBIT_BOOK: import_deribit,
    Format.DYDX_MARKETS: import_dydx,
    Format.GNOSIS_V1: import_gnosis,
    Format.HYPERLIQUID: import_hyperliquid,
    Format.OPTION_MESSAGES: import_messages,
    Format.TICK_MAPS: import_ticks,
}

_OPTIONS = {Format.DYDX_MARKETS: ("book", "ticker", "time_seconds"), Format.HYPERLIQUID: ("time_seconds",)}

NOTHING_STATED: Mapping[str, Any] = {}
"""Most feeds are told nothing beside their file."""

_MESSAGE_SUFFIXES = {".json", ".jsonl", ".csv", ".gz"}

Output = Annotated[Path, typer.Option("-o", "--output", help="Where the problem is written.", dir_okay=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def import_file(
    feed: Annotated[Format, typer.Argument(metavar="FORMAT", help=f"{', '.join(Format)}.")],
    file: Annotated[Path | None, typer.Argument(help="The file, or a folder of messages; .gz is read as such.")] = None,
    *,
    output: Output,
    live: Annotated[
        str | None, typer.Option(metavar="COIN", help="Ask the exchange instead of a file (deribit).")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Where the exchange's API is, for --live.")] = None,
    book: Annotated[Path | None, typer.Option(help="An order book of one of the markets (dydx-markets).")] = None,
    ticker: Annotated[str | None, typer.Option(help="Whose book that is; BTC-USD by default (dydx-markets).")] = None,
    at: Annotated[
        int | None, typer.Option(min=0, help="Unix seconds, where the file has no time (dydx-markets, hyperliquid).")
    ] = None,
    examples: Annotated[int, typer.Option(min=0, help="Add this many example payoffs (deribit, deribit-book).")] = 0,
    intents: Annotated[Path | None, typer.Option(help="JSON file of signed intents to add, one or a list.")] = None,
    solvers: Annotated[str | None, typer.Option(help="Names of the solvers that take part, by commas.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read an outside file into a problem, and say what became of each of its items."""
    stated = _stated(feed, book, ticker, at)
    imported = _read(feed, file, live, url, output, solvers, stated)
    problem = imported.problem
    if examples and feed not in (Format.DERIBIT, Format.DERIBIT_BOOK):
        raise InputError("no_examples", "--examples", expected="deribit or deribit-book", actual=feed.value)
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


def read_feed(
    feed: Format, file: Path, solvers: str | None = None, stated: Mapping[str, Any] = NOTHING_STATED
) -> Imported:
    """Import a file of a format, with what its feed is told beside it. Raises FeedError (InputError) by name."""
    if file.is_dir() and feed is Format.OPTION_MESSAGES:
        files = sorted(part for part in file.iterdir() if part.suffix in _MESSAGE_SUFFIXES)
        messages = [(part.name.removesuffix(".gz"), read_bytes(part)) for part in files]
        return import_all(messages, file.name, _names(solvers))
    return _FEEDS[feed](read_bytes(file), file.name.removesuffix(".gz"), _names(solvers), **stated)


def _stated(feed: Format, book: Path | None, ticker: str | None, at: int | None) -> dict[str, Any]:
    """The feed's own options. Raises InputError `not_of_format` where one is another feed's."""
    options = {"book": book, "ticker": ticker, "time_seconds": at}
    given = {name: value for name, value in options.items() if value is not None}
    for name in given:
        if name not in _OPTIONS.get(feed, ()):
            option = "--at" if name == "time_seconds" else f"--{name}"
            raise InputError("not_of_format", option, expected="a format that takes it", actual=feed.value)
    return given if book is None else given | {"book": read_bytes(book)}


def _read(
    feed: Format,
    file: Path | None,
    live: str | None,
    url: str | None,
    output: Path,
    solvers: str | None,
    stated: Mapping[str, Any],
) -> Imported:
    """From the file, or from the exchange."""
    if live is not None and (feed is not Format.DERIBIT or file is not None):
        raise InputError("not_live", "--live", expected="the format deribit and no file", actual=f"{feed} {file or ''}")
    if url is not None and live is None:
        raise InputError("not_live", "--url", expected="--live beside it", actual=url)
    if live is not None:
        return _read_live(live, url, output, solvers)
    if file is None:
        raise InputError("missing_file", "FILE", expected="a file to read", actual="none")
    return read_feed(feed, file, solvers, stated)


def _read_live(coin: str, url: str | None, output: Path, solvers: str | None) -> Imported:
    """Ask Deribit; answers are kept beside the output until all are there, so that another call goes on from them."""
    module = needed("api.deribit_live", "client")
    kept = output.with_name(f"{output.name}.part")

    def tell(done: int, wanted: int) -> None:
        if done % 50 == 0 or done == wanted:
            remark(f"{done} of {wanted} order books")

    try:
        fetched = module.fetch(coin, kept, url=url or module.DERIBIT, tell=tell)
    except KeyboardInterrupt:
        remark(f"interrupted; the same command goes on from {kept}")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    imported = import_all(fetched.messages, f"{coin} live", _names(solvers), feed="deribit")
    kept.unlink(missing_ok=True)
    gone = {"books_gone_meanwhile": len(fetched.gone), "answers_of_an_earlier_call": fetched.resumed}
    return Imported(imported.problem, {**imported.report, "notes": {**imported.report["notes"], **gone}})


def _names(solvers: str | None) -> Sequence[str]:
    return solvers.split(",") if solvers else DEFAULT_SOLVERS


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
