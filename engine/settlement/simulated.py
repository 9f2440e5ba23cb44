"""The seeded network: chains whose nodes are slow, far away, crashed, grey or lying. An Executor.

Guarantees
1. A function of the world, its seed and what was sent and asked when: the same calls give the same answers, byte for byte.
2. Its state is plain data (`dump`, `load`): stored outside of the engine's own tables, it survives the engine.
3. Its chains keep engine.settlement.executor's promises: each id once in a history, none after its last moment.

Time is its own and moves only when it is polled, as fast as it can be computed: a block time passes in microseconds of
ours. A node passes on transactions one after the other; a chain's pool is shared by its nodes. A crash loses what the
node has not passed on. Lies are engine.settlement.simulated_world's; heartbeats and probes engine.settlement.simulated_trust's.
"""

from __future__ import annotations

import hashlib
import heapq
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from engine.network.draws import mixed
from engine.network.trust.receipts import Receipt
from engine.settlement.executor import Answer
from engine.settlement.plan import Transaction
from engine.settlement.reports import Report, Seen
from engine.settlement.simulated_chain import ChainState
from engine.settlement.simulated_node import NodeState
from engine.settlement.simulated_trust import TrustTraffic
from engine.settlement.simulated_world import SimulatedWorld
from intents.values import Value

START_US = 1_000_000
"""The time at which a network begins."""


