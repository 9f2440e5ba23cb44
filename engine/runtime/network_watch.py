"""What the auctioneer shows of its network: a standing for each auction, and nodes asked whether they are there.

Guarantees
1. A standing has what the dispatchers know and nothing else; it is stored in the transaction that posts a settlement.
2. `listen` is bounded: `ROUNDS` questions to each node, so it takes a fraction of a second however ill the network is.
   What it hears changes only what the dispatchers know of the nodes; answers that are false change nothing.

Between settlements nobody would notice that a node died; so it is asked before the next batch needs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from engine.network.dispatcher import Dispatcher
from engine.network.health.changes import Change
from engine.network.seen import SeenNetwork
from engine.network.standing import ChainStanding, MembershipChange, NetworkStanding, NodeStanding, State
from engine.network.state import NodeState
from engine.network.trust.receipts import Receipt
from engine.settlement.chains import Network
from engine.settlement.executor import Executor
from engine.settlement.observed import Counts, ObservedDispatchers
from engine.settlement.reports import Report, check_report
from intents.errors import InputError

ROUNDS, ROUND_US = 4, 4_000_000
"""Together longer than the silence after which a node counts as down, and each longer than any round trip."""

CHANGES = 10
"""Changes of membership of a chain that a standing has, the newest ones."""

STATES: tuple[State, ...] = get_args(State)
"""By the numbers of engine.network.health.membership: IN, RETURNING, OUT."""


class NetworkWatch:
    """Watches the dispatchers of one network. Not for several threads at once."""

    def __init__(
        self, executor: Executor, network: Network, dispatchers: ObservedDispatchers, seen: SeenNetwork
    ) -> None:
        self._executor = executor
        self._network = network
        self._dispatchers = dispatchers
        self._seen = seen

    def listen(self) -> None:
        """Ask every node for its report, and judge health by the answers. Raises what the executor raises."""
        for _ in range(ROUNDS):
            now_us = self._executor.now_us()
            for place, chain in self._network.chains.items():
                for node in chain.nodes:
                    self._executor.ask(place, node.name, (), now_us)
            answers = self._executor.poll(now_us + ROUND_US)
            now_us = self._executor.now_us()
            for answer in answers:
                self._hear(answer, now_us)
            for dispatcher in self._dispatchers.chains.values():
                dispatcher.advance(now_us)

    def standing(self, auction: int, at_ms: int) -> NetworkStanding:
        """How the network stands; what is counted per settlement begins anew after it."""
        now_us = self._executor.now_us()
        snapshot = self._seen.snapshot(now_us)
        nodes: dict[str, list[NodeState]] = {place: [] for place in snapshot.chains}
        for node in snapshot.nodes:
            nodes[node.chain].append(node)
        chains = {
            place: ChainStanding(
                delay=delay,
                nodes=_nodes(self._dispatchers.chains[place], nodes[place], self._dispatchers.counts[place]),
                changes=_changes(self._dispatchers.chains[place].changes.changes[-CHANGES:]),
            )
            for place, delay in snapshot.chains.items()
        }
        self._dispatchers.begin()
        return NetworkStanding(auction=auction, at_ms=at_ms, time_us=now_us, chains=chains)

    def _hear(self, answer: Receipt | Report, now_us: int) -> None:
        try:
            if isinstance(answer, Receipt):
                self._dispatchers.received(answer, now_us)
            elif answer.chain in self._network.chains:
                check_report(answer, self._network.chains[answer.chain])
                self._dispatchers.reported(answer, now_us)
        except InputError:
            return  # false: as if it had not come. Refused receipts are counted where they are refused


def _nodes(dispatcher: Dispatcher, nodes: Sequence[NodeState], counts: dict[str, Counts]) -> tuple[NodeStanding, ...]:
    out = [change.node for change in dispatcher.changes.changes if STATES[change.decision["state"]] == "out"]
    sight = dispatcher.sight
    return tuple(
        NodeStanding(
            id=node.id,
            operator=node.operator,
            region=node.region,
            health=node.health,
            stake_ppm=node.stake_ppm,
            planned_ppm=node.share_ppm,
            in_flight=node.load,
            busiest=counts[node.id].busiest,
            reported=int(sight.reported[i]),
            cap=int(sight.cap[i]),
            service_us=node.service_us,
            latency_us=int(sight.latency_us[i]),
            sent=counts[node.id].sent,
            sent_now=counts[node.id].sent_now,
            timeouts=counts[node.id].timeouts,
            refused=counts[node.id].refused,
            ejections=out.count(node.id),
        )
        for node in nodes
        for i in (dispatcher.names.index(node.id),)
    )


def _changes(changes: Sequence[Change]) -> tuple[MembershipChange, ...]:
    return tuple(
        MembershipChange(
            node=change.node,
            at_us=change.evidence["now_us"],
            state=STATES[change.decision["state"]],
            reason=change.reason,
        )
        for change in changes
    )
