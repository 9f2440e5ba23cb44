"""The market of the synthetic world at its start: assets, pools, bridges and option books. See synthetic.py."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from engine.market.smile import Smile
from engine.market.snapshot import Asset, Chain, ReferencePrice, Snapshot, check_snapshot
from engine.market.venues import AnyVenueState
from engine.market.venues.balancer_math import ONE
from engine.market.venues.bridge import BridgeState
from engine.market.venues.constant_product import ConstantProductState
from engine.market.venues.order_book import Level, OrderBookState
from engine.market.venues.weighted import WeightedState, WeightedToken
from intents.instruments import Option, Right, Style, option_asset
from intents.values import shortest_decimal

START_SECONDS = 1_767_225_600
"""2026-01-01 00:00 UTC, the time of the first snapshot."""

CHAINS = ("sim:alpha", "sim:beta", "sim:gamma")
"""The chains."""

EXCHANGE = "simx:main"
"""The place of the option books."""

NATIVE = "ETH"
"""What gas is paid in on every chain."""

GAS_PRICE = 2 * 10**9
"""Base units of ETH per unit of gas."""

DAY_SECONDS = 86_400
ROLL_SECONDS = 28 * DAY_SECONDS
"""From one expiry to the next, and so from one time that new options are listed to the next."""

EXPIRIES = tuple(START_SECONDS + days * DAY_SECONDS + 8 * 3600 for days in (30, 58))
"""Of what is listed at the start; both at 08:00 UTC."""

OPTION_DECIMALS = 1
"""An option's base unit is a tenth of a contract, which is also its lot."""


class Draw:
    """Integers that look random and are the same everywhere: SHA-256 of a seed and a counter."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._counter = 0

    def between(self, low: int, high: int) -> int:
        """An integer low <= n <= high; uneven by less than one part in 2^128 for ranges of 64 bits."""
        self._counter += 1
        block = hashlib.sha256(self._seed + self._counter.to_bytes(8, "big")).digest()
        return low + int.from_bytes(block[:24], "big") % (high - low + 1)

    def bps(self, spread: int) -> Fraction:
        """A factor within `spread` basis points of 1."""
        return 1 + Fraction(self.between(-spread, spread), 10_000)


@dataclass(frozen=True)
class MarketAsset:
    """An asset with its made-up fair value in whole dollars for a whole one."""

    id: str
    decimals: int
    symbol: str
    usd: Fraction

    def units(self, dollars: Fraction | int) -> int:
        """Base units worth that many dollars, rounded down."""
        return floor(Fraction(dollars) / self.usd * Fraction(10) ** self.decimals)


_TERMS = {"ETH": (18, 2500), "USD": (6, 1), "BTC": (8, 60_000), "GOV": (18, 8)}
ASSETS = {
    **{
        chain: {s: MarketAsset(f"{chain}/token:{s}", d, f"{s} on {chain}", Fraction(v)) for s, (d, v) in _TERMS.items()}
        for chain in CHAINS
    },
    EXCHANGE: {
        s: MarketAsset(f"{EXCHANGE}/coin:{s}", _TERMS[s][0], f"{s} on {EXCHANGE}", Fraction(_TERMS[s][1]))
        for s in ("BTC", "USD")
    },
}
"""By place, then symbol."""

NUMERAIRE = ASSETS["sim:alpha"]["USD"]
"""Scores are in its base units."""


@dataclass(frozen=True)
class ListedOptions:
    """Options on one underlying: what they settle in, their strikes and their price step in the quote for a contract."""

    underlying: str
    style: Style
    quote: str
    strikes: tuple[int, ...]
    tick: Fraction
    smile: tuple[Fraction, Fraction, Fraction]

    def asset(self, expiry: int, strike: int, right: Right) -> str:
        """The id of one of them."""
        return option_asset(
            Option(
                place=EXCHANGE,
                issued_by_clearway=False,
                underlying=self.underlying,
                index=f"simx.{self.underlying.lower()}",
                expiry_seconds=expiry,
                strike=shortest_decimal(Fraction(strike)),
                right=right,
                style=self.style,
                settlement=ASSETS[EXCHANGE][self.quote].id,
            )
        )


LISTED = (
    ListedOptions(
        "BTC",
        "inverse",
        "BTC",
        tuple(range(45_000, 80_001, 5_000)),
        Fraction(5, 10_000),
        (Fraction(60, 100), Fraction(-10, 100), Fraction(40, 100)),
    ),
    ListedOptions(
        "ETH",
        "linear",
        "USD",
        tuple(range(1_900, 3_101, 200)),
        Fraction(1, 2),
        (Fraction(70, 100), Fraction(-15, 100), Fraction(45, 100)),
    ),
)
"""The option chains of the exchange."""


def rolls_at(time_seconds: int) -> int:
    """How often options have rolled by then: what would expire within a day gives way to the expiry after the next."""
    return max(0, -((EXPIRIES[0] - DAY_SECONDS - time_seconds) // ROLL_SECONDS))


def expiries(rolls: int) -> tuple[int, ...]:
    """The expiries that are listed after so many rolls, the near one first."""
    return tuple(expiry + rolls * ROLL_SECONDS for expiry in EXPIRIES)


def listed_expiries(snapshot: Snapshot) -> tuple[int, ...]:
    """When what the books of a snapshot trade expires, ascending."""
    books = (venue for venue in snapshot.venues if isinstance(venue, OrderBookState))
    return tuple(sorted({book.expiry_seconds for book in books if book.expiry_seconds is not None}))


def demo_snapshot(draw: Draw, rolls: int = 0) -> Snapshot:
    """The market as it is quoted, at the start or with options that rolled so often. Its time is the start's."""
    venues = [*_pools(draw), *_bridges(draw), *_books(draw, rolls)]
    everything = [asset for listed in ASSETS.values() for asset in listed.values()]
    assets = {asset.id: Asset(decimals=asset.decimals, symbol=asset.symbol) for asset in everything}
    for venue in venues:
        if isinstance(venue, OrderBookState):
            assets[venue.base] = Asset(decimals=OPTION_DECIMALS, symbol=venue.id.split(":")[-1])
    snapshot = Snapshot(
        time_seconds=START_SECONDS,
        numeraire=NUMERAIRE.id,
        chains={
            **{chain: Chain(native=ASSETS[chain][NATIVE].id, gas_price=GAS_PRICE) for chain in CHAINS},
            EXCHANGE: Chain(),
        },
        assets=assets,
        prices={asset.id: _price(asset) for asset in everything},
        venues=tuple(sorted(venues, key=lambda venue: venue.id)),
    )
    check_snapshot(snapshot)
    return snapshot


