"""Reading one item of a perpetuals file: each field by its type, a fault named by its field.

A fault is a FeedError `missing_field` or `malformed_field` whose `where` is the field, so that the feed can report the
item and go on. Numbers are exact; a JSON number with a point is read from its digits (feeds.base.Decimal).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from engine.market.feeds.base import FeedError, exact

LARGEST = 10**24
MOST_PLACES = 36
PRICE_PLACES = 18

_MISSING = object()


def member(item: Any, field: str, kind: type[list[Any] | dict[str, Any]]) -> Any:
    """A list or object inside an object."""
    return _checked(item, field, kind, "a list" if kind is list else "an object")


def text(item: Any, field: str) -> str:
    """A text, which is not empty."""
    found: str = _checked(item, field, str, "a text")
    if not found:
        raise FeedError("malformed_field", field, expected="a text", actual="an empty one")
    return found


def integer(item: Any, field: str, *, low: int, high: int) -> int:
    """An integer within bounds, as a JSON number or its digits in a text."""
    found = _checked(item, field, (int, str), "an integer")
    try:
        value = int(found) if not isinstance(found, str) or len(found) <= 80 else None
    except ValueError:
        value = None
    if value is None or isinstance(found, bool) or str(value) != str(found) or not low <= value <= high:
        raise FeedError("malformed_field", field, expected=f"an integer {low} to {high}", actual=repr(found)[:80])
    return value


def decimal(item: Any, field: str, *, signed: bool = False) -> Fraction:
    """A decimal, as a JSON number or a text."""
    found = _checked(item, field, (str, int), "a decimal")
    if isinstance(found, bool):
        raise FeedError("malformed_field", field, expected="a decimal", actual=repr(found))
    digits = str(found)
    negative = signed and digits.startswith("-")
    try:
        value = exact(digits[1:] if negative else digits, field)
    except FeedError as error:
        raise FeedError("malformed_field", field, expected=error.expected, actual=error.actual) from None
    return within(-value if negative else value, field, MOST_PLACES)


def positive(item: Any, field: str) -> Fraction:
    """A price or such: a decimal above zero, with as many places as a decimal of ours has."""
    value = within(decimal(item, field), field, PRICE_PLACES)
    if value == 0:
        raise FeedError("malformed_field", field, expected="a number above zero", actual="0")
    return value


def within(value: Fraction, field: str, places: int) -> Fraction:
    """The value, of at most 10^24 and so many places. Raises FeedError `malformed_field`."""
    if abs(value) > LARGEST or (value * 10**places).denominator != 1:
        expected = f"at most 10^24, with at most {places} places"
        raise FeedError("malformed_field", field, expected=expected, actual=str(value)[:80])
    return value


def _checked(item: Any, field: str, kind: Any, expected: str) -> Any:
    found = item.get(field, _MISSING) if isinstance(item, dict) else _MISSING
    if found is _MISSING:
        raise FeedError("missing_field", field, expected=expected, actual="none")
    if not isinstance(found, kind):
        raise FeedError("malformed_field", field, expected=expected, actual=repr(found)[:80])
    return found
