"""The embedded world: the seeded synthetic market and its order flow, kept in the store.

Guarantees
1. It begins once, however many processes open the database at once: market, solvers and their inventory.
2. The market of an auction is what the auction before left, at the time of the cut. Its draws depend on the seed, the
   auction's number and which options are listed then; the solvers' seed is given, so that nobody knows it before the cut.
3. It does not end: the cast withdraws what it could not get filled, and deposits only what is missing; solvers that used
   up half of their inventory get it back (registered ones get gas, no more); every `REQUOTE` auctions the makers quote
   anew, so that books and pools that the flow has emptied fill again; and they list later options before the near ones
   expire. What was listed stays known, so positions in it stay in the books as they are: nothing here settles them.

Accounts at its exchange are margin accounts: each auction's market has risk tables of its time (synthetic_risk).
All money comes from the ledger's faucet. It models no real market: see engine.market.feeds.synthetic.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.auction.margin import account_margin
from engine.auction.problem import Holding, Intent, Problem
from engine.ledger.accounts import FAUCET
from engine.ledger.books import Entry, Posting
from engine.market.demo import Deposits
from engine.market.feeds.base import DEFAULT_SOLVERS
from engine.market.feeds.synthetic import inventory, market, order_flow, world_name
from engine.market.feeds.synthetic_market import (
    ASSETS,
    CHAINS,
    NATIVE,
    START_SECONDS,
    expiries,
    listed_expiries,
    rolls_at,
)
from engine.market.feeds.synthetic_risk import with_risk
from engine.market.snapshot import Snapshot
from engine.market.venues.base import VenueState
from engine.market.world import World, without_empty_levels
from engine.network.seen import MarketView
from engine.runtime.clock import Clock, SystemClock
from engine.runtime.embedded_view import market_view, note_prices, note_quotes
from engine.store.database import Database
from engine.store.errors import StoreError
from engine.store.work import Work
from intents.identifiers import place_of, solver_account
from intents.lifecycle import Cancel, Status

REQUOTE = 20
"""Auctions from one quotation of the whole market to the next."""

GAS = frozenset(ASSETS[chain][NATIVE].id for chain in CHAINS)
"""What gas is paid in."""

LOOK_MS = 1000
"""Between two looks for assets that are not known."""

OBSERVED_SECONDS = 60
"""Reference prices, which never change here, are observed again when they are as old."""

_WORLD, _MARKET, _FLOW = "embedded/world", "embedded/market", "embedded/flow"


@dataclass(frozen=True, slots=True)
class EmbeddedWorld:
    """A world that a database holds. `clock` is its time."""

    seed: int
    clock: Clock

    @classmethod
    def open(cls, database: Database, seed: int) -> EmbeddedWorld:
        """The database's world; one of this seed where it has none."""
        offset = START_SECONDS * 1000 - SystemClock().now_ms()
        with database.transaction() as work:
            if work.meta.claim(_WORLD, json.dumps({"seed": seed, "offset_ms": offset})):
                _begin(work, seed)
            stored = json.loads(_required(work, _WORLD))
        return cls(seed=stored["seed"], clock=SystemClock(stored["offset_ms"]))

    def market(self, work: Work) -> Snapshot:
        """The market as the last auction left it."""
        snapshot = work.snapshots.get(key := _required(work, _MARKET))
        if snapshot is None:
            raise StoreError("unknown_snapshot", key, expected="the market's snapshot", actual="none")
        return snapshot

    def arrive(self, work: Work, number: int, now_ms: int) -> Snapshot:
        """What happens before an auction is cut: the cast comes and goes. The market of that auction, stored."""
        snapshot = self.market(work).model_copy(update={"time_seconds": now_ms // 1000})
        if snapshot.time_seconds - max(price.time_seconds for price in snapshot.prices.values()) >= OBSERVED_SECONDS:
            seen = {"time_seconds": snapshot.time_seconds}
            prices = {asset: price.model_copy(update=seen) for asset, price in snapshot.prices.items()}
            snapshot = snapshot.model_copy(update={"prices": prices})
        rolls = rolls_at(snapshot.time_seconds)
        if number % REQUOTE == 0 or listed_expiries(snapshot) != expiries(rolls):
            quoted = market(self.seed, number, rolls)
            assets = {**snapshot.assets, **quoted.assets}
            snapshot = snapshot.model_copy(update={"venues": quoted.venues, "assets": assets})
            note_quotes(work, snapshot)
        snapshot = with_risk(snapshot)
        note_prices(work, snapshot)
        work.snapshots.put(snapshot)
        intents, needed = order_flow(self.seed, snapshot, number)
        self._withdraw(work, now_ms)
        _supply(work, {**needed, **_used_up(work)}, f"{world_name(self.seed)}.{number}", now_ms, snapshot)
        # Demo keys are public: somebody else may have used the nonce.
        new = [i for i in intents if work.intents.nonce_taken(i.outcome.owner, i.outcome.nonce) is None]
        for intent in new:
            work.intents.add(intent, accepted_ms=now_ms, receipt={})
        work.meta.set(_FLOW, json.dumps([intent.id for intent in new]))
        return snapshot

    def view(self, work: Work, snapshot: Snapshot) -> MarketView:
        """What the market that arrived says of volatilities, derivatives and depths."""
        return market_view(work, snapshot)

    def problem(
        self,
        number: int,
        snapshot: Snapshot,
        intents: Sequence[Intent],
        holdings: Mapping[str, Mapping[str, Holding]],
        deadline_ms: int,
        solver_seed: str,
    ) -> Problem:
        """The auction's question."""
        world = World(world_name(self.seed), number, snapshot, tuple(intents), holdings)
        changed = {"deadline_seconds": deadline_ms // 1000, "solver_seed": solver_seed}
        return world.problem().model_copy(update=changed)

    def leave(self, work: Work, snapshot: Snapshot, venues: Iterable[VenueState]) -> str:
        """Keep the market that an auction leaves; its snapshot's hash."""
        kept = tuple(without_empty_levels(venue) for venue in venues)
        left = snapshot.model_copy(update={"venues": kept, "risk": {}})
        work.meta.set(_MARKET, key := work.snapshots.put(left))
        return key

    def _withdraw(self, work: Work, now_ms: int) -> None:
        for intent in json.loads(work.meta.get(_FLOW) or "[]"):
            stored = work.intents.get(intent)
            if stored is not None and stored.status in {Status.OPEN, Status.PARTIALLY_FILLED}:
                work.intents.move(intent, Cancel(), now_ms, detail={"by": world_name(self.seed)})


class ListedAssets:
    """The assets of the market, for as long as it goes on: `asset in listed`. Safe to share between threads.

    What is known stays known, so only what is not known yet is looked for, and that at most once a second.
    """

    def __init__(self, database: Database, world: EmbeddedWorld) -> None:
        self._database, self._world = database, world
        self._known: frozenset[str] = frozenset()
        self._looked_ms = -LOOK_MS

    def __contains__(self, asset: object) -> bool:
        """Whether intents may name it."""
        now = self._world.clock.now_ms()
        if asset not in self._known and abs(now - self._looked_ms) >= LOOK_MS:
            self._looked_ms = now
            with self._database.reading() as work:
                self._known = frozenset(self._world.market(work).assets)
        return asset in self._known


def _begin(work: Work, seed: int) -> None:
    first = market(seed)
    work.meta.set(_MARKET, work.snapshots.put(first))
    note_quotes(work, first)
    for name in DEFAULT_SOLVERS:
        work.solvers.register_builtin(name)
    held = {owner: {asset: h.amount for asset, h in assets.items()} for owner, assets in inventory().items()}
    _supply(work, held, world_name(seed), START_SECONDS * 1000, first)


def _supply(work: Work, needed: Deposits, reference: str, now_ms: int, snapshot: Snapshot) -> None:
    """Deposit what the owners' free balances lack of what they need.

    What carries positions in a margin account is not free for more: of its tokens only what is above the initial margin
    counts.
    """
    holdings = work.accounts.holdings(sorted(needed))
    postings = []
    for owner, amounts in sorted(needed.items()):
        free = {asset: holding.free for asset, holding in holdings.get(owner, {}).items()}
        for asset, amount in sorted(amounts.items()):
            missing = amount - _spare(snapshot, owner, free, asset)
            if missing > 0:
                postings += [Posting(FAUCET, asset, -missing), Posting(owner, asset, missing)]
    if postings:
        work.accounts.post(Entry("deposit", reference, tuple(postings)), now_ms)


def _spare(snapshot: Snapshot, owner: str, free: Mapping[str, int], asset: str) -> int:
    """What the owner has of a token for new intents; less than nothing where it is owed."""
    held, risk = free.get(asset, 0), snapshot.risk.get(place_of(asset))
    if risk is None or owner.startswith(solver_account("")) or asset not in risk.rules.collateral:
        return held
    margin = account_margin(snapshot, place_of(asset), free)
    above = 0 if isinstance(margin, str) else max(0, margin.free)
    numerator, denominator = risk.rules.collateral[asset].price
    return min(held, above * denominator // numerator)


def _used_up(work: Work) -> dict[str, dict[str, int]]:
    """By solver's account, the inventory of which less than half is left."""
    full = inventory()
    gas = {asset: held for asset, held in next(iter(full.values())).items() if asset in GAS}
    full |= {solver_account(one.name): gas for one in work.solvers.all() if one.remote is not None}
    holdings = work.accounts.holdings(sorted(full))
    return {
        owner: {
            asset: holding.amount
            for asset, holding in assets.items()
            if asset not in holdings.get(owner, {}) or 2 * holdings[owner][asset].free < holding.amount
        }
        for owner, assets in full.items()
    }


def _required(work: Work, key: str) -> str:
    value = work.meta.get(key)
    if value is None:
        raise StoreError("no_world", key, expected="an embedded world", actual="none")
    return value
