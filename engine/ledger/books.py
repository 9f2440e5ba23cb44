"""Double-entry books over integers: entries in, balances out, nothing lost.

Guarantees
1. Every entry's postings sum to zero per asset, so the balances of an asset sum to zero over all accounts, always.
2. An entry is posted whole or not at all.
3. Where a balance may not be negative (`accounts.may_be_negative`), 0 <= reserved <= amount after every entry.
   Reservations of other balances may have any sign: a covered short is reserved together with its escrow.
   But what is free of a token that margin accounts may owe (`owed`, said by whoever posts) may be negative; whoever
   posts answers for the margin. Entries that take nothing from what is free are posted whatever is owed.
4. `Ledger.entries` only grows; posting them to empty books gives the same books.

It does not know why something is posted, nor decimals, prices or time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from engine.ledger.accounts import may_be_negative, may_owe
from intents.errors import ClearwayError

Key = tuple[str, str]
"""(owner, asset)."""


class LedgerError(ClearwayError):
    """An entry was refused: `unbalanced_entry`, `insufficient_balance`, `over_reserved` or `bad_amount`.

    Balances that no Problem can carry are `amount_out_of_range` (engine.ledger.settlement_entries).
    """

    def __init__(self, code: str, where: str, *, expected: str, actual: str) -> None:
        self.code = code
        self.where = where
        self.expected = expected
        self.actual = actual
        super().__init__(f"{code} at {where}: expected {expected}, got {actual}")


class Posting(NamedTuple):
    """The owner's balance of the asset changes by `amount` base units."""

    owner: str
    asset: str
    amount: int


class Hold(NamedTuple):
    """The reserved part of the owner's balance changes by `amount` base units; negative releases."""

    owner: str
    asset: str
    amount: int


class Entry(NamedTuple):
    """What is posted at once. `kind` is one word, `reference` names the cause (an auction, a deposit, ...)."""

    kind: str
    reference: str
    postings: tuple[Posting, ...]
    holds: tuple[Hold, ...] = ()


class Balance(NamedTuple):
    """A balance and the part of it that is reserved."""

    amount: int
    reserved: int

    @property
    def free(self) -> int:
        """What is not reserved."""
        return self.amount - self.reserved


class Books:
    """All balances, by owner and asset. `post` is the only way to change them."""

    __slots__ = ("_amounts", "_reserved")

    def __init__(self) -> None:
        """Empty books: every balance is zero."""
        self._amounts: dict[Key, int] = {}
        self._reserved: dict[Key, int] = {}

    @classmethod
    def restored(cls, balances: Iterable[tuple[str, str, Balance]]) -> Books:
        """Books as they stood: of the (owner, asset, balance) that `balances` gave, all or those an entry will touch."""
        books = cls()
        for owner, asset, balance in balances:
            books._amounts[owner, asset] = balance.amount
            books._reserved[owner, asset] = balance.reserved
        return books

    def balance(self, owner: str, asset: str) -> Balance:
        """The owner's balance of the asset; zero where nothing was posted."""
        return Balance(self._amounts.get((owner, asset), 0), self._reserved.get((owner, asset), 0))

    def balances(self) -> Iterator[tuple[str, str, Balance]]:
        """Every (owner, asset, balance) that was ever touched, ascending."""
        for owner, asset in sorted(self._amounts.keys() | self._reserved.keys()):
            yield owner, asset, self.balance(owner, asset)

    def post(self, entry: Entry, owed: Collection[str] = ()) -> None:
        """Apply an entry, or raise LedgerError and change nothing. `owed`: tokens that margin accounts may owe."""
        _, _, postings, holds = entry
        sums: dict[str, int] = {}
        amounts: dict[Key, int] = {}
        reserved: dict[Key, int] = {}
        for owner, asset, amount in postings:
            sums[asset] = sums.get(asset, 0) + amount
            key = (owner, asset)
            amounts[key] = (amounts[key] if key in amounts else self._amounts.get(key, 0)) + amount
        for asset, total in sums.items():
            if total:
                raise LedgerError("unbalanced_entry", asset, expected="postings that sum to 0", actual=str(total))
        for owner, asset, amount in holds:
            key = (owner, asset)
            reserved[key] = (reserved[key] if key in reserved else self._reserved.get(key, 0)) + amount
        for key in amounts.keys() | reserved.keys() if reserved else amounts:
            self._check(key, amounts, reserved, owed)
        self._amounts.update(amounts)
        self._reserved.update(reserved)

    def _check(self, key: Key, amounts: dict[Key, int], reserved: dict[Key, int], owed: Collection[str]) -> None:
        amount = amounts[key] if key in amounts else self._amounts.get(key, 0)
        held = reserved[key] if key in reserved else self._reserved.get(key, 0)
        if 0 <= held <= amount or may_be_negative(*key):
            return
        before = self.balance(*key)
        if held >= 0 and (may_owe(*key, owed) or (before.free < 0 and amount - held >= before.free)):
            return
        if amount < 0:
            raise LedgerError("insufficient_balance", " ".join(key), expected="at least 0", actual=str(amount))
        raise LedgerError("over_reserved", " ".join(key), expected=f"0 <= reserved <= {amount}", actual=str(held))

    def drift(self) -> dict[str, int]:
        """Per asset the sum of all balances, where it is not zero: empty unless these books are broken."""
        sums: dict[str, int] = {}
        for (_, asset), amount in self._amounts.items():
            sums[asset] = sums.get(asset, 0) + amount
        return {asset: total for asset, total in sorted(sums.items()) if total}


