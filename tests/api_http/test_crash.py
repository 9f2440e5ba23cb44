"""kill -9 between commit and reply: whoever asks again gets the answer that was lost, and there is one row."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from intents.receipts import Receipt
from tests.api_http.people import ADA, ETH, signed
from tests.databases import KINDS, Databases

ROOT = Path(__file__).resolve().parents[2]
CRASHES = {"sqlite": int(os.environ.get("CLEARWAY_CRASHES", "8")), "postgresql": 4}
"""`make test-crash` asks for 200; on PostgreSQL a few show that nothing depends on who keeps the rows."""


@contextmanager
def mortal(url: str, *folder: Path) -> Iterator[httpx2.Client]:
    """A client of an API that rises again; with a folder, one beside which another process accepts intents."""
    with subprocess.Popen(
        [sys.executable, Path(__file__).with_name("mortal.py"), url, *folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as program:
        assert program.stdout is not None
        assert program.stdin is not None
        port = int(program.stdout.readline())
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            yield client
        program.stdin.close()
        assert program.wait(30) == 0


def dies(client: httpx2.Client, path: str, body: object, key: str) -> bool:
    """Whether the reply to this request was lost."""
    try:
        client.post(path, json=body, headers={"Idempotency-Key": key, "X-Die": "1"})
    except (httpx2.RemoteProtocolError, httpx2.ReadError):
        return True
    return False


def check_lost_reply(client: httpx2.Client, nonce: int) -> None:
    """An intent whose answer was lost is one row, and its answer is given again."""
    intent, key = signed(nonce=nonce), f"intent-{nonce}"
    body = intent.to_wire()
    assert dies(client, "/v1/intents", body, key)
    with_key = client.post("/v1/intents", json=body, headers={"Idempotency-Key": key})
    without = client.post("/v1/intents", json=body)
    assert (with_key.status_code, without.status_code) == (201, 200)
    assert with_key.content == without.content
    assert Receipt.from_json(with_key.content).intent == intent.id
    (event,) = client.get(f"/v1/intents/{intent.id}/history").json()["events"]
    assert event["at_ms"] == with_key.json()["accepted_ms"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_lost_reply_is_given_again(databases: Databases, kind: str) -> None:
    with mortal(databases.migrated(kind)) as client:
        for nonce in range(CRASHES[kind]):
            check_lost_reply(client, nonce)

        deposit = {"owner": ADA, "asset": ETH, "amount": "1"}
        assert dies(client, "/v1/deposits", deposit, "deposit")
        again = client.post("/v1/deposits", json=deposit, headers={"Idempotency-Key": "deposit"})
        assert again.status_code == 201
        assert client.get(f"/v1/accounts/{ADA}/balances").json()["balances"][ETH]["amount"] == "1"
        items, after = 0, None
        while True:
            page = client.get("/v1/intents", params={"limit": 200} if after is None else {"limit": 200, "after": after})
            items, after = items + len(page.json()["items"]), page.json()["next"]
            if after is None:
                break
        assert items == CRASHES[kind]


def test_the_api_dies_beside_the_process_that_accepted(databases: Databases, tmp_path: Path) -> None:
    with mortal(databases.migrated("sqlite"), tmp_path) as client:
        for nonce in range(2):
            check_lost_reply(client, nonce)
        assert len(client.get("/v1/intents").json()["items"]) == 2
