"""What simulated nodes sign beside their work: heartbeats, and measurements of each other.

Guarantees
1. A function of the world, its seed and what was asked when; draws and messages are apart from those of transactions, so
   what is sent and becomes of it is the same whether anybody is measured or not.
2. A challenger takes an echo as a real one would (`engine.network.trust.probes.ProbeBook`), and says where none came.

Of a node's heartbeats in one poll the last is told alone: the others would be overtaken. One that goes down in between
takes its last with it. Lies: `forger` and `replayer` do here as elsewhere, `early` finds everybody ten times as far.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import Any

from engine.network.draws import mixed
from engine.network.trust.heartbeats import Heartbeat
from engine.network.trust.probes import Echo, Measurement, ProbeBook
from engine.network.trust.rounds import TIMEOUT_US, member_id
from engine.settlement.simulated_node import NodeState
from engine.settlement.simulated_world import SimulatedWorld
from intents.errors import InputError
from intents.signing import ed25519_owner
from intents.values import content_hash

FAR = 10
"""How many times the truth a liar says."""

_APART = 0x7275_7374
"""Keeps these draws apart from those of transactions."""


class TrustTraffic:
    """Heartbeats and probes of a network's nodes, under way. `nodes` by name, as the network changes them."""

    def __init__(self, world: SimulatedWorld, nodes: Mapping[str, NodeState]) -> None:
        self._world = world
        self._nodes = {member_id(node.chain, name): node for name, node in nodes.items()}
        self._draws = 0
        self._sequence = 0
        self._events: list[tuple[int, int, str, str, list[Any]]] = []
        self._open: dict[str, list[Any]] = {}

    def probe(self, challenger: str, node: str, seed: str, at_us: int) -> None:
        """A challenger is asked to measure a node."""
        one_way = self._world.latency_us(self._nodes[challenger].spec.region)
        self._send(at_us, one_way, "probe", challenger, [node, seed])

    def poll(self, until_us: int, heights: Mapping[str, int]) -> list[Heartbeat | Measurement]:
        """Move time there; what reached the engine on the way. `heights` of the chains then."""
        arrived: list[Heartbeat | Measurement] = []
        while self._events and self._events[0][0] <= until_us:
            now_us, _, kind, name, what = heapq.heappop(self._events)
            if kind == "answer":
                arrived.append(Measurement.from_wire(what[0]))
            elif now_us >= self._nodes[name].down_until_us:
                self._happen(kind, name, what, now_us)
        if self._world.beat_us:
            arrived += self._beats(until_us, heights)
        return arrived

    def _happen(self, kind: str, name: str, what: list[Any], now_us: int) -> None:
        if kind == "probe":
            node, seed = what
            nonce = content_hash("clearway/simulated-nonce/1", self._world.seed, self._draws)
            nonce = "0x" + nonce.removeprefix("sha256:")
            self._open[nonce] = [node, seed, now_us]
            self._between(now_us, name, node, "challenge", [name, nonce])
            self._at(now_us + TIMEOUT_US, "time_out", name, [nonce])
        elif kind == "challenge":
            challenger, nonce = what
            self._challenged(name, challenger, nonce, now_us)
        elif kind == "echo":
            self._echoed(name, Echo.from_wire(what[0]), now_us)
        elif what[0] in self._open:
            node, seed, _ = self._open.pop(what[0])
            self._measured(name, node, seed, TIMEOUT_US, now_us)

    def _challenged(self, name: str, challenger: str, nonce: str, now_us: int) -> None:
        node, faults = self._nodes[name], self._world.faults
        if now_us < node.grey_until_us and self._draw()[0] % 1_000_000 < faults.grey_drops:
            return
        echo = Echo(challenger=challenger, node=name, nonce=nonce).signed(node.key(self._world))
        own_us = node.spec.lag_us + node.spec.service_us * (faults.slow_factor if now_us < node.slow_until_us else 0)
        self._between(now_us + own_us, name, challenger, "echo", [echo.to_wire()])

    def _echoed(self, name: str, echo: Echo, now_us: int) -> None:
        if echo.nonce not in self._open:
            return
        node, seed, sent_us = self._open[echo.nonce]
        key = ed25519_owner(self._world.node_key(self._nodes[node].spec.name))
        book = ProbeBook(name, {node: key}, timeout_us=TIMEOUT_US)
        book.challenge(node, echo.nonce, sent_us)
        try:
            latency_us = book.receive(echo, now_us)
        except InputError:
            return
        del self._open[echo.nonce]
        self._measured(name, node, seed, latency_us, now_us)

    def _measured(self, name: str, node: str, seed: str, latency_us: int, now_us: int) -> None:
        challenger = self._nodes[name]
        if challenger.spec.lie == "early":
            latency_us = min(FAR * latency_us, TIMEOUT_US)
        made = Measurement(challenger=name, node=node, seed=seed, latency_us=latency_us)
        wire = made.signed(challenger.key(self._world)).to_wire()
        if challenger.spec.lie == "replayer":
            wire = challenger.first_measurement = challenger.first_measurement or wire
        self._send(now_us, self._world.latency_us(challenger.spec.region), "answer", name, [wire])

    def _beats(self, until_us: int, heights: Mapping[str, int]) -> list[Heartbeat]:
        told = []
        period_us = self._world.beat_us
        for place, (name, node) in enumerate(self._nodes.items()):
            phase_us = place * period_us // len(self._nodes)
            one_way = self._world.latency_us(node.spec.region) + node.spec.lag_us // 2
            number = (until_us - one_way - phase_us) // period_us
            if number <= node.beat:
                continue
            node.beat, at_us = number, number * period_us + phase_us
            lost = self._draw()[1] % 1_000_000 < self._world.faults.lost
            if not lost and at_us >= node.down_until_us:
                told.append(self._beat(name, node, at_us, heights[node.chain]))
        return told

    def _beat(self, name: str, node: NodeState, at_us: int, height: int) -> Heartbeat:
        made = Heartbeat(
            node=self._nodes[name].spec.name,
            chain=node.chain,
            sequence=node.beat,
            queue=node.queue(at_us),
            height=height,
            at_us=at_us,
        ).signed(node.key(self._world))
        if node.spec.lie == "replayer":
            node.first_beat = node.first_beat or made.to_wire()
            made = Heartbeat.from_wire(node.first_beat)
        return made

    def _between(self, at_us: int, one: str, other: str, kind: str, what: list[Any]) -> None:
        regions = sorted((self._nodes[one].spec.region, self._nodes[other].spec.region))
        self._send(at_us, self._world.rtt_us["/".join(regions)] // 2, kind, other, what)

    def _send(self, at_us: int, one_way_us: int, kind: str, name: str, what: list[Any]) -> None:
        high, low = self._draw()
        if low % 1_000_000 >= self._world.faults.lost:
            self._at(at_us + one_way_us + (high * one_way_us >> 34), kind, name, what)

    def _at(self, at_us: int, kind: str, name: str, what: list[Any]) -> None:
        self._sequence += 1
        heapq.heappush(self._events, (at_us, self._sequence, kind, name, what))

    def _draw(self) -> tuple[int, int]:
        self._draws += 1
        return mixed(self._world.seed ^ _APART, self._draws)

    def dump(self) -> dict[str, Any]:
        """What is under way, as plain data."""
        return {
            "draws": self._draws,
            "sequence": self._sequence,
            "events": [list(event) for event in sorted(self._events, key=lambda each: each[:2])],
            "open": self._open,
        }

    def load(self, data: dict[str, Any]) -> None:
        """What `dump` gave; nothing is under way where an earlier version kept none."""
        self._draws, self._sequence = data.get("draws", 0), data.get("sequence", 0)
        self._events = [(at, number, kind, name, what) for at, number, kind, name, what in data.get("events", [])]
        self._open = dict(data.get("open", {}))
