"""The plain way to choose nodes: fewest of our own sends in flight, by signed receipts.

A policy with a memory of latencies and shares is engine.network.dispatcher's; this one needs nothing but the receipts.
"""

from __future__ import annotations

import hashlib

from engine.network.trust.dispatch_log import Choice
from engine.network.trust.receipts import Receipt, ReceiptBook, Send
from engine.settlement.chains import Network
from engine.settlement.plan import Transaction

WINDOW_US = 60_000_000
"""How long after its send a receipt counts."""

SKEW_US = 1_000_000
"""How far nodes' clocks may be off."""


class LeastInFlight:
    """A chooser (engine.settlement.dispatch). Ties are broken by a hash of transaction and node, so load spreads."""

    def __init__(self, network: Network) -> None:
        self._chains = network.chains
        keys = {node.name: node.key for chain in network.chains.values() for node in chain.nodes}
        self._book = ReceiptBook(keys, window_us=WINDOW_US, skew_us=SKEW_US)

    def choose(
        self, transaction: Transaction, attempt: int, avoid: frozenset[str], now_us: int
    ) -> tuple[str | None, Choice | None]:
        """The least loaded node that is not avoided."""

        def load(node: str) -> tuple[int, bytes]:
            return self._book.in_flight(node), hashlib.sha256(f"{transaction.id} {node}".encode()).digest()

        names = [node.name for node in self._chains[transaction.chain].nodes if node.name not in avoid]
        return min(names, key=load, default=None), None

    def sent(self, transaction: Transaction, node: str, now_us: int) -> int:
        """Count a send; its sequence number."""
        for _ in self._book.lost(now_us):
            pass  # closing them is all
        return self._book.send(Send(node, transaction.chain, transaction.id, now_us))

    def received(self, receipt: Receipt, now_us: int) -> None:
        """Count a receipt. Raises InputError where it does not count."""
        self._book.receive(receipt, now_us)

    def timed_out(self, transaction: Transaction, node: str, sequence: int, now_us: int) -> None:
        """Nothing: the send stays in flight until its window is over, so that a silent node is not chosen soon again."""
