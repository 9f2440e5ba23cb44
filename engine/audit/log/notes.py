"""Signed notes (C2SP signed-note): text that keys signed, read strictly, opened only by keys that are known.

    text lines, blank line, then for each signature: em dash, space, key name, space, base64(key id 4 bytes || signature)

Guarantees
1. `open_note` gives the text only if at least one known key signed it; a signature that claims a known key and is not its
   own refuses the whole note. Signatures of unknown keys are ignored.
2. A verifier key whose text does not say its own id, or another algorithm, is refused.

Kinds of signature: 1 is Ed25519 over the text; 4 is a witness's cosignature (engine.audit.log.cosignatures). Others
(ML-DSA-44, kind 6) are unknown keys here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from intents.errors import InputError

NOTE, COSIGNATURE = 1, 4

MOST_SIGNATURES = 100
"""Signatures in one note, at most; the format asks for at least 16."""

_NAME = re.compile(r"[^\s+]+\Z")
_LINE = re.compile("\u2014 ([^\\s+]+) (\\S+)\\Z")


class Signature(NamedTuple):
    """One signature line: who, with which key, and the bytes."""

    name: str
    key_id: bytes
    blob: bytes

    @property
    def line(self) -> str:
        """As it stands in a note."""
        return f"\u2014 {self.name} {base64.b64encode(self.key_id + self.blob).decode()}\n"


class Note(NamedTuple):
    """A note that nobody has verified yet: `text` ends in a newline."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return f"{self.text}\n{''.join(each.line for each in self.signatures)}"


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public Ed25519 key that signs notes (`kind` 1) or cosigns checkpoints (`kind` 4) under a name."""

    name: str
    public: bytes
    kind: int = NOTE

    @property
    def key_id(self) -> bytes:
        """The first 4 bytes of SHA-256(name, newline, kind, key)."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """From `name+id in hex+base64(kind || key)`. Raises InputError `bad_verifier_key`."""
        parts = text.split("+", 2)
        if len(parts) != 3 or not _NAME.match(parts[0]):
            _bad_key("name+id+key", text)
        name, key_id, encoded = parts
        material = from_base64(encoded)
        if material is None or len(material) != 33 or material[0] not in {NOTE, COSIGNATURE}:
            _bad_key("an Ed25519 key of 32 bytes of kind 1 or 4", text)
        key = cls(name, material[1:], material[0])
        if key.key_id.hex() != key_id:
            _bad_key(f"the id {key.key_id.hex()}", text)
        return key

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether the key signed the message."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class SignerKey:
    """A private key with its name. Never printed."""

    name: str
    private: bytes
    kind: int = NOTE

    @property
    def verifier(self) -> VerifierKey:
        """Its public side."""
        public = Ed25519PrivateKey.from_private_bytes(self.private).public_key().public_bytes_raw()
        return VerifierKey(self.name, public, self.kind)

    def sign(self, message: bytes) -> bytes:
        """Ed25519 over the message."""
        return Ed25519PrivateKey.from_private_bytes(self.private).sign(message)

    def __repr__(self) -> str:
        return f"SignerKey({self.verifier})"


def sign_note(text: str, key: SignerKey) -> Signature:
    """The signature of a text by a key of kind 1."""
    return Signature(key.name, key.verifier.key_id, key.sign(text.encode()))


def read_note(data: bytes | str) -> Note:
    """A note and its signatures, none of them verified. Raises InputError `bad_note`."""
    try:
        whole = data if isinstance(data, str) else data.decode()
        whole.encode()
    except UnicodeError:
        _bad_note("UTF-8", "other bytes")
    if any(ord(character) < 32 and character != "\n" for character in whole):
        _bad_note("no control characters but newlines", "another one")
    text, blank, rest = whole.rpartition("\n\n")
    if not blank or not rest.endswith("\n"):
        _bad_note("a text, a blank line, and signature lines", f"{whole[-60:]!r}")
    lines = rest.removesuffix("\n").split("\n")
    if len(lines) > MOST_SIGNATURES:
        _bad_note(f"at most {MOST_SIGNATURES} signatures", str(len(lines)))
    return Note(text + "\n", tuple(read_signature(line) for line in lines))


def read_signature(line: str) -> Signature:
    """One signature line, without its newline. Raises InputError `bad_note`."""
    found = _LINE.match(line)
    blob = None if found is None else from_base64(found[2])
    if found is None or blob is None or len(blob) < 5:
        _bad_note("em dash, key name and signature", repr(line[:80]))
    return Signature(found[1], blob[:4], blob[4:])


Check = Callable[[VerifierKey, str, bytes], bool]
"""Whether a key's signature of a text is good."""


def over_text(key: VerifierKey, text: str, blob: bytes) -> bool:
    """Kind 1: the signature is over the text."""
    return key.verify(text.encode(), blob)


def open_note(note: Note, keys: Sequence[VerifierKey], check: Check = over_text) -> tuple[VerifierKey, ...]:
    """The known keys that signed. Raises InputError `bad_signature`, or `no_known_signature` where there is none."""
    known = {(key.name, key.key_id): key for key in keys}
    signed: list[VerifierKey] = []
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None or key in signed:
            continue
        if not check(key, note.text, signature.blob):
            raise InputError("bad_signature", "/signatures", expected=f"a signature by {key}", actual="another")
        signed.append(key)
    if not signed:
        expected = " or ".join(str(key) for key in keys)
        actual = ", ".join(each.name for each in note.signatures)
        raise InputError("no_known_signature", "/signatures", expected=expected, actual=actual)
    return tuple(signed)


def from_base64(text: str) -> bytes | None:
    """The bytes of a base64 text, with its padding; None where it is none."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None  # one text for one value


def _bad_key(expected: str, actual: str) -> NoReturn:
    raise InputError("bad_verifier_key", "", expected=expected, actual=actual[:120])


def _bad_note(expected: str, actual: str) -> NoReturn:
    raise InputError("bad_note", "", expected=expected, actual=actual)
