"""Fields of a venue's JSON message, each checked where it is taken; numbers are exact, from their decimal text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from engine.market.feeds.base import Decimal, FeedError, exact

NAME = re.compile(r"[A-Za-z0-9][-._A-Za-z0-9]{0,79}\Z", re.ASCII)
CURRENCY = re.compile(r"[A-Z][A-Z0-9]{0,9}\Z", re.ASCII)
MAX_SECONDS = 253402300799
"""The last second of the year 9999."""


class Fields:
    """One object of a message; `where` is its place, for errors. All methods raise FeedError `malformed_field`."""

    def __init__(self, data: Any, where: str) -> None:
        if not isinstance(data, Mapping):
            raise FeedError("malformed_field", where, expected="an object", actual=repr(data)[:80])
        self.data: Mapping[str, Any] = data
        self.where = where

    def wrong(self, field: str, expected: str) -> FeedError:
        """The error that a field is not as expected."""
        return FeedError(
            "malformed_field", f"{self.where}/{field}", expected=expected, actual=repr(self.data.get(field))[:80]
        )

    def inner(self, field: str) -> Fields:
        """An object in a field."""
        return Fields(self.data.get(field), f"{self.where}/{field}")

    def rows(self, field: str) -> list[Any]:
        """A list in a field."""
        found = self.data.get(field)
        if not isinstance(found, list):
            raise self.wrong(field, "a list")
        return found

    def text(self, field: str, pattern: re.Pattern[str] = NAME) -> str:
        """A text of the pattern."""
        found = self.data.get(field)
        if not isinstance(found, str) or isinstance(found, Decimal) or not pattern.match(found):
            raise self.wrong(field, f"a text such as {pattern.pattern}")
        return found

    def number(self, field: str) -> Fraction:
        """A number of at least 0, or the text of one."""
        found = number(self.data.get(field), f"{self.where}/{field}")
        if found is None:
            raise self.wrong(field, "a number of at least 0")
        return found

    def number_or_none(self, field: str) -> Fraction | None:
        """As `number`; None where it is missing, null or empty."""
        return number(self.data.get(field), f"{self.where}/{field}")

    def positive(self, field: str) -> Fraction:
        """A number above 0."""
        found = self.number(field)
        if not found:
            raise self.wrong(field, "a number above 0")
        return found

    def signed(self, field: str) -> Fraction:
        """A number of either sign."""
        found = self.data.get(field)
        text = str(found)
        if isinstance(found, bool) or not isinstance(found, int | str):
            raise self.wrong(field, "a number")
        sign = -1 if text.startswith("-") else 1
        return sign * exact(text.removeprefix("-"), f"{self.where}/{field}")

    def milliseconds(self, field: str, per_second: int = 1000) -> int:
        """A unix time as milliseconds; `per_second` units of the field."""
        found = self.number(field) * Fraction(1000, per_second)
        if found > MAX_SECONDS * 1000:
            raise self.wrong(field, "a unix time before the year 10000")
        return int(found)


def number(value: Any, where: str) -> Fraction | None:
    """A number of at least 0 out of a JSON number or a text; None out of null and "". Raises FeedError `malformed_number`."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise FeedError("malformed_number", where, expected="a plain non-negative decimal", actual=repr(value)[:80])
    return exact(str(value), where)
