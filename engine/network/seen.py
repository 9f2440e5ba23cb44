"""The network as its dispatchers see it: what becomes the Problem's network snapshot.

Guarantees: everything comes from own sends, signed receipts and the health that they give: loads, service times, caps and
latencies of `engine.network.dispatcher`, arrivals counted here. A node's own reports are not read.

Of a node's service times only the mean is estimated, so they count as exponential. Draws nothing, knows no clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log

from engine.network.delay_price import PPM
from engine.network.dispatcher import Dispatcher
from engine.network.estimators import Arrivals
from engine.network.health.membership import IN, OUT
from engine.network.health.reducer import N
from engine.network.outlook import ChainView, DepthView, NodeView, Outlook, network_snapshot
from engine.network.policies.observing import peak_latency_us
from engine.network.state import Derivative, Health, NetworkSnapshot

HALF_LIFE_US = 60_000_000
"""A minute ago counts half in the rate of arrivals."""

SAMPLE = 40
"""Quantiles that stand for exponential service times."""


@dataclass(frozen=True)
class MarketView:
    """What the market says beside it, as in `NetworkSnapshot` and `Outlook`."""

    volatilities: Mapping[str, int] = field(default_factory=dict)
    derivatives: Mapping[str, Derivative] = field(default_factory=dict)
    depths: Mapping[str, Mapping[str, DepthView]] = field(default_factory=dict)


@dataclass(frozen=True)
class ChainFacts:
    """What a dispatcher does not know of its chain: where its nodes stand, and its times."""

    regions: Mapping[str, str]
    inclusion_us: int
    finality_us: int


class SeenNetwork:
    """All chains' dispatchers, and how many transactions came lately. `volatilities`: where the market says nothing."""

    def __init__(
        self,
        dispatchers: Mapping[str, Dispatcher],
        facts: Mapping[str, ChainFacts],
        volatilities: Mapping[str, int],
        now_us: int,
    ) -> None:
        self._dispatchers = dispatchers
        self._facts = facts
        self._market = MarketView(volatilities)
        self._arrivals = {place: Arrivals(now_us, 1e-9, HALF_LIFE_US) for place in dispatchers}
        self._sends = {place: dispatcher.sends for place, dispatcher in dispatchers.items()}

    def snapshot(self, now_us: int, market: MarketView | None = None) -> NetworkSnapshot:
        """The snapshot as of now, which is not before the last."""
        chains = {place: self._chain(place, dispatcher, now_us) for place, dispatcher in self._dispatchers.items()}
        said = self._market if market is None else market
        return network_snapshot(Outlook(chains, said.volatilities, said.derivatives, said.depths), now_us)

    def _chain(self, place: str, dispatcher: Dispatcher, now_us: int) -> ChainView:
        dispatcher.advance(now_us)
        facts, sends = self._facts[place], dispatcher.sends
        rate = self._arrivals[place].watch(now_us, sends - self._sends[place]).per_us
        self._sends[place] = sends
        shares = _shares(dispatcher)
        nodes = tuple(_node(dispatcher, i, facts.regions, shares[i], now_us) for i in range(len(dispatcher.names)))
        return ChainView(nodes, rate, facts.inclusion_us, facts.finality_us)


def _node(dispatcher: Dispatcher, i: int, regions: Mapping[str, str], share_ppm: int, now_us: int) -> NodeView:
    sight, name = dispatcher.sight, dispatcher.names[i]
    return NodeView(
        id=name,
        operator=dispatcher.operators[sight.operator[i]],
        region=regions[name],
        services_us=exponential_sample(int(sight.service_us[i])),
        load=int(sight.own[i]),
        share_ppm=share_ppm,
        stake_ppm=int(sight.stake_ppm[i]),
        rtt_us=int(sight.rtt_us[:, i].min()),
        latency_us=int(peak_latency_us(sight, i, now_us)),
        health=_health(dispatcher, i),
    )


def _health(dispatcher: Dispatcher, i: int) -> Health:
    """In panic a node that is out may be sent to all the same, and one of a later tier may be well and not be sent to."""
    state = dispatcher.health.node[i, N.state]
    if state == OUT and dispatcher.sight.cap[i] == 0:
        return "ejected"
    return "up" if state == IN else "warming"


def _shares(dispatcher: Dispatcher) -> list[int]:
    """Shares of the nodes that may be sent to, in ppm: in proportion to the optimum's, the rest of rounding to the first."""
    usable = [
        int(share) if cap > 0 else 0
        for share, cap in zip(dispatcher.sight.share_ppm, dispatcher.sight.cap, strict=True)
    ]
    total = sum(usable)
    if total == 0:
        return [0] * len(usable)
    shares = [PPM * share // total for share in usable]
    shares[next(i for i, share in enumerate(usable) if share)] += PPM - sum(shares)
    return shares


def exponential_sample(mean: int) -> tuple[int, ...]:
    """Quantiles of the exponential law at the middles of `SAMPLE` equal parts, scaled to the mean, rounded up."""
    raw = [-log(1 - (i + 0.5) / SAMPLE) for i in range(SAMPLE)]
    scale = mean * SAMPLE / sum(raw)
    return tuple(int(each * scale) + 1 for each in raw)
