"""A client that costs little: prepared POST requests over kept connections, each carrying one request at a time.

    python intake_client.py PORT PATH BODIES --first 0 --count 4000 --connections 64 [--rate 1000]

BODIES is a file with one JSON body a line; those from `first` on are sent, `count` of them, over again from its beginning
where it ends. Without a rate each connection sends its next request when it has its answer (closed loop); with one,
requests begin at fixed times whatever became of the others (open loop), and latency counts from that time, so that waiting
for a free connection is part of it. What it found is printed as JSON.
"""

import argparse
import asyncio
import json
import re
import time
from collections import Counter, deque
from pathlib import Path
from typing import cast

import uvloop

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


class Run:
    """One measured run: what is left to send, who is free to send it, and what came back."""

    def __init__(self, requests: list[bytes], rate: float | None) -> None:
        self.requests = requests
        self.rate = rate
        self.following = 0
        self.due: deque[tuple[float, bytes]] = deque()
        self.free: deque[Connection] = deque()
        self.latencies: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.done = asyncio.get_running_loop().create_future()

    def next(self, now: float) -> tuple[float, bytes] | None:
        """The next request and when it began; None where none is due."""
        if self.rate is not None:
            return self.due.popleft() if self.due else None
        if self.following == len(self.requests):
            return None
        self.following += 1
        return now, self.requests[self.following - 1]

    async def schedule(self, started: float) -> None:
        """Make requests due at their times."""
        assert self.rate is not None
        for number, request in enumerate(self.requests):
            begins = started + number / self.rate
            if (wait := begins - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            self.due.append((begins, request))
            if self.free:
                self.free.popleft().send()

    def answered(self, status: int, seconds: float) -> None:
        """Note an answer."""
        self.statuses[status] += 1
        self.latencies.append(seconds)
        if len(self.latencies) == len(self.requests):
            self.done.set_result(None)


class Connection(asyncio.Protocol):
    """One connection with at most one request under way."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.buffer = b""
        self.begun = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be free."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance

    def connection_lost(self, exc: Exception | None) -> None:
        """End the run: no connection may be lost."""
        if not self.run.done.done():
            self.run.done.set_exception(exc or ConnectionError("the server closed a connection"))

    def send(self) -> None:
        """Send the next request, or be free until there is one."""
        following = self.run.next(time.perf_counter())
        if following is None:
            self.run.free.append(self)
            return
        self.begun, request = following
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Take a part of the answer; with the last one send the next request."""
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        length = _LENGTH.search(self.buffer, 0, head + 2)
        assert length is not None
        if len(self.buffer) < head + 4 + int(length[1]):
            return
        status, self.buffer = int(self.buffer[9:12]), b""
        self.run.answered(status, time.perf_counter() - self.begun)
        self.send()


async def measure(port: int, requests: list[bytes], connections: int, rate: float | None) -> dict[str, object]:
    """Send all requests; how long it took, the answers by status, and the latencies."""
    loop = asyncio.get_running_loop()
    run = Run(requests, rate)
    opened = [(await loop.create_connection(lambda: Connection(run), "127.0.0.1", port))[1] for _ in range(connections)]
    started, busy = time.perf_counter(), time.process_time()
    for connection in opened:
        connection.send()
    if rate is not None:
        await run.schedule(started)
    await run.done
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    latencies = sorted(run.latencies)
    return {
        "requests": len(latencies),
        "statuses": {str(status): count for status, count in sorted(run.statuses.items())},
        "seconds": seconds,
        "per_second": len(latencies) / seconds,
        "client_busy": busy / seconds,
        "p50_ms": 1000 * latencies[len(latencies) // 2],
        "p99_ms": 1000 * latencies[len(latencies) * 99 // 100],
    }


def main() -> None:
    """Read what is to be sent, send it, print what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("bodies", type=Path)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--rate", type=float)
    asked = parser.parse_args()
    bodies = asked.bodies.read_bytes().splitlines()
    head = (
        f"POST {asked.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ".encode()
    )
    numbers = (number % len(bodies) for number in range(asked.first, asked.first + asked.count))
    requests = [head + b"%d\r\n\r\n" % len(bodies[number]) + bodies[number] for number in numbers]
    found = uvloop.run(measure(asked.port, requests, asked.connections, asked.rate))
    print(json.dumps(found))  # noqa: T201 - its output is what it is for


if __name__ == "__main__":
    main()
