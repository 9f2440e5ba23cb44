"""Fields of CoW instances by name and type. What is missing or of another type is a FeedError with its JSON pointer.

`where` is the pointer of the container; `missing_field` and `malformed_field` are the codes, and those of amounts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from engine.market.feeds.base import Decimal, FeedError, exact
from intents.errors import InputError
from intents.values import parse_amount

_SIGNED = re.compile(r"(0|-?[1-9][0-9]{0,76})\Z", re.ASCII)
ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}\Z", re.ASCII)
_UID = re.compile(r"0[xX][0-9a-fA-F]{112}\Z", re.ASCII)
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,60}\Z", re.ASCII)
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,12})?Z\Z", re.ASCII)


def refuse_two_spellings(read: Mapping[str, Any], entries: Mapping[str, Any], where: str) -> None:
    """Raise `duplicate` where reading lowered two spellings of one token into one."""
    if len(read) != len(entries):
        raise FeedError(
            "duplicate", f"{where}/reserves", expected="each token once", actual="one token in two spellings"
        )


def entries_of(container: dict[str, Any], where: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    """The entries of an object, each itself an object: key, entry, pointer."""
    for key in container:
        yield key, object_of(container, key, where), f"{where}/{key}"


def items_of(data: dict[str, Any], name: str) -> Iterator[tuple[dict[str, Any], str]]:
    """The items of a list of objects at the top of the file: item, pointer."""
    listed = field_of(data, name, "")
    if not isinstance(listed, list):
        raise malformed(listed, f"/{name}", "a list")
    for index, item in enumerate(listed):
        if not isinstance(item, dict):
            raise malformed(item, f"/{name}/{index}", "an object")
        yield item, f"/{name}/{index}"


def malformed(value: Any, where: str, expected: str) -> FeedError:
    """The refusal of a value of another type."""
    return FeedError("malformed_field", where, expected=expected, actual=repr(value)[:90])


def field_of(container: dict[str, Any], name: str, where: str) -> Any:
    """The value of a field that must be there."""
    if name not in container:
        raise FeedError("missing_field", f"{where}/{name}", expected="a value", actual="nothing")
    return container[name]


def object_of(container: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    """An object."""
    value = field_of(container, name, where)
    if not isinstance(value, dict):
        raise malformed(value, f"{where}/{name}", "an object")
    return value


def text_of(container: dict[str, Any], name: str, where: str) -> str:
    """A text of 1 to 80 characters."""
    value = field_of(container, name, where)
    if not isinstance(value, str) or isinstance(value, Decimal) or not 0 < len(value) <= 80:
        raise malformed(value, f"{where}/{name}", "a text of 1 to 80 characters")
    return value


def flag_of(container: dict[str, Any], name: str, where: str) -> bool:
    """True or false."""
    value = field_of(container, name, where)
    if not isinstance(value, bool):
        raise malformed(value, f"{where}/{name}", "true or false")
    return value


def amount_of(container: dict[str, Any], name: str, where: str) -> int:
    """A non-negative integer in canonical digits."""
    value = field_of(container, name, where)
    if not isinstance(value, str) or isinstance(value, Decimal):
        raise malformed(value, f"{where}/{name}", "an integer as decimal digits in a string")
    try:
        return parse_amount(value)
    except InputError as error:
        raise FeedError(error.code, f"{where}/{name}", expected=error.expected, actual=error.actual) from None


def signed_of(container: dict[str, Any], name: str, where: str) -> int:
    """An integer with an optional minus, as digits in a string or as a number."""
    value = field_of(container, name, where)
    if not isinstance(value, int | str) or isinstance(value, bool) or not _SIGNED.match(str(value)):
        raise malformed(value, f"{where}/{name}", "an integer")
    return int(value)


def number_of(container: dict[str, Any], name: str, where: str) -> Fraction:
    """The exact value of a non-negative decimal, as number or text."""
    value = field_of(container, name, where)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise malformed(value, f"{where}/{name}", "a decimal number")
    return exact(str(value), f"{where}/{name}")


def gas_price_of(container: dict[str, Any], name: str, where: str) -> int:
    """A positive whole number below 2^53."""
    price = number_of(container, name, where)
    if price.denominator != 1 or not 0 < price < 2**53:
        raise malformed(container[name], f"{where}/{name}", "a positive whole number below 2^53")
    return int(price)


def decimals_of(token: dict[str, Any], where: str) -> int | None:
    """A token's decimals; None where the file says null."""
    value = field_of(token, "decimals", where)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 36:
        raise malformed(value, f"{where}/decimals", "an integer from 0 to 36, or null")
    return value


def symbol_of(value: Any, address: str) -> str:
    """A token's symbol, or its address where there is none."""
    return value[:80] if isinstance(value, str) and not isinstance(value, Decimal) and value else address.lower()


def address_of(text: str, where: str) -> str:
    """A 20-byte address, lowered."""
    if not ADDRESS.match(text):
        raise malformed(text, where, "a 20-byte address in hex")
    return text.lower()


def token_of(container: dict[str, Any], name: str, where: str) -> str:
    """A field that holds an address, lowered."""
    value = field_of(container, name, where)
    if not isinstance(value, str):
        raise malformed(value, f"{where}/{name}", "a 20-byte address in hex")
    return address_of(value, f"{where}/{name}")


def uid_of(container: dict[str, Any], name: str, where: str) -> str:
    """A 56-byte order uid, lowered."""
    value = field_of(container, name, where)
    if not isinstance(value, str) or not _UID.match(value):
        raise malformed(value, f"{where}/{name}", "a 56-byte order uid in hex")
    return value.lower()


def key_of(text: str, where: str) -> str:
    """A key of an object that is used as a name."""
    if not _KEY.match(text):
        raise malformed(text, where, "a key of letters, digits, '-', '.', '_'")
    return text


def time_of(text: str) -> int:
    """Unix seconds of a UTC time such as 2024-04-09T07:32:52.5Z."""
    found = _TIME.match(text)
    try:
        if found:
            return int(datetime.fromisoformat(found[1]).replace(tzinfo=UTC).timestamp())
    except ValueError:
        pass  # a date such as 2024-13-45: refused below like any other text that is no time
    raise malformed(text, "/deadline", "a time such as 2024-04-09T07:32:52Z")
