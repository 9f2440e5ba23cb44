"""What feeds of perpetuals make of their markets: a Problem without intents, margin by tier included.

One place, one settlement token, which is the numeraire; each market is a linear perpetual with an oracle price, margin
tiers and, where there are levels, an order book. The risk tables have one scenario in which nothing moves, so that
margin is what the tiers ask; who has other scenarios puts them in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any, NamedTuple

from engine.market.feeds.base import FeedError, Imported, Tally, digest_of, imported_problem, ratio_of
from engine.market.margin.account import Collateral, MarginRules, Tier
from engine.market.margin.inputs import Instrument, RiskInputs, Scenario
from engine.market.margin.place import PlaceRisk
from engine.market.margin.tables import build_tables
from engine.market.snapshot import Asset, Chain, ReferencePrice, Snapshot, check_snapshot
from engine.market.venues.base import AssetInfo, VenueStateError
from engine.market.venues.order_book import Fee, Level
from engine.market.venues.perpetual_book import PerpetualBook, PerpetualBookState
from intents.futures import parse_perpetual
from intents.identifiers import AssetId, solver_account
from intents.instruments import Perpetual
from intents.payoff import BASIS
from intents.values import AMOUNT_LIMIT, Ratio, shortest_decimal

MOST_DECIMALS = 36
"""Of an asset."""


HOUR = 3600


class Fees(NamedTuple):
    """A book's; None where the file states none."""

    taker: Fee | None
    maker: Fee | None


