"""Margin accounts at the synthetic exchange: its risk tables and rules at one moment, from prices and the listed smiles.

Guarantees
1. A function of the snapshot's time, assets and reference prices alone. The tables are integers made with floating point:
   whoever made them, all verify with the same ones, and anybody may recompute them (`tables.audit_tables`).
2. Every derivative that the snapshot knows there and that has not expired has a row.

Forwards are reference prices, volatilities the smiles that the books are quoted from, at the time that is left.
Scenarios and rates are of the size of Deribit's and Derive's published ones; they are no venue's.
"""

from __future__ import annotations

from fractions import Fraction

from engine.market.feeds.synthetic_market import ASSETS, EXCHANGE, LISTED, NUMERAIRE
from engine.market.margin.account import Collateral, MarginRules
from engine.market.margin.inputs import Instrument, RiskInputs, Scenario
from engine.market.margin.place import PlaceRisk
from engine.market.margin.tables import build_tables
from engine.market.smile import Smile
from engine.market.snapshot import Snapshot
from intents.identifiers import place_of
from intents.instruments import parse_option
from intents.outcome import is_derivative
from intents.values import shortest_decimal

UNDERLYINGS = frozenset(listed.underlying for listed in LISTED)
"""What the tables have rows of."""

SCENARIOS = (
    *(Scenario(spot_bps=spot, vol_bps=vol) for spot in (-1600, 0, 1600) for vol in (-2800, 3800)),
    Scenario(spot_bps=-5000, vol_bps=3800, weight_bps=4000),
    Scenario(spot_bps=5000, vol_bps=3800, weight_bps=4000),
)
"""No move and moves of 16 % with volatilities lower and higher, and a fall and a rise by half that count in part."""

HAIRCUTS_BPS = {"BTC": 500, "USD": 0}
"""By symbol of what the exchange takes as collateral."""

VOLATILITY_STEP = 10_000
"""Volatilities are rounded to one part in this."""


def with_risk(snapshot: Snapshot) -> Snapshot:
    """The snapshot with the exchange's risk tables of its time."""
    instruments = {
        asset: _instrument(snapshot, asset)
        for asset in sorted(snapshot.assets)
        if place_of(asset) == EXCHANGE
        and is_derivative(asset)
        and parse_option(asset).expiry_seconds > snapshot.time_seconds
    }
    inputs = RiskInputs(
        time=snapshot.time_seconds, instruments=instruments, scenarios=SCENARIOS, vega_power="0.3", vega_days_floor=1
    )
    collateral = {
        ASSETS[EXCHANGE][symbol].id: Collateral(
            price=snapshot.prices[ASSETS[EXCHANGE][symbol].id].ratio, haircut_bps=haircut
        )
        for symbol, haircut in HAIRCUTS_BPS.items()
    }
    rules = MarginRules(offset_bps=5000, short_floor_bps=100, initial_bps=12_500, collateral=collateral)
    return snapshot.model_copy(update={"risk": {EXCHANGE: PlaceRisk(tables=build_tables(inputs), rules=rules)}})


def _instrument(snapshot: Snapshot, asset: str) -> Instrument:
    option = parse_option(asset)
    listed = next(listed for listed in LISTED if listed.underlying == option.underlying)
    forward = _dollars(snapshot, option.underlying)
    smile = Smile(forward, option.expiry_seconds - snapshot.time_seconds, *listed.smile)
    volatility = Fraction(round(smile.volatility(Fraction(option.strike)) * VOLATILITY_STEP), VOLATILITY_STEP)
    return Instrument(
        decimals=snapshot.assets[asset].decimals,
        settlement_decimals=snapshot.assets[option.settlement].decimals,
        forward=shortest_decimal(forward),
        volatility=shortest_decimal(volatility),
    )


def _dollars(snapshot: Snapshot, symbol: str) -> Fraction:
    """The reference price of a whole unit, in whole units of the numeraire."""
    asset = next(listed[symbol] for listed in ASSETS.values() if symbol in listed)
    price = Fraction(*snapshot.prices[asset.id].ratio)
    return price * Fraction(10**asset.decimals, 10**NUMERAIRE.decimals)
