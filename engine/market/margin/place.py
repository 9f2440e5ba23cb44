"""The margin of one place: the risk tables and rules that hold for every account there, as a snapshot carries them.

Guarantees (`check_place`; InputError with the field)
1. Rows and inputs name the same instruments, all of them derivatives of this place that the snapshot knows, with its
   decimals; each row has a cell for each scenario. So every sum of `scenarios.margin_of` is defined.
2. Each settlement asset is a token of this place, with its decimals and a collateral price; collateral is of this place.
3. The inputs are of the snapshot's time: tables are made anew for every auction.

It does not recompute the tables: that is the audit (`tables.audit_tables`), which needs floating point. The inputs are
part of the tables, so that anybody can.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import NoReturn

from engine.market.margin.account import MarginRules
from engine.market.margin.inputs import terms_of
from engine.market.margin.tables import RiskTables
from engine.market.venues.base import AssetInfo
from intents.errors import InputError
from intents.identifiers import AssetId, place_of
from intents.outcome import is_derivative
from intents.values import Value


class PlaceRisk(Value):
    """Risk tables, and the rules that accounts are held to with them. Collateral is priced in the snapshot's numeraire."""

    tables: RiskTables
    rules: MarginRules

    @cached_property
    def owed(self) -> frozenset[AssetId]:
        """The assets that an account may owe as far as its margin carries it: what the instruments settle in."""
        instruments = self.tables.inputs.instruments
        return frozenset(terms_of(asset, instruments[asset]).settlement for asset in self.tables.rows)

    @cached_property
    def underlyings(self) -> frozenset[str]:
        """The underlyings of the instruments that have a row."""
        instruments = self.tables.inputs.instruments
        return frozenset(terms_of(asset, instruments[asset]).underlying for asset in self.tables.rows)


def check_place(place: str, risk: PlaceRisk, assets: Mapping[str, AssetInfo], time_seconds: int) -> None:
    """Raise InputError with the pointer into the place's risk.

    Codes: `stale_risk_tables`, `bad_risk_tables`, `contract_not_fit`, `unknown_asset`, `no_collateral_price`, `bad_tiers`.
    """
    inputs, rows = risk.tables.inputs, risk.tables.rows
    if inputs.time != time_seconds:
        _refuse("stale_risk_tables", ("tables", "inputs", "time"), str(time_seconds), str(inputs.time))
    if inputs.instruments.keys() != rows.keys():
        odd = min(inputs.instruments.keys() ^ rows.keys())
        _refuse("bad_risk_tables", ("tables", "rows", odd), "a row for each instrument", "one without the other")
    for asset in inputs.instruments:
        _check_instrument(place, risk, asset, assets)
    for asset in risk.rules.collateral:
        if place_of(asset) != place or is_derivative(asset) or asset not in assets:
            _refuse("unknown_asset", ("rules", "collateral", asset), f"a token of {place}", asset)
    for asset in risk.rules.tiers:
        instrument = inputs.instruments.get(asset)
        if instrument is None or terms_of(asset, instrument).expiry_seconds is not None:
            _refuse("bad_tiers", ("rules", "tiers", asset), "a perpetual of the tables", asset)


def _check_instrument(place: str, risk: PlaceRisk, asset: AssetId, assets: Mapping[str, AssetInfo]) -> None:
    instrument, where = risk.tables.inputs.instruments[asset], ("tables", "inputs", "instruments", asset)
    if instrument.contract is not None:
        _refuse("contract_not_fit", (*where, "contract"), "none: the id says the terms", asset)
    if place_of(asset) != place or not is_derivative(asset) or asset not in assets:
        _refuse("unknown_asset", where, f"a known derivative of {place}", asset)
    if instrument.decimals != assets[asset].decimals:
        _refuse("bad_risk_tables", (*where, "decimals"), str(assets[asset].decimals), str(instrument.decimals))
    settlement = terms_of(asset, instrument).settlement
    if place_of(settlement) != place or settlement not in assets:
        _refuse("unknown_asset", where, f"a settlement asset of {place}", settlement)
    if instrument.settlement_decimals != assets[settlement].decimals:
        expected, actual = str(assets[settlement].decimals), str(instrument.settlement_decimals)
        _refuse("bad_risk_tables", (*where, "settlement_decimals"), expected, actual)
    if settlement not in risk.rules.collateral:
        _refuse("no_collateral_price", ("rules", "collateral"), f"a price of {settlement}", "none")
    cells, scenarios = len(risk.tables.rows[asset].pnl), len(risk.tables.inputs.scenarios)
    if cells != scenarios:
        _refuse("bad_risk_tables", ("tables", "rows", asset, "pnl"), f"{scenarios} cells", str(cells))


def _refuse(code: str, path: tuple[str, ...], expected: str, actual: str) -> NoReturn:
    where = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)
    raise InputError(code, where, expected=expected, actual=actual)
