"""Dispatchers that count what each node did, for those who watch. A Chooser (engine.settlement.dispatch).

It chooses nothing itself and changes no choice. A message counts as refused for the node in whose name it came, which a
forger may have made up; names that are no node's count for nobody, so there are as many counts as nodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.network.dispatcher import Dispatcher
from engine.network.health.admission import Admission, Klass
from engine.network.health.changes import Change
from engine.network.remembered import NetworkMemory
from engine.network.shares import Shares
from engine.network.trust.dispatch_log import Choice
from engine.network.trust.heartbeats import Heartbeat
from engine.network.trust.receipts import Receipt
from engine.network.trust.rounds import Delay, Round, RoundBook
from engine.settlement.choosing import ChainDispatchers
from engine.settlement.plan import Plan, Transaction
from engine.settlement.progress import Progress
from engine.settlement.reports import Report
from intents.errors import InputError


@dataclass(slots=True)
class Counts:
    """Of one node. `sent_now` and `busiest` begin anew with each settlement."""

    sent: int = 0
    sent_now: int = 0
    busiest: int = 0
    timeouts: int = 0
    refused: int = 0
    beats: int = 0


class ObservedDispatchers:
    """Dispatchers and, in `counts`, what each node of each chain did."""

    def __init__(self, dispatchers: ChainDispatchers) -> None:
        self._dispatchers = dispatchers
        self.counts = {
            place: {name: Counts() for name in dispatcher.names} for place, dispatcher in dispatchers.chains.items()
        }

    @property
    def chains(self) -> dict[str, Dispatcher]:
        """The dispatchers by chain."""
        return self._dispatchers.chains

    def begin(self) -> None:
        """Another settlement is to be counted."""
        for nodes in self.counts.values():
            for counts in nodes.values():
                counts.sent_now = counts.busiest = 0

    def prepare(self, plan: Plan, progress: Progress, now_us: int) -> tuple[Shares, ...]:
        """A plan is begun, or gone on with from there; what the choices to come are bound to."""
        return self._dispatchers.prepare(plan, progress, now_us)

    def choose(
        self, transaction: Transaction, attempt: int, avoid: frozenset[str], now_us: int
    ) -> tuple[str | None, Choice | None]:
        """The chain's dispatcher's choice."""
        return self._dispatchers.choose(transaction, attempt, avoid, now_us)

    def admit(self, transaction: Transaction, attempt: int, klass: Klass, now_us: int) -> Admission:
        """The chain's dispatcher's verdict."""
        return self._dispatchers.admit(transaction, attempt, klass, now_us)

    def held(self, transaction: Transaction) -> None:
        """What was asked for it last was a refusal, and it waits."""
        self._dispatchers.held(transaction)

    def sent(self, transaction: Transaction, node: str, now_us: int) -> int:
        """A transaction goes to the node; the sequence number that its receipt has to repeat."""
        sequence = self._dispatchers.sent(transaction, node, now_us)
        counts, dispatcher = self.counts[transaction.chain][node], self.chains[transaction.chain]
        counts.sent += 1
        counts.sent_now += 1
        counts.busiest = max(counts.busiest, int(dispatcher.sight.own[dispatcher.names.index(node)]))
        return sequence

    def received(self, receipt: Receipt, now_us: int) -> None:
        """A receipt came. Raises InputError where it does not count."""
        try:
            self._dispatchers.received(receipt, now_us)
        except InputError:
            self.refused(receipt.chain, receipt.node)
            raise

    def heard(self, heartbeat: Heartbeat, now_us: int) -> None:
        """A heartbeat came. Raises InputError where it does not count."""
        try:
            self._dispatchers.heard(heartbeat, now_us)
        except InputError:
            self.refused(heartbeat.chain, heartbeat.node)
            raise
        self.counts[heartbeat.chain][heartbeat.node].beats += 1

    @property
    def rounds(self) -> dict[str, Round]:
        """The newest round of probes by chain."""
        return self._dispatchers.rounds

    def delays(self, chain: str) -> tuple[Delay, ...]:
        """What is known of the delays of a chain's nodes, in order."""
        return self._dispatchers.delays(chain)

    def measured(self, book: RoundBook) -> None:
        """A round of probes is over."""
        self._dispatchers.measured(book)

    def remembered(self) -> NetworkMemory:
        """All that was learnt."""
        return self._dispatchers.remembered()

    def restore(self, memory: NetworkMemory, changes: Mapping[str, Sequence[Change]]) -> frozenset[str]:
        """Go on from what was remembered; the chains for which it was taken."""
        return self._dispatchers.restore(memory, changes)

    def refused(self, chain: str, node: str) -> None:
        """A message in the node's name did not count."""
        counts = self.counts.get(chain, {}).get(node)
        if counts is not None:
            counts.refused += 1

    def silent(self, chain: str, now_us: int) -> tuple[str, ...]:
        """The chain's nodes that are to be asked for a sign of life."""
        return self._dispatchers.silent(chain, now_us)

    def reported(self, report: Report, now_us: int) -> bool:
        """A report came whose signature was checked. Whether it is a sign of life; a repeated one is none."""
        counts = self._dispatchers.reported(report, now_us)
        if not counts:
            self.refused(report.chain, report.node)
        return counts

    def timed_out(self, transaction: Transaction, node: str, sequence: int, now_us: int) -> None:
        """The node did not bring the transaction onto the chain in time."""
        self._dispatchers.timed_out(transaction, node, sequence, now_us)
        self.counts[transaction.chain][node].timeouts += 1
