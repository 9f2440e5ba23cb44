"""The README's paths with the client, the command line and the operator's commands, against a service that runs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from api.client import Client, ServiceError
from tests.api_http.people import signed
from tests.api_http.test_story import BASH, CLEARWAY, README, SETTINGS, eventually, in_state, running
from tests.databases import KINDS, Databases


def block(name: str, language: str) -> str:
    """The README's block of that name."""
    return README.split(f"<!-- live: {name} -->\n```{language}\n", 1)[1].split("```", 1)[0]


def call(*arguments: object, url: str, folder: Path, code: int = 0) -> str:
    """What the program prints, standard error included; it must end with this exit code."""
    done = subprocess.run(
        [CLEARWAY, *map(str, arguments)],
        env=os.environ | {"CLEARWAY_URL": url, "COLUMNS": "100", "TERM": "dumb"},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == code, done.stdout
    return done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_a_trader_an_auditor_and_an_operator(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    database = databases.empty(kind)
    with running(tmp_path, database, **SETTINGS["postgresql"]) as (client, _):
        url = str(client.base_url).rstrip("/")
        eventually(lambda: in_state(client, "/v1/auctions/0", "settled"), 30)

        trade(url, tmp_path)
        if kind == "sqlite":  # what a terminal shows does not depend on it
            follow(url, tmp_path)
            watch(url, tmp_path)

        monkeypatch.setenv("DATABASE_URL", database)
        operate(url, tmp_path, kind)

        log = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
        assert {"greedy", "lp", "cpsat"} <= {
            line["solver"] for line in log if line.get("auction") == 0 and "solver" in line
        }
        assert "held" in {line["event"] for line in log}


def trade(url: str, folder: Path) -> None:
    script = block("python", "python").replace("http://127.0.0.1:8000", url)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=90, check=True, cwd=folder
    )
    assert re.fullmatch(r"in auction \d+ at the latest\nreceived [1-9]\d{6,} from \w+\nidentical: True\n", done.stdout)


def follow(url: str, folder: Path) -> None:
    with Client(url) as service:
        now = service.time().now_ms // 1000
    intent = signed(valid_from=now, valid_until=now + 3600)  # whose owner has nothing
    (folder / "signed.json").write_text(intent.model_dump_json(by_alias=True))

    first = call("intent", "submit", "signed.json", url=url, folder=folder)
    assert re.fullmatch(rf"{intent.id} accepted, in auction \d+ at the latest\n", first)
    assert call("intent", "submit", "signed.json", url=url, folder=folder) == first
    with Client(url) as service:
        eventually(lambda: service.history(intent.id).events[-1].event == "settled", 40)
    standing = call("intent", "status", intent.id, url=url, folder=folder)
    assert standing.endswith("not filled: insufficient_balance\n")
    assert "settled" in call("auctions", "--limit", 5, url=url, folder=folder)
    refused = call("intent", "status", "0x" + "00" * 32, url=url, folder=folder, code=2)
    assert refused.startswith("error: unknown_intent")


def watch(url: str, folder: Path) -> None:
    picture = call("watch", "--once", url=url, folder=folder)
    assert all(word in picture for word in ("auction", "settled", "greedy", "0 %"))
    lost = call("watch", "--once", "--url", "http://127.0.0.1:9", url=url, folder=folder, code=2)
    assert lost.startswith("error: no_answer")

    # A shell that starts us in the background leaves the interruption ignored, and children inherit that.
    program = (
        "import signal; from api.cli import main; signal.signal(signal.SIGINT, signal.default_int_handler); "
        f"main(['watch', '--url', {url!r}, '--interval', '0.2'])"
    )
    live = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TTY_COMPATIBLE": "1", "COLUMNS": "100", "LINES": "60"},
    )
    time.sleep(3)
    live.send_signal(signal.SIGINT)
    out, err = live.communicate(timeout=15)
    assert (live.returncode, err) == (0, "")
    assert "newest auction" in out
    assert out.count("\x1b[?25l") == out.count("\x1b[?25h")  # the cursor was given back


def operate(url: str, folder: Path, kind: str) -> None:
    script = "set -eu\n" + "".join(line.removeprefix("$ ") + "\n" for line in block("operator", "console").splitlines())
    path = f"{Path(CLEARWAY).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [BASH, "-c", script],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    said = "paused\nrunning\ndraining\ndrained: nothing is under way\n"
    with Client(url) as service:
        newest = service.time().latest_auction
        now = service.time().now_ms // 1000
        late = signed(nonce=2, valid_from=now, valid_until=now + 3600)
        with pytest.raises(ServiceError, match="draining"):
            service.submit(late)
        if kind == "postgresql":
            assert (done.returncode, done.stdout) == (2, said)
            assert "use_pg_dump" in done.stderr
            return
        assert (done.returncode, done.stdout) == (0, f"{said}written to backup.db\n")
        time.sleep(3)  # longer than from one auction to the next
        assert service.time().latest_auction == newest
        call("resume", url=url, folder=folder)
        eventually(lambda: service.time().latest_auction != newest, 20)
