"""How the network stood when an auction was settled: what is stored for everyone who watches. Values only.

Everything comes from the dispatchers: own sends, signed receipts, the health that follows from them, what challengers
measured; `reported` alone is a node's own word. `shares` of operators, their concentration and the like follow from this and are not in it.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.auction.solution import Count
from engine.network.state import ChainState, Health, Micros, Ppm
from engine.network.trust.rounds import Round
from intents.identifiers import PlaceId, Text
from intents.values import Value

State = Literal["in", "returning", "out"]
"""Of membership (engine.network.health.membership)."""


class NodeStanding(Value):
    """A node. Counts are since the auctioneer began to lead, but `ejections`, which are since its log began.

    `in_flight`: own sends less signed receipts now; `busiest`: the most of them at a time in this auction's settlement;
    `cap`: the most allowed;
    `planned_ppm`: the share it is to be sent; `sent`: what it was sent in all, `sent_now` in this settlement.
    """

    id: Text
    operator: Text
    region: Text
    health: Health
    stake_ppm: Ppm
    planned_ppm: Ppm
    in_flight: Count
    busiest: Count
    reported: Count
    cap: Count
    service_us: Micros
    latency_us: Micros
    sent: Count
    sent_now: Count
    timeouts: Count
    refused: Count
    """Receipts, heartbeats and measurements in its name that did not count: forged, repeated or late."""
    ejections: Count
    beats: Count = 0
    """Heartbeats that counted."""
    rtt_us: Micros = 0
    """The round trip that choices count with: the stated one and `delay_us`."""
    delay_us: Micros = 0
    """What challengers found it to add to its distance."""


class MembershipChange(Value):
    """A node went out, came back on trial, or is in again, at a time of the network's; `reason` as in health.membership."""

    node: Text
    at_us: Micros
    state: State
    reason: Text


class ChainStanding(Value):
    """A chain: the expected delay until inclusion with its interval, nodes in order, the last changes, newest last.

    `heartbeats`: whether its nodes sign them; `round`: the newest round of probes, as the settlement's choices had it.
    """

    delay: ChainState
    nodes: tuple[NodeStanding, ...]
    changes: tuple[MembershipChange, ...]
    heartbeats: bool = False
    round: Round | None = None


class NetworkStanding(Value):
    """All chains, when `auction` was settled: `at_ms` in the service's time, `time_us` in the network's."""

    format: Literal["clearway/network-standing/1"] = "clearway/network-standing/1"
    auction: Count
    at_ms: int = Field(ge=0, lt=2**53)
    time_us: Micros
    chains: dict[PlaceId, ChainStanding]
