"""What the program asks of a running service: `intent submit`, `intent status`, `auctions`, `watch`, `network show`.

They need the extra `client`, which is loaded only when one of them is called.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.documents import read_intents
from api.cli.extras import needed
from api.cli.output import EXIT_UNUSABLE, print_json, remark, say, show_table

if TYPE_CHECKING:
    from api.cli.watching import Draw
    from api.client.blocking import Client
    from api.http.views import AuctionView

Url = Annotated[str, typer.Option(envvar="CLEARWAY_URL", help="Where the service is.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
LOCAL = "http://127.0.0.1:8000"


def submit(
    intent_file: Annotated[Path, typer.Argument(metavar="FILE", help="One signed intent, or a list of them.")],
    *,
    url: Url = LOCAL,
    as_json: AsJson = False,
) -> None:
    """Hand in signed intents and print each id and the latest auction that it will be part of. Safe to repeat.

    Exit code 2 at the first that is refused or whose outcome is unknown (then: the same again); those before it are in.
    """
    intents = read_intents(intent_file)
    with _client(url) as service:
        for intent in intents:
            receipt = service.submit(intent)
            if as_json:
                print_json(receipt.to_wire())
            else:
                say(f"{receipt.intent} accepted, in auction {receipt.latest_auction} at the latest")


def status(
    intent_id: Annotated[str, typer.Argument(metavar="ID", help="The intent's id.")],
    *,
    url: Url = LOCAL,
    as_json: AsJson = False,
) -> None:
    """Print where an intent stands and what was filled of it, in base units; where nothing was, why."""
    from api.client.errors import ServiceError  # noqa: PLC0415 - an extra of the installation

    with _client(url) as service:
        found = service.intent(intent_id)
        if as_json:
            print_json(found.to_wire())
            return
        say(f"{found.status.value}: {found.intent.filled_units} of {found.intent.outcome.units} units filled")
        for fill in found.fills:
            paid = ", ".join(f"{amount} {asset}" for asset, amount in fill.paid.items())
            received = ", ".join(f"{amount} {asset}" for asset, amount in fill.received.items())
            say(f"auction {fill.auction}, {fill.solver}: paid {paid}; received {received}")
        if not found.fills:
            try:
                say(f"not filled: {service.why_unfilled(intent_id).code}")
            except ServiceError as error:
                if error.code != "no_record":
                    raise
                say("not filled: no auction was settled with it yet")


def auctions(
    *,
    url: Url = LOCAL,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Print the newest auctions, newest first; scores in base units of the numeraire."""
    with _client(url) as service:
        page = service.auctions(limit=limit)
    if as_json:
        print_json(page.to_wire())
        return
    columns = {"auction": True, "status": False, "cut": False, "score": True, "problem": False, "reason": False}
    show_table(columns, [_row(one) for one in page.items])


def watch(
    *,
    url: Url = LOCAL,
    once: Annotated[bool, typer.Option("--once", help="Print one picture and end.")] = False,
    interval: Annotated[float, typer.Option(min=0.2, max=3600, help="Seconds between pictures.")] = 1.0,
) -> None:
    """Watch auctions, intents and solvers live in the terminal, until Ctrl-C. A service that is away is waited for."""
    _watch(url, interval, None, once=once)


def network_show(*, url: Url = LOCAL, as_json: AsJson = False) -> None:
    """Print the network as of the newest settlement: nodes, load, health, shares, delays, decentralisation."""
    if as_json:
        with _client(url) as service:
            print_json(service.network().to_wire())
        return
    _watch(url, 1.0, needed("api.cli.network_watching", "client").draw, once=True)


def network_watch(
    *,
    url: Url = LOCAL,
    interval: Annotated[float, typer.Option(min=0.2, max=3600, help="Seconds between pictures.")] = 1.0,
) -> None:
    """Watch the network live in the terminal, until Ctrl-C: sick nodes, and how settlement goes around them."""
    _watch(url, interval, needed("api.cli.network_watching", "client").draw, once=False)


def _watch(url: str, interval: float, draw: Draw | None, *, once: bool) -> None:
    view = needed("api.cli.watching", "client")
    with _client(url, tries=1) as service:
        if once:
            fault = view.once(service, url, draw)
            if fault:
                remark(f"error: {fault}")
                raise typer.Exit(EXIT_UNUSABLE)
            return
        view.live(service, url, interval, threading.Event(), draw)


def _client(url: str, *, tries: int = 5) -> Client:
    blocking = needed("api.client.blocking", "client")
    client: Client = blocking.Client(url, policy=blocking.Policy(tries=tries))
    return client


def _row(one: AuctionView) -> list[str]:
    cut = datetime.fromtimestamp(one.cut_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    score = "" if one.total_score is None else str(one.total_score)
    return [str(one.number), one.status, cut, score, one.problem_hash[:18], ascii(one.void_reason or "")[1:-1]]
