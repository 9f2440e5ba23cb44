"""What the auctioneer shows of its network: a standing for each auction; and how it listens to the nodes in between.

Guarantees
1. A standing has what the dispatchers know and nothing else; it is stored in the transaction that posts a settlement, and
   so is what they know (engine.runtime.network_keeping), which is stored again when listening is over.
2. `listen` is bounded: `ROUNDS` waits, so it takes a fraction of a second however ill the network is. What it hears
   changes only what the dispatchers know of the nodes; answers that are false change nothing but a count.
3. A round of probes is drawn from the hash of a settlement that is stored already (`Logged`), and is over when `listen` is.

Nodes that sign heartbeats are asked only where none came; the others, and those that are silent, are asked for a report:
between settlements nobody would notice that a node died.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, get_args

from engine.network.health.changes import Change
from engine.network.seen import SeenNetwork
from engine.network.standing import ChainStanding, MembershipChange, NetworkStanding, NodeStanding, State
from engine.network.state import NodeState
from engine.network.trust.heartbeats import Heartbeat
from engine.network.trust.probes import Measurement
from engine.network.trust.receipts import Receipt
from engine.network.trust.rounds import RoundBook
from engine.runtime.network_keeping import NetworkKeeper
from engine.settlement.chains import Network
from engine.settlement.executor import Answer, Executor
from engine.settlement.observed import ObservedDispatchers
from engine.settlement.reports import Report, check_report
from engine.store.database import Database
from engine.store.work import Work
from intents.errors import InputError

ROUNDS, ROUND_US = 3, 4_000_000
"""Together longer than the silence after which a node counts as down, and each longer than any round trip."""

CHANGES = 10
"""Changes of membership of a chain that a standing has, the newest ones."""

STATES: tuple[State, ...] = get_args(State)
"""By the numbers of engine.network.health.membership: IN, RETURNING, OUT."""


class Logged(NamedTuple):
    """A settlement that is stored: the auction's number, and its record's hash, which covers all that went before it."""

    number: int
    root: str


class NetworkWatch:
    """Watches the dispatchers of one network. Not for several threads at once."""

    def __init__(
        self, executor: Executor, network: Network, dispatchers: ObservedDispatchers, seen: SeenNetwork
    ) -> None:
        self._executor = executor
        self._network = network
        self._dispatchers = dispatchers
        self._seen = seen
        self.keeper = NetworkKeeper(dispatchers)

    def resume(self, database: Database) -> None:
        """A term begins: know what was stored last, and how late it is at the nodes, which another may have sent to since.

        Raises what the executor and the store raise.
        """
        self.keeper.restore(database)
        answers = self._executor.poll(self._executor.now_us())
        for answer in answers:
            self._hear(answer, None, self._executor.now_us())

    def between(self, database: Database, guard: Callable[[Work], None]) -> None:
        """Listen after an auction, and store what was learnt; `guard` runs in that transaction.

        Raises what the executor, the store and the guard raise.
        """
        with database.reading() as work:
            newest = work.settlements.newest()
        self.listen(None if newest is None else Logged(*newest))
        with database.transaction() as work:
            guard(work)
            self.keeper.keep(work)

    def listen(self, logged: Logged | None = None) -> None:
        """Hear what nodes say of themselves and, with a settlement that is stored, of each other; judge health by it.

        Raises what the executor raises.
        """
        for place in self._signing():
            self._dispatchers.chains[place].expect_beats()
        book = None if logged is None else self._probed(logged)
        for _ in range(ROUNDS):
            now_us = self._executor.now_us()
            for place, chain in self._network.chains.items():
                silent = self._dispatchers.silent(place, now_us)
                for node in chain.nodes:
                    if node.name in silent or not self._executor.signs(place):
                        self._executor.ask(place, node.name, (), now_us)
            answers = self._executor.poll(now_us + ROUND_US)
            now_us = self._executor.now_us()
            for answer in answers:
                self._hear(answer, book, now_us)
            for dispatcher in self._dispatchers.chains.values():
                dispatcher.advance(now_us)
        if book is not None:
            self._dispatchers.measured(book)

    def _probed(self, logged: Logged) -> RoundBook:
        """The round that follows from a stored settlement, asked for."""
        before = {place: self._dispatchers.delays(place) for place in self._signing()}
        book = RoundBook(self._network.ground, logged.root, logged.number, before)
        now_us = self._executor.now_us()
        for challenger, node in book.pairs:
            self._executor.probe(challenger, node, book.seed, now_us)
        return book

    def _signing(self) -> list[str]:
        """Chains whose nodes sign heartbeats and measurements."""
        return [place for place in self._network.chains if self._executor.signs(place)]

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
                nodes=_nodes(self._dispatchers, place, nodes[place]),
                heartbeats=self._executor.signs(place),
                round=self._dispatchers.rounds.get(place),
                changes=_changes(self._dispatchers.chains[place].changes.changes[-CHANGES:]),
            )
            for place, delay in snapshot.chains.items()
        }
        self._dispatchers.begin()
        return NetworkStanding(auction=auction, at_ms=at_ms, time_us=now_us, chains=chains)

    def _hear(self, answer: Answer, book: RoundBook | None, now_us: int) -> None:
        try:
            if isinstance(answer, Receipt):
                self._dispatchers.received(answer, now_us)
            elif isinstance(answer, Heartbeat):
                self._dispatchers.heard(answer, now_us)
            elif isinstance(answer, Measurement):
                self._measured(answer, book)
            elif answer.chain in self._network.chains:
                self._reported(answer, now_us)
        except InputError:
            return  # false: as if it had not come. It is counted where it is refused

    def _reported(self, report: Report, now_us: int) -> None:
        """A report. Raises InputError where it is not its node's."""
        try:
            check_report(report, self._network.chains[report.chain])
        except InputError:
            self._dispatchers.refused(report.chain, report.node)
            raise
        self._dispatchers.reported(report, now_us)

    def _measured(self, measurement: Measurement, book: RoundBook | None) -> None:
        """Take it into the open round. Raises InputError where it does not count."""
        place, _, node = measurement.challenger.partition("/")
        if book is None:
            self._dispatchers.refused(place, node)
            return
        try:
            book.receive(measurement)
        except InputError:
            self._dispatchers.refused(place, node)
            raise


def _nodes(dispatchers: ObservedDispatchers, place: str, nodes: Sequence[NodeState]) -> tuple[NodeStanding, ...]:
    dispatcher, counts = dispatchers.chains[place], dispatchers.counts[place]
    made = dispatchers.rounds.get(place)
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
            rtt_us=int(sight.rtt_us[:, i].min()),
            delay_us=0 if made is None else made.after[i].used_us,
            beats=counts[node.id].beats,
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
