"""A witness (C2SP tlog-witness): cosigns a checkpoint only if it continues the one cosigned before it. Pure.

    old 17
    one hash a line: the consistency proof from 17
    (blank)
    the checkpoint

Guarantee: of two checkpoints that do not continue each other it cosigns at most one, so nobody with a quorum of witnesses
can be shown another history than the others. The host stores `Seen` before it answers, and one request at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from engine.audit.log.checkpoints import Checkpoint, read_checkpoint, read_count
from engine.audit.log.cosignatures import cosign
from engine.audit.log.merkle import EMPTY_ROOT, check_consistency
from engine.audit.log.notes import Note, SignerKey, VerifierKey, from_base64, open_note, read_note
from engine.audit.log.proofs import MOST_HASHES, hashes_as_lines
from intents.errors import InputError

PLAIN, SIZE = "text/plain; charset=utf-8", "text/x.tlog.size"


class Seen(NamedTuple):
    """The latest checkpoint cosigned for a log."""

    size: int = 0
    root: bytes = EMPTY_ROOT


class Answer(NamedTuple):
    """An HTTP answer, and what is to be stored before it is given (None: nothing new)."""

    status: int
    body: str
    content_type: str = PLAIN
    origin: str = ""
    seen: Seen | None = None


def request_body(old: int, proof: tuple[bytes, ...], checkpoint: Note) -> bytes:
    """What a log posts to a witness."""
    return f"old {old}\n{hashes_as_lines(proof)}\n{checkpoint}".encode()


def add_checkpoint(
    body: bytes, logs: Mapping[str, VerifierKey], seen: Mapping[str, Seen], key: SignerKey, time_seconds: int
) -> Answer:
    """Answer a request: `logs` are the keys of the logs watched by origin, `seen` what was cosigned before."""
    try:
        old, proof, note = _read_request(body)
        checkpoint = read_checkpoint(note)
    except InputError as error:
        return Answer(400, f"{error}\n")
    log = logs.get(checkpoint.origin)
    if log is None:
        return Answer(404, f"{checkpoint.origin} is not watched\n")
    try:
        open_note(note, (log,))
    except InputError as error:
        return Answer(403, f"{error}\n")
    if old > checkpoint.size:
        return Answer(400, f"old size {old} is beyond the checkpoint's {checkpoint.size}\n")
    before = seen.get(checkpoint.origin, Seen())
    if old != before.size or (old == checkpoint.size and checkpoint.root != before.root):
        return Answer(409, f"{before.size}\n", SIZE)
    try:
        _check_continues(before, checkpoint, proof)
    except InputError as error:
        return Answer(422, f"{error}\n")
    line = cosign(note, key, time_seconds).line
    return Answer(200, line, origin=checkpoint.origin, seen=Seen(checkpoint.size, checkpoint.root))


def _read_request(body: bytes) -> tuple[int, tuple[bytes, ...], Note]:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise InputError("bad_request", "", expected="UTF-8", actual="other bytes") from None
    head, blank, checkpoint = text.partition("\n\n")
    first, *lines = head.split("\n")
    if not blank or not first.startswith("old ") or len(first) == 4 or len(lines) > MOST_HASHES:
        raise InputError(
            "bad_request", "", expected="old size, hashes, blank line, checkpoint", actual=repr(first[:40])
        )
    hashes = []
    for line in lines:
        found = from_base64(line)
        if found is None:
            raise InputError("bad_request", "", expected="hashes in base64", actual=repr(line[:80]))
        hashes.append(found)
    return read_count(first.removeprefix("old ")), tuple(hashes), read_note(checkpoint)


def _check_continues(before: Seen, checkpoint: Checkpoint, proof: tuple[bytes, ...]) -> None:
    if before.size:
        check_consistency(before.size, checkpoint.size, before.root, checkpoint.root, proof)
    elif proof:
        raise InputError("bad_proof", "/proof", expected="no hashes from nothing", actual=f"{len(proof)} hashes")
