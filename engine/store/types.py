"""Column types: exact integers, JSON, packed bytes.

Guarantees
1. `Exact` holds any integer of at most its digits, signed, without rounding: TEXT on SQLite (whose integers end at
   2^63), NUMERIC on PostgreSQL. Both refuse more digits with the same error, before the database sees them.
2. `Json` is stored as text with sorted keys, or as whoever made a `Written` did it, so equal values are equal columns. (Hashes are made of canonical bytes,
   never of columns; making those here would be half of what storing an intent costs.)
3. `Packed` is stored deflated and read back as it was.

Amounts are compared for equality only: on SQLite "9" > "10" as text, so no query may order or compare by one.
"""

from __future__ import annotations

import json
import zlib
from decimal import Decimal
from typing import Any

from sqlalchemy import Dialect, LargeBinary, Numeric, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from engine.store.errors import StoreError

AMOUNT_DIGITS = 78
"""Enough for every amount below 2^256 and its negative."""

SUM_DIGITS = 400
"""As many digits as a record allows a sum of amounts."""


class Exact(TypeDecorator[int]):
    """An integer of at most `digits` decimal digits. Writing another raises StoreError `amount_out_of_range`."""

    impl = Text
    cache_ok = True

    def __init__(self, digits: int = AMOUNT_DIGITS) -> None:
        super().__init__()
        self.digits = digits

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """TEXT on SQLite, NUMERIC(digits, 0) elsewhere."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(Text())
        return dialect.type_descriptor(Numeric(self.digits, 0))

    def process_bind_param(self, value: int | None, dialect: Dialect) -> str | Decimal | None:
        """Digits for SQLite, a Decimal made from the same digits elsewhere (exact: made from text, not computed)."""
        if value is None:
            return None
        if type(value) is not int or abs(value) >= 10**self.digits:
            expected = f"an integer of at most {self.digits} digits"
            raise StoreError("amount_out_of_range", "", expected=expected, actual=repr(value)[:90])
        return str(value) if dialect.name == "sqlite" else Decimal(str(value))

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        """The integer."""
        return None if value is None else int(value)


class Written(str):
    """JSON that was written already, compact and the same for equal values: stored in a `Json` column as it is."""

    __slots__ = ()


class Json(TypeDecorator[Any]):
    """Plain JSON data, stored as text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Its text. Raises StoreError `not_json` for what JSON cannot express."""
        if value is None or isinstance(value, Written):
            return value
        try:
            return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise StoreError("not_json", "", expected="plain JSON data", actual=str(error)) from None

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """The data."""
        return None if value is None else json.loads(value)


class Packed(TypeDecorator[bytes]):
    """Bytes, stored deflated."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        """Deflated bytes."""
        return None if value is None else zlib.compress(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        """The bytes."""
        return None if value is None else zlib.decompress(value)
