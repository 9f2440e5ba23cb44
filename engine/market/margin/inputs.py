"""What integer risk tables are made from: instruments with their market, and the scenarios. Exact text, no floats.

Guarantees
1. Reading refuses what the model can not price: a scenario in which the forward or the volatility would not stay
   positive, an option without volatility, an expired instrument, a future whose size is 0; each with its field.
2. An instrument says nothing twice: its terms are read from its id (intents.instruments). Futures and perpetuals whose
   ids this engine does not read state theirs as a `Contract`.
3. A contract that is read from its id is bought for its price (intents.futures): what it is worth counts, as an option's
   mark does. Gains of one that is stated as a `Contract` are in the holder's balance, so its mark is 0.

Units: prices are decimals in quote per underlying; volatilities decimals a year of 365 days (0.6 is 60 %); times are
seconds since 1970. A linear contract settles in an asset worth one quote unit; an inverse one in its underlying.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Self

from pydantic import Field, model_validator

from intents.errors import InputError
from intents.identifiers import AssetId
from intents.instruments import Right, Style, is_option, parse_instrument, parse_option
from intents.payoff import BASIS
from intents.values import DecimalText, Value

Decimals = Annotated[int, Field(ge=0, le=36)]
Seconds = Annotated[int, Field(ge=0, le=253_402_300_799)]


MOST_VEGA_POWER = 4
"""Venues use at most 0.5; the bound keeps a volatility representable."""


class Contract(Value):
    """Terms of a future, or of a perpetual where there is no expiry.

    One whole contract is on `size`: units of the underlying (linear), or units of quote (inverse).
    """

    underlying: str
    index: str
    style: Style
    settlement: AssetId
    size: DecimalText = "1"
    expiry_seconds: Seconds | None = None


class Instrument(Value):
    """An instrument's market. `decimals`: of positions in it; `settlement_decimals`: of the asset that it pays in."""

    decimals: Decimals
    settlement_decimals: Decimals
    forward: DecimalText
    volatility: DecimalText = "0"
    contract: Contract | None = None


class Scenario(Value):
    """Relative changes in basis points of the forward and (scaled by the time to expiry) of the volatility.

    `weight_bps` is the share of the change in value that counts: under 10000 for extreme moves.
    """

    spot_bps: Annotated[int, Field(gt=-BASIS, le=1_000_000)]
    vol_bps: Annotated[int, Field(gt=-BASIS, le=1_000_000)] = 0
    weight_bps: Annotated[int, Field(gt=0, le=BASIS)] = BASIS


class RiskInputs(Value):
    """All that decides the tables.

    A volatility moves by `vol_bps` times (30 / days) ^ vega_power, days to expiry being at least `vega_days_floor`.
    """

    time: Seconds
    instruments: dict[AssetId, Instrument]
    scenarios: Annotated[tuple[Scenario, ...], Field(min_length=1, max_length=1000)]
    vega_power: DecimalText = "0"
    vega_days_floor: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _check(self) -> Self:
        if Fraction(self.vega_power) > MOST_VEGA_POWER:
            expected, actual = f"at most {MOST_VEGA_POWER}", self.vega_power
            raise InputError("bad_volatility", "/vega_power", expected=expected, actual=actual)
        for asset, instrument in self.instruments.items():
            check_instrument(asset, instrument, self.time)
        return self


@dataclass(frozen=True, slots=True)
class Terms:
    """An instrument's terms, whatever its kind. Options have strike and right; perpetuals have no expiry.

    `is_bought`: the holder paid its price, so that its value is the holder's; not so where gains go to the balance.
    """

    underlying: str
    index: str
    style: Style
    settlement: AssetId
    size: Fraction
    expiry_seconds: int | None
    strike: Fraction | None = None
    right: Right | None = None
    is_bought: bool = True


def terms_of(asset: AssetId, instrument: Instrument) -> Terms:
    """The terms that the id or the contract states. Raises InputError `bad_instrument`, `contract_not_fit`."""
    contract = instrument.contract
    if is_option(asset):
        if contract is not None:
            raise InputError(
                "contract_not_fit", "/contract", expected="none: the id of an option says its terms", actual=asset
            )
        option = parse_option(asset)
        return Terms(
            option.underlying,
            option.index,
            option.style,
            option.settlement,
            Fraction(1),
            option.expiry_seconds,
            Fraction(option.strike),
            option.right,
        )
    if contract is None:
        return _bought_contract(asset)
    return Terms(
        contract.underlying,
        contract.index,
        contract.style,
        contract.settlement,
        Fraction(contract.size),
        contract.expiry_seconds,
        is_bought=False,
    )


def _bought_contract(asset: AssetId) -> Terms:
    try:
        found = parse_instrument(asset)
    except InputError:
        expected = "the terms of a future or perpetual, where its id does not say them"
        raise InputError("contract_not_fit", "/contract", expected=expected, actual="none") from None
    return Terms(found.underlying, found.index, found.style, found.settlement, Fraction(1), found.expiry_seconds)


def check_instrument(asset: AssetId, instrument: Instrument, time: int) -> None:
    """Refuse an instrument that can not be priced at that time, naming the asset and the field. Raises InputError."""
    where = f"/instruments/{asset.replace('~', '~0').replace('/', '~1')}"
    try:
        terms = terms_of(asset, instrument)
    except InputError as error:
        raise InputError(error.code, where + error.where, expected=error.expected, actual=error.actual) from None
    if instrument.forward == "0":
        raise InputError("zero_price", f"{where}/forward", expected="a positive price", actual="0")
    if terms.size == 0:
        raise InputError("zero_amount", f"{where}/contract/size", expected="a positive size", actual="0")
    if (terms.strike is not None) == (instrument.volatility == "0"):
        expected = "a positive volatility" if terms.strike is not None else '"0": only options have a volatility'
        raise InputError("bad_volatility", f"{where}/volatility", expected=expected, actual=instrument.volatility)
    if terms.expiry_seconds is not None and terms.expiry_seconds <= time:
        expected, actual = f"an expiry after {time}", str(terms.expiry_seconds)
        raise InputError("instrument_expired", where, expected=expected, actual=actual)
