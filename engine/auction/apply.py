"""The world after an auction: holdings through the ledger, venues and filled units.

    after = apply(problem, replayed)
    world.advance(holdings=after.holdings, venues=after.venues, filled_units=after.filled_units, time_seconds=...)

Guarantees
1. Holdings are the books' after the opening entries and one balanced settlement entry: nothing appears or is lost.
2. Venue states are those that the joint replay left.

Expired derivatives stay as they are: their payment at expiry is not part of an auction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.auction.problem import Holding, Problem
from engine.auction.replay import Replayed
from engine.ledger.books import Ledger
from engine.ledger.settlement_entries import holdings_of, opening_entries, settlement_entry
from engine.market.venues.base import VenueState


@dataclass(frozen=True, slots=True)
class After:
    """What the next auction starts from. `filled_units` by intent filled now, earlier auctions counted; `venues` ascend."""

    holdings: Mapping[str, Mapping[str, Holding]]
    venues: tuple[VenueState, ...]
    filled_units: Mapping[str, int]


def apply(problem: Problem, replayed: Replayed) -> After:
    """The world after a feasible set of bids. Raises LedgerError where the set was not feasible."""
    ledger = Ledger(opening_entries(problem.holdings, problem.auction), problem.owed)
    ledger.post(settlement_entry(problem, replayed, problem.auction), problem.owed)
    venues = tuple(state for _, state in sorted(replayed.venues.items()))
    return After(holdings_of(ledger.books), venues, filled_units(problem, replayed))


def filled_units(problem: Problem, replayed: Replayed) -> dict[str, int]:
    """By intent that the bids fill, the units filled in this and earlier auctions, ascending by intent."""
    filled = {
        fill.intent: problem.intents_by_id[fill.intent].filled_units + fill.units
        for bid in replayed.bids
        for fill in bid.solution.fills
    }
    return dict(sorted(filled.items()))
