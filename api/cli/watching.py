"""The live picture of a service in a terminal. Needs the extra `client`.

A picture is drawn from one round of answers; text from the service is shown as plain ASCII, whoever wrote it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from api.cli.output import OUT, show_whole
from api.client.blocking import Client
from api.client.errors import ServiceError
from api.http.solver_views import SolverList
from api.http.views import AuctionPage, IntentPage
from intents.errors import ClearwayError

AUCTIONS, INTENTS = 8, 12
"""Rows of a picture, so that it fits a window of 40 lines."""

NAMES = 24
"""Longest list of assets in a row, so that it fits one of 100 columns."""


Draw = Callable[[Client, str], RenderableType]
"""A picture of the service at the address. Raises ServiceError."""


def once(service: Client, url: str, draw: Draw | None = None) -> ClearwayError | None:
    """Print one picture, of auctions where no other is asked for. The error where there is none to be had."""
    try:
        picture = (draw or _picture)(service, url)
    except ServiceError as error:
        return error
    show_whole(picture)
    return None


def live(service: Client, url: str, interval: float, stop: threading.Event, draw: Draw | None = None) -> None:
    """Redraw every `interval` seconds until `stop` or Ctrl-C, and leave the last picture standing."""
    waiting = Text(f"waiting for {url}")
    try:
        with Live(waiting, console=OUT, auto_refresh=False) as screen:
            last: RenderableType = waiting
            while not stop.is_set():
                try:
                    last = (draw or _picture)(service, url)
                    screen.update(last, refresh=True)
                except ServiceError as error:
                    screen.update(Group(last, Text(plain(str(error)), style="red")), refresh=True)
                stop.wait(interval)
    except KeyboardInterrupt:
        return  # how one ends it


def _picture(service: Client, url: str) -> RenderableType:
    now = service.time()
    newest = "none yet" if now.latest_auction is None else str(now.latest_auction)
    head = f"{url}   {clock(now.now_ms)}   newest auction {newest}"
    return Group(
        Text(head, style="bold"),
        _auctions(service.auctions(limit=AUCTIONS)),
        _intents(service.intents(limit=INTENTS)),
        _solvers(service.solvers()),
    )


def _auctions(page: AuctionPage) -> Table:
    rows = []
    for one in page.items:
        took = "" if one.ended_ms is None else f"{(one.ended_ms - one.cut_ms) / 1000:.1f} s"
        score = "" if one.total_score is None else str(one.total_score)
        rows.append([str(one.number), one.status, clock(one.cut_ms), took, score, plain(one.void_reason or "")])
    return table(("auction", "status", "cut", "took", "score", "reason"), rows, right={0, 3, 4})


def _intents(page: IntentPage) -> Table:
    rows = []
    for item in page.items:
        outcome = item.intent.outcome
        filled = f"{100 * item.intent.filled_units // outcome.units} %"
        pays, receives = _names(outcome.pays), _names(outcome.receives)
        rows.append([item.intent.id[:14], outcome.owner[:16], item.status.value, filled, pays, receives])
    return table(("intent", "owner", "status", "filled", "pays", "receives"), rows, right={3})


def _solvers(found: SolverList) -> Table:
    rows = []
    for one in found.solvers:
        standing = ", ".join(f"{plain(name)} {count}" for name, count in sorted(one.standing.items()))
        rows.append([plain(one.name), one.kind, standing])
    return table(("solver", "kind", "standing"), rows, right=set())


def table(headings: tuple[str, ...], rows: Sequence[Sequence[str | Text]], *, right: set[int]) -> Table:
    """Rows under headings; columns in `right` are aligned to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold cyan")
    for position, heading in enumerate(headings):
        table.add_column(heading, justify="right" if position in right else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    return table


def _names(assets: Iterable[Any]) -> str:
    """Assets by the end of their ids, which is what people call them."""
    text = plain(", ".join(str(asset).rsplit(":", 1)[-1] for asset in assets))
    return text if len(text) <= NAMES else f"{text[: NAMES - 3]}..."


def clock(milliseconds: int) -> str:
    """A time of the service."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%m-%d %H:%M:%S")


def plain(text: str) -> str:
    """Nothing that a terminal obeys."""
    return ascii(text)[1:-1]