class SimulatedNetwork:
    """A network under way."""

    def __init__(self, world: SimulatedWorld) -> None:
        """A network at its beginning."""
        self.world = world
        self.time_us = START_US
        self.chains = {
            place: ChainState(chain, next_us=START_US + chain.block_us, base_fee=chain.base_fee)
            for place, chain in sorted(world.chains.items())
        }
        self._nodes = {
            node.name: NodeState(node, place, carries={})
            for place, chain in sorted(world.chains.items())
            for node in chain.nodes
        }
        rates = world.faults
        kinds = (rates.missed, rates.reorganised, rates.crashed, rates.grey, rates.surge, rates.outage, rates.slowed)
        self._rates = list(accumulate(kinds))
        self._draws = 0
        self._events: list[tuple[int, int, str, str, Any]] = []
        self._sequence = 0
        self._arrived: list[Receipt | Report] = []
        self._trust = TrustTraffic(world, self._nodes)

    def now_us(self) -> int:
        """The network's time."""
        return self.time_us

    def send(self, transaction: Transaction, node: str, sequence: int, at_us: int) -> None:
        """A message to a node, which may be lost."""
        self._message(node, at_us, "transaction", (transaction, sequence))

    def ask(self, chain: str, node: str, transactions: Sequence[str], at_us: int) -> None:
        """A message to a node, which may be lost."""
        self._message(node, at_us, "question", (at_us, tuple(transactions)))

    def signs(self, chain: str) -> bool:
        """Whether nodes sign heartbeats and measurements: all do or none."""
        return self.world.beat_us > 0

    def probe(self, challenger: str, node: str, seed: str, at_us: int) -> None:
        """A message to a challenger, which may be lost."""
        self._trust.probe(challenger, node, seed, max(at_us, self.time_us))

    def poll(self, until_us: int) -> list[Answer]:
        """Move time there; what reached the engine on the way."""
        blocks = [(chain.next_us, place) for place, chain in self.chains.items()]
        heapq.heapify(blocks)
        while True:
            block_us, place = blocks[0]
            event_us = self._events[0][0] if self._events else until_us + 1
            if block_us <= event_us and block_us <= until_us:
                self._block(self.chains[place])
                heapq.heapreplace(blocks, (self.chains[place].next_us, place))
            elif event_us <= until_us:
                at_us, _, kind, node, what = heapq.heappop(self._events)
                self._happen(kind, self._nodes[node], what, at_us)
            else:
                break
        self.time_us = max(self.time_us, until_us)
        arrived, self._arrived = self._arrived, []
        heights = {place: chain.height for place, chain in self.chains.items()}
        return [*arrived, *self._trust.poll(self.time_us, heights)]

    def _message(self, node: str, at_us: int, kind: str, what: Any) -> None:
        spec = self._nodes[node].spec
        one_way = self.world.latency_us(spec.region) + spec.lag_us // 2
        high, low = self._draw()
        if low % 1_000_000 >= self.world.faults.lost:
            self._at(max(at_us, self.time_us) + one_way + (high * one_way >> 34), kind, node, what)

    def _at(self, at_us: int, kind: str, node: str, what: Any) -> None:
        self._sequence += 1
        heapq.heappush(self._events, (at_us, self._sequence, kind, node, what))

    def _draw(self) -> tuple[int, int]:
        self._draws += 1
        return mixed(self.world.seed, self._draws)

    def _happen(self, kind: str, node: NodeState, what: Any, now_us: int) -> None:
        if kind == "answer":
            self._arrived.append(what)
        elif now_us < node.down_until_us:
            return
        elif kind == "transaction":
            transaction, sequence = what
            self._arrives(node, transaction, sequence, now_us)
        elif kind == "passed_on":
            transaction, sequence, since_us = what
            if node.down_until_us < since_us:  # else it crashed with the transaction in its queue
                self._pass_on(node, transaction, sequence, now_us)
        else:
            asked_us, names = what
            self._asked(node, asked_us, names, now_us)

    def _arrives(self, node: NodeState, transaction: Transaction, sequence: int, now_us: int) -> None:
        if node.spec.lie == "censor" and self._is_victim(transaction.sender):
            return
        if now_us < node.grey_until_us:
            if self._draw()[0] % 1_000_000 >= self.world.faults.grey_drops:
                self._receipt(node, transaction.id, sequence, "refused", now_us)
            return
        if node.spec.lie == "early":
            self._receipt(node, transaction.id, sequence, "landed", now_us)
        factor = self.world.faults.slow_factor if now_us < node.slow_until_us else 1
        node.busy_until_us = max(node.busy_until_us, now_us) + node.spec.service_us * factor
        self._at(node.busy_until_us, "passed_on", node.spec.name, (transaction, sequence, now_us))

    def _pass_on(self, node: NodeState, transaction: Transaction, sequence: int, now_us: int) -> None:
        chain = self.chains[node.chain]
        chain.offer(transaction)
        if transaction.id in chain.included:
            self._receipt(node, transaction.id, sequence, "landed", now_us)
        elif node.carries is not None:
            node.carries[transaction.id] = sequence

    def _block(self, chain: ChainState) -> None:
        now_us = chain.next_us
        high, low = self._draw()
        faults = self.world.faults
        fault = bisect_right(self._rates, low % 1_000_000)
        place = chain.spec.nodes[high % len(chain.spec.nodes)].name
        if fault == 1:
            chain.reorganise(1 + high % chain.spec.depth, low)
        elif fault == 2:
            self._crash(self._nodes[place], now_us + faults.crash_us)
        elif fault == 3:
            self._nodes[place].grey_until_us = now_us + faults.grey_us
        elif fault == 4:
            chain.surge_until_us = now_us + faults.surge_us
        elif fault in (5, 6):
            self._fall_ill(chain, self._nodes[place], now_us, slow=fault == 6)
        if fault:
            names = chain.block(high, low)
            for node in chain.spec.nodes if names else ():
                self._receipts(self._nodes[node.name], names, now_us)
        chain.next_us = now_us + chain.spec.block_us

    def _fall_ill(self, chain: ChainState, node: NodeState, now_us: int, *, slow: bool) -> None:
        faults = self.world.faults
        if any(now_us < self._nodes[each.name].ill_until_us for each in chain.spec.nodes):
            return
        node.ill_until_us = now_us + (faults.slowed_us if slow else faults.outage_us)
        if slow:
            node.slow_until_us = node.ill_until_us
        else:
            self._crash(node, node.ill_until_us)

    def _crash(self, node: NodeState, until_us: int) -> None:
        node.down_until_us = max(node.down_until_us, until_us)
        node.busy_until_us = node.down_until_us
        node.carries = {}

    def _receipts(self, node: NodeState, names: list[str], now_us: int) -> None:
        for name in names:
            if node.carries and name in node.carries:
                self._receipt(node, name, node.carries.pop(name), "landed", now_us)

    def _receipt(self, node: NodeState, transaction: str, sequence: int, status: str, now_us: int) -> None:
        where = self.chains[node.chain].included.get(transaction)
        unsigned = {
            "node": node.spec.name,
            "chain": node.chain,
            "transaction": transaction,
            "sequence": sequence,
            "status": status,
            "height": 0 if where is None else where.height,
            "gas": 0 if where is None else where.gas,
            "at_us": now_us,
        }
        receipt = Receipt.model_validate(unsigned).signed(node.key(self.world))
        if node.spec.lie == "replayer":
            node.first_receipt = node.first_receipt or receipt.to_wire()
            receipt = Receipt.from_wire(node.first_receipt)
        self._answer(node, receipt, now_us)

    def _asked(self, node: NodeState, asked_us: int, transactions: tuple[str, ...], now_us: int) -> None:
        if now_us < node.grey_until_us and self._draw()[0] % 1_000_000 < self.world.faults.grey_drops:
            return
        chain = self.chains[node.chain]
        seen = tuple(self._seen(node, chain, name) for name in transactions)
        final_us = 2**52 if node.spec.lie == "early" else chain.final_us
        report = Report(
            node=node.spec.name,
            chain=node.chain,
            asked_us=asked_us,
            final_us=final_us,
            queue=node.queue(now_us),
            seen=seen,
        )
        report = report.signed(node.key(self.world))
        if node.spec.lie == "replayer":
            node.first_report = node.first_report or report.to_wire()
            report = Report.from_wire(node.first_report)
        self._answer(node, report, now_us)

    def _seen(self, node: NodeState, chain: ChainState, name: str) -> Seen:
        where = chain.included.get(name)
        if node.spec.lie == "early":
            return Seen(transaction=name, status="final", height=chain.height, block="0x0")
        if where is None or (node.spec.lie == "censor" and self._is_victim(where.sender)):
            return Seen(transaction=name, status="absent")
        return Seen(
            transaction=name,
            status="final" if where.height <= chain.final_height else "included",
            height=where.height,
            block=where.block,
            gas=where.gas,
            gas_price=where.gas_price,
        )

    def _answer(self, node: NodeState, answer: Receipt | Report, now_us: int) -> None:
        self._message(node.spec.name, now_us, "answer", answer)

    def _is_victim(self, sender: str) -> bool:
        drawn = hashlib.sha256(f"clearway/simulated-victim/1 {self.world.seed} {sender}".encode()).digest()
        return int.from_bytes(drawn[:8]) % 1_000_000 < self.world.faults.censored

    def dump(self) -> dict[str, Any]:
        """The whole state but the world, as plain data."""
        return {
            "time_us": self.time_us,
            "draws": self._draws,
            "sequence": self._sequence,
            "chains": {place: chain.dump() for place, chain in self.chains.items()},
            "nodes": {name: node.dump() for name, node in self._nodes.items()},
            "events": [[*event[:4], _plain(event[4])] for event in sorted(self._events, key=lambda each: each[:2])],
            "arrived": [_plain(answer) for answer in self._arrived],
            "trust": self._trust.dump(),
        }

    @classmethod
    def load(cls, world: SimulatedWorld, data: dict[str, Any]) -> SimulatedNetwork:
        """The network that `dump` gave."""
        network = cls(world)
        network.time_us, network._draws, network._sequence = data["time_us"], data["draws"], data["sequence"]
        for place, chain in data["chains"].items():
            network.chains[place] = ChainState.load(world.chains[place], chain)
        for name, node in data["nodes"].items():
            network._nodes[name].load(node)
        network._events = [(at, seq, kind, node, _restored(what)) for at, seq, kind, node, what in data["events"]]
        network._arrived = [_restored(answer) for answer in data["arrived"]]
        network._trust.load(data.get("trust", {}))
        return network


_KINDS: dict[str, type[Value]] = {"Transaction": Transaction, "Receipt": Receipt, "Report": Report}


def _plain(what: Any) -> Any:
    if isinstance(what, Value):
        return {"kind": type(what).__name__, "value": what.to_wire()}
    return [_plain(item) for item in what] if isinstance(what, tuple) else what


def _restored(what: Any) -> Any:
    if isinstance(what, dict):
        return _KINDS[what["kind"]].from_wire(what["value"])
    return tuple(_restored(item) for item in what) if isinstance(what, list) else what
