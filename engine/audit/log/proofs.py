"""Proofs in one file (C2SP tlog-proof): an entry is in the log, by a checkpoint that the log and witnesses signed.

    c2sp.org/tlog-proof@v1
    extra base64          (optional; not authenticated)
    index 17
    one hash a line, from the leaf's sibling to the root's child
    (blank)
    the checkpoint

Checked offline, with the log's key and the witnesses' alone.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import NamedTuple, NoReturn

from engine.audit.log.checkpoints import Checkpoint, open_checkpoint, read_count
from engine.audit.log.cosignatures import witnessed
from engine.audit.log.merkle import HASH_BYTES, check_inclusion, leaf_hash
from engine.audit.log.notes import VerifierKey, from_base64, read_note
from intents.errors import InputError

HEADER = "c2sp.org/tlog-proof@v1"
MOST_HASHES = 63


class LogKeys(NamedTuple):
    """Whom to believe: the log by its origin and keys, and how many of which witnesses."""

    origin: str
    keys: tuple[VerifierKey, ...]
    witnesses: tuple[VerifierKey, ...] = ()
    quorum: int = 0


class LogProof(NamedTuple):
    """A proof as read: `entry` is the entry's index; the checkpoint is text, so that it stays byte for byte what was signed."""

    entry: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    def __str__(self) -> str:
        extra = () if self.extra is None else (f"extra {base64.b64encode(self.extra).decode()}",)
        hashes = (base64.b64encode(each).decode() for each in self.hashes)
        return "\n".join((HEADER, *extra, f"index {self.entry}", *hashes, "", self.checkpoint))


def read_proof(text: str) -> LogProof:
    """A proof's parts; nothing is verified. Raises InputError `bad_proof` naming the line."""
    head, blank, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    if lines[0] != HEADER:
        _refuse(1, HEADER, lines[0])
    extra, at = None, 1
    if len(lines) > 1 and lines[1].startswith("extra "):
        extra, at = from_base64(lines[1].removeprefix("extra ")), 2
        if extra is None:
            _refuse(2, "extra data in base64", lines[1])
    if len(lines) <= at or not lines[at].startswith("index "):
        _refuse(at + 1, "index and a number", lines[at] if len(lines) > at else "nothing")
    try:
        index = read_count(lines[at].removeprefix("index "))
    except InputError:
        _refuse(at + 1, "an index without leading zeroes", lines[at])
    hashes: list[bytes] = []
    for number, line in enumerate(lines[at + 1 :], start=at + 2):
        found = from_base64(line)
        if found is None or len(found) != HASH_BYTES or len(hashes) == MOST_HASHES:
            _refuse(number, f"at most {MOST_HASHES} hashes of {HASH_BYTES} bytes in base64", line)
        hashes.append(found)
    if not blank or not checkpoint:
        _refuse(len(lines) + 1, "a blank line and a checkpoint", "the end")
    return LogProof(index, tuple(hashes), checkpoint, extra)


def check_proof(proof: LogProof, entry: bytes, trust: LogKeys) -> Checkpoint:
    """The checkpoint under which the entry is in the log. Raises InputError as the parts do."""
    note = read_note(proof.checkpoint)
    checkpoint = open_checkpoint(note, trust.origin, trust.keys)
    witnessed(note, trust.witnesses, trust.quorum)
    check_inclusion(proof.entry, checkpoint.size, leaf_hash(entry), proof.hashes, checkpoint.root)
    return checkpoint


def hashes_as_lines(hashes: Sequence[bytes]) -> str:
    """Hashes in base64, one a line, each with its newline."""
    return "".join(f"{base64.b64encode(each).decode()}\n" for each in hashes)


def _refuse(line: int, expected: str, actual: str) -> NoReturn:
    raise InputError("bad_proof", f"/{line}", expected=expected, actual=repr(actual[:80]))
