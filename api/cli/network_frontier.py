"""`clearway network frontier`: what decentralisation costs in latency, and what the online rule makes of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from api.cli.extras import needed
from api.cli.output import print_json, remark, say
from intents.errors import InputError

PICTURE = Path("pictures/frontier.svg")

_TABLE = re.compile(r"(<!-- frontier -->\n).*?(<!-- end -->)", re.DOTALL)


def frontier(
    *,
    seeds: Annotated[int, typer.Option(min=0, max=1000, help="Runs of the online rule; 0 leaves it out.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
    write: Annotated[
        Path | None,
        typer.Option(help="A folder: rewrite the table in its load-balancing.md and pictures/frontier.svg."),
    ] = None,
) -> None:
    """Least latency by load and floor on the Nakamoto coefficient, its price, and the online rule at the same floor."""
    module = needed("engine.network.frontier", "network")
    drawing = needed("engine.network.frontier_picture", "network")
    fleets = [module.example_fleet(load) for load in module.LOADS]
    points = list(module.frontier(fleets, seeds=seeds))
    rows = [module.row(point) for point in points]
    if as_json:
        print_json({"rows": rows})
    else:
        say(module.table(rows))
    if write is not None:
        _publish(write, module.table(rows), drawing.picture(points))


def _publish(folder: Path, table: str, picture: bytes) -> None:
    page = folder / "load-balancing.md"
    try:
        before = page.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError("unreadable", str(page), expected="a file", actual=error.strerror or "nothing") from None
    if not _TABLE.search(before):
        raise InputError("no_tables", str(page), expected="a `<!-- frontier -->` line", actual="none")
    page.write_text(_TABLE.sub(lambda found: found[1] + table + found[2], before), encoding="utf-8")
    drawn = folder / PICTURE
    drawn.parent.mkdir(parents=True, exist_ok=True)
    drawn.write_bytes(picture)
    remark(f"{page}, {drawn}")
