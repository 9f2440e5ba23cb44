"""Was an auction run as the log says, and was an intent treated as its receipt promised? Pure: everything is handed in.

`check_logged` takes an auction's entries as the service gives them, and returns payloads that are proved: each entry is in the
log at its place, the places are in the order that fairness needs, and each payload is the one under its entry's hash.
`check_auction` then holds the record to them, and replays it. `entered` and `omitted` say what became of a promise.

Guarantee: whatever the service says, a result is given only for what the log's signed root proves; the first contradiction
is raised as InputError with its code and place. What was never logged, nobody can find.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from engine.audit.log.entries import ORDER, Disclosed, Entry, check_payload
from engine.audit.log.payloads import check_record
from engine.audit.record import Record
from engine.audit.replay import replay_record
from intents.errors import InputError
from intents.receipts import Receipt


class Logged(NamedTuple):
    """An entry as a service gives it: its index, its leaf, and its payload unless that was erased."""

    number: int
    leaf: bytes
    disclosed: Disclosed | None


class Including(Protocol):
    """What knows which entries are under a signed root: a log that is read, or proofs in a file."""

    def includes(self, number: int, leaf: bytes) -> object:
        """Raise InputError unless the leaf is entry `number`."""


Payloads = Mapping[str, Mapping[str, Any]]


def check_logged(log: Including, auction: int, entries: Sequence[Logged]) -> Payloads:
    """The payloads of an auction's entries by kind. Raises InputError."""
    payloads: dict[str, Mapping[str, Any]] = {}
    for before, each in zip((None, *entries), entries, strict=False):
        entry = Entry.from_json(each.leaf)
        where = f"/{auction}/{entry.kind}"
        if entry.auction != auction:
            raise InputError("wrong_auction", where, expected=str(auction), actual=str(entry.auction))
        if before is not None and each.number <= before.number:
            raise InputError("wrong_order", where, expected=f"an index after {before.number}", actual=str(each.number))
        log.includes(each.number, each.leaf)
        if entry.kind in payloads:
            raise InputError("logged_twice", where, expected="one entry of a kind", actual="another")
        if each.disclosed is not None:
            check_payload(entry, each.disclosed)
            payloads[entry.kind] = each.disclosed.payload
    kinds = [Entry.from_json(each.leaf).kind for each in entries]
    if kinds != [kind for kind in (*ORDER, "voided") if kind in kinds]:
        raise InputError("wrong_order", f"/{auction}", expected=", ".join((*ORDER, "voided")), actual=", ".join(kinds))
    return payloads


def check_auction(payloads: Payloads, record: bytes) -> Record:
    """The record that the payloads tell of, replayed. Raises InputError `not_identical` and as `check_record`."""
    check_replays(record)
    read = Record.from_json(record)
    check_record(read, payloads)
    return read


def check_replays(record: bytes) -> None:
    """Raise InputError `not_identical` unless a record follows from its own inputs."""
    report = replay_record(record)
    if not report.identical:
        raise InputError("not_identical", report.difference or "", expected=report.expected, actual=report.actual)


def entered(payloads: Payloads, intent: str) -> bool:
    """Whether an intent was in an auction's batch, by what was logged before anybody bid."""
    return intent in payloads["problem"]["intents"]


def omitted(receipt: Receipt, auctions: Mapping[int, Payloads]) -> bool:
    """Whether none of the auctions up to the receipt's latest has the intent in it. Raises InputError `not_logged`.

    `auctions` must hold all from the first that was cut after the acceptance. An intent may have been cancelled or have
    expired before it was cut; that is for its owner to know.
    """
    if receipt.latest_auction not in auctions:
        expected = f"the entries of auction {receipt.latest_auction}"
        raise InputError("not_logged", "/receipt", expected=expected, actual=f"{sorted(auctions)}")
    return not any(entered(found, receipt.intent) for found in auctions.values() if "problem" in found)
