"""The tables of docs/load-balancing.md from rows of the bench.

A table stands between `<!-- bench: NAME -->` and `<!-- end -->`; NAME is a scenario or `targets`. What did not run
keeps its table or its line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.network.simulation.bench import Row
from engine.network.simulation.targets import TARGETS, Place, Target
from intents.errors import InputError

_TABLE = re.compile(r"(?P<head><!-- bench: (?P<name>\w+) -->\n)(?P<body>.*?)(?P<tail><!-- end -->)", re.DOTALL)


SIDE_BY_SIDE = frozenset({"S1", "S2", "S3", "S4", "S5", "S8", "R1", "R2"})
"""Scenarios whose rows are times of the same policies in several worlds; the others have figures of their own."""

_COMMON = ("scenario", "variant", "policy", "n", "rho", "seeds", "mean", "p99", "mean_ci95", "p99_ci95")


def rewritten(page: str, rows: Sequence[Row]) -> str:
    """The page with its tables made anew. Raises InputError `no_tables` where it has none."""
    if not _TABLE.search(page):
        raise InputError("no_tables", "", expected="a `<!-- bench: NAME -->` line", actual="none")
    return _TABLE.sub(lambda found: found["head"] + _body(found["name"], found["body"], rows) + found["tail"], page)


def _body(name: str, before: str, rows: Sequence[Row]) -> str:
    if name == "targets":
        return targets_table(rows, before)
    mine = [row for row in rows if row["scenario"] == name]
    if not mine:
        return before
    return scenario_table(mine) if name in SIDE_BY_SIDE else lines_table(mine)


def targets_table(rows: Sequence[Row], before: str = "") -> str:
    """One line for each target: ours, baseline, bound, and whether it is reached or missed; as before if it did not run."""
    earlier = {line.split(" | ")[1]: line for line in before.splitlines() if line.count(" | ") > 1}
    lines = [
        "| item | figure | target | ours | baseline | bound | | command |",
        "| ---: | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for target in TARGETS:
        if target.reached(rows) is None and target.text in earlier:
            lines.append(earlier[target.text])
            continue
        verdict = {True: "reached", False: "**missed**", None: "not run"}[target.reached(rows)]
        limit = "stable" if target.key == "stable" else f"{'at least' if target.least else 'at most'} {target.limit:g}"
        cells = [str(target.item), target.text, limit]
        cells += [_cell(target, place, rows) for place in (target.ours, target.baseline, target.bound)]
        lines.append(f"| {' | '.join([*cells, verdict, f'`{target.command}`'])} |")
    return "\n".join(lines) + "\n"


def _cell(target: Target, place: Place | None, rows: Sequence[Row]) -> str:
    """A figure with its interval; the name of the policy where it is not ours."""
    if place is None:
        return ""
    row = place.find(rows)
    value = target.figure(place, rows)
    who = "" if place is target.ours else f" ({place.policy})"
    if row is None:
        return "not run"
    if not row.get("stable", True) and target.key in {"mean", "p99", "against"}:
        return f"unstable{who}"
    if value is None:
        return f"never{who}"
    if target.key == "stable":
        return f"{'stable' if value else 'unstable'}{who}"
    half_width = row.get(f"{target.key}_ci95") if target.relative_to is None else None
    interval = f" ±{half_width:.2f}" if isinstance(half_width, float) else ""
    return f"{value:.4g}{interval}{who}"


def scenario_table(rows: Sequence[Row]) -> str:
    """Policies down, worlds and loads across: mean / p99 in service times with half widths of 95 % intervals."""
    worlds = list(dict.fromkeys((row["variant"], row["n"], row["rho"]) for row in rows))
    cells = {(row["policy"], row["variant"], row["n"], row["rho"]): _times(row) for row in rows}
    heads = [" ".join(filter(None, [str(variant), f"n {n}", f"rho {rho:g}"])) for variant, n, rho in worlds]
    lines = [f"| policy | {' | '.join(heads)} |", f"| --- |{' --- |' * len(worlds)}"]
    for policy in dict.fromkeys(str(row["policy"]) for row in rows):
        lines += [f"| {' | '.join([policy, *(cells.get((policy, *world), '') for world in worlds)])} |"]
    return "\n".join(lines) + "\n"


def lines_table(rows: Sequence[Row]) -> str:
    """A line for each row: mean and p99 in service times, then the figures that only these rows have; "-": it never came.

    Cases of several sizes have it in their name.
    """
    sizes = len({row["n"] for row in rows}) > 1
    own = list(dict.fromkeys(key for row in rows for key in row if key not in _COMMON))
    heads = ["case", "load", "policy", "mean", "p99", *(key.replace("_", " ") for key in own)]
    lines = [f"| {' | '.join(heads)} |", f"| --- | ---: | --- |{' ---: |' * (len(heads) - 3)}"]
    for row in rows:
        case = f"{row['variant']}, n {row['n']}" if sizes else str(row["variant"])
        where = [case, f"{row['rho']:g}", str(row["policy"])]
        times = [_time(row[key], row[f"{key}_ci95"]) for key in ("mean", "p99")]
        figures = [_figure(row[key]) if key in row else "" for key in own]
        lines.append(f"| {' | '.join([*where, *times, *figures])} |")
    return "\n".join(lines) + "\n"


def _figure(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else "-"


def _times(row: Row) -> str:
    if not row.get("stable", True):
        return "unstable"
    return " / ".join(_time(row[key], row[f"{key}_ci95"]) for key in ("mean", "p99"))


def _time(value: object, half_width: object) -> str:
    if not isinstance(value, int | float):
        return "-"
    return f"{value:.2f} ±{half_width:.2f}" if isinstance(half_width, int | float) else f"{value:.2f}"
