"""Balances and the ledger entries that made them.

Guarantees
1. `post` accepts what `engine.ledger.books` accepts, checked against the stored balances, and nothing else.
2. Every balance, also a system's, is a SignedAmount (-2^255 <= a < 2^255), so that a problem can always carry it: no
   deposit can make an amount that stops auctions.
3. `balances` is what the entries add up to: both change in one transaction, under locks on the balances touched.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, insert, or_, select, update

from engine.auction.problem import Holding
from engine.ledger.books import Balance, Books, Entry, Hold, Posting
from engine.ledger.settlement_entries import holdings_of
from engine.store.compare import Difference, differences
from engine.store.errors import StoreError
from engine.store.repositories._insert import insert_missing
from engine.store.tables import balances, entries, holds, postings

_KEYS_AT_ONCE = 200
_LIMIT = 2**255


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """A posted entry. `number` is its cursor; `at_ms` when it was posted."""

    number: int
    at_ms: int
    entry: Entry


class Accounts:
    """The books of everybody."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def holdings(self, owners: Collection[str] | None = None) -> dict[str, dict[str, Holding]]:
        """Holdings that are not zero, by owner and asset, as a Problem carries them: of these owners, or of all but systems."""
        queries = [select(balances)]
        if owners is not None:
            some = sorted(set(owners))
            starts = range(0, len(some), _KEYS_AT_ONCE)
            queries = [queries[0].where(balances.c.owner.in_(some[start : start + _KEYS_AT_ONCE])) for start in starts]
        rows = (row for query in queries for row in self._connection.execute(query))
        return holdings_of(Books.restored((r.owner, r.asset, Balance(r.amount, r.reserved)) for r in rows))

    def post(self, entry: Entry, at_ms: int, owed: Collection[str] = ()) -> int:
        """Post an entry, whole or not at all, and return its number; `owed` are tokens that margin accounts may owe.

        Raises LedgerError, StoreError `amount_out_of_range`.
        """
        touched = sorted({(owner, asset) for owner, asset, _ in (*entry.postings, *entry.holds)})
        books = Books.restored(self._locked(touched))
        books.post(entry, owed)
        after = [(owner, asset, books.balance(owner, asset)) for owner, asset in touched]
        for owner, asset, balance in after:
            if not all(-_LIMIT <= amount < _LIMIT for amount in balance):
                where, expected = f"{owner} {asset}", "-2^255 <= amount < 2^255"
                raise StoreError("amount_out_of_range", where, expected=expected, actual=str(max(balance, key=abs)))
        for owner, asset, balance in after:
            one = (balances.c.owner == owner) & (balances.c.asset == asset)
            self._connection.execute(
                update(balances).where(one).values(amount=balance.amount, reserved=balance.reserved)
            )
        row = {"kind": entry.kind, "reference": entry.reference, "at_ms": at_ms}
        number: int = self._connection.execute(insert(entries).values(**row).returning(entries.c.number)).scalar_one()
        self._append(postings, number, entry.postings)
        self._append(holds, number, entry.holds)
        return number

    def differences(self, entry: Entry) -> Iterator[Difference]:
        """Where what was posted under this kind and reference is something else; an entry that moves nothing is not posted."""
        posted = and_(entries.c.kind == entry.kind, entries.c.reference == entry.reference)
        numbers = list(self._connection.scalars(select(entries.c.number).where(posted).order_by(entries.c.number)))
        wanted = int(bool(entry.postings))
        if len(numbers) != wanted:
            yield Difference(f"entries[{entry.kind} {entry.reference}]", f"{wanted} of them", str(len(numbers)))
            return
        for number in numbers:
            for table, moves in ((postings, entry.postings), (holds, entry.holds)):
                yield from differences(self._connection, table, table.c.entry == number, _rows(number, moves))

    def entries(self, owner: str, after: int | None, limit: int) -> tuple[list[StoredEntry], int | None]:
        """The owner's part of entries, newest first, at most `limit` before the cursor; and the next cursor, if more follow.

        Only the owner's own postings and holds are given, so what is given need not balance.
        """
        touching = or_(
            entries.c.number.in_(select(postings.c.entry).where(postings.c.owner == owner)),
            entries.c.number.in_(select(holds.c.entry).where(holds.c.owner == owner)),
        )
        conditions: list[ColumnElement[bool]] = [touching] if after is None else [touching, entries.c.number < after]
        query = select(entries).where(and_(*conditions)).order_by(entries.c.number.desc()).limit(limit + 1)
        rows = list(self._connection.execute(query))
        page = rows[:limit]
        numbers = [row.number for row in page]
        moved: dict[int, list[Posting]] = {}
        for number, asset, amount in self._moved(postings, owner, numbers):
            moved.setdefault(number, []).append(Posting(owner, asset, amount))
        held: dict[int, list[Hold]] = {}
        for number, asset, amount in self._moved(holds, owner, numbers):
            held.setdefault(number, []).append(Hold(owner, asset, amount))
        found = []
        for row in page:
            own = Entry(row.kind, row.reference, tuple(moved.get(row.number, ())), tuple(held.get(row.number, ())))
            found.append(StoredEntry(row.number, row.at_ms, own))
        return found, page[-1].number if len(rows) > limit else None

    def _locked(self, keys: list[tuple[str, str]]) -> list[tuple[str, str, Balance]]:
        # Rows are made first, so that there is something to lock; in one order everywhere, so that nobody deadlocks.
        insert_missing(
            self._connection,
            balances,
            [{"owner": owner, "asset": asset, "amount": 0, "reserved": 0} for owner, asset in keys],
        )
        found = []
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            some = or_(
                *(
                    (balances.c.owner == owner) & (balances.c.asset == asset)
                    for owner, asset in keys[start : start + _KEYS_AT_ONCE]
                )
            )
            query = select(balances).where(some).order_by(balances.c.owner, balances.c.asset).with_for_update()
            found += [(r.owner, r.asset, Balance(r.amount, r.reserved)) for r in self._connection.execute(query)]
        return found

    def _append(self, table: Table, entry: int, moves: tuple[Posting, ...] | tuple[Hold, ...]) -> None:
        rows = _rows(entry, moves)
        if rows:
            self._connection.execute(insert(table), rows)

    def _moved(self, table: Table, owner: str, numbers: list[int]) -> list[tuple[int, str, int]]:
        query = (
            select(table.c.entry, table.c.asset, table.c.amount)
            .where(table.c.owner == owner, table.c.entry.in_(numbers))
            .order_by(table.c.entry, table.c.position)
        )
        return [(row.entry, row.asset, row.amount) for row in self._connection.execute(query)]


def _rows(entry: int, moves: tuple[Posting, ...] | tuple[Hold, ...]) -> list[dict[str, Any]]:
    return [
        {"entry": entry, "position": position, "owner": owner, "asset": asset, "amount": amount}
        for position, (owner, asset, amount) in enumerate(moves)
    ]
