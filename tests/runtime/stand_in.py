"""Solvers that stand in for strangers': an HTTP server that answers as a test says, badly or well."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from engine.auction.ids import commitment
from engine.auction.problem import Problem
from engine.auction.sealed import Seal, sign_digest
from engine.auction.solution import Solution
from engine.store.repositories.solvers import RemoteSolver
from intents.signing import ed25519_owner

KEY = b"\x0b" * 32
PUBLIC = ed25519_owner(KEY)


class Request(BaseHTTPRequestHandler):
    """One request; a test's functions answer it with `reply` or by writing to `wfile`."""

    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, body, dict(self.headers)))
        self.server.answers[self.path](self, body)

    def do_GET(self) -> None:
        self.server.asked.append((self.path, b"", {}))
        self.reply(b"")

    def reply(self, content: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


Answers = Callable[[Request, bytes], object]


class Server(ThreadingHTTPServer):
    """A solver's server; `asked` is what it was asked, in order."""

    daemon_threads = True

    def __init__(self, answers: dict[str, Answers]) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.answers = answers
        self.asked: list[tuple[str, bytes, dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whom it spoke to went away, as these tests mean them to."""


@contextmanager
def serving(solve: Answers, reveal: Answers = lambda request, _: request.reply(b"{}")) -> Iterator[Server]:
    """A server that answers so while the block lasts."""
    with Server({"/solve": solve, "/reveal": reveal}) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


def entrant(url: str, name: str = "stranger") -> RemoteSolver:
    return RemoteSolver(name, url, PUBLIC, 0)


def seal(asked: Problem, /, *solutions: Solution, sequence: int = 0, key: bytes = KEY, **changes: Any) -> Seal:
    """A solver's seal of these solutions, signed after the changes."""
    fields = {
        "auction": asked.auction,
        "problem": asked.hash,
        "sequence": sequence,
        "commitment": commitment([solution.content_hash for solution in solutions]),
        "key": ed25519_owner(key),
        "signature": "0x" + "00" * 64,
    }
    unsigned = Seal.model_validate(fields | changes)
    return unsigned.model_copy(update={"signature": sign_digest(key, unsigned.digest)})


def proposal(*solutions: Solution) -> bytes:
    """What reveals the solutions."""
    listed = [solution.to_wire() for solution in solutions]
    return json.dumps({"solutions": listed, "stopped_by": "finished", "work": 0}).encode()
