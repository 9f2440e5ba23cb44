"""`clearway margin`: what a hypothetical portfolio needs, and what a fill would change; and the audit of risk tables."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.files import read_bytes
from api.cli.output import EXIT_NO, print_json, say, show_table
from engine.auction.check_problem import check_problem
from engine.auction.problem import Problem
from engine.market.margin.report import Portfolio, report_on
from engine.market.margin.tables import RiskTables, audited_cells, digest_of
from intents.errors import InputError
from intents.values import parse_json


def margin(
    portfolio_file: Annotated[
        Path,
        typer.Argument(metavar="PORTFOLIO", help="Market, rules, account and, optionally, a fill (docs/margin.md)."),
    ],
    *,
    audit: Annotated[
        bool, typer.Option("--audit", help="The file is a record or a problem: compute its risk tables again.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Compute initial and maintenance margin, worst scenario and health of an account, in exact integers.

    Exit code 1 where the account is not healthy or, with a fill, where it could not carry the fill; with --audit, where a
    cell of the tables is out of its tolerance.
    """
    if audit:
        if not _audit(portfolio_file, as_json=as_json):
            raise typer.Exit(EXIT_NO)
        return
    report = report_on(Portfolio.from_json(read_bytes(portfolio_file))).to_wire()
    if as_json:
        print_json(report)
    else:
        _tell(report)
    fill = report["fill"]
    if not (report["healthy"] if fill is None else fill["allowed"]):
        raise typer.Exit(EXIT_NO)


def _audit(file: Path, *, as_json: bool) -> bool:
    """Recompute the tables of a recorded problem and say how far their cells are off; whether all are within tolerance."""
    data = parse_json(read_bytes(file))
    recorded = isinstance(data, dict) and isinstance(data.get("problem"), dict)
    problem = Problem.from_wire(data["problem"] if recorded else data)
    check_problem(problem)
    if not problem.snapshot.risk:
        raise InputError("no_risk_tables", "/snapshot/risk", expected="risk tables", actual="none")
    found = [_audited(place, risk.tables) for place, risk in sorted(problem.snapshot.risk.items())]
    if as_json:
        print_json({"places": found})
        return all(one["fault"] is None for one in found)
    for one in found:
        say(
            f"{one['place']} {one['tables']}: {one['instruments']} instruments, {one['cells']} cells, {one['equal']} equal"
        )
        fault = one["fault"]
        if fault is None:
            say(f"all within tolerance; the greatest difference is {one['greatest_difference']}")
        else:
            where, allowed = f"{fault['asset']} {fault['column']}", f"{fault['expected']} within {fault['tolerance']}"
            say(f"out of tolerance at {where}: expected {allowed}, got {fault['actual']}")
    return all(one["fault"] is None for one in found)


def _audited(place: str, tables: RiskTables) -> dict[str, Any]:
    cells = list(audited_cells(tables))
    fault = next((cell for cell in cells if not cell.is_within), None)
    return {
        "place": place,
        "tables": digest_of(tables),
        "instruments": len(tables.rows),
        "cells": len(cells),
        "equal": sum(cell.difference == 0 for cell in cells),
        "greatest_difference": max((cell.difference or 0 for cell in cells), default=0),
        "fault": None if fault is None else asdict(fault),
    }


def _tell(report: dict[str, Any]) -> None:
    fill = report["fill"]
    states = [report] if fill is None else [report, fill["after"]]
    headings = dict.fromkeys(("now", "after the fill")[: len(states)], True)
    show_table({"base units of the numeraire": False, **headings}, [_line(name, states) for name in _TOTALS])
    for settlement, underlying in sorted({_key(group) for state in states for group in state["groups"]}):
        say()
        found: list[dict[str, Any]] = [
            next((group for group in state["groups"] if _key(group) == (settlement, underlying)), {})
            for state in states
        ]
        rows = [["worst scenario, bps", *(_move(group.get("worst_scenario")) for group in found)]]
        rows += [_line(name, found) for name in _CELLS]
        show_table({f"{underlying} in {settlement}": False, **headings}, rows)
    say()
    for loss in states[-1]["worst_losses"]:
        most = "unbounded" if loss["loss"] is None else loss["loss"]
        say(f"worst loss at expiry {loss['expiry_seconds']}: {most} of {loss['settlement']} ({loss['underlying']})")
    if fill is None:
        say("healthy" if report["healthy"] else "not healthy: equity is below the maintenance margin")
    else:
        say("the fill is allowed" if fill["allowed"] else "the fill is not allowed: insufficient_margin")


def _line(name: str, states: list[dict[str, Any]]) -> list[str]:
    return [name.replace("_", " "), *(state.get(name) or "-" for state in states)]


def _key(group: dict[str, Any]) -> tuple[str, str]:
    return group["settlement"], group["underlying"]


def _move(scenario: dict[str, int] | None) -> str:
    return "-" if scenario is None else f"spot {scenario['spot_bps']:+}, vol {scenario['vol_bps']:+}"


_TOTALS = ("equity", "initial_margin", "maintenance_margin", "free", "health_bps")
_CELLS = (
    "scan",
    "short_floor",
    "short_add",
    "tier_maintenance",
    "tier_initial",
    "maintenance",
    "initial",
    "delta",
    "gamma",
    "vega",
)
