"""Options as assets: the one place that parses or builds the id of a derivative.

    <place>/option:<underlying>-<YYYYMMDDTHH>-<strike>-<C|P>-<inv|lin>-<settlement namespace>.<settlement reference>-<index>
    deribit:main/option:BTC-20200626T08-9000-C-inv-coin.BTC-deribit.btc

Guarantees
1. `option_asset` and `parse_option` are inverse to each other and each option has one spelling: an id that would be
   written differently is refused (`bad_instrument`).
2. The id says everything that decides a payment: underlying, settlement index, fixing hour (UTC), strike, right,
   style, settlement asset and issuer (`cwoption`: Clearway; `option`: the venue at the place). No table is needed.
3. The settlement asset lives at the option's place and is not a derivative. Strikes are positive.

One whole option (10^decimals base units) is on one unit of the underlying. Options are European and settle in cash
against the index at the fixing. Contract terms and name format: Deribit's contract specifications of 2020.
It does not know decimals, quotes or which options exist.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple, NoReturn, cast

from intents.errors import InputError
from intents.identifiers import AssetId, is_identifier, namespace_of, place_of, reference_of
from intents.outcome import is_derivative
from intents.values import is_decimal

CLEARWAY = "clearway"
"""The issuer of options that net between people."""

Right = Literal["C", "P"]
Style = Literal["linear", "inverse"]

_HOUR = 3600
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_HOUR = int((datetime(9999, 12, 31, 23, tzinfo=UTC) - _EPOCH).total_seconds())
_STYLES: dict[str, Style] = {"lin": "linear", "inv": "inverse"}
_STYLE_CODES = {style: code for code, style in _STYLES.items()}
_NAMESPACES = {"option": False, "cwoption": True}
_EXPIRY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})", re.ASCII)
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DERIBIT = re.compile(r"([A-Z]{2,10})-([1-9]|[12][0-9]|3[01])([A-Z]{3})([0-9]{2})-([1-9][0-9]{0,29})-([CP])", re.ASCII)
_DERIBIT_HOUR = 8


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


class DeribitName(NamedTuple):
    """What a Deribit option name says. Expiry is at 08:00 UTC of the day; the century is 2000."""

    coin: str
    expiry_seconds: int
    strike: str
    right: Right


def option_asset(option: Option) -> AssetId:
    """The asset id of an option. Raises InputError `bad_instrument` where the option has no id that says it exactly."""
    if not is_identifier("asset", option.settlement):
        _refuse("a settlement asset", option.settlement)
    namespace = "cwoption" if option.issued_by_clearway else "option"
    settlement = f"{namespace_of(option.settlement)}.{reference_of(option.settlement)}"
    reference = (
        f"{option.underlying}-{_format_expiry(option.expiry_seconds)}-{option.strike}-{option.right}"
        f"-{_STYLE_CODES[option.style]}-{settlement}-{option.index}"
    )
    asset = f"{option.place}/{namespace}:{reference}"
    if parse_option(asset) != option:
        _refuse("an option that its id can express", f"{option}")
    return asset


@lru_cache(maxsize=8192)
def parse_option(asset: AssetId) -> Option:
    """The option that an asset id names. Raises InputError `bad_instrument` for any other text or spelling."""
    if not is_identifier("asset", asset) or namespace_of(asset) not in _NAMESPACES:
        _refuse("an asset id of namespace option or cwoption", asset)
    parts = reference_of(asset).split("-")
    if len(parts) != 7 or not all(parts):
        _refuse("<underlying>-<expiry>-<strike>-<C|P>-<inv|lin>-<settlement>-<index>", asset)
    underlying, expiry, strike, right, style, settled, index = parts
    namespace, _, reference = settled.partition(".")
    place = place_of(asset)
    settlement = f"{place}/{namespace}:{reference}"
    if not is_identifier("asset", settlement) or is_derivative(settlement):
        _refuse("a settlement asset <namespace>.<reference> that is no derivative", settled)
    if right not in ("C", "P") or style not in _STYLES:
        _refuse("C or P, then inv or lin", f"{right}-{style}")
    if not is_decimal(strike) or strike == "0":
        _refuse("a positive strike in its shortest decimal digits", strike)
    return Option(
        place=place,
        issued_by_clearway=_NAMESPACES[namespace_of(asset)],
        underlying=underlying,
        index=index,
        expiry_seconds=_parse_expiry(expiry),
        strike=strike,
        right=cast("Right", right),
        style=_STYLES[style],
        settlement=settlement,
    )


def from_deribit(name: str) -> DeribitName:
    """Read a Deribit option name such as BTC-26JUN20-9000-C. Raises InputError `bad_instrument`."""
    match = _DERIBIT.fullmatch(name)
    if match is None or match[3] not in _MONTHS:
        _refuse("a Deribit option name such as BTC-26JUN20-9000-C", name)
    coin, day, month, year, strike, right = match.groups()
    expiry = _seconds(2000 + int(year), _MONTHS.index(month) + 1, int(day), _DERIBIT_HOUR, name)
    return DeribitName(coin, expiry, strike, cast("Right", right))


def to_deribit(coin: str, expiry_seconds: int, strike: str, right: Right) -> str:
    """The Deribit name, the inverse of `from_deribit`. Raises InputError `bad_instrument` where there is none."""
    if not 0 <= expiry_seconds <= _LAST_HOUR:
        _refuse("an expiry in the years 2000 to 2099", str(expiry_seconds))
    moment = _EPOCH + timedelta(seconds=expiry_seconds)
    name = f"{coin}-{moment.day}{_MONTHS[moment.month - 1]}{moment.year % 100:02d}-{strike}-{right}"
    if from_deribit(name) != (coin, expiry_seconds, strike, right):
        _refuse("an expiry at 08:00 UTC in the years 2000 to 2099", str(expiry_seconds))
    return name


def _format_expiry(expiry_seconds: int) -> str:
    if expiry_seconds % _HOUR or not 0 <= expiry_seconds <= _LAST_HOUR:
        _refuse("an expiry at a whole hour of the years 1970 to 9999", str(expiry_seconds))
    moment = _EPOCH + timedelta(seconds=expiry_seconds)
    return f"{moment.year:04d}{moment.month:02d}{moment.day:02d}T{moment.hour:02d}"


def _parse_expiry(text: str) -> int:
    match = _EXPIRY.fullmatch(text)
    if match is None:
        _refuse("an expiry YYYYMMDDTHH in UTC", text)
    year, month, day, hour = (int(part) for part in match.groups())
    return _seconds(year, month, day, hour, text)


def _seconds(year: int, month: int, day: int, hour: int, text: str) -> int:
    try:
        moment = datetime(year, month, day, hour, tzinfo=UTC)
    except ValueError:
        _refuse("a day and hour of the calendar", text)
    if moment < _EPOCH:
        _refuse("an expiry from 1970 on", text)
    return int((moment - _EPOCH).total_seconds())


def _refuse(expected: str, actual: str) -> NoReturn:
    raise InputError("bad_instrument", "", expected=expected, actual=actual[:200])
