"""The lease that decides who leads, fenced.

Guarantees
1. At one moment at most one holder has an unexpired term.
2. Every new term has a greater fence. `check` inside a transaction refuses an older fence, and holds the lease until
   the transaction ends: a leader that was paused past its term can not commit anything once another has begun.

Time is the caller's; clocks that disagree cost time without a leader or a term cut short, never guarantee 2.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select, update

from engine.store.errors import LeaseLostError
from engine.store.repositories._insert import insert_new
from engine.store.tables import leases

AUCTIONEER = "auctioneer"
"""The lease of the one who runs auctions."""


class Leases:
    """Terms of leadership."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def acquire(self, holder: str, now_ms: int, period_ms: int) -> int | None:
        """The fence of a new term until now + period; None while another holder's term runs."""
        expires_ms = now_ms + period_ms
        first = {"name": AUCTIONEER, "holder": holder, "fence": 1, "expires_ms": expires_ms}
        if insert_new(self._connection, leases, first) is not None:
            return 1
        row = self._locked()
        if row.expires_ms > now_ms and row.holder != holder:
            return None
        fence: int = row.fence + 1
        self._update(holder=holder, fence=fence, expires_ms=expires_ms)
        return fence

    def renew(self, fence: int, now_ms: int, period_ms: int) -> None:
        """Extend the term to now + period. Raises LeaseLostError; a term that ran out unnoticed may be extended."""
        self.check(fence)
        self._update(expires_ms=now_ms + period_ms)

    def release(self, fence: int) -> None:
        """End the term now, so that another need not wait for its end. Raises LeaseLostError."""
        self.check(fence)
        self._update(expires_ms=0)

    def check(self, fence: int) -> None:
        """Raise LeaseLostError unless the fence is the newest; it stays so until this transaction ends."""
        row = self._locked()
        if row is None or row.fence != fence:
            actual = "no lease" if row is None else f"{row.fence}, held by {row.holder}"
            raise LeaseLostError("lease_lost", AUCTIONEER, expected=f"fence {fence}", actual=actual)

    def holder(self) -> tuple[str, int, int] | None:
        """(holder, fence, end of the term in ms); None where nobody ever led."""
        row = self._connection.execute(select(leases).where(leases.c.name == AUCTIONEER)).first()
        return None if row is None else (row.holder, row.fence, row.expires_ms)

    def _locked(self) -> Row[Any] | Any:
        return self._connection.execute(select(leases).where(leases.c.name == AUCTIONEER).with_for_update()).first()

    def _update(self, **values: Any) -> None:
        self._connection.execute(update(leases).where(leases.c.name == AUCTIONEER).values(**values))
