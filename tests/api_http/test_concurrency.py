"""Requests that arrive at once: one row, one answer, and no promise that is broken."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from fastapi.testclient import TestClient

from tests.api_http.people import ADA, ETH, USD, signed


def test_the_same_intent_from_many_sides_at_once(either: TestClient) -> None:
    body = signed().to_wire()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: either.post("/v1/intents", json=body), range(16)))

    assert {answer.status_code for answer in answers} <= {200, 201}
    assert len({answer.content for answer in answers}) == 1
    assert len(either.get("/v1/intents").json()["items"]) == 1


def test_two_intents_that_want_one_nonce_at_once(either: TestClient) -> None:
    rivals = [signed(receives={USD: least}).to_wire() for least in range(1, 9)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda body: either.post("/v1/intents", json=body), rivals))

    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 7]
    assert len(either.get("/v1/intents").json()["items"]) == 1


def test_a_deposit_under_one_key_from_many_sides_at_once(either: TestClient) -> None:
    body = {"owner": ADA, "asset": ETH, "amount": "5"}

    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: either.post("/v1/deposits", json=body, headers={"Idempotency-Key": "k"}), range(16))
        )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert either.get(f"/v1/accounts/{ADA}/balances").json()["balances"][ETH]["amount"] == "5"
