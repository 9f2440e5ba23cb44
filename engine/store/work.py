"""The unit of work: one connection in one transaction, and the repositories on it.

It neither commits nor rolls back: that is `Database.transaction`'s, at the edge.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from engine.store.faults import fault_of
from engine.store.repositories.accounts import Accounts
from engine.store.repositories.auctions import Auctions
from engine.store.repositories.idempotency import Idempotency
from engine.store.repositories.intents import Intents
from engine.store.repositories.leases import Leases
from engine.store.repositories.log import LogEntries
from engine.store.repositories.meta import Meta
from engine.store.repositories.settlements import Settlements
from engine.store.repositories.simulated import SimulatedNetworks
from engine.store.repositories.snapshots import Snapshots
from engine.store.repositories.solvers import Solvers
from engine.store.repositories.standings import Standings


class Work:
    """All repositories within one transaction. Not to be kept or shared between threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.intents = Intents(connection)
        self.accounts = Accounts(connection)
        self.snapshots = Snapshots(connection)
        self.auctions = Auctions(connection, self.snapshots)
        self.settlements = Settlements(connection)
        self.standings = Standings(connection)
        self.log = LogEntries(connection)
        self.simulated = SimulatedNetworks(connection)
        self.solvers = Solvers(connection)
        self.idempotency = Idempotency(connection)
        self.leases = Leases(connection)
        self.meta = Meta(connection)

    def set_lock_timeout(self, milliseconds: int) -> None:
        """Wait no longer than this for a row, to the end of the transaction. On PostgreSQL alone."""
        self._connection.execute(text(f"SET LOCAL lock_timeout = {milliseconds:d}"))

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part of the work that an exception undoes alone, so that several requests can share one commit.

        Raises DatabaseFaultError, after which only the whole can be undone: SQLite may have done so already.
        """
        nested = self._connection.begin_nested()
        try:
            yield
        except DBAPIError as error:
            if fault := fault_of(error, committing=False):
                raise fault from error
            nested.rollback()
            raise
        except BaseException:
            nested.rollback()
            raise
        nested.commit()
