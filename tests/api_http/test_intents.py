"""Submitting is safe to repeat, and signed for; what stands in the way has a code."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from engine.market.feeds.synthetic_market import START_SECONDS
from intents.receipts import Receipt, verify_receipt
from intents.signing import ed25519_owner
from tests.api_http.conftest import ENGINE_KEY
from tests.api_http.people import ADA, USD, cancelled, signed

OTHER = b"\x02" * 32


def send(client: TestClient, intent: Any, key: str | None = None) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post("/v1/intents", json=intent.to_wire(), headers=headers)


def refusal(answer: Any) -> tuple[int, str, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    data = answer.json()
    assert data["status"] == answer.status_code
    assert data["outcome"] == "rejected"
    return answer.status_code, data["code"], data["pointer"] or data["parameter"]


def test_an_accepted_intent_is_promised_an_auction_under_the_engines_signature(either: TestClient) -> None:
    intent = signed()

    answer = send(either, intent)

    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/intents/{intent.id}"
    receipt = Receipt.from_json(answer.content)
    verify_receipt(receipt, either.get("/v1/deployment").json()["engine"])
    assert receipt.engine == ed25519_owner(ENGINE_KEY)
    assert (receipt.intent, receipt.latest_auction) == (intent.id, 1)  # none was cut yet: it is in 0, or in 1
    stored = either.get(f"/v1/intents/{intent.id}").json()
    assert (stored["status"], stored["intent"], stored["fills"]) == ("OPEN", intent.to_wire(), [])
    (event,) = either.get(f"/v1/intents/{intent.id}/history").json()["events"]
    assert (event["event"], event["at_ms"]) == ("accepted", receipt.accepted_ms)


def test_the_same_signed_intent_is_one_row_and_one_answer(either: TestClient) -> None:
    first = send(either, signed(), "a")
    again = [send(either, signed(), "a"), send(either, signed(), "b"), send(either, signed())]

    assert {answer.content for answer in again} == {first.content}
    assert [answer.status_code for answer in (first, *again)] == [201, 201, 200, 200]
    assert len(either.get("/v1/intents").json()["items"]) == 1


def test_a_key_names_one_request_of_one_owner(either: TestClient) -> None:
    assert send(either, signed(), "key").status_code == 201

    assert refusal(send(either, signed(nonce=2), "key")) == (422, "idempotency_key_reused", "")
    assert send(either, signed(key=OTHER), "key").status_code == 201
    assert {item["intent"]["id"] for item in either.get("/v1/intents").json()["items"]} == {
        signed().id,
        signed(key=OTHER).id,
    }


@pytest.mark.parametrize("key", ["", "a" * 129, "with space", "\xe9"])
def test_a_key_is_short_and_plain(client: TestClient, key: str) -> None:
    answer = client.post("/v1/intents", json=signed().to_wire(), headers=[(b"Idempotency-Key", key.encode("latin-1"))])

    assert refusal(answer) == (422, "bad_parameter", "Idempotency-Key")


@pytest.mark.parametrize(
    ("edit", "status", "code", "where"),
    [
        ({"id": "0x" + "00" * 32}, 422, "wrong_intent_id", "/id"),
        ({"signature": None}, 422, "unsigned_intent", "/signature"),
        ({"filled_units": "1"}, 422, "bad_filled_units", "/filled_units"),
        (
            {"signature": {"scheme": "eip712", "signature": "0x" + "00" * 65}},
            422,
            "bad_signature",
            "/signature/signature",
        ),
        ({"more": 1}, 422, "unknown_field", "/more"),
    ],
)
def test_what_is_no_intent_of_its_owner_leaves_no_row(
    client: TestClient, edit: dict[str, Any], status: int, code: str, where: str
) -> None:
    answer = client.post("/v1/intents", json=signed().to_wire() | edit)

    assert refusal(answer) == (status, code, where)
    assert client.get("/v1/intents").json() == {"items": [], "next": None}


@pytest.mark.parametrize(
    ("changes", "code", "where"),
    [
        ({"valid_from": 0, "valid_until": START_SECONDS - 9}, "intent_expired", "/outcome/valid_until"),
        ({"receives": {"sim:alpha/token:NOPE": 1, USD: 1}}, "unknown_asset", "/outcome/receives/sim:alpha~1token:NOPE"),
    ],
)
def test_what_no_auction_could_take_is_refused(
    client: TestClient, changes: dict[str, Any], code: str, where: str
) -> None:
    assert refusal(send(client, signed(**changes))) == (422, code, where)
    assert client.get("/v1/intents").json() == {"items": [], "next": None}


def test_a_nonce_belongs_to_one_intent(either: TestClient) -> None:
    send(either, signed())

    assert refusal(send(either, signed(receives={USD: 2_000_000}))) == (409, "nonce_used", "/nonce")
    assert len(either.get("/v1/intents").json()["items"]) == 1


def test_only_its_owner_cancels_an_intent_and_may_repeat_it(either: TestClient) -> None:
    intent, other = signed(), signed(nonce=2)
    send(either, intent)
    path = f"/v1/intents/{intent.id}/cancel"

    assert refusal(either.post(path, json=cancelled(intent, key=OTHER))) == (
        422,
        "not_the_owner",
        "/cancellation/owner",
    )
    assert refusal(either.post(path, json=cancelled(other))) == (422, "wrong_intent", "/cancellation/intent")
    forged = cancelled(intent) | {"signature": cancelled(other)["signature"]}
    assert refusal(either.post(path, json=forged)) == (422, "bad_signature", "/signature/signature")
    answers = [either.post(path, json=cancelled(intent)) for _ in range(2)]
    assert [(answer.status_code, answer.json()["status"]) for answer in answers] == [(200, "CANCELLED")] * 2
    unknown = either.post(f"/v1/intents/{other.id}/cancel", json=cancelled(other))
    assert refusal(unknown) == (404, "unknown_intent", "")


def test_pages_give_every_intent_once_newest_first(either: TestClient) -> None:
    sent = [signed(nonce=nonce) for nonce in range(5)]
    for intent in sent:
        send(either, intent)

    seen, after = [], None
    while True:
        parameters: dict[str, str | int] = {"owner": ADA, "status": "OPEN", "limit": 2}
        if after is not None:
            parameters["after"] = after
        page = either.get("/v1/intents", params=parameters).json()
        seen += [item["intent"]["id"] for item in page["items"]]
        after = page["next"]
        if after is None:
            break

    assert seen == [intent.id for intent in reversed(sent)]
    assert either.get("/v1/intents", params={"status": "FILLED"}).json() == {"items": [], "next": None}


def test_why_is_unknown_before_an_auction(client: TestClient) -> None:
    send(client, signed())

    assert refusal(client.get(f"/v1/intents/{signed().id}/why-unfilled")) == (404, "no_record", "")
