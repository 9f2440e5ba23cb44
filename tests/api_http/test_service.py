"""What the service says of itself: its clock, its metrics, and a page for people."""

from __future__ import annotations

import re

from fastapi.testclient import TestClient

from api.http.service import Service
from tests.api_http.people import signed
from tests.store.people import open_auction


def service_of(client: TestClient) -> Service:
    service: Service = client.app.state.service  # type: ignore[attr-defined]  # the client knows it as any ASGI callable
    return service


def auctions_open(client: TestClient, number: int) -> None:
    with service_of(client).database.transaction() as work:
        snapshot = work.meta.get("embedded/market")
        assert snapshot is not None
        open_auction(work, number, snapshot)


def test_the_page_for_people_links_only_to_what_is_there(client: TestClient) -> None:
    empty = client.get("/")
    assert empty.headers["content-type"] == "text/html; charset=utf-8"
    assert "None yet" in empty.text
    auctions_open(client, 0)
    with service_of(client).database.transaction() as work:
        work.leases.acquire("a test", service_of(client).now_ms(), 3_600_000)  # or it would not be ready

    links = re.findall(r'href="([^"]+)"', client.get("/").text)

    assert "/v1/auctions/0" in links
    assert {link: client.get(link).status_code for link in links} == dict.fromkeys(links, 200)


def test_its_clock_goes_forward_and_names_the_newest_auction(client: TestClient) -> None:
    before = client.get("/v1/time").json()
    auctions_open(client, 7)
    after = client.get("/v1/time").json()

    assert (before["latest_auction"], after["latest_auction"]) == (None, 7)
    assert 0 <= after["now_ms"] - before["now_ms"] < 60_000


def test_metrics_count_what_was_answered_and_no_intent_twice(client: TestClient) -> None:
    bodies: list[object] = [signed().to_wire(), signed().to_wire(), {}]
    for body in bodies:
        client.post("/v1/intents", json=body)
    auctions_open(client, 3)

    lines = client.get("/metrics").text.splitlines()

    for expected in (
        "clearway_intents_accepted_total 1.0",
        'clearway_refusals_total{code="missing_field"} 1.0',
        'clearway_http_requests_total{method="POST",route="/v1/intents",status="201"} 1.0',
        'clearway_http_requests_total{method="POST",route="/v1/intents",status="200"} 1.0',
        "clearway_auction_number 3.0",
    ):
        assert expected in lines
