"""How far recorded scores agree with the rule `cow-2024`: counts, and each bid that is not exact with what explains it.

The relative error of a bid is |recomputed - recorded| / recorded, compared in integers; where 0 is recorded the
difference counts in wei.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

from engine.market.feeds.cow_competitions import (
    Auction,
    Bid,
    CannotScoreError,
    Competition,
    score_at_stated_fees,
    score_bid,
    stated_and_due_fees,
)

WITHIN = {"within_1e-9": 10**9, "within_1e-6": 10**6, "within_1e-2": 10**2}
"""By name, the inverse of the relative error that still counts."""


@dataclass(frozen=True, slots=True)
class NotExact:
    """A bid whose recomputed score differs. `stated_fees`: with the fees that its own prices leave, the score is exact."""

    auction: int
    solver: str
    recorded: int
    recomputed: int
    cause: Literal["stated_fees", "unexplained"]
    fees: tuple[tuple[int, int], ...]

    def to_wire(self) -> dict[str, Any]:
        """This bid as plain JSON data; `fees` by trade, [stated, by the rule]."""
        return {
            "auction": self.auction,
            "solver": self.solver,
            "recorded": str(self.recorded),
            "recomputed": str(self.recomputed),
            "cause": self.cause,
            "fees": [[str(stated), str(due)] for stated, due in self.fees],
        }


@dataclass
class Agreement:
    """Counts over the auctions that have a competition. `skipped` bids could not be rescored, by reason."""

    auctions: int = 0
    bids: int = 0
    exact: int = 0
    within: Counter[str] = field(default_factory=Counter)
    worst: Fraction | None = None
    not_exact: list[NotExact] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    unpaired_auctions: int = 0
    unpaired_competitions: int = 0

    def add(self, auction: Auction, bid: Bid) -> None:
        """Rescore one bid more."""
        self.bids += 1
        try:
            score = score_bid(auction, bid)
        except CannotScoreError as error:
            self.skipped[error.reason] += 1
            return
        difference, size = abs(score - bid.score), abs(bid.score) or 1
        self.within.update(name for name, inverse in WITHIN.items() if difference * inverse <= size)
        self.worst = max(self.worst or Fraction(0), Fraction(difference, size))
        if difference == 0:
            self.exact += 1
            return
        explained = score_at_stated_fees(auction, bid) == bid.score
        cause: Literal["stated_fees", "unexplained"] = "stated_fees" if explained else "unexplained"
        fees = tuple(stated_and_due_fees(auction, bid)) if explained else ()
        self.not_exact.append(NotExact(auction.id, bid.solver, bid.score, score, cause, fees))

    def summary(self) -> dict[str, Any]:
        """The counts; `max_relative_error` is None where no bid could be rescored."""
        within = {name: self.within[name] for name in WITHIN}
        worst = None if self.worst is None else float(self.worst)
        return {
            "auctions": self.auctions,
            "bids": self.bids,
            "exact": self.exact,
            **within,
            "max_relative_error": worst,
        }


def rescore(auctions: Sequence[Auction], competitions: Sequence[Competition]) -> Agreement:
    """Rescore the bids of all auctions that have a competition, in the order of the auctions."""
    by_auction = {competition.auction: competition for competition in competitions}
    found = Agreement()
    for auction in auctions:
        competition = by_auction.pop(auction.id, None)
        if competition is None:
            found.unpaired_auctions += 1
            continue
        found.auctions += 1
        for bid in competition.bids:
            found.add(auction, bid)
    found.unpaired_competitions = len(by_auction)
    return found
