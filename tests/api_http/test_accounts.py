"""The faucet gives once for each key; balances and positions are what the ledger says."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.http.views import BalanceView, PositionView
from engine.market.feeds.synthetic import market
from intents.instruments import parse_instrument
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


@pytest.mark.parametrize(
    ("asset", "expiry", "strike"),
    [
        ("deribit:main/option:BTC-20201225T08-9000-C-inv-coin.BTC-deribit.btc", 1_608_883_200, "9000"),
        ("deribit:main/future:BTC-20201225T08-inv-coin.BTC-deribit.btc", 1_608_883_200, None),
        ("deribit:main/perp:BTC-inv-coin.BTC-deribit.btc", None, None),
    ],
)
def test_a_position_is_shown_with_what_its_id_says(asset: str, expiry: int | None, strike: str | None) -> None:
    view = PositionView.of(asset, BalanceView(amount=-5, reserved=0, free=-5), parse_instrument(asset))
    assert (view.expiry_seconds, view.strike, view.right is None) == (expiry, strike, strike is None)
    assert (view.underlying, view.style, view.issuer) == ("BTC", "inverse", "deribit:main")
    assert PositionView.from_wire(view.to_wire()) == view
