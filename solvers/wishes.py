"""What optimising solvers see of derivative intents: linear rows, exact in rationals, and the levels of their books.

A wish is the open part of an intent that changes derivative positions (structures: fixed ratios; payoffs: any listed
position). With x the share filled (0 .. 1), z+ and z- the positions bought and sold in base units, its rules are rows

    sum long[a] z+[a] - sum short[a] z-[a] + share x + sum slack[k] w[k] >= least

Sources: docs/rules.md section 3. Payoffs are piecewise linear, so a row at 0, at each knot and strike, and one for
the slope beyond the last, say the same as one row for every S >= 0 (super-replication: Carr and Madan, "Towards a
theory of volatility trading", 1998; the LP is in arXiv 2109.06443). For inverse contracts a loss bound w adds w S
to the payoff, since the payoff is S times the payment; for linear ones it adds w.

Guarantee: a point that meets all rows meets `floor_not_met`, `worst_loss_exceeded` and the escrow or margin rules, for the
intent alone. Conservative, never wrong: an owner's holdings help only if this is the owner's only wish.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from engine.auction.escrow import NO_EXPIRY
from engine.auction.problem import Intent, Problem
from engine.market.venues.order_book import OrderBookState, cost_of, named_levels, proceeds_of
from intents.identifiers import place_of
from intents.instruments import Instrument, parse_instrument
from intents.outcome import Outcome, PayoffFloor, is_derivative
from intents.payoff import (
    ZERO,
    PiecewiseLinear,
    combine,
    counted_position,
    floor_payoff,
    haircut_for,
    instrument_payoff,
)
from intents.values import ceil_div
from solvers.common import leg_gas_value, leg_wait_cost
from solvers.margins import margin_budget, margin_cover, needs_margin
from solvers.network import is_swap, merged_reasons
from solvers.rows import Cap, Row

HAIRCUT_UNIT = 1
"""`counted_position` of one base unit is the weight of a position."""


FloatRow = tuple[dict[str, float], dict[str, float], float, dict[str, float], float]


@dataclass(frozen=True)
class Wish:
    """The open part of a derivative intent.

    `limit`: the most it pays net in `quote` for all open units (negative: the least it gets); `budget`: the owner's
    free balance of it. `fixed`: signed positions for all open units; `eligible`: assets of which any position will do.
    """

    intent: str
    owner: str
    quote: str
    limit: int
    budget: int
    open_units: int
    least_units: int
    fixed: Mapping[str, int]
    eligible: tuple[str, ...]
    rows: tuple[Row, ...]
    caps: tuple[Cap, ...]

    @property
    def whole(self) -> bool:
        """Whether only all open units may be filled."""
        return self.least_units == self.open_units

    @cached_property
    def float_rows(self) -> tuple[FloatRow, ...]:
        """The rows for models in floats: (longs, shorts, share, slacks, least)."""
        return tuple(
            (_floats(row.longs), _floats(row.shorts), float(row.share), _floats(row.slacks), float(row.least))
            for row in self.rows
        )


def _floats(weights: Mapping[str, Fraction]) -> dict[str, float]:
    return {name: float(weight) for name, weight in weights.items() if weight}


@dataclass(frozen=True, slots=True)
class Offer:
    """One level of a book. `side` "ask": `size` base units cost `money` of the quote (ceil); "bid": they fetch it (floor)."""

    venue: str
    level: str
    side: str
    asset: str
    quote: str
    size: int
    lot: int
    money: int
    gas_value: float
    wait_cost: float


@dataclass(frozen=True)
class Desk:
    """All wishes and the offers for what they may hold."""

    wishes: tuple[Wish, ...]
    offers: tuple[Offer, ...]
    left_out: dict[str, tuple[str, ...]]


def build_desk(problem: Problem) -> Desk:
    """The derivative side of a problem."""
    books = [
        venue
        for venue in problem.snapshot.venues
        if isinstance(venue, OrderBookState) and is_derivative(venue.base) and _open(venue, problem)
    ]
    wanted = [intent for intent in problem.intents if not is_swap(intent)]
    per_owner = Counter(intent.outcome.owner for intent in wanted)
    wishes, left_out = [], {}
    for intent in wanted:
        found = _wish(problem, intent, books, alone=per_owner[intent.outcome.owner] == 1)
        if isinstance(found, Wish):
            wishes.append(found)
        else:
            left_out[intent.id] = found
    held = {asset for wish in wishes for asset in (*wish.fixed, *wish.eligible)}
    offers = tuple(offer for book in books if book.base in held for offer in _offers(problem, book))
    return Desk(tuple(wishes), offers, merged_reasons({}, left_out))


def _open(venue: OrderBookState, problem: Problem) -> bool:
    return venue.expiry_seconds is None or problem.snapshot.time_seconds < venue.expiry_seconds


def _offers(problem: Problem, book: OrderBookState) -> list[Offer]:
    costs = leg_gas_value(problem, book), leg_wait_cost(problem, book, book.quote, book.base)
    head = (book.base, book.quote)
    asks = [
        Offer(book.id, name, "ask", *head, level.size, book.lot, cost_of(book, level, level.size), *costs)
        for name, level in named_levels(book, "ask")
    ]
    bids = [
        Offer(book.id, name, "bid", *head, level.size, book.lot, proceeds_of(book, level, level.size), *costs)
        for name, level in named_levels(book, "bid")
    ]
    return [offer for offer in asks + bids if offer.size > 0 and offer.money > 0]  # fees may eat all of a bid


def _wish(problem: Problem, intent: Intent, books: list[OrderBookState], *, alone: bool) -> Wish | str:
    """The intent's wish, or the reason why it is left out."""
    outcome, time = intent.outcome, problem.snapshot.time_seconds
    if not outcome.valid_from <= time < outcome.valid_until:
        return "not_valid_now"
    if outcome.exposure_bounds:
        return "exposure_bounds_unsupported"
    quote, limit = _money(outcome, intent.open_units)
    if quote is None:
        return "unsupported_shape"
    fixed = _fixed(outcome, intent.open_units)
    eligible = tuple(sorted({book.base for book in books if _counts(book, outcome, quote)}))
    instruments = {asset: parse_instrument(asset) for asset in (*fixed, *eligible)}
    if not instruments:
        return "no_listed_derivative"
    if any(terms.expiry_seconds is not None and terms.expiry_seconds <= time for terms in instruments.values()):
        return "instrument_expired"
    places = {terms.place for terms in instruments.values()}
    if outcome.allowed_venues and not places <= set(outcome.allowed_venues):
        return "restricted_venues"
    if any(not _issuer_allowed(outcome, instruments[asset]) for asset in fixed):
        return "issuer_not_allowed"
    terms = _Terms(problem, intent, instruments, alone=alone)
    margined = needs_margin(problem, intent, fixed, instruments)
    if not margined and terms.holdings_are_short():
        return "holdings_already_short"
    cover = margin_cover(problem, intent, instruments, quote, limit) if margined else terms.escrow()
    if isinstance(cover, str):
        return cover
    loss_rows, loss_caps = terms.worst_loss()
    return Wish(
        intent=intent.id,
        owner=outcome.owner,
        quote=quote,
        limit=limit,
        budget=margin_budget(problem, outcome.owner, quote) if margined else problem.free(outcome.owner, quote),
        open_units=intent.open_units,
        least_units=min(outcome.min_units, intent.open_units),
        fixed=fixed,
        eligible=tuple(asset for asset in eligible if asset not in fixed),
        rows=(*terms.floors(), *cover[0], *loss_rows),
        caps=(*cover[1], *loss_caps),
    )


