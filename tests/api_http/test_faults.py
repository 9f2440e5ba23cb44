"""What the database or the accepting process does to a request: a 503 that says whether anything may have been changed."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import make_url

from api.http.intake_link import IntakeLink
from engine.runtime.embedded import EmbeddedWorld
from engine.runtime.intake import Accepted
from engine.store import database as database_module
from engine.store.database import Database
from engine.store.errors import StoreError
from engine.store.faults import DatabaseFaultError
from intents.errors import InputError
from intents.receipts import Receipt
from tests.api_http.conftest import opened
from tests.api_http.people import ADA, ETH, cancelled, signed
from tests.databases import Databases

ROUTE = ("POST", "/v1/intents")


def body(nonce: int = 1) -> bytes:
    return signed(nonce=nonce).model_dump_json(by_alias=True).encode()


def test_a_locked_database_is_a_503_that_changed_nothing(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "BUSY_TIMEOUT_MS", 50)
    url = databases.migrated("sqlite")
    with opened(url) as client:
        client.post("/v1/intents", json=signed().to_wire())
        counted = accepted(client)
        other = sqlite3.connect(make_url(url).database or "", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        answers = [
            client.post("/v1/intents", json=signed(nonce=2).to_wire()),
            client.post(f"/v1/intents/{signed().id}/cancel", json=cancelled(signed())),
            client.post(
                "/v1/deposits", json={"owner": ADA, "asset": ETH, "amount": "1"}, headers={"Idempotency-Key": "k"}
            ),
        ]
        other.execute("ROLLBACK")
        other.close()

        for answer in answers:
            data = answer.json()
            assert (answer.status_code, data["code"], data["outcome"]) == (503, "database_busy", "rejected")
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["retry-after"] == "1"
        assert [item["status"] for item in client.get("/v1/intents").json()["items"]] == ["OPEN"]
        assert accepted(client) == counted == 1.0
        assert client.post("/v1/intents", json=signed(nonce=2).to_wire()).status_code == 201


def accepted(client: TestClient) -> float:
    (line,) = (
        line for line in client.get("/metrics").text.splitlines() if line.startswith("clearway_intents_accepted_total ")
    )
    return float(line.split()[1])


@pytest.fixture
def environment(databases: Databases, tmp_path: Path) -> dict[str, str]:
    """Settings of an accepting process, over a database that holds the embedded world."""
    url = databases.migrated("sqlite")
    database = Database.open(url)
    EmbeddedWorld.open(database, 1)
    database.close()
    root = str(Path(__file__).parents[2])
    return os.environ | {"DATABASE_URL": url, "CLEARWAY_DATA_DIR": str(tmp_path), "PYTHONPATH": root}


def test_the_accepting_process_answers_each_in_its_place(environment: dict[str, str]) -> None:
    async def run(link: IntakeLink) -> list[Any]:
        asked = [link.submit(one, key, *ROUTE) for one, key in ((body(1), "k"), (b"{", None), (body(2), None))]
        first = await asyncio.gather(*asked, return_exceptions=True)
        return [*first, await link.submit(body(1), None, *ROUTE), await link.submit(body(1), "k", *ROUTE)]

    link = IntakeLink(environment)
    link.start()
    one, malformed, two, again, same_key = asyncio.run(run(link))
    link.close()

    assert isinstance(malformed, InputError)
    assert malformed.code == "malformed_json"
    assert [(answer.status, answer.fresh) for answer in (one, two, again, same_key)] == [
        (201, True),
        (201, True),
        (200, False),
        (201, False),
    ]
    assert again.receipt == same_key.receipt == one.receipt
    assert Receipt.from_json(two.receipt).intent == signed(nonce=2).id


def test_who_waits_for_a_process_that_dies_is_told_what_is_known(environment: dict[str, str]) -> None:
    async def run(link: IntakeLink) -> tuple[list[Any], Accepted]:
        await link.submit(body(1), None, *ROUTE)
        process = link._process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        asked = [asyncio.ensure_future(link.submit(body(nonce), None, *ROUTE)) for nonce in (2, 3, 4)]
        await asyncio.sleep(0)
        with pytest.raises(StoreError, match="overloaded"):
            await link.submit(body(5), None, *ROUTE)
        process.send_signal(signal.SIGKILL)
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        return outcomes, await link.submit(body(2), None, *ROUTE)

    link = IntakeLink(environment, most_waiting=2)
    link.start()
    outcomes, afterwards = asyncio.run(run(link))
    link.close()

    assert [(one.code, one.committing) for one in outcomes if isinstance(one, DatabaseFaultError)] == [
        ("writer_lost", True),
        ("writer_lost", False),
        ("writer_lost", False),
    ]
    assert afterwards.status == 201


def test_the_accepting_process_ends_with_who_started_it(environment: dict[str, str]) -> None:
    program = (
        "import os, sys; from api.http.intake_link import IntakeLink; link = IntakeLink(os.environ); link.start(); "
    )
    program += "print(link._process.pid, flush=True); link._connection.recv(); os.kill(os.getpid(), 9)"
    # It returns when the output is closed, which the process shares with who started it.
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True, timeout=60, check=False
    )

    assert done.returncode == -signal.SIGKILL
    assert int(done.stdout) > 0
