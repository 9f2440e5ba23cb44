"""Sealed commitments: what a registered solver signs before the close, and the engine's request to reveal it.

Guarantees
1. A seal covers auction, problem, sequence number and commitment, under the solver's Ed25519 key, which is also the
   solver key of its bids' ids (docs/rules.md, section 7). One auction's seal is worth nothing in another.
2. `check_seal` is given the submission that is in the record: either nothing was revealed, or exactly what was sealed.
3. A request to reveal is signed by the engine, so that a solver tells nobody else what it bids.

It does not know when a seal came; that it came before the close is for who collects it (engine.runtime.remote).
"""

from __future__ import annotations

from typing import Annotated

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import Field

from engine.auction.solution import Count
from intents.errors import InputError
from intents.identifiers import Digest, Text
from intents.signing import ed25519_owner
from intents.values import Value, content_hash

PublicKey = Annotated[str, Field(pattern="^ed25519:[0-9a-f]{64}$")]
"""A solver's key: `ed25519:` and the 32 bytes in hex."""

Ed25519Signature = Annotated[str, Field(pattern="^0x[0-9a-f]{128}$")]


class Seal(Value):
    """A signed commitment. Of several in one auction the one with the greatest `sequence` counts and voids the others."""

    auction: Text
    problem: Digest
    sequence: Count
    commitment: Digest
    key: PublicKey
    signature: Ed25519Signature

    @property
    def digest(self) -> str:
        """What is signed: the 32 bytes of this hash."""
        return content_hash("clearway/seal/1", self.auction, self.problem, self.sequence, self.commitment)

    def check(self, auction: str, problem: str, key: str) -> None:
        """Raise InputError `wrong_auction`, `wrong_problem_hash`, `wrong_key` or `bad_signature`."""
        for code, expected, actual in (
            ("wrong_auction", auction, self.auction),
            ("wrong_problem_hash", problem, self.problem),
            ("wrong_key", key, self.key),
        ):
            if expected != actual:
                raise InputError(code, "", expected=expected, actual=actual)
        verify_digest(self.key, self.digest, self.signature)


class RevealRequest(Value):
    """The engine asks, after the close, for the solutions behind a seal."""

    auction: Text
    problem: Digest
    sequence: Count
    commitment: Digest
    engine: PublicKey
    signature: Ed25519Signature

    @classmethod
    def signed(cls, seal: Seal, engine_key: bytes) -> RevealRequest:
        """The request for a seal's solutions, signed with the engine's private key (32 bytes)."""
        stated = (seal.auction, seal.problem, seal.sequence, seal.commitment)
        signature = sign_digest(engine_key, content_hash("clearway/reveal-request/1", *stated))
        return cls(
            auction=seal.auction,
            problem=seal.problem,
            sequence=seal.sequence,
            commitment=seal.commitment,
            engine=ed25519_owner(engine_key),
            signature=signature,
        )


def sign_digest(private_key: bytes, digest: str) -> str:
    """Ed25519 over the 32 bytes of a hash `sha256:...`, as 0x and hex."""
    message = bytes.fromhex(digest.removeprefix("sha256:"))
    return "0x" + Ed25519PrivateKey.from_private_bytes(private_key).sign(message).hex()


def verify_digest(key: str, digest: str, signature: str) -> None:
    """Raise InputError `bad_signature` unless the key `ed25519:...` signed the 32 bytes of the hash."""
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.removeprefix("ed25519:")))
        public.verify(bytes.fromhex(signature.removeprefix("0x")), bytes.fromhex(digest.removeprefix("sha256:")))
    except (InvalidSignature, ValueError):
        expected = f"Ed25519 by {key} over the bytes of {digest}"
        raise InputError("bad_signature", "/signature", expected=expected, actual="another signature") from None


def check_seal(seal: Seal, auction: str, problem: str, revealed: str | None) -> None:
    """Raise InputError unless the seal is valid here and `revealed`, a commitment where there is one, is the sealed one."""
    seal.check(auction, problem, seal.key)
    if revealed is not None and revealed != seal.commitment:
        raise InputError("reveal_mismatch", "/commitment", expected=seal.commitment, actual=revealed)
