"""Integer risk tables: what each instrument gains in each scenario, and its delta, gamma and vega, in base units.

Guarantees
1. Cells are integers in base units of the settlement asset for one whole contract. A cell is a lower bound: the
   model's true value lies in [cell, cell + width], so a long position is counted at `cell` and a short one at
   `cell + width`: rounded against the holder on either side.
2. Equal tables have equal digests (`digest_of`, over inputs and rows). Everything after
   this file is integer arithmetic on the rows; no verdict ever needs the model again.
3. `audit_tables` recomputes the tables from their own inputs. The stated tolerance is a row's slack: 1 base unit plus
   10^-12 of the contract's scale (10^-12 is what black76 is tested to); for greeks the scale times 4 + (1 + 1/s^2)/2 >=
   4 + 1/s, s = volatility * sqrt(years), as d1 amplifies errors by 1/s. The slack itself is exact and must be equal.

Greeks are in money: delta = F dV/dF (gain if the forward doubled at this rate), gamma = F^2 d2V/dF2, vega = dV/dvol for
a volatility higher by 1.00, all for one whole contract. Futures and perpetuals are exact and have slack 0. Of one that is
bought for its price (`Terms.is_bought`) a whole unit is worth F, or 1/F coins; else its mark is 0, as gains of it settled
so far are in the holder's balance, and a whole inverse contract gains 1/F - 1/S a unit of quote.
It does not: discount (rates are 0, as at Deribit), model skew moves or time passing, or say which scenarios are right.
Sources: the "Models" rule of the design; the volatility's scaling (30 / days)^power: Deribit, "Portfolio Margin", and
Paradex, "Portfolio Margin"; tables of P&L by scenario: CME SPAN's risk arrays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor

from pydantic import ValidationError

from engine.market.margin.black76 import Black76
from engine.market.margin.inputs import Instrument, RiskInputs, Scenario, Terms, terms_of
from engine.market.smile import YEAR_SECONDS
from intents.identifiers import AssetId
from intents.payoff import BASIS
from intents.values import Amount, SignedAmount, Value, content_hash, input_error

MODEL_ERROR = 10**12
"""The model's floats are trusted to one part in this of a contract's scale."""
_DAY = 86_400
_VEGA_DAYS = 30


class Row(Value):
    """One instrument: base units of the settlement asset for one whole contract, as lower bounds (module docstring).

    `pnl` has one cell a scenario; `mark` is the value now; `notional` the value of the underlying, rounded up.
    """

    pnl: tuple[SignedAmount, ...]
    mark: SignedAmount
    delta: SignedAmount
    gamma: SignedAmount
    vega: SignedAmount
    notional: Amount
    slack: Amount
    greek_slack: Amount

    @property
    def width(self) -> int:
        """How far the true P&L or mark may be above its cell."""
        return 2 * self.slack + 1

    @property
    def greek_width(self) -> int:
        """How far a true greek may be above its cell."""
        return 2 * self.greek_slack + 1


class RiskTables(Value):
    """The rows, with the inputs that they were made from."""

    inputs: RiskInputs
    rows: dict[AssetId, Row]


@dataclass(frozen=True, slots=True)
class AuditedCell:
    """A cell computed again: `column` is pnl/<scenario>, mark, delta, gamma, vega, notional or a slack; or `row`.

    None where one side has no such cell.
    """

    asset: AssetId
    column: str
    expected: int | None
    actual: int | None
    tolerance: int

    @property
    def difference(self) -> int | None:
        """By how many base units the two differ."""
        return None if self.expected is None or self.actual is None else abs(self.expected - self.actual)

    @property
    def is_within(self) -> bool:
        """Whether that is at most the tolerance."""
        return self.difference is not None and self.difference <= self.tolerance


def build_tables(inputs: RiskInputs) -> RiskTables:
    """The tables of these inputs. Raises InputError `amount_out_of_range` where a cell is beyond 2^255."""
    try:
        return RiskTables(inputs=inputs, rows={asset: _row(inputs, asset) for asset in sorted(inputs.instruments)})
    except ValidationError as error:  # values made here, not read
        raise input_error(error) from None


def digest_of(tables: RiskTables) -> str:
    """The content address of inputs and rows."""
    return content_hash("clearway/risk-tables/1", tables)


def audit_tables(tables: RiskTables) -> AuditedCell | None:
    """Recompute the tables from their inputs; the first cell, in order of asset and column, that is out of tolerance."""
    return next((cell for cell in audited_cells(tables) if not cell.is_within), None)


def audited_cells(tables: RiskTables) -> Iterator[AuditedCell]:
    """Every cell of the tables beside what their inputs give, in order of asset and column."""
    inputs = tables.inputs
    for asset in sorted(inputs.instruments.keys() | tables.rows.keys()):
        if asset not in inputs.instruments or asset not in tables.rows:
            yield AuditedCell(asset, "row", int(asset in inputs.instruments), int(asset in tables.rows), 0)
            continue
        wanted, found = dict(_cells(_row(inputs, asset))), dict(_cells(tables.rows[asset]))
        for column in sorted(wanted.keys() | found.keys(), key=list(wanted | found).index):
            yield AuditedCell(asset, column, wanted.get(column), found.get(column), _tolerance(wanted, column))


def vol_change(inputs: RiskInputs, scenario: Scenario, seconds: int) -> float:
    """By how much of itself the volatility moves in a scenario, `seconds` before expiry: 0.38 is 38 %."""
    days = max(float(inputs.vega_days_floor), seconds / _DAY)
    scale: float = (_VEGA_DAYS / days) ** float(inputs.vega_power)
    return scenario.vol_bps / BASIS * scale


def _cells(row: Row) -> Iterator[tuple[str, int]]:
    yield from (("slack", row.slack), ("greek_slack", row.greek_slack), ("notional", row.notional))
    yield from ((f"pnl/{position}", cell) for position, cell in enumerate(row.pnl))
    yield from (("mark", row.mark), ("delta", row.delta), ("gamma", row.gamma), ("vega", row.vega))


def _tolerance(wanted: dict[str, int], column: str) -> int:
    if column in ("delta", "gamma", "vega"):
        return wanted["greek_slack"]
    return wanted["slack"] if column == "mark" or column.startswith("pnl/") else 0


def _row(inputs: RiskInputs, asset: AssetId) -> Row:
    instrument = inputs.instruments[asset]
    terms = terms_of(asset, instrument)
    if terms.strike is None or terms.right is None or terms.expiry_seconds is None:
        return _delta_one_row(inputs, instrument, terms)
    forward, unit = Fraction(instrument.forward), terms.size * 10**instrument.settlement_decimals
    seconds, volatility = terms.expiry_seconds - inputs.time, float(instrument.volatility)
    option = Black76(float(forward), float(terms.strike), seconds / YEAR_SECONDS, terms.right, terms.style)
    mark, greeks = Fraction(option.price(volatility)), option.greeks(volatility)

    def shocked(scenario: Scenario) -> Fraction:
        moved = replace(option, forward=float(forward * (BASIS + scenario.spot_bps) / BASIS))
        value = Fraction(moved.price(max(0.0, volatility * (1 + vol_change(inputs, scenario, seconds)))))
        return (value - mark) * Fraction(scenario.weight_bps, BASIS)

    scale = _scale(inputs, terms.strike, forward, unit, linear=terms.style == "linear")
    variance = Fraction(instrument.volatility) ** 2 * Fraction(seconds, YEAR_SECONDS)
    slack = 1 + floor(scale / MODEL_ERROR)
    greek_slack = 1 + floor(scale * (4 + (1 + 1 / variance) / 2) / MODEL_ERROR)
    return Row(
        pnl=tuple(floor(shocked(scenario) * unit) - slack for scenario in inputs.scenarios),
        mark=floor(mark * unit) - slack,
        delta=floor(Fraction(greeks.delta) * forward * unit) - greek_slack,
        gamma=floor(Fraction(greeks.gamma) * forward**2 * unit) - greek_slack,
        vega=floor(Fraction(greeks.vega) * unit) - greek_slack,
        notional=ceil(unit * forward if terms.style == "linear" else unit),
        slack=slack,
        greek_slack=greek_slack,
    )


def _scale(inputs: RiskInputs, strike: Fraction, forward: Fraction, unit: Fraction, *, linear: bool) -> Fraction:
    """The largest of the terms that a value is a difference of, over now and all scenarios, in base units."""
    moves = [Fraction(BASIS + scenario.spot_bps, BASIS) for scenario in inputs.scenarios]
    if linear:
        return unit * max(strike, forward * max(Fraction(1), *moves))
    return unit * max(Fraction(1), strike / (forward * min(Fraction(1), *moves)))


def _delta_one_row(inputs: RiskInputs, instrument: Instrument, terms: Terms) -> Row:
    """A linear contract gains s of its notional where the price moves by s; an inverse one s / (1 + s).

    A whole unit of an inverse one that is bought loses that: it is worth 1/S coins, which falls as the price rises.
    """
    forward, unit = Fraction(instrument.forward), terms.size * 10**instrument.settlement_decimals
    linear = terms.style == "linear"
    notional = unit * forward if linear else unit / forward
    sign = -1 if terms.is_bought and not linear else 1

    def gain(scenario: Scenario) -> Fraction:
        move = Fraction(scenario.spot_bps, BASIS)
        return sign * (move if linear else move / (1 + move)) * Fraction(scenario.weight_bps, BASIS)

    return Row(
        pnl=tuple(floor(notional * gain(scenario)) for scenario in inputs.scenarios),
        mark=floor(notional) if terms.is_bought else 0,
        delta=floor(sign * notional),
        gamma=0 if linear else floor(-2 * sign * notional),
        vega=0,
        notional=ceil(notional),
        slack=0,
        greek_slack=0,
    )
