from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, insert, select
from sqlalchemy.types import TypeEngine

from engine.store.database import open_engine
from engine.store.errors import StoreError
from engine.store.types import AMOUNT_DIGITS, SUM_DIGITS, Exact, Json, Packed

_MOST = 10**AMOUNT_DIGITS - 1


def stored(url: str, kind: TypeEngine[Any], value: object) -> object:
    table = Table("things", MetaData(), Column("id", Integer, primary_key=True), Column("value", kind))
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            table.create(connection)
            connection.execute(insert(table).values(id=1, value=value))
            return connection.scalar(select(table.c.value))
    finally:
        engine.dispose()


@settings(max_examples=15, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(-_MOST, _MOST))
@example(2**63)
@example(2**256 - 1)
@example(_MOST)
@example(-_MOST)
def test_integers_come_back_exactly(empty: str, value: int) -> None:
    assert stored(empty, Exact(), value) == value
    assert type(stored(empty, Exact(), value)) is int


def test_sums_may_be_longer_and_nothing_is_nothing(empty: str) -> None:
    assert stored(empty, Exact(SUM_DIGITS), -(10**SUM_DIGITS) + 1) == -(10**SUM_DIGITS) + 1
    assert stored(empty, Exact(), None) is None


@pytest.mark.parametrize("value", [_MOST + 1, -_MOST - 1, 1.0, True, "7"])
def test_what_is_no_such_integer_is_refused(empty: str, value: object) -> None:
    with pytest.raises(StoreError, match="amount_out_of_range"):
        stored(empty, Exact(), value)


def test_json_and_bytes_come_back(empty: str) -> None:
    data = {"b": ["é\u0000", 0.1, None, True], "a": {}}
    assert stored(empty, Json(), data) == data
    assert stored(empty, Packed(), b"\x00\xff" * 1000) == b"\x00\xff" * 1000
    with pytest.raises(StoreError, match="not_json"):
        stored(empty, Json(), {"not": float("nan")})
