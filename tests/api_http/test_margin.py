"""POST /v1/margin: the same answer as the program's, bounded work, and refusals with their place."""

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.http.routes_margin import MOST_CELLS
from engine.market.margin.report import Portfolio, report_on

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "portfolio.json"


@pytest.fixture
def portfolio() -> Any:
    return json.loads(EXAMPLE.read_text())


def test_the_answer_is_the_programs(client: TestClient, portfolio: Any) -> None:
    answer = client.post("/v1/margin", json=portfolio)

    assert answer.status_code == 200
    assert answer.json() == report_on(Portfolio.from_wire(portfolio)).to_wire()
    assert answer.json()["fill"]["allowed"] is True


def test_too_much_work_is_refused(client: TestClient, portfolio: Any) -> None:
    instruments = portfolio["market"]["instruments"]
    instruments |= {f"derive:main/perp:B{number}": instruments["derive:main/perp:BTC"] for number in range(6)}
    portfolio["market"]["scenarios"] = [{"spot_bps": 0}] * (MOST_CELLS // len(instruments) + 1)

    answer = client.post("/v1/margin", json=portfolio)

    assert (answer.status_code, answer.json()["code"]) == (422, "too_much_work")


def test_what_can_not_be_priced_is_refused_with_its_place(client: TestClient, portfolio: Any) -> None:
    asset = min(portfolio["market"]["instruments"])
    portfolio["market"]["instruments"][asset]["forward"] = "0"

    answer = client.post("/v1/margin", json=portfolio).json()

    assert answer["code"] == "zero_price"
    assert answer["pointer"] == f"/market/instruments/{asset.replace('/', '~1')}/forward"
