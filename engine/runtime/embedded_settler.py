"""The embedded world's settler: simulated chains that the database keeps, dispatchers that see them, who watches them."""

from __future__ import annotations

from collections.abc import Callable

from engine.market.feeds.synthetic_market import VOLATILITIES
from engine.network.seen import ChainFacts, SeenNetwork
from engine.runtime.embedded import EmbeddedWorld
from engine.runtime.network_watch import NetworkWatch
from engine.runtime.settling import Settler
from engine.runtime.stored_network import StoredNetwork
from engine.settlement.choosing import ChainDispatchers
from engine.settlement.observed import ObservedDispatchers
from engine.store.database import Database


def embedded_settler(
    database: Database, world: EmbeddedWorld, hooks: Callable[[str], None]
) -> tuple[Settler, NetworkWatch]:
    """A settler on the world's simulated chains, which begin with it where the database has none yet."""
    with database.reading() as work:
        market = world.market(work)
    stored = StoredNetwork.open(database, market, world.seed)
    now_us = stored.now_us()
    chooser = ObservedDispatchers(ChainDispatchers(stored.network, seed=world.seed, now_us=now_us))
    facts = {
        place: ChainFacts({node.name: node.region for node in chain.nodes}, chain.block_us // 2, chain.finality_us)
        for place, chain in stored.network.chains.items()
    }
    seen = SeenNetwork(chooser.chains, facts, VOLATILITIES, now_us)
    settler = Settler(database, stored, stored.network, chooser, seen=seen, hooks=hooks)
    return settler, NetworkWatch(stored, stored.network, chooser, seen)
