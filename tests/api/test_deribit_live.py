"""Deribit's messages as recorded, served by a real HTTP server and asked for by the real client."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from api.deribit_live import Pace, VenueUnavailableError, fetch
from engine.auction.problem import Problem
from intents.errors import InputError
from tests.api.program import clearway, done
from tests.data import data_path

UNKNOWN = {"jsonrpc": "2.0", "error": {"code": 13020, "message": "not_found"}}
BUSY = {"jsonrpc": "2.0", "error": {"code": 10028, "message": "too_many_requests"}}


@dataclass
class Exchange:
    """What is served; `faults` come first: a status with an answer, or None for a connection that breaks."""

    url: str
    instruments: Any
    books: dict[str, Any]
    asked: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[int, Any] | None] = field(default_factory=list)

    def answer(self, path: str) -> tuple[int, Any] | None:
        query = {key: values[0] for key, values in parse_qs(urlsplit(path).query).items()}
        name = query.get("instrument_name", query.get("currency", ""))
        self.asked[name] += 1
        if self.faults:
            return self.faults.pop(0)
        if urlsplit(path).path == "/api/v2/public/get_instruments":
            return 200, self.instruments
        found = self.books.get(name)
        return (400, UNKNOWN) if found is None else (200, found)


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    folder = data_path("options/venue_messages")
    instruments, book = (
        json.loads((folder / f"deribit_http_get_{name}.json").read_text()) for name in ("instruments", "order_book")
    )

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = served.answer(self.path)
            if found is None:
                self.close_connection = True
                return
            body = json.dumps(found[1]).encode()
            self.send_response(found[0])
            self.send_header("Content-Length", str(len(body)))
            if found[0] == 429:
                self.send_header("Retry-After", "7")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Exchange(f"http://127.0.0.1:{server.server_port}", instruments, {"BTC-PERPETUAL": book})
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_live_import_keeps_every_book_and_says_what_is_gone(exchange: Exchange, tmp_path: Path) -> None:
    output = tmp_path / "problem.json"
    report = done("import", "deribit", "--live", "BTC", "--url", exchange.url, "-o", output, "--json").data

    (book,) = Problem.from_json(output.read_bytes()).snapshot.venues
    assert book.id == "deribit:main/book:BTC-PERPETUAL"
    counted = {key: report["instruments"][key] for key in ("in", "kept", "reported")}
    assert counted == {"in": 4, "kept": 3, "reported": {"unsupported_kind:future_combo": 1}}
    assert (report["books"]["in"], report["books"]["kept"], report["notes"]["books_gone_meanwhile"]) == (1, 1, 2)
    assert report["notes"]["levels"] == 40
    assert [path.name for path in tmp_path.iterdir()] == ["problem.json"]


def test_what_is_refused_for_now_is_asked_again_after_a_pause(exchange: Exchange, tmp_path: Path) -> None:
    exchange.faults = [(429, {}), (503, {}), None, (200, BUSY)]
    pauses: list[float] = []
    fetched = fetch("BTC", tmp_path / "kept", url=exchange.url, wait=pauses.append)

    assert len(fetched.messages) == 2
    assert exchange.asked == {"BTC": 5, "BTC-PERPETUAL": 1, "BTC-27DEC24": 1, "BTC-27DEC24-100000-C": 1}
    assert [pause for pause in pauses if pause != 0.1] == [7.0, 1.0, 2.0, 4.0]


def test_an_interrupted_call_goes_on_where_it_was(exchange: Exchange, tmp_path: Path) -> None:
    kept, still = tmp_path / "kept", Pace(per_second=10**6)

    def stop(_done: int, _wanted: int) -> None:
        raise KeyboardInterrupt

    def call(time: float, tell: Callable[[int, int], None] | None = None) -> int:
        return fetch("BTC", kept, url=exchange.url, pace=still, tell=tell, clock=lambda: time).resumed

    with pytest.raises(KeyboardInterrupt):
        call(1000, stop)
    with kept.open("a") as stream:
        stream.write('{"fetched": {"coin": "BTC", "un')  # a line that was cut
    assert call(1200) == 2
    assert (exchange.asked["BTC"], exchange.asked["BTC-PERPETUAL"]) == (1, 1)
    assert call(1301) == 0  # the first answer is too old by now
    assert (exchange.asked["BTC"], exchange.asked["BTC-PERPETUAL"]) == (2, 2)
    assert done("import", "deribit", kept, "-o", tmp_path / "again.json", "--json").data["books"]["kept"] == 1


def test_patience_has_an_end_and_what_came_before_is_kept(exchange: Exchange, tmp_path: Path) -> None:
    kept = tmp_path / "kept"

    def break_down(_done: int, _wanted: int) -> None:
        exchange.faults = [(503, {})] * 99

    pauses: list[float] = []
    with pytest.raises(VenueUnavailableError, match="HTTP 503"):
        fetch("BTC", kept, url=exchange.url, tell=break_down, wait=pauses.append)
    assert sum(pause for pause in pauses if pause != 0.1) <= Pace().patience_seconds
    assert len(kept.read_text().splitlines()) == 2


ANSWERS = [
    ("no json", (200, "x"), "not an object"),
    ("an error", (400, {"error": {"code": -32602, "message": "Invalid params"}}), "Invalid params"),
    ("nothing listed", (200, {"result": []}), "no instrument"),
    ("another thing listed", (200, {"result": {"a": 1}}), "no instrument"),
]


@pytest.mark.parametrize(("answer", "why"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_answers_that_are_none_are_refused(
    exchange: Exchange, tmp_path: Path, answer: tuple[int, Any], why: str
) -> None:
    exchange.faults = [answer]
    with pytest.raises(VenueUnavailableError, match=why):
        fetch("BTC", tmp_path / "kept", url=exchange.url)


def test_calls_that_can_not_be_are_refused(tmp_path: Path) -> None:
    output = ("-o", tmp_path / "problem.json")
    assert "missing_file" in clearway("import", "deribit", *output).err
    assert "not_live" in clearway("import", "cow-instance", "--live", "BTC", *output).err
    assert "not_live" in clearway("import", "deribit", "file", "--url", "http://localhost", *output).err
    with pytest.raises(InputError, match="bad_coin"):
        fetch("btc&x=1", tmp_path / "kept")
    with pytest.raises(InputError, match="bad_url"):
        fetch("BTC", tmp_path / "kept", url="ftp://x")
