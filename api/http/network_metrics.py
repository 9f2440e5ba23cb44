"""Gauges of the network's nodes. Labels are chains and nodes of the stored standing: as many as the network has, no more."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge

from engine.network.standing import NetworkStanding, NodeStanding

MOST_NODES = 500
"""Nodes that have gauges, in order of chain and name; a greater network is watched by GET /v1/network."""

GAUGES = {
    "in_flight": "Sends less signed receipts, at the newest settlement.",
    "cap": "Requests allowed in flight; 0 is ejected.",
    "planned_ppm": "Share of the chain's transactions that it is to be sent, ppm.",
    "service_us": "Estimated mean service time, microseconds of the network's time.",
    "sent": "Transactions sent to it since the auctioneer began to lead.",
    "timeouts": "Sends that brought nothing in time, since then.",
    "ejections": "Times it was put out, as the stored log has it.",
    "refused": "Messages in its name that did not count, since the auctioneer began to lead.",
    "beats": "Signed heartbeats that counted, since then.",
    "delay_us": "What others measured it to add to its distance, microseconds.",
}
"""What is shown of a node, by the name of its field."""


class NetworkMetrics:
    """The gauges, in a registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._nodes = {
            name: Gauge(f"clearway_node_{name}", text, ["chain", "node"], registry=registry)
            for name, text in GAUGES.items()
        }
        self._delay = Gauge(
            "clearway_chain_delay_us", "Expected time until inclusion, microseconds.", ["chain"], registry=registry
        )

    def show(self, standing: NetworkStanding) -> None:
        """Set all gauges; nodes and chains that are no more have none."""
        self._delay.clear()
        for chain, one in standing.chains.items():
            self._delay.labels(chain).set(one.delay.delay_us)
        nodes: list[tuple[str, NodeStanding]] = [
            (chain, node) for chain, one in sorted(standing.chains.items()) for node in one.nodes
        ]
        for name, gauge in self._nodes.items():
            gauge.clear()
            for chain, node in nodes[:MOST_NODES]:
                gauge.labels(chain, node.id).set(getattr(node, name))