@dataclass(frozen=True)
class PerpMarket:
    """A market of a file. `price`: settlement units for one unit of the underlying; `decimals` of the position.

    `hourly_rate`: the funding rate of the coming hour; `interest`: open interest in base units.
    """

    name: str
    asset: AssetId
    decimals: int
    price: Fraction
    tiers: tuple[Tier, ...]
    hourly_rate: Fraction
    interest: int
    book: PerpetualBookState | None = None

    def empty_book(
        self, place: str, settlement: AssetId, *, tick: Ratio, lot: int, fees: Fees, time_seconds: int
    ) -> PerpetualBookState:
        """The market's book without levels, as seen at a time: funding is paid at each whole hour."""
        return PerpetualBookState(
            id=f"{place}/book:{self.name}",
            base=self.asset,
            quote=settlement,
            tick=tick,
            lot=lot,
            bids=(),
            asks=(),
            taker_fee=fees.taker,
            maker_fee=fees.maker,
            oracle_price=base_price(self),
            oracle_seconds=time_seconds,
            open_interest=self.interest,
            funding_rate=(self.hourly_rate.numerator, self.hourly_rate.denominator),
            funding_interval_seconds=HOUR,
            funding_next_seconds=(time_seconds // HOUR + 1) * HOUR,
            tiers=self.tiers,
        )


@dataclass(frozen=True)
class Source:
    """Where markets came from: the format, the file and its content, the place and time they are put at."""

    format: str
    file: str
    content: str | bytes
    place: str
    settlement: AssetId
    time_seconds: int


SETTLEMENT_DECIMALS = 6
"""Of the venues' dollar token."""


def base_price(market: PerpMarket) -> Ratio:
    """Settlement base units for a base unit of the position."""
    return ratio_of(market.price * Fraction(10**SETTLEMENT_DECIMALS, 10**market.decimals), "price")


def rate_bps(share: Fraction, field: str) -> int:
    """A margin rate in basis points, rounded up. Raises FeedError `malformed_field` above one."""
    if not 0 <= share <= 1:
        raise FeedError("malformed_field", field, expected="a share of at most 1", actual=str(share))
    return ceil(share * BASIS)


def single_tier(initial: Fraction, maintenance: Fraction, fields: tuple[str, str]) -> tuple[Tier, ...]:
    """One tier from notional zero. Raises FeedError `malformed_field` where maintenance is above initial."""
    bps = [rate_bps(share, field) for share, field in zip((initial, maintenance), fields, strict=True)]
    if bps[1] > bps[0]:
        raise FeedError("malformed_field", fields[1], expected=f"at most {fields[0]}", actual=str(maintenance))
    return (Tier(above=0, initial_bps=bps[0], maintenance_bps=bps[1]),)


def levels_of(
    rows: Sequence[tuple[Fraction, Fraction]], state: PerpetualBookState, decimals: int, side: str, tally: Tally
) -> tuple[Level, ...]:
    """(price, size) in whole units as ticks and base units; what is off the tick or lot, or empty, is reported."""
    tick = Fraction(*state.tick) * Fraction(10**decimals, 10**SETTLEMENT_DECIMALS)
    kept = []
    for number, (price, size) in enumerate(rows):
        ticks, units = price / tick, size * 10**decimals
        if max(ticks, units) >= AMOUNT_LIMIT:
            tally.report(f"{side}/{number}", "out_of_range", "price" if ticks > units else "size")
            continue
        if ticks.denominator != 1:
            tally.report(f"{side}/{number}", "off_tick", "price")
            continue
        if units.denominator != 1 or units % state.lot or not units:
            tally.report(f"{side}/{number}", "off_lot", "size")
            continue
        kept.append(Level(price=int(ticks), size=int(units)))
        tally.keep()
    return tuple(kept)


def checked_book(state: PerpetualBookState, decimals: int) -> PerpetualBookState:
    """The book where its kind accepts it. Raises FeedError `refused_state` with the field."""
    infos = {state.base: AssetInfo(decimals), state.quote: AssetInfo(SETTLEMENT_DECIMALS)}
    try:
        PerpetualBook().check(state, infos)
    except VenueStateError as error:
        raise FeedError("refused_state", error.where, expected=error.expected, actual=error.actual) from None
    return state


def imported(
    source: Source, markets: Sequence[PerpMarket], sections: Mapping[str, Tally], notes: Mapping[str, int],
    solvers: Sequence[str],
) -> Imported:  # fmt: skip
    """The problem and the report. Raises FeedError `no_markets` where nothing was kept."""
    if not markets:
        raise FeedError("no_markets", "", expected="a market that can be used", actual="none")
    snapshot = _snapshot(source, markets)
    check_snapshot(snapshot)
    digest = digest_of(source.content)
    problem = imported_problem(
        f"{source.format}.{digest[:16]}",
        digest,
        snapshot,
        {"format": source.format, "file": source.file, "sha256": digest},
        {solver_account(solver): {} for solver in sorted(solvers)},
    )
    head = {"format": source.format, "file": source.file, "sha256": digest}
    counted: dict[str, Any] = {name: tally.to_wire() for name, tally in sections.items()}
    return Imported(problem, {**head, **counted, "notes": dict(notes)})


def _snapshot(source: Source, markets: Sequence[PerpMarket]) -> Snapshot:
    ordered = sorted(markets, key=lambda market: market.asset)
    prices = {
        market.asset: ReferencePrice(
            ratio=base_price(market),
            source=source.format,
            method="oracle",
            time_seconds=source.time_seconds,
        )
        for market in ordered
    }
    unit = ReferencePrice(ratio=(1, 1), source=source.format, method="numeraire", time_seconds=source.time_seconds)
    token = parse_perpetual(ordered[0].asset).settlement
    books = [market.book for market in ordered if market.book is not None]
    return Snapshot(
        time_seconds=source.time_seconds,
        numeraire=token,
        chains={source.place: Chain()},
        assets={
            token: Asset(decimals=SETTLEMENT_DECIMALS, symbol="USDC"),
            **{market.asset: Asset(decimals=market.decimals, symbol=market.name) for market in ordered},
        },
        prices={token: unit, **prices},
        venues=tuple(sorted(books, key=lambda book: book.id)),
        risk={source.place: _risk(source, ordered, token)},
    )


def _risk(source: Source, markets: Sequence[PerpMarket], token: AssetId) -> PlaceRisk:
    inputs = RiskInputs(
        time=source.time_seconds,
        instruments={
            market.asset: Instrument(
                decimals=market.decimals,
                settlement_decimals=SETTLEMENT_DECIMALS,
                forward=shortest_decimal(market.price),
            )
            for market in markets
        },
        scenarios=(Scenario(spot_bps=0),),
    )
    rules = MarginRules(
        tiers={market.asset: market.tiers for market in markets}, collateral={token: Collateral(price=(1, 1))}
    )
    return PlaceRisk(tables=build_tables(inputs), rules=rules)


def perpetual_terms(place: str, underlying: str, index: str, settlement: AssetId) -> Perpetual:
    """A linear perpetual of the venue."""
    return Perpetual(place, underlying, index, "linear", settlement)
