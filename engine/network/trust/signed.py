"""What every signed message between nodes, challengers and the dispatcher has in common.

Guarantee: one message of one key has one spelling: Ed25519 (RFC 8032, deterministic) over the 32 bytes of
H(format, message without its signature). The format is the tag, so a message is worth nothing as one of another kind.

It does not know which key belongs to whom: that is the register of members, and whoever checks says which key it means.
"""

from __future__ import annotations

from typing import Any, Self

from engine.auction.sealed import Ed25519Signature, sign_digest, verify_digest
from intents.values import Value, content_hash

UNSIGNED = "0x" + "0" * 128
"""The signature of a message that nobody signed yet."""


class Signed(Value):
    """Base of signed messages; subclasses narrow `format` to their own tag."""

    format: str
    signature: Ed25519Signature = UNSIGNED

    @property
    def digest(self) -> str:
        """What is signed: the 32 bytes of this hash."""
        wire: dict[str, Any] = self.to_wire()
        del wire["signature"]
        return content_hash(self.format, wire)

    def signed(self, private_key: bytes) -> Self:
        """This message with the signature of an Ed25519 seed of 32 bytes."""
        return self.model_copy(update={"signature": sign_digest(private_key, self.digest)})

    def check(self, key: str) -> None:
        """Raise InputError `bad_signature` unless the key `ed25519:<hex>` signed it."""
        verify_digest(key, self.digest, self.signature)
