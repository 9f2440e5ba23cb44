"""How the network stood at each settlement, one small row an auction: bytes in, bytes out (engine.network.standing)."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from engine.store.tables import network_standings


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