def _price(asset: MarketAsset) -> ReferencePrice:
    ratio = asset.usd * 10**NUMERAIRE.decimals / 10**asset.decimals
    return ReferencePrice(
        ratio=(ratio.numerator, ratio.denominator),
        source="simulated oracle",
        method="fair value of the synthetic world",
        time_seconds=START_SECONDS,
    )


def _pools(draw: Draw) -> Iterator[AnyVenueState]:
    for chain in CHAINS:
        listed = ASSETS[chain]
        for name, a, b, fee, dollars in (
            ("eth-usd-30", "ETH", "USD", 30, 2_000_000),
            ("eth-usd-5", "ETH", "USD", 5, 800_000),
            ("btc-eth-30", "BTC", "ETH", 30, 1_500_000),
            ("btc-usd-30", "BTC", "USD", 30, 600_000),
        ):
            depth = Fraction(dollars) * draw.bps(3000)
            reserves = {
                listed[a].id: listed[a].units(depth * draw.bps(40)),
                listed[b].id: listed[b].units(depth * draw.bps(40)),
            }
            yield ConstantProductState(
                id=f"{chain}/pool:{name}", gas_units=90_000, reserves=reserves, fee=(fee, 10_000)
            )
        for name, weights, dollars in (
            ("gov-80-eth-20", {"GOV": 80, "ETH": 20}, 500_000),
            ("eth-usd-btc", {"ETH": 34, "USD": 33, "BTC": 33}, 1_200_000),
        ):
            tokens = {
                listed[s].id: WeightedToken(
                    balance=listed[s].units(Fraction(dollars * weight, 100) * draw.bps(40)),
                    weight=ONE * weight // 100,
                    decimals=listed[s].decimals,
                )
                for s, weight in weights.items()
            }
            yield WeightedState(
                id=f"{chain}/pool:{name}", gas_units=120_000, tokens=tokens, fee=3 * ONE // 1000, version="v3plus"
            )


def _bridges(draw: Draw) -> Iterator[BridgeState]:
    lanes = [(a, b, symbol) for a in CHAINS for b in CHAINS if a != b for symbol in ("ETH", "USD")]
    lanes += [(CHAINS[0], EXCHANGE, symbol) for symbol in ("BTC", "USD")]
    lanes += [(EXCHANGE, CHAINS[0], symbol) for symbol in ("BTC", "USD")]
    for source, target, symbol in lanes:
        asset = ASSETS[source][symbol]
        yield BridgeState(
            id=f"{source}/bridge:{symbol.lower()}-to-{target.replace(':', '.')}",
            gas_units=60_000 if source in CHAINS else 0,
            asset_in=asset.id,
            asset_out=ASSETS[target][symbol].id,
            fee_fixed=asset.units(draw.between(1, 3)),
            fee=(draw.between(2, 6), 10_000),
            capacity=asset.units(draw.between(200_000, 400_000)),
            delay_seconds=60 * draw.between(5, 20),
        )


def _books(draw: Draw, rolls: int) -> Iterator[OrderBookState]:
    for listed in LISTED:
        for expiry in expiries(rolls):
            forward = ASSETS[CHAINS[0]][listed.underlying].usd * draw.bps(50)
            smile = Smile(forward, expiry - rolls * ROLL_SECONDS - START_SECONDS, *listed.smile)
            for strike in listed.strikes:
                for right in ("C", "P"):
                    yield _book(draw, listed, smile, expiry, strike, right)


def _book(draw: Draw, listed: ListedOptions, smile: Smile, expiry: int, strike: int, right: Right) -> OrderBookState:
    base = listed.asset(expiry, strike, right)
    quote = ASSETS[EXCHANGE][listed.quote]
    fair = smile.premium(Fraction(strike), right)
    ticks = (fair / smile.forward if listed.style == "inverse" else fair) / listed.tick * draw.bps(100)
    half = max(Fraction(1, 2), ticks / 50)
    best_bid, best_ask = floor(ticks - half), max(1, ceil(ticks + half))
    step = max(1, round(half))
    bids = [Level(price=p, size=10 * draw.between(2, 30)) for p in (best_bid - i * step for i in range(3)) if p > 0]
    asks = [Level(price=best_ask + i * step, size=10 * draw.between(2, 30)) for i in range(3)]
    tick = listed.tick * 10**quote.decimals / 10**OPTION_DECIMALS
    return OrderBookState(
        id=f"{EXCHANGE}/book:{base.split(':')[-1]}",
        base=base,
        quote=quote.id,
        tick=(tick.numerator, tick.denominator),
        lot=1,
        bids=tuple(bids),
        asks=tuple(asks),
        expiry_seconds=expiry,
    )
