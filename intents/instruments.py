"""Instruments: what the id of a derivative says. Options here; futures and perpetuals in `intents.futures`.

    <place>/option:<underlying>-<YYYYMMDDTHH>-<strike>-<C|P>-<inv|lin>-<settlement namespace>.<settlement reference>-<index>
    deribit:main/option:BTC-20200626T08-9000-C-inv-coin.BTC-deribit.btc

Guarantees
1. `option_asset` and `parse_option` are inverse to each other and each option has one spelling: an id that would be
   written differently is refused (`bad_instrument`).
2. The id says everything that decides a payment: underlying, settlement index, fixing hour (UTC), strike, right,
   style, settlement asset and issuer (`cwoption`: Clearway; `option`: the venue at the place). No table is needed.
3. The settlement asset lives at the option's place and is not a derivative. Strikes are positive.
4. `parse_instrument` reads every asset for which `is_derivative` holds and refuses all others.

One whole option (10^decimals base units) is on one unit of the underlying. Options are European and settle in cash
against the index at the fixing. Contract terms and name format: Deribit's contract specifications of 2020.
It does not know decimals, quotes or which options exist.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple, cast

from intents.futures import Future, Perpetual, parse_future, parse_perpetual
from intents.identifiers import AssetId, is_identifier, namespace_of, place_of
from intents.instrument_ids import (
    DERIBIT_DAY,
    STYLE_CODES,
    Style,
    format_deribit_day,
    format_expiry,
    format_settlement,
    parse_deribit_day,
    parse_expiry,
    parse_settlement,
    parse_style,
    refuse,
    split_reference,
)
from intents.values import is_decimal

CLEARWAY = "clearway"
"""The issuer of options that net between people."""

Right = Literal["C", "P"]

_NAMESPACES = {"option": False, "cwoption": True}
_SHAPE = "<underlying>-<expiry>-<strike>-<C|P>-<inv|lin>-<settlement>-<index>"
_DERIBIT = re.compile(r"([A-Z]{2,10})-" + DERIBIT_DAY + r"-([1-9][0-9]{0,29})-([CP])", re.ASCII)


@dataclass(frozen=True)
class Option:
    """One option contract.

    `index` is the settlement index, `strike` a canonical decimal in quote per underlying, `settlement` what it pays
    in; for `inverse` that is the underlying itself.
    """

    place: str
    issued_by_clearway: bool
    underlying: str
    index: str
    expiry_seconds: int
    strike: str
    right: Right
    style: Style
    settlement: AssetId

    @property
    def issuer(self) -> str:
        """Who owes the payment: `clearway`, or the place of the venue."""
        return CLEARWAY if self.issued_by_clearway else self.place


Instrument = Option | Future | Perpetual
"""Any derivative. All have place, underlying, index, style, settlement, issuer and expiry_seconds (None: perpetual)."""


class DeribitName(NamedTuple):
    """What a Deribit option name says. Expiry is at 08:00 UTC of the day; the century is 2000."""

    coin: str
    expiry_seconds: int
    strike: str
    right: Right


def is_option(asset: AssetId) -> bool:
    """Whether the asset's namespace is one of options."""
    return namespace_of(asset) in _NAMESPACES


@lru_cache(maxsize=8192)
def parse_instrument(asset: AssetId) -> Instrument:
    """What the id of a derivative says. Raises InputError `bad_instrument` for any other text or spelling."""
    namespace = namespace_of(asset) if is_identifier("asset", asset) else ""
    if namespace == "future":
        return parse_future(asset)
    return parse_perpetual(asset) if namespace == "perp" else parse_option(asset)


def option_asset(option: Option) -> AssetId:
    """The asset id of an option. Raises InputError `bad_instrument` where the option has no id that says it exactly."""
    namespace = "cwoption" if option.issued_by_clearway else "option"
    reference = (
        f"{option.underlying}-{format_expiry(option.expiry_seconds)}-{option.strike}-{option.right}"
        f"-{STYLE_CODES[option.style]}-{format_settlement(option.settlement)}-{option.index}"
    )
    asset = f"{option.place}/{namespace}:{reference}"
    if parse_option(asset) != option:
        refuse("an option that its id can express", f"{option}")
    return asset


@lru_cache(maxsize=8192)
def parse_option(asset: AssetId) -> Option:
    """The option that an asset id names. Raises InputError `bad_instrument` for any other text or spelling."""
    underlying, expiry, strike, right, code, settled, index = split_reference(asset, tuple(_NAMESPACES), _SHAPE)
    settlement = parse_settlement(settled, asset)
    if right not in ("C", "P"):
        refuse("C or P", right)
    if not is_decimal(strike) or strike == "0":
        refuse("a positive strike in its shortest decimal digits", strike)
    return Option(
        place=place_of(asset),
        issued_by_clearway=_NAMESPACES[namespace_of(asset)],
        underlying=underlying,
        index=index,
        expiry_seconds=parse_expiry(expiry),
        strike=strike,
        right=cast("Right", right),
        style=parse_style(code),
        settlement=settlement,
    )


def from_deribit(name: str) -> DeribitName:
    """Read a Deribit option name such as BTC-26JUN20-9000-C. Raises InputError `bad_instrument`."""
    match = _DERIBIT.fullmatch(name)
    if match is None:
        refuse("a Deribit option name such as BTC-26JUN20-9000-C", name)
    coin, day, month, year, strike, right = match.groups()
    return DeribitName(coin, parse_deribit_day(day, month, year, name), strike, cast("Right", right))


def to_deribit(coin: str, expiry_seconds: int, strike: str, right: Right) -> str:
    """The Deribit name, the inverse of `from_deribit`. Raises InputError `bad_instrument` where there is none."""
    name = f"{coin}-{format_deribit_day(expiry_seconds)}-{strike}-{right}"
    if from_deribit(name) != (coin, expiry_seconds, strike, right):
        refuse("an option that Deribit's names can express", name)
    return name


__all__ = [
    "CLEARWAY",
    "DeribitName",
    "Future",
    "Instrument",
    "Option",
    "Perpetual",
    "Right",
    "Style",
    "from_deribit",
    "is_option",
    "option_asset",
    "parse_instrument",
    "parse_option",
    "to_deribit",
]
