"""Durable signed intents per second, against a route that does nothing: `python -m tests.benchmarks.intake`.

An intent counts when it is answered 201: its signature recovered, the row and its history committed (SQLite, synchronous FULL),
the receipt signed. The other is `POST /noop` on bare FastAPI and uvicorn with the same settings, which reads nothing. Both are
asked by the same client, a process of its own with prepared requests on kept connections, in alternating rounds; the share is
the median of the rounds' shares. The latency at a fixed rate counts from the moment at which a request was to be sent.

What one intent costs each process in processor time says what the bottleneck is: the process that accepts intents, unless
other programs take its processor.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from engine.store.database import Database
from tests.api_http.people import signed
from tests.benchmarks.figures import ROOT, show

HERE = Path(__file__).parent
KEYS = 64
"""Owners that the intents are spread over."""


def main(rounds: int = 5, intents: int = 4000, noops: int = 10_000, connections: int = 64, rate: int = 1000) -> None:
    """Run both, measure, and print the table."""
    at_rate = max(intents, 1)
    build = ROOT / "build"
    build.mkdir(exist_ok=True)  # on a disk: a temporary folder may be in memory
    with tempfile.TemporaryDirectory(dir=build) as name:
        folder = Path(name)
        bodies = prepared(folder, rounds * intents + at_rate)
        with server(folder, "noop") as noop, server(folder, "intake") as intake:
            pairs = []
            for number in range(rounds):
                nothing = asked(noop, "/noop", bodies, count=noops, connections=connections)
                stored = asked(
                    intake, "/v1/intents", bodies, first=number * intents, count=intents, connections=connections
                )
                pairs.append((nothing, stored))
            first = rounds * intents
            open_loop = asked(
                intake, "/v1/intents", bodies, first=first, count=at_rate, connections=connections, rate=rate
            )
    answers = [stored["statuses"] for _, stored in pairs] + [open_loop["statuses"]]
    if any(statuses.keys() != {"201"} for statuses in answers):
        raise SystemExit(f"not every intent was accepted: {answers}")
    show(columns=["", "no-op", "intents"], rows=table(pairs, open_loop), notes=notes(pairs, open_loop, connections))


def table(pairs: list[tuple[Any, Any]], open_loop: Any) -> list[list[str]]:
    """The rows: medians over the rounds."""

    def median(place: int, name: str) -> float:
        return float(statistics.median(pair[place][name] for pair in pairs))

    share = statistics.median(stored["per_second"] / nothing["per_second"] for nothing, stored in pairs)
    return [
        ["answers per second", f"{median(0, 'per_second'):.0f}", f"{median(1, 'per_second'):.0f}"],
        ["share of the no-op", "", f"{share:.2f}"],
        ["99 % at saturation", f"{median(0, 'p99_ms'):.0f} ms", f"{median(1, 'p99_ms'):.0f} ms"],
        [f"99 % at {open_loop['rate']:.0f}/s", "", f"{open_loop['p99_ms']:.0f} ms"],
        ["API process, each", f"{median(0, 'server_us'):.0f} us", f"{median(1, 'server_us'):.0f} us"],
        ["accepting process, each", "", f"{median(1, 'child_us'):.0f} us"],
    ]


def notes(pairs: list[tuple[Any, Any]], open_loop: Any, connections: int) -> list[str]:
    """What is to be known about the table."""
    busy = max(one["client_busy"] for pair in pairs for one in pair)
    return [
        f"Medians of {len(pairs)} alternating rounds of {pairs[0][1]['requests']} signed intents over {connections}",
        f"connections; no auctioneer runs. The client used at most {busy:.0%} of a processor. At the fixed rate",
        f"{open_loop['per_second']:.0f}/s were answered; their latency counts from when each was to be sent. The processor",
        "time of each process for one request says where the bottleneck is.",
    ]


def prepared(folder: Path, count: int) -> Path:
    """A file of signed intents, one a line."""
    path = folder / "bodies"
    with path.open("wb") as file:
        for number in range(count):
            intent = signed(key=(1 + number % KEYS).to_bytes(32, "big"), nonce=number)
            file.write(intent.model_dump_json(by_alias=True).encode() + b"\n")
    return path


@contextmanager
def server(folder: Path, kind: str) -> Iterator[tuple[int, int]]:
    """Process id and port of what is measured."""
    url = f"sqlite:///{folder / 'clearway.db'}"
    if kind == "intake":
        database = Database.open(url)
        database.upgrade()
        database.close()
    environment = os.environ | {"DATABASE_URL": url, "CLEARWAY_DATA_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, HERE / "intake_server.py", kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as program:
        assert program.stdout is not None
        yield program.pid, int(program.stdout.readline())
        assert program.stdin is not None
        program.stdin.close()


def asked(target: tuple[int, int], path: str, bodies: Path, *, count: int, **options: int) -> dict[str, Any]:
    """What the client found, and the processor time of the server and of its children for one request."""
    process, port = target
    before = processor_seconds(process)
    command = [sys.executable, str(HERE / "intake_client.py"), str(port), path, str(bodies), "--count", str(count)]
    command += [part for name, value in options.items() for part in (f"--{name}", str(value))]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    after = processor_seconds(process)
    server_us, child_us = (1e6 * (b - a) / count for a, b in zip(before, after, strict=True))
    return found | {"server_us": server_us, "child_us": child_us, "rate": options.get("rate", 0)}


def processor_seconds(process: int) -> tuple[float, float]:
    """Of a process, and of its children, so far. Zeros where the system does not tell in Linux's way."""
    children = Path(f"/proc/{process}/task/{process}/children")
    if not children.exists():
        return 0.0, 0.0
    return _seconds(process), sum(_seconds(int(child)) for child in children.read_text().split())


def _seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    typer.run(main)
