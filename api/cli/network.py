"""`clearway network`: the dispatch policies against each other and against the limits of queueing theory."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.extras import needed
from api.cli.network_frontier import frontier
from api.cli.output import print_json, remark, show_table
from intents.errors import InputError

network_app = typer.Typer(help="Load balancing: policies, benchmark, live view.", no_args_is_help=True)
network_app.command()(frontier)

Scenarios = Annotated[str | None, typer.Option("--scenario", help="Names by commas: S1 to S8, R1, R2, waiting; all.")]
Policies = Annotated[str | None, typer.Option(help="Names by commas; all that the scenario compares.")]
Seeds = Annotated[int, typer.Option(min=1, max=1000, help="Runs of each; intervals need two.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")]


@network_app.command()
def bench(*, scenario: Scenarios = None, policies: Policies = None, seeds: Seeds = 10, as_json: AsJson = False) -> None:
    """Means and p99 in service times, with 95 % intervals over seeds, common random numbers. R1, R2 need CLEARWAY_DATA."""
    rows = _rows(scenario, policies, seeds)
    if as_json:
        print_json({"rows": rows})
        return
    columns = {"scenario": False, "variant": False, "policy": False, "n": True, "rho": True, "mean": True, "p99": True}
    show_table({**columns, "gap closed": True}, [_cells(row) for row in rows])


@network_app.command()
def tables(
    *,
    scenario: Scenarios = None,
    seeds: Seeds = 10,
    recorded: Annotated[Path | None, typer.Option("--rows", help="Output of `bench --json` instead of a run.")] = None,
    page: Annotated[Path, typer.Option(help="The page whose tables are rewritten.")] = Path("docs/load-balancing.md"),
) -> None:
    """Rewrite the tables of the page from a run of the bench; tables of scenarios that did not run stay as they are."""
    writer = needed("engine.network.simulation.tables", "network")
    rows = _recorded(recorded) if recorded else _rows(scenario, None, seeds)
    before = _text(page)
    page.write_text(writer.rewritten(before, rows), encoding="utf-8")
    remark(f"{page}: {len(rows)} rows")


def _rows(scenario: str | None, policies: str | None, seeds: int) -> list[dict[str, Any]]:
    suite = needed("engine.network.simulation.suite", "network")
    folder = Path(os.environ.get("CLEARWAY_DATA", "../shared/data"))
    names = list(suite.TITLES) if scenario is None else scenario.split(",")
    if scenario is None and not folder.is_dir():
        remark(f"no recorded data at {folder}: without R1 and R2; set CLEARWAY_DATA")
        names = [name for name in names if name not in suite.REAL]
    made: list[dict[str, Any]] = suite.run(names, seeds, policies.split(",") if policies else None, folder, remark)
    return made


def _recorded(path: Path) -> list[dict[str, Any]]:
    try:
        rows = json.loads(_text(path))["rows"]
    except (ValueError, KeyError, TypeError):
        rows = None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(
            "malformed", str(path), expected="the output of `clearway network bench --json`", actual="no rows"
        )
    return rows


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError("unreadable", str(path), expected="a file", actual=error.strerror or "nothing") from None


def _cells(row: dict[str, Any]) -> list[str]:
    closed = row.get("gap_closed")
    return [
        row["scenario"],
        row["variant"] or "",
        row["policy"],
        str(row["n"]),
        f"{row['rho']:g}",
        _measured(row["mean"], row["mean_ci95"]) if row.get("stable", True) else "unstable",
        _measured(row["p99"], row["p99_ci95"]) if row.get("stable", True) else "unstable",
        "" if closed is None else f"{100 * closed:.0f} %",
    ]


def _measured(value: float | None, half_width: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if half_width is None else f"{value:.2f} ±{half_width:.2f}"
