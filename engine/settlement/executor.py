"""The outside, as the coordinator sees it: chains that take transactions and nodes that say what they see.

An executor guarantees little: a send may be lost, an answer may be late, false or never come. Two things it must do:
a chain takes a transaction id at most once into its history, and none after its `due_us`.

Nodes that sign for themselves also send heartbeats unasked, and measure each other where asked to. EVM nodes do not, and
`signs` says so: what they have is asked of them (`ask`), and their distance is the stated one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.network.trust.heartbeats import Heartbeat
from engine.network.trust.probes import Measurement
from engine.network.trust.receipts import Receipt
from engine.settlement.plan import Transaction
from engine.settlement.reports import Report

Answer = Receipt | Report | Heartbeat | Measurement
"""What a node may say. Everything is signed, and nothing of it is checked yet."""


class Executor(Protocol):
    """Chains and their nodes. Times are microseconds of the chains' clock, which `now_us` tells."""

    def now_us(self) -> int:
        """The time."""

    def send(self, transaction: Transaction, node: str, sequence: int, at_us: int) -> None:
        """Hand a transaction to a node; `sequence` is the send's number, which the node's receipt repeats."""

    def ask(self, chain: str, node: str, transactions: Sequence[str], at_us: int) -> None:
        """Ask a node what it sees of transactions of its chain."""

    def signs(self, chain: str) -> bool:
        """Whether the chain's nodes sign heartbeats and measurements."""

    def probe(self, challenger: str, node: str, seed: str, at_us: int) -> None:
        """Ask a challenger to measure a node, both by `member_id`, in the round of that seed."""

    def poll(self, until_us: int) -> list[Answer]:
        """What came by then. Waits for that time, or moves it there."""
