"""The network of a service in a terminal: one table a chain, and what changed last. Needs the extra `client`."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from api.cli.watching import clock, plain, table
from api.client.blocking import Client
from api.http.network_views import ChainNetworkView, DecentralisationView, NetworkView
from engine.network.standing import NodeStanding

CHANGES = 3
"""Changes of membership shown of each chain, the newest ones."""

HEADINGS = (
    "node",
    "operator",
    "region",
    "health",
    "load",
    "cap",
    "service",
    "delay",
    "share",
    "sent",
    "late",
    "out",
    "refused",
)
STYLES = {"up": "green", "warming": "yellow", "ejected": "red", "gone": "red"}


def draw(service: Client, url: str) -> RenderableType:
    """The picture. `load` is in flight now, and the most at a time in the last settlement; `sent`: then, and in all.

    `delay`: what others measured a node to add to its distance.
    """
    return picture(service.network(), url)


def picture(network: NetworkView, url: str) -> RenderableType:
    """The network as a table for each chain."""
    head = f"{url}   {clock(network.at_ms)}   network at auction {network.auction}"
    parts: list[RenderableType] = [Text(head, style="bold")]
    for chain in network.chains:
        parts += [Text(""), *_chain(chain)]
    return Group(*parts)


def _chain(chain: ChainNetworkView) -> list[RenderableType]:
    delay = chain.delay
    expected = f"included in {_seconds(delay.delay_us)} ({_seconds(delay.low_us)} to {_seconds(delay.high_us)})"
    title = Text(f"{plain(chain.chain)}   {expected}   {_measures(chain.planned)}", style="bold")
    shown = table(HEADINGS, [_row(node) for node in chain.nodes], right={4, 5, 6, 7, 8, 9, 10, 11, 12})
    changes = [
        Text(
            f"  {change.at_us / 1_000_000:.0f} s: {plain(change.node)} {change.state} ({plain(change.reason)})",
            style="yellow",
        )
        for change in chain.changes[-CHANGES:]
    ]
    return [title, shown, _trust(chain), *changes]


def _trust(chain: ChainNetworkView) -> Text:
    beats = "heartbeats signed" if chain.heartbeats else "no heartbeats: nodes are asked"
    if chain.probes is None:
        return Text(f"  {beats}; nobody measured yet" if chain.heartbeats else f"  {beats}, distances as stated")
    probes = chain.probes
    return Text(
        f"  {beats}; {len(probes.round.measurements)} measurements drawn from the settlement of auction {probes.round.number}, medians of "
        f"{probes.least} or more (a fifth of operators lying own one with {probes.capture_ppm / 10_000:.2f} %)"
    )


def _row(node: NodeStanding) -> list[str | Text]:
    return [
        plain(node.id),
        plain(node.operator),
        plain(node.region),
        Text(node.health, style=STYLES[node.health]),
        f"{node.in_flight}/{node.busiest}",
        str(node.cap),
        _seconds(node.service_us),
        f"{node.delay_us / 1000:.0f} ms",
        f"{node.planned_ppm / 10_000:.1f} %",
        f"{node.sent_now}/{node.sent}",
        str(node.timeouts),
        str(node.ejections),
        str(node.refused),
    ]


def _seconds(microseconds: int) -> str:
    return f"{microseconds / 1_000_000:.2f} s"


def _measures(found: DecentralisationView | None) -> str:
    if found is None:
        return "no node may be sent to"
    return f"HHI {found.hhi:.3f}, Gini {found.gini:.3f}, entropy {found.entropy:.2f}, Nakamoto {found.nakamoto[1]}"
