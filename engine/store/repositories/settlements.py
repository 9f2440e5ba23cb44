"""Settlements: the plan of an auction whose winners are decided, how far it is, and what came of it.

Guarantees
1. A plan is stored once for an auction and never changes; progress is replaced as a whole.
2. The record ends a settlement: it is stored once, comes back byte for byte (its own hash covers it), and each winner
   has a row that says whether it had effect.

Bytes in, bytes out: what is in them is engine.settlement's. The auction's row is engine.store.repositories.auctions'.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, insert, select, update

from engine.store.compare import Difference, differences
from engine.store.errors import StoreError
from engine.store.tables import settled_bids, settlements


class Settlements:
    """Stored settlements."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(self, auction: int, plan_hash: str, plan: bytes, progress: bytes) -> None:
        """Store the plan and where it begins, for an auction that was decided in this transaction."""
        row = {"auction": auction, "plan_hash": plan_hash, "plan": plan, "progress": progress}
        self._connection.execute(insert(settlements).values(**row))

    def get(self, auction: int) -> tuple[bytes, bytes] | None:
        """Plan and progress; None where no winners were decided."""
        query = select(settlements.c.plan, settlements.c.progress).where(settlements.c.auction == auction)
        row = self._connection.execute(query).first()
        return None if row is None else (row.plan, row.progress)

    def advance(self, auction: int, progress: bytes) -> None:
        """Store how far it is. Raises StoreError `settlement_ended` where there is none under way."""
        self._change(auction, progress=progress)

    def end(
        self,
        auction: int,
        settlement_hash: str,
        record: bytes,
        *,
        landed: Iterable[str],
        failed: Mapping[str, str],
    ) -> None:
        """Store the record and what became of each winner. Raises StoreError `settlement_ended`."""
        self._change(auction, settlement_hash=settlement_hash, record=record)
        rows = _outcomes(auction, landed, failed)
        if rows:
            self._connection.execute(insert(settled_bids), rows)

    def record_bytes(self, auction: int) -> bytes | None:
        """The settlement record's canonical bytes; None before its end."""
        query = select(settlements.c.record).where(settlements.c.auction == auction)
        record: bytes | None = self._connection.scalar(query)
        return record

    def newest(self) -> tuple[int, str] | None:
        """The auction settled last and the hash of its settlement's record; None before the first."""
        ended = settlements.c.settlement_hash.is_not(None)
        query = select(settlements.c.auction, settlements.c.settlement_hash).where(ended)
        row = self._connection.execute(query.order_by(settlements.c.auction.desc()).limit(1)).first()
        return None if row is None else (row.auction, row.settlement_hash)

    def differences(
        self, auction: int, settlement_hash: str, plan_hash: str, *, landed: Iterable[str], failed: Mapping[str, str]
    ) -> Iterator[Difference]:
        """Where the tables say something else of a settlement than its record does."""
        row = {"auction": auction, "plan_hash": plan_hash, "settlement_hash": settlement_hash}
        yield from differences(self._connection, settlements, settlements.c.auction == auction, [row])
        rows = _outcomes(auction, landed, failed)
        yield from differences(self._connection, settled_bids, settled_bids.c.auction == auction, rows)

    def failures(self, auction: int) -> dict[str, str]:
        """The winners that had no effect, with the reason, ascending by bid."""
        query = select(settled_bids.c.bid, settled_bids.c.failure).where(settled_bids.c.auction == auction)
        return {row.bid: row.failure for row in sorted(self._connection.execute(query)) if row.failure is not None}

    def _change(self, auction: int, **values: object) -> None:
        under_way = (settlements.c.auction == auction) & settlements.c.record.is_(None)
        changed = self._connection.execute(update(settlements).where(under_way).values(**values))
        if changed.rowcount != 1:
            raise StoreError("settlement_ended", str(auction), expected="a settlement under way", actual="none")


def _outcomes(auction: int, landed: Iterable[str], failed: Mapping[str, str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [{"auction": auction, "bid": bid, "failure": None} for bid in landed]
    return rows + [{"auction": auction, "bid": bid, "failure": code} for bid, code in failed.items()]