@dataclass(frozen=True, slots=True, init=False)
class Ledger:
    """Books and the entries that made them."""

    books: Books
    _entries: list[Entry]

    def __init__(self, entries: Iterable[Entry] = (), owed: Collection[str] = ()) -> None:
        """The ledger of the entries, posted in order. Raises LedgerError at the first that is refused."""
        object.__setattr__(self, "books", Books())
        object.__setattr__(self, "_entries", [])
        for entry in entries:
            self.post(entry, owed)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, oldest first."""
        return tuple(self._entries)

    def post(self, entry: Entry, owed: Collection[str] = ()) -> None:
        """Append an entry, or raise LedgerError and change nothing; `owed` as in `Books.post`."""
        self.books.post(entry, owed)
        self._entries.append(entry)


def deposit(owner: str, asset: str, amount: int, *, source: str, reference: str) -> Entry:
    """Money comes in from a system account (the faucet; an issuer for a derivative), whose balance falls."""
    return Entry("deposit", reference, _move(source, owner, asset, _positive(amount)))


def withdraw(owner: str, asset: str, amount: int, *, sink: str, reference: str) -> Entry:
    """Money goes out to a system account."""
    return Entry("withdraw", reference, _move(owner, sink, asset, _positive(amount)))


def transfer(sender: str, receiver: str, asset: str, amount: int, *, reference: str) -> Entry:
    """Money moves between two owners at one place."""
    return Entry("transfer", reference, _move(sender, receiver, asset, _positive(amount)))


def reserve(owner: str, asset: str, amount: int, *, reference: str) -> Entry:
    """Part of a free balance becomes reserved."""
    return Entry("reserve", reference, (), (Hold(owner, asset, _positive(amount)),))


def release(owner: str, asset: str, amount: int, *, reference: str) -> Entry:
    """Part of a reserved balance becomes free."""
    return Entry("release", reference, (), (Hold(owner, asset, -_positive(amount)),))


def _move(giver: str, taker: str, asset: str, amount: int) -> tuple[Posting, Posting]:
    return Posting(giver, asset, -amount), Posting(taker, asset, amount)


def _positive(amount: int) -> int:
    if amount <= 0:
        raise LedgerError("bad_amount", "amount", expected="at least 1", actual=str(amount))
    return amount
