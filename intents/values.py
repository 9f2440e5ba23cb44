"""Integers, ratios and the strict, canonical JSON that every other value is made of.

Guarantees
1. An amount is an integer 0 <= a < 2**256; on the wire it is its shortest decimal digits in a string.
   "007", "+7", "7.0", 7 (a JSON number) and 2**256 are refused.
2. `canonical_bytes` is RFC 8785: the same value gives the same bytes on every machine.
3. `parse_json` refuses duplicate keys, NaN and infinities, lone surrogates, and nesting over 64.

It does not know what an amount is an amount of.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from fractions import Fraction
from itertools import pairwise
from math import isfinite
from typing import Annotated, Any, NoReturn, Self

import rfc8785
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
)

from intents.canonical import canonical_json
from intents.errors import InputError

AMOUNT_LIMIT = 2**256
"""Amounts are below this, as in a uint256."""

MAX_DEPTH = 64
"""Deepest nesting of a JSON text that is read."""

MAX_INTEGER_DIGITS = 400
"""Longest JSON integer that is read; beyond it reading would depend on settings of the interpreter."""

_DIGITS = re.compile(r"(0|[1-9][0-9]{0,77})\Z", re.ASCII)
_SIGNED = re.compile(r"(0|-?[1-9][0-9]*)\Z", re.ASCII)
_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,29})(\.[0-9]{0,17}[1-9])?\Z", re.ASCII)
_STRINGS = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_BRACKETS = re.compile(r"[][{}]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def parse_amount(text: str) -> int:
    """Read a canonical amount; ValueError-free: raises InputError `noncanonical_amount` or `amount_out_of_range`."""
    if not _DIGITS.match(text):
        if re.fullmatch(r"[1-9][0-9]{78,}", text, re.ASCII):
            raise InputError("amount_out_of_range", "", expected="an integer below 2^256", actual=f"{len(text)} digits")
        raise InputError("noncanonical_amount", "", expected="canonical decimal digits", actual=repr(text[:90]))
    value = int(text)
    if value >= AMOUNT_LIMIT:
        raise InputError("amount_out_of_range", "", expected="an integer below 2^256", actual=text)
    return value


def _amount(value: object, info: ValidationInfo) -> int:
    if isinstance(value, str):
        return parse_amount(value)
    if isinstance(value, int) and not isinstance(value, bool) and info.mode == "python":
        if not 0 <= value < AMOUNT_LIMIT:
            raise InputError("amount_out_of_range", "", expected="0 <= amount < 2^256", actual=str(value)[:90])
        return value
    raise InputError(
        "noncanonical_amount", "", expected="canonical decimal digits in a string", actual=repr(value)[:90]
    )


def _signed(value: object, info: ValidationInfo) -> int:
    if isinstance(value, str) and _SIGNED.match(value):
        value = int(value) if len(value) <= 78 else AMOUNT_LIMIT
    elif not (isinstance(value, int) and not isinstance(value, bool) and info.mode == "python"):
        expected = "canonical decimal digits with an optional minus in a string"
        raise InputError("noncanonical_amount", "", expected=expected, actual=repr(value)[:90])
    if not -(2**255) <= value < 2**255:
        raise InputError("amount_out_of_range", "", expected="-2^255 <= amount < 2^255", actual=str(value)[:90])
    return value


def _decimal(value: object) -> str:
    if isinstance(value, str) and _DECIMAL.match(value):
        return value
    expected = 'a plain decimal in a string, such as "9000" or "0.5"'
    raise InputError("noncanonical_decimal", "", expected=expected, actual=repr(value)[:60])


Amount = Annotated[
    int,
    BeforeValidator(_amount),
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema(
        {"type": "string", "pattern": "^(0|[1-9][0-9]{0,77})$", "description": "integer in base units, < 2^256"}
    ),
]
"""A non-negative integer in base units; digits in a string on the wire."""

SignedAmount = Annotated[
    int,
    BeforeValidator(_signed),
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": "^(0|-?[1-9][0-9]{0,76})$"}),
]
"""A signed integer in base units; digits with an optional minus in a string on the wire."""

DecimalText = Annotated[
    str,
    BeforeValidator(_decimal),
    WithJsonSchema({"type": "string", "pattern": r"^(0|[1-9][0-9]{0,29})(\.[0-9]{0,17}[1-9])?$"}),
]
"""A plain non-negative decimal in its shortest spelling, at most 30 digits before the point and 18 after."""

Ratio = tuple[Amount, Amount]
"""[numerator, denominator] of an exact non-negative rational; whoever takes one checks that the denominator is positive."""


class Value(BaseModel):
    """Base of all wire values: frozen, no unknown fields, aliases on the wire."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True, ser_json_bytes="utf8", strict=False
    )

    def to_wire(self) -> Any:
        """This value as plain JSON data (amounts as strings, wire names)."""
        return self.model_dump(mode="json", by_alias=True)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with some fields replaced (not validated). What was cached for the original is not taken along.

        Written out because every trade ends here: pydantic's own copies its parts one by one and takes three times as long.
        """
        kept, names = self.__dict__, type(self).__pydantic_fields__
        fields = dict(kept) if len(kept) == len(names) else {name: kept[name] for name in names}
        if deep:
            fields = deepcopy(fields)
        stated = self.__pydantic_fields_set__
        if update:
            fields.update(update)
            stated = stated.union(update)
        copied = object.__new__(type(self))
        object.__setattr__(copied, "__dict__", fields)
        object.__setattr__(copied, "__pydantic_fields_set__", stated)
        object.__setattr__(copied, "__pydantic_extra__", None)  # unknown fields are forbidden
        object.__setattr__(copied, "__pydantic_private__", None)  # no value has private ones
        return copied

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read from strict JSON, no value being coerced. Raises InputError with the JSON pointer of the first fault."""
        parse_json(text)
        return cls.from_strict_json(text)

    @classmethod
    def from_strict_json(cls, text: str | bytes) -> Self:
        """The same of a text that `parse_json` took before."""
        try:
            return cls.model_validate_json(text, strict=True, by_alias=True, by_name=False)
        except ValidationError as error:
            raise input_error(error) from None

    @classmethod
    def from_wire(cls, data: object) -> Self:
        """Read from data that `parse_json` gave. Raises InputError with the JSON pointer of the first fault."""
        return cls.from_json(json.dumps(data))


