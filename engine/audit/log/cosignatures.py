"""Cosignatures of witnesses (C2SP tlog-cosignature, Ed25519): seen at this time, and consistent with all seen before.

Signed is `cosignature/v1`, `time T` (seconds since 1970), then the checkpoint's text. The signature line holds T in 8 bytes,
big-endian, before the 64 of the signature. A cosignature does not say that the entries are true or complete, only that its
witness has seen one history.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.audit.log.notes import COSIGNATURE, Note, Signature, SignerKey, VerifierKey
from intents.errors import InputError

TIME_BYTES = 8
BLOB_BYTES = TIME_BYTES + 64


def cosign(note: Note, key: SignerKey, time_seconds: int) -> Signature:
    """A witness's line under a checkpoint."""
    signature = key.sign(_message(note.text, time_seconds))
    return Signature(key.name, key.verifier.key_id, time_seconds.to_bytes(TIME_BYTES, "big") + signature)


def witnessed(note: Note, witnesses: Sequence[VerifierKey], quorum: int) -> dict[str, int]:
    """By name of each known witness that cosigned: when, in seconds since 1970.

    Raises InputError `bad_signature`, or `too_few_witnesses` where fewer than `quorum` did.
    """
    known = {(key.name, key.key_id): key for key in witnesses if key.kind == COSIGNATURE}
    seen: dict[str, int] = {}
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        time_seconds = int.from_bytes(signature.blob[:TIME_BYTES], "big")
        good = len(signature.blob) == BLOB_BYTES and time_seconds < 2**63
        if not good or not key.verify(_message(note.text, time_seconds), signature.blob[TIME_BYTES:]):
            raise InputError("bad_signature", "/signatures", expected=f"a cosignature by {key}", actual="another")
        seen[key.name] = max(seen.get(key.name, 0), time_seconds)
    if len(seen) < quorum:
        expected = f"{quorum} of {', '.join(key.name for key in known.values())}"
        raise InputError("too_few_witnesses", "/signatures", expected=expected, actual=", ".join(seen) or "none")
    return seen


def _message(text: str, time_seconds: int) -> bytes:
    return f"cosignature/v1\ntime {time_seconds}\n{text}".encode()
