"""The seeded synthetic world: three chains, an exchange for options, bridges between them, and order flow.

Guarantees
1. The same seed gives the same bytes on every machine and version of Python: draws are SHA-256 of a counter, numbers
   are integers, rationals and decimals of fixed precision.
2. Every snapshot passes `check_snapshot`, every problem `check_problem`.
3. What it makes up is fair value times a drawn dispersion; it models no real market.

    sim:alpha, sim:beta, sim:gamma   ETH (native), USD, BTC, GOV; constant and weighted product pools
    simx:main                        BTC and USD; inverse BTC and linear ETH options, two expiries, from a smile
    bridges                          ETH and USD between the chains, USD and BTC between sim:alpha and the exchange

The numeraire is USD on sim:alpha. Reference prices are the made-up fair values ("simulated oracle") and stay as they
are; pools and books move as they are traded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Protocol

from engine.auction.problem import Holding, Intent
from engine.market.demo import Deposits
from engine.market.feeds.base import DEFAULT_SOLVERS
from engine.market.feeds.synthetic_flow import arrivals
from engine.market.feeds.synthetic_market import ASSETS, CHAINS, EXCHANGE, NATIVE, START_SECONDS, Draw, demo_snapshot
from engine.market.snapshot import Snapshot
from engine.market.venues.base import VenueState
from engine.market.world import Holdings, World
from intents.identifiers import solver_account

AUCTION_SECONDS = 60
"""Time from one auction to the next."""


class Applied(Protocol):
    """What an auction left: see `World.advance` for the three fields."""

    @property
    def holdings(self) -> Holdings:
        """Balances of all owners."""

    @property
    def venues(self) -> Iterable[VenueState]:
        """All venues, ascending by id."""

    @property
    def filled_units(self) -> Mapping[str, int]:
        """Units filled so far, by intent."""


def demo_world(seed: int) -> World:
    """The world before its first auction: market, solvers' inventory, and the first intents with their deposits."""
    world = World(name=world_name(seed), auction=0, snapshot=market(seed), intents=(), holdings=inventory())
    return _with_arrivals(world, seed)


def step(world: World, applied: Applied, seed: int) -> World:
    """The world before the next auction, with new arrivals; `seed` is the one it began with."""
    advanced = world.advance(
        holdings=applied.holdings,
        venues=applied.venues,
        filled_units=applied.filled_units,
        time_seconds=START_SECONDS + (world.auction + 1) * AUCTION_SECONDS,
    )
    return _with_arrivals(advanced, seed)


def world_name(seed: int) -> str:
    """What the world of a seed is called."""
    return f"demo-{seed}"


def market(seed: int, quote: int = 0, rolls: int = 0) -> Snapshot:
    """The world's market at its start, as quoted for the first time (0) or anew: same venues, other states.

    `rolls` is how often its options have rolled (`rolls_at`): the same strikes at later expiries.
    """
    return demo_snapshot(_draw(seed, f"market/{quote}" if quote else "market"), rolls)


def order_flow(seed: int, snapshot: Snapshot, auction: int) -> tuple[list[Intent], Deposits]:
    """Who arrives before an auction: new intents, and what their owners need for them."""
    return arrivals(snapshot, auction, _draw(seed, f"flow/{auction}"))


def _with_arrivals(world: World, seed: int) -> World:
    return world.arrive(*order_flow(seed, world.snapshot, world.auction))


def _draw(seed: int, purpose: str) -> Draw:
    return Draw(hashlib.sha256(f"clearway/synthetic/1/{seed}/{purpose}".encode()).digest())


def inventory() -> dict[str, dict[str, Holding]]:
    """For each solver: 10 ETH for gas and inventory on each chain, and about the same value of every other token."""
    worth = 25_000
    held = {}
    for place in (*CHAINS, EXCHANGE):
        for symbol, asset in ASSETS[place].items():
            held[asset.id] = Holding(amount=int(Fraction(worth) / asset.usd * 10**asset.decimals))
            if symbol == NATIVE and place in CHAINS:
                held[asset.id] = Holding(amount=10 * 10**asset.decimals)
    return {solver_account(name): dict(sorted(held.items())) for name in DEFAULT_SOLVERS}