_FAULTS = {"extra_forbidden": "unknown_field", "missing": "missing_field"}


def input_error(error: ValidationError) -> InputError:
    """The first fault of a pydantic error as an InputError with a stable code and a JSON pointer."""
    first = error.errors(include_url=False)[0]
    pointer = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in first["loc"])
    kind = first["type"]
    inner = first.get("ctx", {}).get("error")
    if isinstance(inner, InputError):
        return InputError(inner.code, pointer + inner.where, expected=inner.expected, actual=inner.actual)
    return InputError(
        _FAULTS.get(kind, "malformed"), pointer, expected=first["msg"], actual=repr(first.get("input"))[:120]
    )


def parse_json(text: str | bytes) -> Any:
    """Strict JSON: unique keys, finite numbers, no lone surrogates, nesting of at most MAX_DEPTH.

    Raises InputError: `malformed_json`, `duplicate_key`, `not_finite`, `lone_surrogate` or `too_deep`.
    """
    try:
        string = text.decode("utf-8") if isinstance(text, bytes) else text
    except UnicodeDecodeError as error:
        raise InputError("malformed_json", "", expected="UTF-8", actual=str(error)) from None
    _check_depth(string)
    try:
        data = json.loads(
            string, object_pairs_hook=_unique, parse_constant=_not_finite, parse_int=_integer, parse_float=_float
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise InputError("malformed_json", where, expected="JSON", actual=error.msg) from None
    if "\\u" in string or not string.isascii():
        _check_text(data)
    return data


def _check_depth(text: str) -> None:
    # Before parsing: how deep the parser itself can go depends on the interpreter's settings and its stack.
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return
    depth = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > MAX_DEPTH:
            raise InputError("too_deep", "", expected=f"nesting of at most {MAX_DEPTH}", actual="more")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # set.add returns None: the usual idiom for the first repeat
        raise InputError("duplicate_key", "", expected="each key once in an object", actual=repr(twice[:80]))
    return result


def _not_finite(name: str) -> NoReturn:
    raise InputError("not_finite", "", expected="a finite number", actual=name)


def _integer(text: str) -> int:
    if len(text) > MAX_INTEGER_DIGITS:
        expected = f"integers of at most {MAX_INTEGER_DIGITS} digits"
        raise InputError("malformed_json", "", expected=expected, actual=f"{len(text)} digits")
    return int(text)


def _float(text: str) -> float:
    number = float(text)
    return number if isfinite(number) else _not_finite(text[:80])


def _check_text(data: Any) -> None:
    if isinstance(data, str):
        if _SURROGATE.search(data):
            raise InputError("lone_surrogate", "", expected="text of Unicode scalar values", actual=ascii(data[:60]))
    elif isinstance(data, dict):
        for key, item in data.items():
            _check_text(key)
            _check_text(item)
    elif isinstance(data, list):
        for item in data:
            _check_text(item)


def canonical_bytes(value: Value | Any) -> bytes:
    """RFC 8785 bytes of a value or of plain JSON data. Raises InputError `not_canonical`: a number beyond 2^53, say."""
    data = value.to_wire() if isinstance(value, Value) else value
    try:
        return canonical_json(data)
    except rfc8785.CanonicalizationError as error:
        raise InputError("not_canonical", "", expected="data that RFC 8785 can express", actual=str(error)) from None


def content_hash(tag: str, *parts: Value | Any) -> str:
    """`sha256:` + hex of SHA-256 over the canonical JSON array [tag, *parts]; the tag separates domains."""
    data = [tag, *(p.to_wire() if isinstance(p, Value) else p for p in parts)]
    return "sha256:" + hashlib.sha256(canonical_bytes(data)).hexdigest()


def is_decimal(text: str) -> bool:
    """Whether the text is a canonical DecimalText."""
    return _DECIMAL.match(text) is not None


def ceil_div(numerator: int, denominator: int) -> int:
    """Quotient rounded towards plus infinity; denominator > 0."""
    return -(-numerator // denominator)


def shortest_decimal(value: Fraction) -> str:
    """The canonical DecimalText of a non-negative fraction that has a finite decimal expansion of at most 18 places."""
    scaled = value * 10**18
    if scaled.denominator != 1 or value < 0:
        raise InputError(
            "noncanonical_decimal", "", expected="a non-negative decimal of at most 18 places", actual=str(value)
        )
    whole, rest = divmod(int(scaled), 10**18)
    return f"{whole}.{rest:018d}".rstrip("0").rstrip(".")


def sorted_unique(items: Iterable[str]) -> bool:
    """Whether the strings are strictly ascending."""
    listed = list(items)
    return all(a < b for a, b in pairwise(listed))
