"""How the network stood at each settlement, and what the dispatchers know. Bytes in, bytes out.

Guarantees
1. A standing (engine.network.standing) is one small row an auction; what dispatchers know (engine.network.remembered) is
   one row, replaced as a whole.
2. Changes of membership (engine.network.health.changes) are only added, each chain's in order without a gap.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, insert, select, update

from engine.store.repositories._insert import insert_new
from engine.store.tables import membership_changes, network_memory, network_standings

NAME = "dispatchers"
"""The row of what the auctioneer's dispatchers know."""


class Standings:
    """Stored standings."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, auction: int, standing: bytes) -> None:
        """Store how the network stood when this auction was settled, in the transaction that settles it."""
        self._connection.execute(insert(network_standings).values(auction=auction, standing=standing))

    def latest(self) -> bytes | None:
        """The newest; None where none was stored."""
        query = select(network_standings.c.standing).order_by(network_standings.c.auction.desc()).limit(1)
        standing: bytes | None = self._connection.scalar(query)
        return standing

    def remember(self, memory: bytes) -> None:
        """Store what the dispatchers know, in place of what they knew."""
        if insert_new(self._connection, network_memory, {"name": NAME, "memory": memory}) is None:
            self._connection.execute(update(network_memory).where(network_memory.c.name == NAME).values(memory=memory))

    def remembered(self) -> bytes | None:
        """What was stored last; None where nothing was."""
        query = select(network_memory.c.memory).where(network_memory.c.name == NAME)
        memory: bytes | None = self._connection.scalar(query)
        return memory

    def count_changes(self, chain: str) -> int:
        """How many changes of a chain's nodes are stored."""
        table = membership_changes
        query = select(func.coalesce(func.max(table.c.position) + 1, 0)).where(table.c.chain == chain)
        return int(self._connection.scalar(query) or 0)

    def add_changes(self, chain: str, first: int, changes: Sequence[bytes]) -> None:
        """Store changes from this position on, which is the number stored before."""
        rows = [{"chain": chain, "position": first + i, "change": change} for i, change in enumerate(changes)]
        if rows:
            self._connection.execute(insert(membership_changes), rows)

    def changes(self, chain: str, first: int = 0) -> list[bytes]:
        """A chain's changes from a position on, in order."""
        table = membership_changes
        query = select(table.c.change).where(table.c.chain == chain, table.c.position >= first)
        return list(self._connection.scalars(query.order_by(table.c.position)))
