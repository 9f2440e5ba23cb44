"""What the dispatchers know, stored and gone on from: a node that was out stays out, evidence goes on being collected.

Guarantees
1. `keep` stores all of it in the caller's transaction, and each change of membership once, in order.
2. `restore` gives the dispatchers what was stored last, whoever stored it. A chain whose nodes or parameters are others
   since then begins anew, and its log after the stored one.
"""

from __future__ import annotations

from engine.network.health.changes import Change
from engine.network.remembered import NetworkMemory
from engine.settlement.observed import ObservedDispatchers
from engine.store.database import Database
from engine.store.work import Work
from intents.values import canonical_bytes


class NetworkKeeper:
    """Keeps what some dispatchers know. `first`: where in the stored changes of each chain their logs begin."""

    def __init__(self, dispatchers: ObservedDispatchers) -> None:
        self._dispatchers = dispatchers
        self._first = dict.fromkeys(dispatchers.chains, 0)

    def keep(self, work: Work) -> None:
        """Store what the dispatchers know now."""
        for chain, dispatcher in self._dispatchers.chains.items():
            stored = work.standings.count_changes(chain)
            new = dispatcher.changes.changes[stored - self._first[chain] :]
            work.standings.add_changes(chain, stored, [canonical_bytes(change) for change in new])
        memory = self._dispatchers.remembered().model_copy(update={"first": self._first})
        work.standings.remember(canonical_bytes(memory))

    def restore(self, database: Database) -> None:
        """Go on from what was stored last, if anything was."""
        with database.reading() as work:
            content = work.standings.remembered()
            if content is None:
                return
            memory = NetworkMemory.from_json(content)
            changes = {
                chain: tuple(Change.from_json(each) for each in work.standings.changes(chain, first))
                for chain, first in memory.first.items()
            }
            counts = {chain: work.standings.count_changes(chain) for chain in self._dispatchers.chains}
        taken = self._dispatchers.restore(memory, changes)
        self._first = {chain: memory.first[chain] if chain in taken else count for chain, count in counts.items()}
