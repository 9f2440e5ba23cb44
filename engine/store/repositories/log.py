"""What the log says, in SQL: entries numbered without gaps, written in the transaction that they tell of.

The database is where an entry comes to be, the log's files are where it is shown to everybody (engine.runtime.journal); an
entry's number is its index there. Payloads may be erased, entries never change.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select

from engine.audit.log.entries import Disclosed, Entry
from engine.store.tables import log_entries
from intents.values import canonical_bytes, parse_json

_COLUMNS = (log_entries.c.number, log_entries.c.entry, log_entries.c.salt, log_entries.c.payload)


class StoredEntry(NamedTuple):
    """An entry with its index; `disclosed` is None once the payload is erased."""

    number: int
    leaf: bytes
    disclosed: Disclosed | None

    @property
    def entry(self) -> Entry:
        """What the leaf says."""
        return Entry.from_json(self.leaf)


class LogEntries:
    """The log's entries."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, entry: Entry, disclosed: Disclosed) -> int:
        """Add an entry after all others; its number. Only the auctioneer that leads may, as numbers have no gaps."""
        newest = self._connection.scalar(select(func.max(log_entries.c.number)))
        number = 0 if newest is None else newest + 1
        row = {
            "number": number,
            "auction": entry.auction,
            "kind": entry.kind,
            "entry": canonical_bytes(entry),
            "salt": disclosed.salt,
            "payload": canonical_bytes(disclosed.payload),
        }
        self._connection.execute(insert(log_entries).values(**row))
        return number

    def leaves(self, since: int, most: int) -> list[bytes]:
        """Leaves from an index on, in order, at most so many."""
        query = (
            select(log_entries.c.entry).where(log_entries.c.number >= since).order_by(log_entries.c.number).limit(most)
        )
        return [bytes(leaf) for leaf in self._connection.scalars(query)]

    def of_auction(self, auction: int) -> list[StoredEntry]:
        """An auction's entries, in order."""
        query = select(*_COLUMNS).where(log_entries.c.auction == auction).order_by(log_entries.c.number)
        return [
            StoredEntry(
                row.number,
                bytes(row.entry),
                None if row.salt is None else Disclosed(salt=row.salt, payload=parse_json(row.payload)),
            )
            for row in self._connection.execute(query)
        ]
