"""`clearway market`: what is in a snapshot, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.files import read_bytes, write_atomically
from api.cli.output import in_units, print_json, say, show_table
from engine.market.delta import SnapshotDelta, apply_delta, delta_between
from engine.market.inspect_market import MAX_CYCLES, inspect_market, read_market, snapshot_data
from engine.market.snapshot import Snapshot, check_snapshot, snapshot_hash
from intents.values import canonical_bytes

market_app = typer.Typer(help="Look at a market's state.", no_args_is_help=True)

SHOWN = 12
"""Rows of a table where not all are asked for."""


@market_app.callback()
def market() -> None:
    """Look at a market's state."""


@market_app.command("inspect")
def inspect_file(
    file: Annotated[Path, typer.Argument(metavar="SNAPSHOT", help="A snapshot, or a problem that holds one.")],
    *,
    max_age: Annotated[int, typer.Option(min=0, help="Reference prices older than so many seconds are stale.")] = 300,
    max_cycles: Annotated[int, typer.Option(min=0, max=10_000, help="Searches for one arbitrage more.")] = MAX_CYCLES,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Counts by kind, unusable venues, stale prices, crossed books, proved arbitrage cycles, unpriced assets."""
    found = read_market(read_bytes(file))
    report = inspect_market(found, max_age_seconds=max_age, max_cycles=max_cycles)
    if as_json:
        print_json(report)
    else:
        _tell(report, found.snapshot)


@market_app.command("delta")
def write_delta(
    before: Annotated[Path, typer.Argument(metavar="BEFORE", help="A snapshot, or a problem that holds one.")],
    after: Annotated[Path, typer.Argument(metavar="AFTER", help="A later one, or a problem that holds it.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the difference.")],
) -> None:
    """Write what changed from one snapshot to a later one."""
    found = delta_between(_read_whole(before), _read_whole(after))
    write_atomically(output, canonical_bytes(found))
    say(f"{len(found.venues)} venues changed or new, {len(found.gone)} gone, {len(found.prices)} prices")


@market_app.command("apply")
def apply_file(
    file: Annotated[Path, typer.Argument(metavar="SNAPSHOT", help="What it was made from.")],
    delta: Annotated[Path, typer.Argument(metavar="DELTA", help="What `clearway market delta` wrote.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write the next snapshot.")],
) -> None:
    """Write the snapshot that follows, only what is new being checked, and print its hash."""
    following = apply_delta(_read_whole(file), SnapshotDelta.from_json(read_bytes(delta)))
    write_atomically(output, following.canonical)
    say(snapshot_hash(following))


def _read_whole(path: Path) -> Snapshot:
    """A snapshot, or the one inside a problem, in which everything is as it must be."""
    snapshot = Snapshot.from_wire(snapshot_data(read_bytes(path)))
    check_snapshot(snapshot)
    return snapshot


def _tell(report: dict[str, Any], snapshot: Snapshot) -> None:
    show_table(
        {"kind": False, "venues": True, "usable": True},
        [[kind, str(count["stated"]), str(count["usable"])] for kind, count in report["kinds"].items()],
    )
    say(f"{report['venues']} venues, {report['usable']} usable; {report['directed_pairs']} directed pairs")
    _rows("unusable venues", report["unusable"], ("id", "kind", "reason", "field"))
    _rows("stale prices", report["stale"], ("asset", "age_seconds"))
    for book in report["crossed"]["within"]:
        say(f"crossed within: {book}")
    _gains("crossed across venues", report["crossed"]["across"], snapshot)
    arbitrage = report["arbitrage"]
    _gains("arbitrage cycles through different venues", arbitrage["cycles"], snapshot)
    say(f"search {arbitrage['search']}; {arbitrage['unproved']} cycles that no amount proved")
    _rows("unpriced assets", report["unpriced"], ("asset", "venues"))


def _rows(title: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    say()
    say(f"{title}: {len(rows)}")
    if rows:
        cells = [[str(row[column]) for column in columns] for row in rows[:SHOWN]]
        show_table(dict.fromkeys(columns, False), cells)
        _more(rows)


def _gains(title: str, cycles: list[dict[str, Any]], snapshot: Snapshot) -> None:
    """The cycles that gain most first; those without a value last."""
    say()
    say(f"{title}: {len(cycles)}")
    if not cycles:
        return
    numeraire = snapshot.assets[snapshot.numeraire]
    cells = []
    for cycle in sorted(cycles, key=lambda cycle: -int(cycle["value"] or -1))[:SHOWN]:
        asset = snapshot.assets[cycle["asset"]]
        value = "unpriced" if cycle["value"] is None else in_units(int(cycle["value"]), numeraire.decimals, places=8)
        path = " > ".join(_symbol(snapshot, leg["asset_in"]) for leg in cycle["legs"])
        cells.append(
            [
                value,
                in_units(int(cycle["amount"]), asset.decimals),
                in_units(int(cycle["gain"]), asset.decimals),
                f"{path} > {_symbol(snapshot, cycle['asset'])}",
            ]
        )
    show_table({f"gain, {numeraire.symbol}": True, "amount": True, "gain": True, "path": False}, cells)
    _more(cycles)


def _symbol(snapshot: Snapshot, asset: str) -> str:
    return snapshot.assets[asset].symbol[:20]


def _more(rows: list[dict[str, Any]]) -> None:
    if len(rows) > SHOWN:
        say(f"… and {len(rows) - SHOWN} more (--json has all)")
