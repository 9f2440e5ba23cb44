"""Whatever is sent, the answer is a 4xx with a stable code, and nothing is stored."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import make_url

from api.http.reading import MAX_BODY_BYTES
from tests.api_http.conftest import opened
from tests.api_http.people import signed
from tests.databases import Databases

GOOD = json.dumps(signed().to_wire())
JSON_TYPE = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def kept(databases: Databases) -> Iterator[tuple[TestClient, Path]]:
    """One application for all of them, and the file in which a row would be."""
    url = databases.migrated("sqlite")
    with opened(url) as client:
        yield client, Path(make_url(url).database or "")


def rows(path: Path) -> int:
    with sqlite3.connect(path) as connection:
        (count,) = connection.execute("SELECT (SELECT COUNT(*) FROM intents) + (SELECT COUNT(*) FROM idempotency_keys)")
    connection.close()
    return int(count[0])


BODIES = {
    "nothing": (b"", 400, "malformed_json"),
    "half": (GOOD[:-9].encode(), 400, "malformed_json"),
    "two": ((GOOD + GOOD).encode(), 400, "malformed_json"),
    "no UTF-8": (b'"\xff"', 400, "malformed_json"),
    "UTF-16": (GOOD.encode("utf-16"), 400, "malformed_json"),
    "a long integer": (b"1" * 5_000, 400, "malformed_json"),
    "deep": (b"[" * 30_000 + b"]" * 30_000, 400, "too_deep"),
    "deep and open": (b'{"a":' * 10_000, 400, "too_deep"),
    "NaN": (GOOD.replace('"1"', "NaN", 1).encode(), 400, "not_finite"),
    "infinite": (b'{"id": -Infinity}', 400, "not_finite"),
    "1e999": (b'{"id": 1e999}', 400, "not_finite"),
    "a lone surrogate": (rb'{"id": "\ud800"}', 400, "lone_surrogate"),
    "a lone surrogate as a key": (rb'{"\udfff": 1}', 400, "lone_surrogate"),
    "a key twice": (GOOD.replace("{", '{"id": "x", ', 1).encode(), 400, "duplicate_key"),
    "huge": (b'"' + b"a" * MAX_BODY_BYTES + b'"', 413, "body_too_large"),
    "2^256": (
        GOOD.replace('"units": "1000000000000000000"', f'"units": "{2**256}"').encode(),
        422,
        "amount_out_of_range",
    ),
    "a number": (GOOD.replace('"units": "1000000000000000000"', '"units": 1').encode(), 422, "noncanonical_amount"),
    "an array": (b"[]", 422, "malformed"),
    "null": (b"null", 422, "malformed"),
    "an empty object": (b"{}", 422, "missing_field"),
    "NUL": (GOOD.replace("0x", r"\u0000x", 1).encode(), 422, "bad_identifier"),
}


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("path", ["/v1/intents", f"/v1/intents/{signed().id}/cancel", "/v1/deposits"])
def test_malformed_bodies(kept: tuple[TestClient, Path], path: str, name: str) -> None:
    client, database = kept
    content, status, code = BODIES[name]

    answer = client.post(path, content=content, headers=JSON_TYPE | {"Idempotency-Key": name.replace(" ", "-")})

    data = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert data["status"] == answer.status_code
    assert data["outcome"] == "rejected"
    if path == "/v1/intents" or status != 422:
        assert (answer.status_code, data["code"]) == (status, code)
    else:
        assert answer.status_code == 422
    assert rows(database) == 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/jsonx"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
def test_other_content_types(kept: tuple[TestClient, Path], headers: dict[str, str]) -> None:
    client, database = kept

    answer = client.post("/v1/intents", content=GOOD.encode(), headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert rows(database) == 0


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        ("/v1/intents?limit=0", 422, "bad_parameter"),
        ("/v1/intents?limit=1e1", 422, "bad_parameter"),
        ("/v1/intents?limit=%D9%A1", 422, "bad_parameter"),
        ("/v1/intents?after=99999999999999999999", 422, "bad_parameter"),
        ("/v1/intents?after=-1", 422, "bad_parameter"),
        ("/v1/intents?status=open", 422, "bad_parameter"),
        ("/v1/intents?owner=%00", 422, "bad_identifier"),
        ("/v1/intents?owner=%ff", 422, "bad_identifier"),
        ("/v1/intents?limit=1&limit=1", 400, "duplicate_parameter"),
        ("/v1/intents?unknown=%ed%a0%80", 400, "unknown_parameter"),
        ("/v1/intents/0xAB", 422, "bad_identifier"),
        ("/v1/intents/%00/history", 422, "bad_identifier"),
        (f"/v1/intents/0x{'00' * 32}", 404, "unknown_intent"),
        ("/v1/auctions/1", 404, "unknown_auction"),
        ("/v1/auctions/01", 422, "bad_parameter"),
        (f"/v1/auctions/{2**63}/record", 422, "bad_parameter"),
        ("/v1/accounts/nobody/balances", 422, "bad_identifier"),
        ("/v1/nothing", 404, "not_found"),
        ("/v1/intents/", 404, "not_found"),
        ("/v1/deposits", 405, "method_not_allowed"),
    ],
)
def test_other_targets(kept: tuple[TestClient, Path], target: str, status: int, code: str) -> None:
    answer = kept[0].get(target)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


@given(content=st.binary(max_size=200) | st.text(max_size=60).map(lambda text: json.dumps({text: text}).encode()))
@settings(derandomize=True, max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes(kept: tuple[TestClient, Path], content: bytes) -> None:
    answer = kept[0].post("/v1/intents", content=content, headers=JSON_TYPE)

    assert 400 <= answer.status_code < 500
    assert answer.json()["code"]
    assert rows(kept[1]) == 0
