"""The README's path of a trader and an auditor, through real HTTP: run, deposit, sign, submit, be filled, replay."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from intents.receipts import Receipt, verify_receipt
from tests.api_http.people import ADA, ETH, ONE_ETH, USD, signed
from tests.databases import KINDS, Databases

CLEARWAY = str(Path(sys.executable).parent / "clearway")
BASH = shutil.which("bash") or "bash"
README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
FIRST_AUCTION_SECONDS = 15
SETTINGS = {
    "sqlite": {},  # as `make run` has them
    "postgresql": {"CLEARWAY_CADENCE_SECONDS": "2", "CLEARWAY_SOLVE_SECONDS": "1"},
}


@contextmanager
def running(folder: Path, url: str, **settings: str) -> Iterator[tuple[httpx2.Client, subprocess.Popen[str]]]:
    """The service as a program of its own, on a free port."""
    environment = os.environ | {"DATABASE_URL": url, "PORT": "0", "CLEARWAY_DATA_DIR": str(folder / "data"), **settings}
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen([CLEARWAY, "run"], stdout=subprocess.PIPE, stderr=log, text=True, env=environment) as program,
    ):
        assert program.stdout is not None
        try:
            address = program.stdout.readline().strip()
            with httpx2.Client(base_url=address, timeout=10) as client:
                yield client, program
        finally:
            program.terminate()
            program.wait(30)


def eventually(condition: Callable[[], Any], seconds: float) -> Any:
    """What the condition gives once it is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.1)
    return found


def live(client: httpx2.Client, folder: Path) -> str:
    """What the README's commands against a running service print, run as one script that ends at the first failure."""
    block = README.split("<!-- live -->\n```console\n", 1)[1].split("```", 1)[0]
    commands = [line.removeprefix("$ ") for line in block.splitlines()]
    script = "\n".join(["set -euo pipefail", *commands]).replace("http://127.0.0.1:8000", str(client.base_url))
    path = f"{Path(CLEARWAY).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [BASH, "-c", script],
        cwd=folder,
        env=os.environ | {"PATH": path},
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def in_state(client: httpx2.Client, path: str, status: str) -> Any:
    """What is at the path, if it has this status; else nothing."""
    answer = client.get(path)
    return answer.json() if answer.status_code == 200 and answer.json()["status"] == status else None


@pytest.mark.parametrize("kind", KINDS)
def test_from_a_deposit_to_an_identical_replay(databases: Databases, tmp_path: Path, kind: str) -> None:
    with running(tmp_path, databases.empty(kind), **SETTINGS[kind]) as (client, program):
        assert client.get("/healthz").status_code == 200
        first = eventually(lambda: in_state(client, "/v1/auctions/0", "settled"), FIRST_AUCTION_SECONDS)
        assert first["fills"]
        assert client.get("/readyz").status_code == 200

        deposit = {"owner": ADA, "asset": ETH, "amount": str(ONE_ETH)}
        assert client.post("/v1/deposits", json=deposit, headers={"Idempotency-Key": "one"}).status_code == 201
        now = client.get("/v1/time").json()["now_ms"] // 1000
        intent = signed(valid_from=now, valid_until=now + 3600)
        answer = client.post("/v1/intents", json=intent.to_wire(), headers={"Idempotency-Key": "two"})
        assert answer.status_code == 201
        receipt = Receipt.from_json(answer.content)
        verify_receipt(receipt, client.get("/v1/deployment").json()["engine"])

        path = f"/v1/intents/{intent.id}"
        filled = eventually(lambda: in_state(client, path, "FILLED"), 40)
        (fill,) = filled["fills"]
        assert fill["auction"] <= receipt.latest_auction
        assert (fill["paid"], int(fill["received"][USD]) > 1_000_000) == ({ETH: str(ONE_ETH)}, True)
        held = client.get(f"/v1/accounts/{ADA}/balances").json()["balances"]
        assert {asset: balance["amount"] for asset, balance in held.items()} == fill["received"]
        assert [e["event"] for e in client.get(f"{path}/history").json()["events"]] == ["accepted", "cut", "settled"]
        assert client.get(f"{path}/why-unfilled").json()["code"] == "filled"

        number = fill["auction"]
        assert any(won["bid"] == fill["bid"] for won in client.get(f"/v1/auctions/{number}").json()["winners"])
        bids = {bid["id"]: bid["status"] for bid in client.get(f"/v1/auctions/{number}/bids").json()["bids"]}
        assert bids[fill["bid"]] == "won"
        record = tmp_path / "record.json"
        record.write_bytes(client.get(f"/v1/auctions/{number}/record").content)
        replayed = subprocess.run([CLEARWAY, "replay", record], capture_output=True, text=True, check=False)
        assert (replayed.returncode, replayed.stdout) == (0, "identical\n")
        assert "clearway_intents_accepted_total 1.0" in client.get("/metrics").text
        if kind == "sqlite":  # as `make run` has it
            assert live(client, tmp_path).endswith("}identical\n")
        promised = json.loads(record.read_bytes())["problem"]["intents"]
        assert intent.id in {one["id"] for one in promised}
        program.send_signal(signal.SIGTERM)
        assert program.wait(30) == 0
