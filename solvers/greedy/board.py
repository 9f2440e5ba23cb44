"""What options can be bought and sold for right now: the books' levels, less what this run has taken.

Guarantees: costs are those of the assembler's walk (book by book in order of id, each level from the best, whole lots,
payments rounded up and proceeds down at each level), so that a plan made here is what is executed.
"""

from __future__ import annotations

from engine.auction.problem import Problem
from engine.market.venues.order_book import Level, OrderBookState, cost_of, named_levels, proceeds_of
from intents.identifiers import place_of
from intents.outcome import is_derivative


class Board:
    """Costs and takes of derivatives with listed books that have not expired."""

    def __init__(self, problem: Problem) -> None:
        self._books: dict[str, list[OrderBookState]] = {}
        now = problem.snapshot.time_seconds
        for venue in problem.snapshot.venues:
            if (
                isinstance(venue, OrderBookState)
                and is_derivative(venue.base)
                and now < (venue.expiry_seconds or now + 1)
            ):
                self._books.setdefault(venue.base, []).append(venue)
        self._known: dict[tuple[str, int], tuple[int, int]] = {}

    def assets(self, quote: str) -> list[str]:
        """The derivatives all of whose books are in one quote asset, ascending."""
        return sorted(asset for asset, books in self._books.items() if all(book.quote == quote for book in books))

    def lot(self, asset: str) -> int:
        """The step in which the derivative is traded."""
        return max((book.lot for book in self._books.get(asset, ())), default=1)

    def places(self, asset: str) -> set[str]:
        """The places of its books."""
        return {place_of(book.id) for book in self._books.get(asset, ())}

    def cost(self, asset: str, amount: int) -> tuple[int, int]:
        """(base units that no level offers, net payment) of a change; selling (amount < 0) pays less than zero."""
        key = (asset, amount)
        known = self._known.get(key)
        if known is None:
            left, paid = abs(amount), 0
            for book, level, size in self._walk(asset, amount):
                paid += cost_of(book, level, size) if amount > 0 else -proceeds_of(book, level, size)
                left -= size
            known = self._known[key] = (left, paid)
        return known

    def take(self, asset: str, amount: int) -> None:
        """Take a change off the levels."""
        taken = {(book.id, level.price): size for book, level, size in self._walk(asset, amount)}
        side = "asks" if amount > 0 else "bids"
        books = []
        for book in self._books.get(asset, ()):
            levels = tuple(
                Level(price=level.price, size=level.size - taken.get((book.id, level.price), 0))
                for level in (book.asks if amount > 0 else book.bids)
            )
            books.append(book.model_copy(update={side: levels}))
        self._books[asset] = books
        self._known = {key: value for key, value in self._known.items() if key[0] != asset}

    def _walk(self, asset: str, amount: int) -> list[tuple[OrderBookState, Level, int]]:
        left, steps = abs(amount), []
        for book in self._books.get(asset, ()):
            for _, level in named_levels(book, "ask" if amount > 0 else "bid"):
                size = min(left, level.size) // book.lot * book.lot
                if size and (amount > 0 or proceeds_of(book, level, size) > 0):
                    steps.append((book, level, size))
                    left -= size
        return steps
