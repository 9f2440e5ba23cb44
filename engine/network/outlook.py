"""From estimates to the network snapshot: how long a transaction will take to be included, by node and by chain.

Guarantees
1. A node's expected wait is the larger of what stands before it now (own sends less signed receipts) and of what
   queueing theory gives for the share it is sent, where each transaction goes to the shortest of its chain's queues, as
   `equilibrium` sends them; at a load of one or more, what piles up until the horizon. So a chain looks congested as soon as
   its queues are, and before that as soon as its arrivals are too many.
2. A chain's delay is the mean over its nodes, by share, of wait, service, distance and what inclusion takes, or of the
   latency lately observed where that is longer (strangers fill blocks too); its 90 % interval is that of the same
   mixture. Nobody to send to means the horizon.
3. Integers, rounded up: delays, waits and prices are never less than the forecast.

It invents nothing: rates, service times, shares and health are arguments (`engine.network.estimators`, health rules,
equilibrium). Floats within, with operations that IEEE 754 rounds alike everywhere, and `math.exp`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil
from statistics import fmean
from typing import NamedTuple

from engine.network.delay_price import PPM, crowding_price_ppm
from engine.network.queueing import Wait, ggc_wait, interval, shortest_queue_wait, sojourn_beyond
from engine.network.state import ChainState, Derivative, Health, NetworkSnapshot, NodeState, VenueDepth, delay_prices

COVERAGE = 0.9
"""What the interval of a delay holds."""


@dataclass(frozen=True)
class NodeView:
    """What is known of a node. `services_us`: a sample of its service times, at least one; `rtt_us`: there and back.

    `latency_us`: from send to receipt, as observed lately; 0 where it was not.
    """

    id: str
    operator: str
    region: str
    services_us: tuple[int, ...]
    load: int
    share_ppm: int
    stake_ppm: int = 0
    servers: int = 1
    service_scv: float = 1.0
    rtt_us: int = 0
    latency_us: int = 0
    health: Health = "up"

    @property
    def service_us(self) -> float:
        """Mean service time."""
        return fmean(self.services_us)


@dataclass(frozen=True)
class ChainView:
    """What is known of a chain. `arrivals_per_us`: transactions to send; `inclusion_us`: from a node to the block."""

    nodes: tuple[NodeView, ...]
    arrivals_per_us: float
    inclusion_us: int = 0
    finality_us: int = 0


@dataclass(frozen=True)
class DepthView:
    """What is known of one side of a pool, as in `VenueDepth`."""

    depth: int
    pending: int
    move_ppm: int = 10_000


@dataclass(frozen=True)
class Outlook:
    """Everything a snapshot is made from, but the time. `horizon_us`: no forecast goes further."""

    chains: Mapping[str, ChainView]
    volatilities: Mapping[str, int] = field(default_factory=dict)
    derivatives: Mapping[str, Derivative] = field(default_factory=dict)
    depths: Mapping[str, Mapping[str, DepthView]] = field(default_factory=dict)
    k_permille: int = 1000
    horizon_us: int = 600_000_000


def expected_wait(node: NodeView, chain: ChainView, horizon_us: int) -> Wait:
    """The wait that a transaction meets which is sent to the node of the chain now, in microseconds."""
    service = node.service_us
    standing = max(0, node.load - node.servers + 1) * service / node.servers
    load = chain.arrivals_per_us * node.share_ppm / PPM * service / node.servers
    if load >= 1:
        piled = standing + (load - 1) * horizon_us
        return Wait(1.0, min(piled, float(horizon_us)))
    alone = ggc_wait(node.servers, load, node.service_scv)
    among = shortest_queue_wait(max(sum(other.share_ppm > 0 for other in chain.nodes), 1), load, node.service_scv)
    delayed, mean = min(alone, among, key=lambda wait: wait.mean)
    steady = mean * service
    if standing > steady:
        return Wait(1.0, min(standing, float(horizon_us)))
    return Wait(delayed, min(steady, float(horizon_us)))


def chain_state(chain: ChainView, horizon_us: int) -> ChainState:
    """The expected delay of a chain and its interval."""
    laws = [
        _Law(node.share_ppm / PPM, wait, node.services_us, _besides(node, wait, chain.inclusion_us))
        for node in chain.nodes
        if node.share_ppm
        for wait in (expected_wait(node, chain, horizon_us),)
    ]
    if not laws:
        whole = horizon_us + chain.inclusion_us
        return ChainState(delay_us=whole, low_us=whole, high_us=whole, finality_us=chain.finality_us)

    def beyond(time: float) -> float:
        return sum(law.share * sojourn_beyond(law.wait, law.services_us, time - law.besides_us) for law in laws)

    low, high = interval(beyond, COVERAGE)
    mean = sum(law.share * (law.wait.mean + fmean(law.services_us) + law.besides_us) for law in laws)
    return ChainState(
        delay_us=ceil(mean),
        low_us=int(low),
        high_us=ceil(high),
        finality_us=chain.finality_us,
    )


class _Law(NamedTuple):
    share: float
    wait: Wait
    services_us: tuple[int, ...]
    besides_us: float


def _besides(node: NodeView, wait: Wait, inclusion_us: int) -> float:
    """What a transaction takes beside waiting and service: distance and inclusion, or whatever else was observed."""
    return max(node.rtt_us + inclusion_us, node.latency_us - wait.mean - node.service_us)


def network_snapshot(outlook: Outlook, time_us: int) -> NetworkSnapshot:
    """The snapshot, its tables filled; it passes `check_network` where chains, assets and venues are known."""
    chains = {place: chain_state(chain, outlook.horizon_us) for place, chain in sorted(outlook.chains.items())}
    volatilities = dict(sorted(outlook.volatilities.items()))
    derivatives = dict(sorted(outlook.derivatives.items()))
    return NetworkSnapshot(
        time_us=time_us,
        nodes=tuple(_nodes(outlook)),
        chains=chains,
        k_permille=outlook.k_permille,
        volatilities=volatilities,
        derivatives=derivatives,
        delay_prices=delay_prices(chains, volatilities, derivatives, outlook.k_permille),
        depths={
            venue: {asset: _depth(view) for asset, view in sorted(sides.items())}
            for venue, sides in sorted(outlook.depths.items())
        },
    )


def _nodes(outlook: Outlook) -> Iterable[NodeState]:
    for place, chain in sorted(outlook.chains.items()):
        for node in sorted(chain.nodes, key=lambda node: node.id):
            wait = expected_wait(node, chain, outlook.horizon_us)
            yield NodeState(
                id=node.id,
                chain=place,
                operator=node.operator,
                region=node.region,
                health=node.health,
                servers=node.servers,
                service_us=ceil(node.service_us),
                load=node.load,
                stake_ppm=node.stake_ppm,
                share_ppm=node.share_ppm,
                wait_us=ceil(wait.mean),
            )


def _depth(view: DepthView) -> VenueDepth:
    price = crowding_price_ppm(view.move_ppm, view.pending, view.depth)
    return VenueDepth(depth=view.depth, move_ppm=view.move_ppm, pending=view.pending, price_ppm=price)
