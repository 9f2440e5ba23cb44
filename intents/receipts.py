"""What the engine promises when it accepts an intent: a signed receipt that anybody can hold it to.

Guarantees
1. A receipt names the intent, the moment of acceptance (engine's clock, unix milliseconds) and `latest_auction`: while the
   intent is open and valid, it is part of an auction of that number or of an earlier one. The record of
   `latest_auction`, and those before it, show whether the promise was kept.
2. One receipt of one key has one spelling: Ed25519 (RFC 8032, deterministic) over the RFC 8785 bytes of
   ["clearway/receipt/1", receipt without `signature`].

It promises no fill, and does not say whether the key is really the engine's: that is for who publishes the key.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import Field

from intents.errors import InputError
from intents.identifiers import Bytes32, OwnerId
from intents.signing import ed25519_owner
from intents.values import Value, canonical_bytes

_FORMAT: Literal["clearway/receipt/1"] = "clearway/receipt/1"


class Receipt(Value):
    """Acceptance of an intent. `engine` is the signing key as `ed25519:<hex>`, `signature` 64 bytes of hex with 0x."""

    format: Literal["clearway/receipt/1"] = _FORMAT
    intent: Bytes32
    accepted_ms: int = Field(ge=0, lt=2**53)
    latest_auction: int = Field(ge=0, lt=2**53)
    deployment_salt: Bytes32
    engine: OwnerId
    signature: str = Field(default="", pattern="^(0x[0-9a-f]{128})?$")


def sign_receipt(
    intent: str, *, accepted_ms: int, latest_auction: int, deployment_salt: str, private_key: bytes
) -> bytes:
    """A receipt's RFC 8785 bytes, signed with the engine's Ed25519 seed of 32 bytes. Raises InputError `bad_key`.

    What it says is taken as it is: the caller has read the intent's id and the salt already.
    """
    key, engine = _signer(private_key)
    # In RFC 8785's order, all of it ASCII: the general way of making canonical bytes takes as long as the signature.
    said = {
        "accepted_ms": accepted_ms,
        "deployment_salt": deployment_salt,
        "engine": engine,
        "format": _FORMAT,
        "intent": intent,
        "latest_auction": latest_auction,
    }
    unsigned = json.dumps(said, separators=(",", ":"))
    signature = key.sign(f'["{_FORMAT}",{unsigned}]'.encode())
    return f'{unsigned[:-1]},"signature":"0x{signature.hex()}"}}'.encode()


def verify_receipt(receipt: Receipt, engine: str) -> None:
    """Raise InputError `bad_receipt` unless the engine with this key (`ed25519:<hex>`) signed it."""
    if receipt.engine != engine:
        raise InputError("bad_receipt", "/engine", expected=engine, actual=receipt.engine)
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(engine.removeprefix("ed25519:")))
        key.verify(bytes.fromhex(receipt.signature[2:]), _signed_bytes(receipt))
    except (InvalidSignature, ValueError):
        expected = f"a signature of {engine}"
        raise InputError("bad_receipt", "/signature", expected=expected, actual=receipt.signature) from None


@lru_cache(maxsize=1)
def _signer(private_key: bytes) -> tuple[Ed25519PrivateKey, str]:
    # An engine signs every receipt with one key, and making its public half costs as much as a signature.
    engine = ed25519_owner(private_key)
    return Ed25519PrivateKey.from_private_bytes(private_key), engine


def _signed_bytes(receipt: Receipt) -> bytes:
    wire: dict[str, Any] = receipt.to_wire()
    return canonical_bytes([_FORMAT, {name: wire[name] for name in wire if name != "signature"}])
