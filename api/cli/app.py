"""The `clearway` program: its commands, and the one place where errors become a line and an exit code."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer
from pydantic import ValidationError

from api.cli import (
    auction,
    audit,
    audit_records,
    audit_rewards,
    bench,
    bench_replays,
    bench_scores,
    feeds,
    margin,
    market,
    network,
    online,
    operate,
    replay,
    run,
    schema,
    series,
    solve,
    verify,
)
from api.cli.intents import intent_app
from api.cli.output import EXIT_UNUSABLE, remark
from intents.errors import ClearwayError
from intents.values import input_error

app = typer.Typer(
    name="clearway",
    help="Clear auctions of outcomes, exactly: from files, or as a service. Replay them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("import")(feeds.import_file)
app.command("series")(series.series)
app.command("demo")(feeds.demo)
app.command("solve")(solve.solve)
app.command("verify")(verify.verify_files)
app.command("auction")(auction.auction)
app.command("replay")(replay.replay_files)
app.command("run")(run.run)
app.command("doctor")(run.doctor)
app.command("pause")(operate.pause)
app.command("resume")(operate.resume)
app.command("drain")(operate.drain)
app.command("backup")(operate.backup)
app.command("restore")(operate.restore)
app.command("margin")(margin.margin)
app.command("auctions")(online.auctions)
app.command("watch")(online.watch)
app.command("schema")(schema.schema)
app.add_typer(run.db_app, name="db")
intent_app.command("submit")(online.submit)
intent_app.command("status")(online.status)
app.add_typer(intent_app, name="intent")
bench.bench_app.command("cow-scores")(bench_scores.cow_scores)
bench.bench_app.command("cow-replay")(bench_replays.cow_replay)
app.add_typer(bench.bench_app, name="bench")
app.add_typer(market.market_app, name="market")
network.network_app.command("show")(online.network_show)
network.network_app.command("watch")(online.network_watch)
app.add_typer(network.network_app, name="network")
audit.audit_app.command("counterfactual")(audit_records.counterfactual)
audit.audit_app.command("report")(audit_records.report)
audit.audit_app.command("rewards")(audit_rewards.rewards)
app.add_typer(audit.audit_app, name="audit")


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the program. A deliberate error is one line on standard error and exit code 2, never a traceback."""
    try:
        app(arguments)
    except ClearwayError as error:
        remark(f"error: {error}")
    except ValidationError as error:  # a value made from options
        remark(f"error: {input_error(error)}")
    sys.exit(EXIT_UNUSABLE)
