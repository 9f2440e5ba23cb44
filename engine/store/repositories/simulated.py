"""Simulated networks: the chains of the embedded world, kept as an outside would keep them.

Whoever moves one does so in a transaction of its own that reads, moves and writes, never in one that changes anything
of the engine's: a chain does not take back what it did because its user's database did.
"""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from engine.store.repositories._insert import insert_new
from engine.store.tables import simulated_networks


class SimulatedNetworks:
    """Stored networks."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(self, name: str, world: bytes, state: bytes) -> bool:
        """Store a network at its beginning; False where one of that name is there already."""
        row = {"name": name, "world": world, "state": state}
        return insert_new(self._connection, simulated_networks, row) is not None

    def get(self, name: str) -> tuple[bytes, bytes] | None:
        """World and state, locked until this transaction ends; None where there is none."""
        table = simulated_networks
        query = select(table.c.world, table.c.state).where(table.c.name == name).with_for_update()
        row = self._connection.execute(query).first()
        return None if row is None else (row.world, row.state)

    def move(self, name: str, state: bytes) -> None:
        """Store where it stands now."""
        table = simulated_networks
        self._connection.execute(update(table).where(table.c.name == name).values(state=state))
