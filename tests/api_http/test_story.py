"""The README's five-minute paths, as it has them, through real HTTP against one service: trader, solver author, auditor."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.client import Client, ServiceError
from engine.audit.log.entries import ORDER
from engine.audit.replay import replay_record
from engine.market.feeds.synthetic_flow import BTC_OPTIONS
from engine.market.feeds.synthetic_market import ASSETS, EXCHANGE, EXPIRIES
from engine.runtime.embedded import GAS
from intents.receipts import Receipt, verify_receipt
from intents.signing import eip712_owner
from tests.api_http.people import ETH, ONE_ETH, USD, signed
from tests.api_http.stories import SETTINGS, block, call, commands, documents, eventually, in_state, running
from tests.databases import KINDS, Databases

FIRST_AUCTION_SECONDS = 40
"""As long as a busy machine may take to load the solvers and clear it."""


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_the_five_minute_paths(databases: Databases, tmp_path: Path, kind: str) -> None:
    database = databases.empty(kind)
    built_in = {"sqlite": "greedy,lp,cpsat", "postgresql": "greedy"}[kind]  # who solves does not depend on it either
    with running(tmp_path, database, **SETTINGS, CLEARWAY_BUILT_IN=built_in) as (client, program):
        url = begun(client)
        a_trader_with_curl_and_an_auditor(client, url, tmp_path)
        a_trader_with_the_client(url, tmp_path)
        assert "clearway_intents_accepted_total 2.0" in client.get("/metrics").text
        if kind == "sqlite":  # what a terminal shows does not depend on it, nor do the log's files
            a_trader_at_a_terminal(url, tmp_path)
            a_seller_of_what_only_margin_covers(client, tmp_path)
            an_auditor_of_the_log(url, tmp_path)
        an_operator(url, tmp_path, kind, database)
        program.send_signal(signal.SIGTERM)
        assert program.wait(30) == 0

    with running(tmp_path, database, **SETTINGS, CLEARWAY_BUILT_IN="") as (client, _):
        call("resume", url="", folder=tmp_path, DATABASE_URL=database)
        a_solver_author_and_an_auditor(client, str(client.base_url).rstrip("/"), tmp_path)

    log = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert {*built_in.split(","), "mine"} <= {line.get("solver") for line in log if "auction" in line}
    assert {"held", "settled", "stepped down"} <= {line["event"] for line in log}


def begun(client: httpx2.Client) -> str:
    """The address of a service once its first auction has filled something."""
    assert client.get("/healthz").status_code == 200
    assert eventually(lambda: in_state(client, "/v1/auctions/0", "settled"), FIRST_AUCTION_SECONDS)["fills"]
    assert client.get("/readyz").status_code == 200
    links = re.findall(r'href="([^"]+)"', client.get("/").text)
    assert {"/v1/network", "/v1/log"} < set(links)
    assert {link for link in links if client.get(link).status_code != 200} == set()
    return str(client.base_url).rstrip("/")


def a_trader_with_curl_and_an_auditor(client: httpx2.Client, url: str, folder: Path) -> None:
    printed, _ = commands("trader", url, folder)
    deposited, receipt_, detail, why, bids = documents(printed)
    assert printed.endswith("}identical\n")

    receipt = Receipt.from_json(json.dumps(receipt_).encode())
    deployment = client.get("/v1/deployment").json()
    verify_receipt(receipt, deployment["engine"])
    assert deployment["cadence_ms"] == 2000
    (fill,) = detail["fills"]
    opened = client.get(f"/v1/auctions/{fill['auction']}").json()
    assert opened["code_version"] == deployment["code_version"]
    assert fill["auction"] <= receipt.latest_auction
    assert (fill["paid"], int(fill["received"][USD]) > 1_000_000) == ({ETH: str(ONE_ETH)}, True)
    assert why["code"] == "filled"
    assert {bid["id"]: bid["status"] for bid in bids["bids"]}[fill["bid"]] == "won"
    path = f"/v1/intents/{receipt.intent}/history"
    assert [event["event"] for event in client.get(path).json()["events"]] == ["accepted", "cut", "settled"]
    held = client.get(f"/v1/accounts/{deposited['owner']}/balances").json()["balances"]
    assert {asset: balance["amount"] for asset, balance in held.items()} == fill["received"]
    recorded = json.loads((folder / "auction.json").read_bytes())
    assert receipt.intent in {one["id"] for one in recorded["problem"]["intents"]}


def an_auditor_of_the_log(url: str, folder: Path) -> None:
    printed, _ = commands("log", url, folder)
    *before, replays, entered = printed.splitlines()
    assert re.fullmatch(r"record sha256:[0-9a-f]{64} is the one logged, and replays identical", replays)
    assert re.fullmatch(r"0x[0-9a-f]{64} was in auction \d+; its receipt promised \d+ at the latest", entered)
    assert sum(line.startswith("continues kept.checkpoint, kept at ") for line in before) == 1
    assert [json.loads(line.partition(": ")[2])["kind"] for line in before if line.startswith("entry")] == [*ORDER]
    assert len(list((folder / "proofs").glob("*.tlog-proof"))) == len(ORDER)
    with Client(url) as service:
        key = service.log().key
    call("audit", "export", 0, 1, "-o", "range.jsonl.gz", url=url, folder=folder)
    offline = call("audit", "check", "range.jsonl.gz", "--key", key, url="", folder=folder)
    assert re.fullmatch(r"2 auctions are as logged, \d of them voided\n", offline)
    receipt = json.loads((folder / "receipt.json").read_bytes())
    (folder / "other.json").write_text(json.dumps({**receipt, "intent": "0x" + "11" * 32}))
    refused = call("audit", "receipt", "other.json", url=url, folder=folder, code=2)
    assert refused.startswith("error: bad_receipt")


def a_trader_with_the_client(url: str, folder: Path) -> None:
    script = block("python", "python").replace("http://127.0.0.1:8000", url)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=180, check=True, cwd=folder
    )
    assert re.fullmatch(r"in auction \d+ at the latest\nreceived [1-9]\d{6,} from \w+\nidentical: True\n", done.stdout)


def a_trader_at_a_terminal(url: str, folder: Path) -> None:
    with Client(url) as service:
        now = service.time().now_ms // 1000
    intent = signed(valid_from=now, valid_until=now + 3600)  # whose owner has nothing
    (folder / "poor.json").write_text(intent.model_dump_json(by_alias=True))

    first = call("intent", "submit", "poor.json", url=url, folder=folder)
    assert re.fullmatch(rf"{intent.id} accepted, in auction \d+ at the latest\n", first)
    assert call("intent", "submit", "poor.json", url=url, folder=folder) == first
    with Client(url) as service:
        eventually(lambda: service.history(intent.id).events[-1].event == "settled", 40)
    standing = call("intent", "status", intent.id, url=url, folder=folder)
    assert standing.endswith("not filled: insufficient_balance\n")
    assert "settled" in call("auctions", "--limit", 5, url=url, folder=folder)
    refused = call("intent", "status", "0x" + "00" * 32, url=url, folder=folder, code=2)
    assert refused.startswith("error: unknown_intent")
    picture = call("watch", "--once", url=url, folder=folder)
    assert all(word in picture for word in ("auction", "settled", "greedy", "0 %"))


def a_seller_of_what_only_margin_covers(client: httpx2.Client, folder: Path) -> None:
    """Dollars carry a call on a coin that nobody has: as escrow it would take the coin."""
    key = b"\x0b" * 32
    owner, call_sold = eip712_owner(key), BTC_OPTIONS.asset(EXPIRIES[1], 75_000, "C")
    (dollars, coin), contract = (ASSETS[EXCHANGE][symbol].id for symbol in ("USD", "BTC")), 10
    deposit = {"owner": owner, "asset": dollars, "amount": str(30_000 * 10**6)}
    assert client.post("/v1/deposits", json=deposit, headers={"Idempotency-Key": "margin"}).status_code == 201

    def tried(contracts: int) -> Any:
        changes = {call_sold: str(-contracts * contract), coin: str(contracts * 10**6)}
        answer = client.post(f"/v1/accounts/{owner}/margin", json={"changes": changes}).json()
        return answer["places"][EXCHANGE]

    assert [tried(contracts)["fill"]["fault"] for contracts in (1, 100)] == [None, "insufficient_margin"]
    sale = {"pays": {call_sold: contract}, "receives": {coin: 10**5}, "units": contract, "surplus_asset": coin}
    now = client.get("/v1/time").json()["now_ms"] // 1000
    # Greedy takes them by id until its work is used up, and a busy machine gives the others no time: be early.
    tries = (signed(key=key, nonce=n, valid_from=now, valid_until=now + 3600, **sale) for n in range(2, 2000))
    intent = next(one for one in tries if one.id < "0x04")
    assert client.post("/v1/intents", json=intent.to_wire()).status_code == 201
    filled = eventually(lambda: in_state(client, f"/v1/intents/{intent.id}", "FILLED"), 90)

    (position,) = client.get(f"/v1/accounts/{owner}/positions").json()["positions"]
    assert position["balance"] == {"amount": str(-contract), "reserved": "0", "free": str(-contract)}
    with Client(str(client.base_url).rstrip("/")) as service:
        margin = service.margin(owner).places[EXCHANGE]
    assert margin.healthy
    assert margin.initial_margin > 0
    record = client.get(f"/v1/auctions/{filled['fills'][0]['auction']}/record").content
    (folder / "short.json").write_bytes(record)
    assert replay_record(record).identical
    assert "all within tolerance" in call("margin", "--audit", "short.json", url="", folder=folder)


def an_operator(url: str, folder: Path, kind: str, database: str) -> None:
    can_copy = kind == "sqlite"
    printed, said = commands("operator", url, folder, code=0 if can_copy else 2, DATABASE_URL=database)
    written = "written to backup.db\n" if can_copy else ""
    assert printed == f"paused\nrunning\ndraining\ndrained: nothing is under way\n{written}"
    assert can_copy or "use_pg_dump" in said
    with Client(url) as service:
        newest, now = service.time().latest_auction, service.time().now_ms // 1000
        late = signed(nonce=2, valid_from=now, valid_until=now + 3600)
        with pytest.raises(ServiceError, match="draining"):
            service.submit(late)
        time.sleep(2.5)  # longer than from one auction to the next
        assert service.time().latest_auction == newest


def a_solver_author_and_an_auditor(client: httpx2.Client, url: str, folder: Path) -> None:
    printed, _ = commands("solver", url, folder)
    key = json.loads((folder / "solver-key.json").read_bytes())["owner"]
    assert re.search(r'"name":"mine".*"standing":\{.*"won":[1-9]', printed)
    held = json.loads(printed.splitlines()[-1])["balances"]
    assert held.keys() == GAS

    def paid_gas() -> bool:  # posted when what it won is final on its chains
        now = client.get("/v1/accounts/solver:mine/balances").json()["balances"]
        return any(int(balance["amount"]) < 10 * 10**18 for balance in now.values())

    assert eventually(paid_gas, 20)

    def won() -> list[dict[str, Any]]:
        found = client.get("/v1/auctions", params={"limit": 20}).json()["items"]
        bids = [{**bid, "auction": one["number"]} for one in found for bid in asked(one["number"])]
        return [bid for bid in bids if bid["solver"] == "mine" and bid["status"] == "won"]

    def asked(number: int) -> list[dict[str, Any]]:
        bids: list[dict[str, Any]] = client.get(f"/v1/auctions/{number}/bids").json()["bids"]
        return bids

    first = won()[-1]
    assert int(first["score"]) > 0
    assert first["id"] in {fill["bid"] for fill in client.get(f"/v1/auctions/{first['auction']}").json()["fills"]}
    record = client.get(f"/v1/auctions/{first['auction']}/record").content
    assert json.loads(record)["proposals"]["mine"]["sealed"]["key"] == key
    assert replay_record(record).identical
