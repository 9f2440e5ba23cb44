"""Ten example payoffs on an imported option chain, and what walking the books leg by leg would cost for each.

The expiry is the one with the most strikes whose call and put both have two sides; among equals the first. The middle
strike is where call and put are priced most alike. The examples use the strikes around it, so that the same file always
gives the same intents; the last has corners between listed strikes, where a portfolio of listed ones must be found.

All are bought from the owner's coin, but for the call that the collar sells. Nothing here sells puts without holding
higher ones: an inverse put pays strike / S of the coin, so a short one has no bounded loss near S = 0. That is why the
condor is the bought one.

Each is one signed payoff intent of a demo owner of its own, whose deposit covers budget and escrow. The budget is 13/10
of what the naive legs to buy cost, less what those to sell bring.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from engine.auction.problem import Intent, Problem
from engine.market.demo import demo_intent, demo_owner, with_intents
from engine.market.venues.order_book import Level, OrderBookState, cost_of, proceeds_of
from intents.errors import InputError
from intents.instruments import Option, Right, is_option, parse_option
from intents.kinds import Terms, payoff
from intents.outcome import Knot, PayoffFloor
from intents.values import ceil_div, shortest_decimal

VALID_SECONDS = 3600
"""The examples hold for an hour from the snapshot."""

BELOW, ABOVE = 2, 4
"""How many usable strikes the examples need on either side of the middle."""


class NaiveLeg(NamedTuple):
    """One option of the obvious decomposition: positive bought, negative sold; base units."""

    asset: str
    amount: int


@dataclass(frozen=True)
class Example:
    """A payoff intent with its name, the obvious portfolio, and that portfolio's net cost in the coin's base units."""

    name: str
    intent: Intent
    naive_legs: tuple[NaiveLeg, ...]
    naive_cost: int
    deposit: int


@dataclass(frozen=True)
class _Chain:
    """The books of one expiry by right and strike, the usable strikes, and the place of the middle one among them."""

    books: dict[tuple[Right, Fraction], OrderBookState]
    strikes: tuple[Fraction, ...]
    middle: int
    option: Option

    def strike(self, offset: int) -> Fraction:
        return self.strikes[self.middle + offset]


@dataclass(frozen=True)
class _Shape:
    """A wish for one contract: corners (price, S times payment), slope beyond, and legs (right, strike, contracts)."""

    name: str
    corners: tuple[tuple[Fraction, Fraction], ...]
    slope: Fraction
    legs: tuple[tuple[Right, Fraction, Fraction], ...]
    contracts: int


def examples(problem: Problem) -> tuple[Example, ...]:
    """The ten examples. Raises InputError `thin_chain` where the books have too few usable strikes for them."""
    chain = _chain(problem)
    return tuple(_example(problem, chain, shape) for shape in _shapes(chain))


def with_examples(problem: Problem, chosen: Sequence[Example]) -> Problem:
    """The imported problem with these examples' intents and their owners' deposits."""
    coin = problem.snapshot.numeraire
    deposits = {example.intent.outcome.owner: {coin: example.deposit} for example in chosen}
    return with_intents(problem, [example.intent for example in chosen], deposits)


def naive_cost(books: Sequence[tuple[OrderBookState, int]]) -> tuple[int, int]:
    """What walking each book from its best level costs and brings: (paid, received) in quote base units.

    Amounts are base units, positive bought, negative sold; payments round up, proceeds down, at each level.
    Raises InputError `thin_chain` where a book has less than the amount.
    """
    paid = received = 0
    for book, amount in books:
        levels: tuple[Level, ...] = book.asks if amount > 0 else book.bids
        left = abs(amount)
        for level in levels:
            taken = min(left, level.size)
            left -= taken
            if amount > 0:
                paid += cost_of(book, level, taken)
            else:
                received += proceeds_of(book, level, taken)
        if left:
            raise InputError("thin_chain", book.id, expected=f"{abs(amount)} base units", actual=f"{left} too few")
    return paid, received


def _chain(problem: Problem) -> _Chain:
    by_expiry: dict[int, dict[tuple[Right, Fraction], OrderBookState]] = {}
    for venue in problem.snapshot.venues:
        if isinstance(venue, OrderBookState) and is_option(venue.base):
            option = parse_option(venue.base)
            if (option.style, option.settlement) != ("inverse", problem.snapshot.numeraire):
                continue
            by_expiry.setdefault(option.expiry_seconds, {})[option.right, Fraction(option.strike)] = venue
    usable = {expiry: _usable_strikes(books) for expiry, books in by_expiry.items()}
    expiry = max(usable, key=lambda time: (len(usable[time]), -time), default=0)
    strikes = usable.get(expiry, ())
    if len(strikes) < BELOW + 1 + ABOVE:
        expected = f"an expiry with {BELOW + 1 + ABOVE} strikes whose call and put have two sides"
        raise InputError("thin_chain", "/snapshot/venues", expected=expected, actual=f"{len(strikes)}")
    books = by_expiry[expiry]
    alike = min(strikes, key=lambda strike: (abs(_mid(books["C", strike]) - _mid(books["P", strike])), strike))
    middle = min(max(strikes.index(alike), BELOW), len(strikes) - 1 - ABOVE)
    return _Chain(books, strikes, middle, parse_option(books["C", strikes[middle]].base))


def _usable_strikes(books: dict[tuple[Right, Fraction], OrderBookState]) -> tuple[Fraction, ...]:
    two_sided = {key for key, book in books.items() if book.bids and book.asks}
    return tuple(sorted(strike for right, strike in two_sided if right == "C" and ("P", strike) in two_sided))


def _mid(book: OrderBookState) -> Fraction:
    return Fraction(book.bids[0].price + book.asks[0].price, 2)


def _shapes(chain: _Chain) -> tuple[_Shape, ...]:
    zero, one, half = Fraction(0), Fraction(1), Fraction(1, 2)
    k = {offset: chain.strike(offset) for offset in range(-BELOW, ABOVE + 1)}
    low, high = (k[-2] + k[-1]) / 2, (k[1] + k[2]) / 2
    far = k[-1] - k[-2]
    wing = k[4] - k[2]
    fly = k[2] - k[0]
    return (
        _Shape("put floor", ((zero, k[-1]), (k[-1], zero)), zero, (("P", k[-1], one),), 2),
        _Shape("call cap", ((zero, zero), (k[2], zero)), one, (("C", k[2], one),), 2),
        _Shape(
            "call spread",
            ((zero, zero), (k[2], zero), (k[4], wing)),
            zero,
            (("C", k[2], one), ("C", k[4], -one)),
            5,
        ),
        _Shape(
            "put spread",
            ((zero, far), (k[-2], far), (k[-1], zero)),
            zero,
            (("P", k[-1], one), ("P", k[-2], -one)),
            5,
        ),
        _Shape(
            "collar",
            ((zero, k[-2]), (k[-2], zero), (k[4], zero)),
            -one,
            (("P", k[-2], one), ("C", k[4], -one)),
            3,
        ),
        _Shape("straddle", ((zero, k[0]), (k[0], zero)), one, (("P", k[0], one), ("C", k[0], one)), 1),
        _Shape("strangle", ((zero, k[-1]), (k[-1], zero), (k[1], zero)), one, (("P", k[-1], one), ("C", k[1], one)), 2),
        _Shape(
            "butterfly",
            ((zero, zero), (k[0], zero), (k[2], fly), (k[2] + fly, zero)),
            zero,
            (("C", k[0], one), ("C", k[2], -2 * one), ("C", _covering_call(chain, k[2] + fly), one)),
            4,
        ),
        _Shape(
            "iron condor",
            ((zero, far), (k[-2], far), (k[-1], zero), (k[2], zero), (k[4], wing)),
            zero,
            (("P", k[-1], one), ("P", k[-2], -one), ("C", k[2], one), ("C", k[4], -one)),
            3,
        ),
        _Shape(
            "skewed floor",
            ((zero, low), (low, zero), (high, zero)),
            half,
            (("P", k[-1], one), ("C", k[1], half)),
            4,
        ),
    )


def _covering_call(chain: _Chain, strike: Fraction) -> Fraction:
    """The highest usable strike that is at most the wanted one: its call pays at least as much."""
    return max(listed for listed in chain.strikes if listed <= strike)


def _example(problem: Problem, chain: _Chain, shape: _Shape) -> Example:
    coin = problem.snapshot.numeraire
    coin_unit = 10 ** problem.snapshot.assets[coin].decimals
    contract = 10 ** problem.snapshot.assets[chain.books["C", chain.strike(0)].base].decimals
    books = [(chain.books[right, strike], shape.contracts * contract * ratio) for right, strike, ratio in shape.legs]
    whole = [(book, int(amount)) for book, amount in books]
    paid, received = naive_cost(whole)
    budget = ceil_div(paid * 13, 10) - received
    scale = shape.contracts * coin_unit
    floor = PayoffFloor(
        underlying=chain.option.underlying,
        index=chain.option.index,
        fixing_seconds=chain.option.expiry_seconds,
        settlement=coin,
        style="inverse",
        knots=tuple(Knot(at=shortest_decimal(at), value=int(value * scale)) for at, value in shape.corners),
        slope=int(shape.slope * scale),
    )
    # A payoff that falls for ever beyond its last corner loses at most that slope of the coin.
    escrow = {coin: -floor.slope} if floor.slope < 0 else {}
    time = problem.snapshot.time_seconds
    owner = f"payoff/{shape.name}"
    outcome = payoff(
        Terms(owner=demo_owner(owner), nonce=0, valid_from=time, valid_until=time + VALID_SECONDS),
        floor=floor,
        budget=budget,
        premium=coin,
        floor_units=shape.contracts * contract,
        max_escrow=escrow,
    )
    return Example(
        name=shape.name,
        intent=demo_intent(outcome, owner, problem.deployment_salt),
        naive_legs=tuple(NaiveLeg(book.base, amount) for book, amount in whole),
        naive_cost=paid - received,
        deposit=max(budget, 0) + sum(escrow.values()),
    )
