"""What the log says of an auction: an entry for each step, whose payload is under a salted hash.

An auction's entries, in the order that fairness needs: `problem` before anybody bids, `commitments` before anybody reveals,
`result` when the winners are decided, `settlement` when it is final; or `voided`. An entry is the RFC 8785 bytes of

    {"auction", "digest", "disclosure", "format": "clearway/entry/1", "kind"}

where digest = H("clearway/leaf/1", salt, payload). The salt is 32 random bytes, so nobody can guess a payload from its entry,
and erasing both leaves every proof valid. Disclosure says who may see the payload: `participants` from the close on (and
everybody once each of its intents is terminal), or `public`.

Guarantee: `check_payload` accepts one payload for an entry. What is in a payload is for the auction's record to show.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from intents.errors import InputError
from intents.identifiers import Bytes32, Digest
from intents.values import Value, content_hash

Kind = Literal["problem", "commitments", "result", "settlement", "voided"]

ORDER: tuple[Kind, ...] = ("problem", "commitments", "result", "settlement")
"""The entries of an auction that is settled."""

Disclosure = Literal["participants", "public"]

DISCLOSURE: dict[Kind, Disclosure] = {
    "problem": "participants",
    "commitments": "public",
    "result": "participants",
    "settlement": "participants",
    "voided": "public",
}


class Entry(Value):
    """One leaf of the log."""

    format: Literal["clearway/entry/1"] = "clearway/entry/1"
    auction: int = Field(ge=0, lt=2**53)
    kind: Kind
    disclosure: Disclosure
    digest: Digest


class Disclosed(Value):
    """A payload with the salt that its entry was made with."""

    salt: Bytes32
    payload: dict[str, Any]


def entry_of(auction: int, kind: Kind, disclosed: Disclosed) -> Entry:
    """The entry of a payload."""
    return Entry(auction=auction, kind=kind, disclosure=DISCLOSURE[kind], digest=_digest(disclosed))


def check_payload(entry: Entry, disclosed: Disclosed) -> None:
    """Raise InputError `wrong_payload` unless the entry was made of this payload with this salt."""
    found = _digest(disclosed)
    if found != entry.digest:
        where = f"/{entry.auction}/{entry.kind}"
        raise InputError("wrong_payload", where, expected=entry.digest, actual=found)


def _digest(disclosed: Disclosed) -> str:
    return content_hash("clearway/leaf/1", disclosed.salt, disclosed.payload)
