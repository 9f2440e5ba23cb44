"""A node's signed receipt: what became of one transaction that was sent to it.

Guarantees
1. A receipt answers one send: `sequence` is the number that the dispatcher gave the send. Chain, node, transaction and
   sequence are signed, so a receipt is worth nothing for another send, and a node cannot sign for another.
2. `ReceiptBook` counts a send's receipt once, only while its window is open, only from the node it was sent to. So a
   node's load, sends less receipts, cannot be made smaller than the work it has answered for.

It does not show that the transaction is on the chain: who needs that reads the chain. By keeping receipts back a node
can only look busier than it is, until its window closes and the send counts as lost. Times are integer microseconds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from pydantic import Field

from engine.auction.solution import Count
from engine.network.trust.signed import Signed
from intents.errors import InputError
from intents.identifiers import Digest, PlaceId, Text
from intents.values import Amount

Status = Literal["landed", "reverted", "refused"]
"""`landed`: in a block and executed. `reverted`: in a block, no effect but gas. `refused`: the node will not send it."""


class Receipt(Signed):
    """What a node says became of a transaction. `gas` is units burnt; `height` is the block's, 0 where `refused`.

    `at_us` is the moment it signed, by its clock. Make one with `Receipt(...).signed(private_key)`.
    """

    format: Literal["clearway/node-receipt/1"] = "clearway/node-receipt/1"
    node: Text
    chain: PlaceId
    transaction: Digest
    sequence: Count
    status: Status
    height: Count = 0
    gas: Amount = 0
    at_us: int = Field(ge=0, lt=2**53)


class Send(NamedTuple):
    """One send: to which node, what, when by the dispatcher's clock."""

    node: str
    chain: str
    transaction: str
    at_us: int


class ReceiptBook:
    """Sends that wait for their receipt, by sequence.

    `keys`: the registered key of each node. `window_us`: how long after its send a receipt counts. `skew_us`: how far a
    node's clock may be ahead or behind.
    """

    def __init__(self, keys: Mapping[str, str], *, window_us: int, skew_us: int) -> None:
        self._keys = keys
        self._window_us = window_us
        self._skew_us = skew_us
        self._open: dict[int, Send] = {}
        self._next = 0
        self._in_flight: dict[str, int] = {}

    def send(self, send: Send) -> int:
        """Note a send; its sequence number. Raises InputError `unknown_node`."""
        if send.node not in self._keys:
            raise InputError("unknown_node", "/node", expected="a registered node", actual=send.node)
        sequence, self._next = self._next, self._next + 1
        self._open[sequence] = send
        self._in_flight[send.node] = self._in_flight.get(send.node, 0) + 1
        return sequence

    @property
    def sends(self) -> int:
        """How many sends there were in all."""
        return self._next

    @property
    def open(self) -> Mapping[int, Send]:
        """Sends that are neither answered nor lost, by sequence."""
        return self._open

    def restore(self, open_sends: Mapping[int, Send], sequence: int) -> None:
        """Go on with these sends; the next gets this number or a later one."""
        self._open = dict(open_sends)
        self._in_flight = dict(Counter(send.node for send in self._open.values()))
        self.skip(sequence)

    def skip(self, sequence: int) -> None:
        """Numbers below this one were given: the next send gets none of them."""
        self._next = max(self._next, sequence)

    def in_flight(self, node: str) -> int:
        """Sends to the node that are neither answered nor lost."""
        return self._in_flight.get(node, 0)

    def receive(self, receipt: Receipt, now_us: int) -> Send:
        """Count a receipt; the send that it answers.

        Raises InputError, and changes nothing: `unknown_node`, `bad_signature`, `unknown_send` (a number not given yet),
        `replayed_receipt` (answered or lost before), `wrong_receipt` (another node, chain or transaction), `late_receipt`,
        `receipt_time` (signed before the send or after now, beyond the skew).
        """
        key = self._keys.get(receipt.node)
        if key is None:
            raise InputError("unknown_node", "/node", expected="a registered node", actual=receipt.node)
        receipt.check(key)
        send = self._open.get(receipt.sequence)
        if send is None:
            code = "replayed_receipt" if receipt.sequence < self._next else "unknown_send"
            raise InputError(code, "/sequence", expected="a send that waits", actual=str(receipt.sequence))
        stated = (receipt.node, receipt.chain, receipt.transaction)
        if stated != send[:3]:
            raise InputError("wrong_receipt", "", expected=" ".join(send[:3]), actual=" ".join(stated))
        if now_us > send.at_us + self._window_us:
            latest = f"by {send.at_us + self._window_us} us"
            raise InputError("late_receipt", "/at_us", expected=latest, actual=f"{now_us} us")
        if not send.at_us - self._skew_us <= receipt.at_us <= now_us + self._skew_us:
            span = f"{send.at_us} to {now_us} us, give or take {self._skew_us}"
            raise InputError("receipt_time", "/at_us", expected=span, actual=f"{receipt.at_us} us")
        self._close(receipt.sequence)
        return send

    def lost(self, now_us: int) -> Iterator[tuple[int, Send]]:
        """Close the sends whose window is over, each once, in order of sequence."""
        for sequence, send in list(self._open.items()):
            if now_us > send.at_us + self._window_us:
                self._close(sequence)
                yield sequence, send

    def _close(self, sequence: int) -> None:
        self._in_flight[self._open.pop(sequence).node] -= 1
