"""A range of auctions in one file that is verified with the log's key alone: JSON lines.

    {"format": "clearway/export/1", "checkpoint", "first", "last"}
    {"auction", "entries": [{"number", "leaf", "disclosed", "proof"}], "record"}      one line an auction, ascending

Every entry has its inclusion proof under the one checkpoint; the record is the auction's own, None where it was voided. A
reader needs no service and no tiles.

Guarantee: `check_export` accepts a line only if its entries are under the signed root, in order, with the payloads that are
under their hashes, and the record is the one logged and replays. Raises InputError with the line's number before the place.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from engine.audit.fairness import Logged, check_auction, check_logged
from engine.audit.log.checkpoints import Checkpoint, open_checkpoint
from engine.audit.log.cosignatures import witnessed
from engine.audit.log.entries import Disclosed
from engine.audit.log.merkle import check_inclusion, leaf_hash
from engine.audit.log.notes import from_base64, read_note
from engine.audit.log.proofs import LogKeys
from engine.audit.log.reader import LogReader
from intents.errors import InputError
from intents.values import canonical_bytes, parse_json

FORMAT = "clearway/export/1"


class Exported(NamedTuple):
    """One auction of a file: whether it was voided, else its record's hash."""

    auction: int
    record: str | None


def header_line(log: LogReader, first: int, last: int) -> bytes:
    """The first line."""
    return canonical_bytes({"checkpoint": str(log.note), "first": first, "format": FORMAT, "last": last}) + b"\n"


def auction_line(log: LogReader, auction: int, entries: Sequence[Logged], record: bytes | None) -> bytes:
    """An auction's line. Raises InputError where an entry is not in the log."""
    listed = [
        {
            "disclosed": None if each.disclosed is None else each.disclosed.to_wire(),
            "leaf": each.leaf.decode(),
            "number": each.number,
            "proof": [base64.b64encode(part).decode() for part in log.includes(each.number, each.leaf).hashes],
        }
        for each in entries
    ]
    whole = {"auction": auction, "entries": listed, "record": None if record is None else json.loads(record)}
    return canonical_bytes(whole) + b"\n"


def check_export(lines: Iterable[bytes], trust: LogKeys) -> Iterator[Exported]:
    """Each auction of a file, once it is proved. Raises InputError; `incomplete` where the file ends too early."""
    numbered = enumerate(lines, start=1)
    head = _mapping(next(numbered, (1, b""))[1], 1)
    if head.get("format") != FORMAT:
        raise InputError("bad_export", "/1/format", expected=FORMAT, actual=str(head.get("format"))[:80])
    note = read_note(str(head.get("checkpoint")))
    checkpoint = open_checkpoint(note, trust.origin, trust.keys)
    witnessed(note, trust.witnesses, trust.quorum)
    wanted = head.get("first")
    for number, line in numbered:
        data = _mapping(line, number)
        if data.get("auction") != wanted:
            raise InputError("wrong_auction", f"/{number}", expected=str(wanted), actual=str(data.get("auction"))[:40])
        try:
            yield _checked(data, checkpoint)
        except InputError as error:
            raise InputError(
                error.code, f"/{number}{error.where}", expected=error.expected, actual=error.actual
            ) from None
        wanted = None if wanted == head.get("last") else data["auction"] + 1
    if wanted is not None:
        raise InputError("incomplete", "", expected=f"auctions to {head.get('last')}", actual=f"none from {wanted}")


class _Proved:
    """Entries whose proofs are in the file."""

    def __init__(self, checkpoint: Checkpoint, proofs: Mapping[int, Sequence[bytes]]) -> None:
        self._checkpoint, self._proofs = checkpoint, proofs

    def includes(self, number: int, leaf: bytes) -> None:
        """Raise InputError unless the leaf is entry `number`."""
        size, root = self._checkpoint.size, self._checkpoint.root
        check_inclusion(number, size, leaf_hash(leaf), self._proofs[number], root)


def _checked(data: Mapping[str, Any], checkpoint: Checkpoint) -> Exported:
    entries, proofs = [], {}
    try:
        for each in data["entries"]:
            disclosed = None if each["disclosed"] is None else Disclosed.from_wire(each["disclosed"])
            entries.append(Logged(int(each["number"]), str(each["leaf"]).encode(), disclosed))
            proofs[entries[-1].number] = [from_base64(part) or b"" for part in each["proof"]]
        auction, record = int(data["auction"]), data["record"]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("bad_export", "", expected="an auction's line", actual=repr(error)[:120]) from None
    payloads = check_logged(_Proved(checkpoint, proofs), auction, entries)
    if "voided" in payloads:
        return Exported(auction, None)
    return Exported(auction, check_auction(payloads, canonical_bytes(record)).record_hash)


def _mapping(line: bytes, number: int) -> Mapping[str, Any]:
    try:
        data = parse_json(line)
    except InputError as error:
        raise InputError(error.code, f"/{number}{error.where}", expected=error.expected, actual=error.actual) from None
    if not isinstance(data, dict):
        raise InputError("bad_export", f"/{number}", expected="a JSON object", actual=str(type(data).__name__))
    return data
