"""The faucet gives once for each key; balances and positions are what the ledger says."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from engine.market.feeds.synthetic import market
from intents.outcome import is_derivative
from tests.api_http.people import ADA, ETH, USD

OPTION = next(asset for asset in market(1).assets if is_derivative(asset))


def ask(client: TestClient, key: str | None = "k", **changes: Any) -> Any:
    body = {"owner": ADA, "asset": ETH, "amount": "7"} | changes
    return client.post("/v1/deposits", json=body, headers={} if key is None else {"Idempotency-Key": key})


def balances(client: TestClient) -> Any:
    return client.get(f"/v1/accounts/{ADA}/balances").json()["balances"]


def test_a_repeated_deposit_is_made_once(either: TestClient) -> None:
    first, again, other = ask(either), ask(either), ask(either, "l", asset=USD)

    assert [answer.status_code for answer in (first, again, other)] == [201, 201, 201]
    assert first.content == again.content
    assert balances(either) == {
        ETH: {"amount": "7", "reserved": "0", "free": "7"},
        USD: {"amount": "7", "reserved": "0", "free": "7"},
    }
    assert ask(either, amount="8").json()["code"] == "idempotency_key_reused"
    assert either.get(f"/v1/accounts/{ADA}/positions").json() == {"owner": ADA, "positions": []}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"key": None}, "missing_parameter"),
        ({"amount": "0"}, "bad_amount"),
        ({"amount": str(2**128)}, "bad_amount"),
        ({"amount": str(2**256)}, "amount_out_of_range"),
        ({"amount": 7}, "noncanonical_amount"),
        ({"amount": "007"}, "noncanonical_amount"),
        ({"asset": "sim:alpha/token:NOPE"}, "unknown_asset"),
        ({"asset": OPTION}, "unknown_asset"),
        ({"owner": "protocol"}, "bad_owner"),
        ({"owner": "solver:greedy"}, "bad_owner"),
        ({"owner": ADA.upper()}, "bad_identifier"),
        ({"asset": None}, "malformed"),
    ],
)
def test_what_the_faucet_does_not_give(client: TestClient, changes: dict[str, Any], code: str) -> None:
    answer = ask(client, **changes)

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert balances(client) == {}