def _money(outcome: Outcome, open_units: int) -> tuple[str | None, int]:
    """The one token that changes hands and the most that is paid net; None where there are several, or surplus is in another."""
    paid = {asset: amount for asset, amount in outcome.pays.items() if not is_derivative(asset)}
    got = {asset: amount for asset, amount in outcome.receives.items() if not is_derivative(asset)}
    if len(paid) + len(got) != 1 or outcome.surplus_asset not in {**paid, **got}:
        return None, 0
    for asset, amount in paid.items():
        return asset, amount * open_units // outcome.units
    ((asset, amount),) = got.items()
    return asset, -ceil_div(amount * open_units, outcome.units)


def _fixed(outcome: Outcome, open_units: int) -> dict[str, int]:
    """Signed positions for the open units: what is received (ceil), less what is paid (floor)."""
    fixed = {
        a: ceil_div(amount * open_units, outcome.units) for a, amount in outcome.receives.items() if is_derivative(a)
    }
    fixed.update({a: -(amount * open_units // outcome.units) for a, amount in outcome.pays.items() if is_derivative(a)})
    return dict(sorted(fixed.items()))


def _issuer_allowed(outcome: Outcome, instrument: Instrument) -> bool:
    return not outcome.allowed_issuers or instrument.issuer in outcome.allowed_issuers


def _counts(book: OrderBookState, outcome: Outcome, quote: str) -> bool:
    instrument = parse_instrument(book.base)
    counted = any(
        haircut_for(instrument, floor, outcome.allowed_indices) is not None for floor in outcome.payoff_floors
    )
    place_allowed = not outcome.allowed_venues or place_of(book.id) in outcome.allowed_venues
    return counted and place_allowed and book.quote == quote and _issuer_allowed(outcome, instrument)


ClassKey = tuple[str, tuple[str, str, int], str, str]


class _Terms:
    """Builds the rows of one wish; the share of all units that the open ones are scales what the outcome states."""

    def __init__(self, problem: Problem, intent: Intent, instruments: dict[str, Instrument], *, alone: bool) -> None:
        self.problem, self.outcome, self.alone = problem, intent.outcome, alone
        self.instruments = instruments
        self.open_units = intent.open_units
        self.share = Fraction(intent.open_units, intent.outcome.units)
        self.payoffs = {asset: self._payoff(asset) for asset in instruments}

    def _payoff(self, asset: str) -> PiecewiseLinear:
        instrument = parse_instrument(asset)
        assets = self.problem.snapshot.assets
        return instrument_payoff(instrument, assets[instrument.settlement].decimals, assets[asset].decimals)

    def floors(self) -> list[Row]:
        """floor_not_met: counted positions pay at least the floor's share."""
        return [row for floor in self.outcome.payoff_floors for row in self._floor(floor)]

    def _floor(self, floor: PayoffFloor) -> list[Row]:
        wanted = floor_payoff(floor).scale(self.share)
        longs: dict[str, tuple[Fraction, PiecewiseLinear]] = {}
        shorts: dict[str, tuple[Fraction, PiecewiseLinear]] = {}
        for asset, instrument in self.instruments.items():
            haircut = haircut_for(instrument, floor, self.outcome.allowed_indices)
            if haircut is not None:
                longs[asset] = (counted_position(HAIRCUT_UNIT, haircut), self.payoffs[asset])
                shorts[asset] = (-counted_position(-HAIRCUT_UNIT, haircut), self.payoffs[asset])
        return [
            Row(
                longs={asset: weight * measure(payoff) for asset, (weight, payoff) in longs.items()},
                shorts={asset: weight * measure(payoff) for asset, (weight, payoff) in shorts.items()},
                share=-measure(wanted),
                slacks={},
                least=Fraction(0),
            )
            for measure, _ in _measures([wanted, *(payoff for _, payoff in longs.values())])
        ]

    def escrow(self) -> tuple[list[Row], list[Cap]]:
        """uncovered_short, escrow_over_max: each class's positions and escrow pay at least zero everywhere."""
        classes: dict[ClassKey, list[str]] = {}
        for asset, instrument in self.instruments.items():
            classes.setdefault(_class_of(instrument), []).append(asset)
        rows: list[Row] = []
        names: dict[str, list[str]] = {}
        for number, (key, assets) in enumerate(sorted(classes.items())):
            name = f"escrow{number}"
            names.setdefault(key[2], []).append(name)
            rows.extend(self._bounded(assets, name, key[3], self._held(key)))
        caps = [
            Cap(
                tuple(slacks),
                self.outcome.max_escrow.get(asset, 0) * self.open_units // self.outcome.units,
                asset,
                is_escrow=True,
            )
            for asset, slacks in sorted(names.items())
        ]
        return rows, caps

    def worst_loss(self) -> tuple[list[Row], list[Cap]]:
        """worst_loss_exceeded: per settlement asset, the losses of its underlyings together."""
        rows, caps = [], []
        for asset, amount in sorted(self.outcome.worst_loss.items()):
            groups: dict[tuple[tuple[str, str, int], str], list[str]] = {}
            for held, instrument in self.instruments.items():
                if instrument.settlement == asset:
                    groups.setdefault((_underlying(instrument), instrument.style), []).append(held)
            names = []
            for number, ((_, style), assets) in enumerate(sorted(groups.items())):
                names.append(f"loss{number}:{asset}")
                rows.extend(self._bounded(assets, names[-1], style, ZERO))
            caps.append(Cap(tuple(names), amount * self.open_units // self.outcome.units, asset, is_escrow=False))
        return rows, caps

    def _bounded(self, assets: list[str], name: str, style: str, held: PiecewiseLinear) -> list[Row]:
        payoffs = {asset: self.payoffs[asset] for asset in assets}
        return [
            Row(
                longs={asset: measure(payoff) for asset, payoff in payoffs.items()},
                shorts={asset: measure(payoff) for asset, payoff in payoffs.items()},
                share=Fraction(0),
                slacks={name: inverse_weight if style == "inverse" else linear_weight},
                least=-measure(held),
            )
            for measure, (inverse_weight, linear_weight) in _measures([held, *payoffs.values()])
        ]

    def holdings_are_short(self) -> bool:
        """Whether free holdings of a touched class lose somewhere by themselves: then their escrow is due too."""
        held = [self._held(key) for key in {_class_of(instrument) for instrument in self.instruments.values()}]
        return any((least := payoff.minimum()) is None or least < 0 for payoff in held)

    def _held(self, key: ClassKey) -> PiecewiseLinear:
        """What the owner's free holdings of the class pay; zero where other wishes may count on them too."""
        if not self.alone:
            return ZERO
        holdings = self.problem.holdings.get(self.outcome.owner, {})
        terms = [
            (holding.free, self._payoff(asset))
            for asset, holding in sorted(holdings.items())
            if is_derivative(asset) and holding.free and _class_of(parse_instrument(asset)) == key
        ]
        return combine(terms)


def _underlying(instrument: Instrument) -> tuple[str, str, int]:
    expiry = NO_EXPIRY if instrument.expiry_seconds is None else instrument.expiry_seconds
    return (instrument.underlying, instrument.index, expiry)


def _class_of(instrument: Instrument) -> ClassKey:
    return (instrument.issuer, _underlying(instrument), instrument.settlement, instrument.style)


Measure = Callable[[PiecewiseLinear], Fraction]


def _measures(payoffs: list[PiecewiseLinear]) -> list[tuple[Measure, tuple[Fraction, Fraction]]]:
    """Value at 0 and at every kink, then the slope at infinity.

    With each comes what a loss bound of 1 adds there to an inverse and to a linear payoff.
    """
    prices = sorted({Fraction(0), *(price for payoff in payoffs for price, _ in payoff.kinks)})
    at_prices: list[tuple[Measure, tuple[Fraction, Fraction]]] = [
        (_value_at(price), (price, Fraction(1))) for price in prices
    ]
    return [*at_prices, (_slope, (Fraction(1), Fraction(0)))]


def _value_at(price: Fraction) -> Measure:
    return lambda payoff: payoff.evaluate(price)


def _slope(payoff: PiecewiseLinear) -> Fraction:
    return payoff.slope
