"""A world that goes on: the state after auction n is the input of auction n + 1.

Guarantees
1. `problem()` is a pure function of the world: the same world gives the same bytes.
2. `advance` takes venues and holdings as the auction left them, so what was traded stays traded: pools keep their
   reserves, books their sizes, bridges their capacity. Levels that were used up are dropped, which renames the others,
   as a real book would; within an auction names stay put. Books of instruments that expired by the next auction's
   time are gone, and so are quotes that ended.
3. Intents that are still open and valid stay, with the units filled so far; the others leave.

It draws nothing at random and knows no clock: who arrives next and when is handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from engine.auction.problem import Holding, Intent, Problem
from engine.market.demo import Deposits, with_intents
from engine.market.snapshot import Snapshot, expiry_of, snapshot_hash
from engine.market.venues.base import VenueState
from engine.market.venues.order_book import OrderBookState
from intents.values import content_hash

Holdings = Mapping[str, Mapping[str, Holding]]
"""Balances by owner, then asset."""

DEMO_SALT = "0x" + "00" * 32
"""The deployment salt that demo owners sign with."""


@dataclass(frozen=True)
class World:
    """Everything one auction needs. `name` and the number `auction` name it; intents and holdings are current."""

    name: str
    auction: int
    snapshot: Snapshot
    intents: tuple[Intent, ...]
    holdings: Holdings

    def problem(self) -> Problem:
        """The auction that is due: its deadline is the snapshot's time."""
        label = f"{self.name}.{self.auction}"
        return Problem(
            auction=label,
            deadline_seconds=self.snapshot.time_seconds,
            solver_seed="0x" + content_hash("clearway/world-seed/1", label).removeprefix("sha256:"),
            deployment_salt=DEMO_SALT,
            snapshot_hash=snapshot_hash(self.snapshot),
            snapshot=self.snapshot,
            intents=self.intents,
            holdings={owner: dict(assets) for owner, assets in self.holdings.items()},
            provenance={"world": self.name},
        )

    def arrive(self, intents: Iterable[Intent], deposits: Deposits) -> World:
        """The world with new intents, and with these amounts deposited on top of what is held."""
        joined = with_intents(self.problem(), intents, deposits)
        return replace(self, intents=joined.intents, holdings=joined.holdings)

    def advance(
        self,
        *,
        holdings: Holdings,
        venues: Iterable[VenueState],
        filled_units: Mapping[str, int],
        time_seconds: int,
    ) -> World:
        """The world before the next auction.

        `holdings` and `venues` as the auction left them, all of them; `filled_units` by intent, counting earlier
        auctions too (an intent that is not named keeps its count); `time_seconds` is the next snapshot's.
        """
        intents = (
            intent.model_copy(update={"filled_units": filled_units.get(intent.id, intent.filled_units)})
            for intent in self.intents
        )
        compacted = tuple(without_empty_levels(venue) for venue in venues if not _ended(venue, time_seconds))
        snapshot = self.snapshot.model_copy(update={"time_seconds": time_seconds, "venues": compacted})
        return replace(
            self,
            auction=self.auction + 1,
            snapshot=snapshot,
            intents=tuple(i for i in intents if i.open_units and time_seconds < i.outcome.valid_until),
            holdings=holdings,
        )


def _ended(venue: VenueState, time_seconds: int) -> bool:
    expiry = expiry_of(venue)
    return expiry is not None and expiry <= time_seconds


def without_empty_levels(venue: VenueState) -> VenueState:
    """The venue; of a book, only the levels that have a size."""
    if not isinstance(venue, OrderBookState):
        return venue
    sides = {side: tuple(level for level in getattr(venue, side) if level.size) for side in ("bids", "asks")}
    return venue.model_copy(update=sides)
