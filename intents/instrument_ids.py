"""The parts that ids of options, futures and perpetuals have in common; `bad_instrument` for anything else.

A reference is text between hyphens, so no part holds one. An expiry is a UTC hour, YYYYMMDDTHH. A settlement is the
namespace and reference of an asset at the same place that is no derivative, joined by a dot. Each has one spelling.
Deribit's names carry a day such as 5JUN20, which stands for 08:00 UTC of it in the years 2000 to 2099.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Literal, NoReturn

from intents.errors import InputError
from intents.identifiers import AssetId, is_identifier, namespace_of, place_of, reference_of
from intents.outcome import is_derivative

Style = Literal["linear", "inverse"]

STYLES: dict[str, Style] = {"lin": "linear", "inv": "inverse"}
"""A style by its code in an id."""

STYLE_CODES = {style: code for code, style in STYLES.items()}

DERIBIT_DAY = r"([1-9]|[12][0-9]|3[01])([A-Z]{3})([0-9]{2})"
"""A day in a Deribit name, three groups: day, month, year."""

_HOUR = 3600
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_HOUR = int((datetime(9999, 12, 31, 23, tzinfo=UTC) - _EPOCH).total_seconds())
_EXPIRY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})", re.ASCII)
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DERIBIT_HOUR = 8


def split_reference(asset: AssetId, namespaces: tuple[str, ...], shape: str) -> list[str]:
    """The parts of the reference of an asset of one of the namespaces; as many as the shape has, none empty."""
    if not is_identifier("asset", asset) or namespace_of(asset) not in namespaces:
        refuse(f"an asset id of namespace {' or '.join(namespaces)}", asset)
    parts = reference_of(asset).split("-")
    if len(parts) != shape.count("-") + 1 or not all(parts):
        refuse(shape, asset)
    return parts


def format_settlement(settlement: AssetId) -> str:
    """The settlement asset as a part: `coin.BTC`."""
    if not is_identifier("asset", settlement):
        refuse("a settlement asset", settlement)
    return f"{namespace_of(settlement)}.{reference_of(settlement)}"


def parse_settlement(part: str, asset: AssetId) -> AssetId:
    """The settlement asset that the part names at the asset's place."""
    namespace, _, reference = part.partition(".")
    settlement = f"{place_of(asset)}/{namespace}:{reference}"
    if not is_identifier("asset", settlement) or is_derivative(settlement):
        refuse("a settlement asset <namespace>.<reference> that is no derivative", part)
    return settlement


def parse_style(code: str) -> Style:
    """The style of a code."""
    if code not in STYLES:
        refuse("inv or lin", code)
    return STYLES[code]


def format_expiry(expiry_seconds: int) -> str:
    """A whole hour as YYYYMMDDTHH."""
    if expiry_seconds % _HOUR or not 0 <= expiry_seconds <= _LAST_HOUR:
        refuse("an expiry at a whole hour of the years 1970 to 9999", str(expiry_seconds))
    moment = _EPOCH + timedelta(seconds=expiry_seconds)
    return f"{moment.year:04d}{moment.month:02d}{moment.day:02d}T{moment.hour:02d}"


def parse_expiry(text: str) -> int:
    """Unix seconds of YYYYMMDDTHH."""
    match = _EXPIRY.fullmatch(text)
    if match is None:
        refuse("an expiry YYYYMMDDTHH in UTC", text)
    year, month, day, hour = (int(part) for part in match.groups())
    return _seconds(year, month, day, hour, text)


def parse_deribit_day(day: str, month: str, year: str, name: str) -> int:
    """Unix seconds of the day in a Deribit name, whose parts matched `DERIBIT_DAY`."""
    if month not in _MONTHS:
        refuse("a month of a Deribit name, JAN to DEC", name)
    return _seconds(2000 + int(year), _MONTHS.index(month) + 1, int(day), _DERIBIT_HOUR, name)


def format_deribit_day(expiry_seconds: int) -> str:
    """The day as Deribit writes it."""
    if not 0 <= expiry_seconds <= _LAST_HOUR:
        refuse("an expiry in the years 2000 to 2099", str(expiry_seconds))
    moment = _EPOCH + timedelta(seconds=expiry_seconds)
    text = f"{moment.day}{_MONTHS[moment.month - 1]}{moment.year % 100:02d}"
    if _seconds(2000 + moment.year % 100, moment.month, moment.day, _DERIBIT_HOUR, text) != expiry_seconds:
        refuse("an expiry at 08:00 UTC in the years 2000 to 2099", str(expiry_seconds))
    return text


def _seconds(year: int, month: int, day: int, hour: int, text: str) -> int:
    try:
        moment = datetime(year, month, day, hour, tzinfo=UTC)
    except ValueError:
        refuse("a day and hour of the calendar", text)
    if moment < _EPOCH:
        refuse("an expiry from 1970 on", text)
    return int((moment - _EPOCH).total_seconds())


def refuse(expected: str, actual: str) -> NoReturn:
    """Raise InputError `bad_instrument`."""
    raise InputError("bad_instrument", "", expected=expected, actual=actual[:200])
