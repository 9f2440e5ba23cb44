"""Checkpoints (C2SP tlog-checkpoint): the log's own signed word for how many entries it has and under which root.

    origin
    size
    base64 of the root
    (extension lines)

A checkpoint is worth what keeping it is worth: who has one can show that a later log does not begin with it.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import NamedTuple, NoReturn

from engine.audit.log.merkle import HASH_BYTES
from engine.audit.log.notes import Note, SignerKey, VerifierKey, from_base64, open_note, read_note, sign_note
from intents.errors import InputError

MOST_SIZE = 2**63 - 1


class Checkpoint(NamedTuple):
    """A tree's head. `extensions` are opaque lines."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def body(self) -> str:
        """The text that is signed."""
        lines = (self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    def signed(self, key: SignerKey) -> Note:
        """With the log's signature."""
        return Note(self.body, (sign_note(self.body, key),))


def read_checkpoint(note: Note) -> Checkpoint:
    """What a note's text says; its signatures are not looked at. Raises InputError `bad_checkpoint`."""
    lines = note.text.removesuffix("\n").split("\n")
    if len(lines) < 3 or not all(lines):
        _refuse("origin, size and root, no line empty", f"{note.text[:80]!r}")
    origin, size, root, *extensions = lines
    decoded = from_base64(root)
    if decoded is None or len(decoded) != HASH_BYTES:
        _refuse(f"a root of {HASH_BYTES} bytes in base64", root[:80])
    return Checkpoint(origin, read_count(size), decoded, tuple(extensions))


def open_checkpoint(data: bytes | str | Note, origin: str, keys: Sequence[VerifierKey]) -> Checkpoint:
    """The checkpoint of a log that one of its keys signed.

    Raises InputError `bad_note`, `bad_signature`, `no_known_signature`, `bad_checkpoint`, `wrong_origin`.
    """
    note = data if isinstance(data, Note) else read_note(data)
    open_note(note, keys)
    checkpoint = read_checkpoint(note)
    if checkpoint.origin != origin:
        raise InputError("wrong_origin", "/origin", expected=origin, actual=checkpoint.origin)
    return checkpoint


def read_count(text: str) -> int:
    """A number in shortest ASCII digits. Raises InputError `bad_checkpoint`."""
    if not (text.isascii() and text.isdecimal()) or (text[0] == "0" and text != "0") or len(text) > 19:
        _refuse("a number without leading zeroes", text[:40])
    if int(text) > MOST_SIZE:
        _refuse(f"at most {MOST_SIZE}", text)
    return int(text)


def _refuse(expected: str, actual: str) -> NoReturn:
    raise InputError("bad_checkpoint", "", expected=expected, actual=actual)
