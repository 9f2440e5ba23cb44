"""The simulated network of the embedded world, kept in its own table: an Executor that survives its user.

Guarantees
1. What was answered was stored before: a chain does not forget what a node told. What was sent and not yet polled may be
   lost with the process, as messages may.
2. Several users of one network see one: each poll reads, moves and writes it in a transaction of its own.

Its time moves only in `poll`, faster than the clock on the wall (engine.settlement.simulated).
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from engine.market.snapshot import Snapshot
from engine.settlement.chains import Network
from engine.settlement.executor import Answer
from engine.settlement.plan import Transaction
from engine.settlement.simulated import SimulatedNetwork
from engine.settlement.simulated_world import SimulatedWorld, simulated_world
from engine.store.database import Database
from engine.store.errors import StoreError
from intents.values import canonical_bytes

NAME = "embedded"
"""The row of the embedded world's network."""


class StoredNetwork:
    """A stored network. Not for several threads at once."""

    def __init__(self, database: Database, world: SimulatedWorld, time_us: int) -> None:
        self.network: Network = world.network()
        self._database = database
        self._world = world
        self._time_us = time_us
        self._sends: list[tuple[Transaction, str, int, int]] = []
        self._asks: list[tuple[str, str, tuple[str, ...], int]] = []
        self._probes: list[tuple[str, str, str, int]] = []

    @classmethod
    def open(cls, database: Database, snapshot: Snapshot, seed: int) -> StoredNetwork:
        """The database's network; where it has none, one of this seed with a chain for each place of the snapshot."""
        return cls.begin(database, simulated_world(snapshot, seed))

    @classmethod
    def begin(cls, database: Database, world: SimulatedWorld) -> StoredNetwork:
        """The database's network; where it has none, one of this world."""
        state = json.dumps(SimulatedNetwork(world).dump()).encode()
        with database.transaction() as work:
            work.simulated.begin(NAME, canonical_bytes(world), state)
            stored = work.simulated.get(NAME)
        if stored is None:
            raise StoreError("no_network", NAME, expected="a simulated network", actual="none")
        return cls(database, SimulatedWorld.from_json(stored[0]), json.loads(stored[1])["time_us"])

    def now_us(self) -> int:
        """The network's time, as of the last poll."""
        return self._time_us

    def send(self, transaction: Transaction, node: str, sequence: int, at_us: int) -> None:
        """Hand a transaction to a node with the next poll."""
        self._sends.append((transaction, node, sequence, at_us))

    def ask(self, chain: str, node: str, transactions: Sequence[str], at_us: int) -> None:
        """Ask a node with the next poll."""
        self._asks.append((chain, node, tuple(transactions), at_us))

    def signs(self, chain: str) -> bool:
        """As the network."""
        return self._world.beat_us > 0

    def probe(self, challenger: str, node: str, seed: str, at_us: int) -> None:
        """Have a node measured with the next poll."""
        self._probes.append((challenger, node, seed, at_us))

    def poll(self, until_us: int) -> list[Answer]:
        """Move the network's time there; what came."""
        with self._database.transaction() as work:
            stored = work.simulated.get(NAME)
            if stored is None:
                raise StoreError("no_network", NAME, expected="a simulated network", actual="none")
            network = SimulatedNetwork.load(self._world, json.loads(stored[1]))
            for send in self._sends:
                network.send(*send)
            for ask in self._asks:
                network.ask(*ask)
            for probe in self._probes:
                network.probe(*probe)
            answers = network.poll(until_us)
            work.simulated.move(NAME, json.dumps(network.dump()).encode())
        self._sends, self._asks, self._probes = [], [], []
        self._time_us = network.now_us()
        return answers
