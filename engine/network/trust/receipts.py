"""A node's signed receipt: what became of one transaction that was sent to it.

Guarantees
1. A receipt answers one send: `sequence` is the number that the dispatcher gave the send. Chain, node, transaction and
   sequence are signed, so a receipt is worth nothing for another send, and a node cannot sign for another.
2. One receipt of one key has one spelling: Ed25519 (RFC 8032, deterministic) over the 32 bytes of
   H("clearway/node-receipt/1", receipt without its signature).

It does not show that the transaction is on the chain: who needs that reads the chain. It is what load counts by (own
sends less signed receipts), so a node can only make itself look busier than it is, by keeping receipts back.
When a receipt counts is `engine.network.trust.receipt_book`'s question. Times are integer microseconds.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from engine.auction.sealed import Ed25519Signature, sign_digest, verify_digest
from engine.auction.solution import Count
from intents.identifiers import Digest, PlaceId, Text
from intents.values import Amount, Value, content_hash

Status = Literal["landed", "reverted", "refused"]
"""`landed`: in a block and executed. `reverted`: in a block, no effect but gas. `refused`: the node will not send it."""

_UNSIGNED = "0x" + "0" * 128


class Receipt(Value):
    """What a node says became of a transaction. `gas` is units burnt; `height` is the block's, 0 where `refused`.

    `at_us` is the node's clock when it signed. Build one with `sign_receipt`; believe one after `check`.
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
    signature: Ed25519Signature = _UNSIGNED

    @property
    def digest(self) -> str:
        """What is signed: the 32 bytes of this hash."""
        wire: dict[str, Any] = self.to_wire()
        del wire["signature"]
        return content_hash("clearway/node-receipt/1", wire)

    def check(self, key: str) -> None:
        """Raise InputError `bad_signature` unless the key `ed25519:...`, registered for the node, signed it."""
        verify_digest(key, self.digest, self.signature)


def sign_receipt(receipt: Receipt, private_key: bytes) -> Receipt:
    """The receipt with the signature of the node's Ed25519 seed of 32 bytes; what signature it had does not matter."""
    return receipt.model_copy(update={"signature": sign_digest(private_key, receipt.digest)})
