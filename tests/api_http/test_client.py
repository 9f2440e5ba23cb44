"""Both clients over a real socket: what they ask, what they raise, and what they do where answers get lost."""

from __future__ import annotations

import asyncio
import inspect
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx2
import pytest
import uvicorn

from api.client import AsyncClient, Client, ServiceError, UnknownOutcomeError, calls
from api.client.exchange import Answer, NoAnswer, Pause, Policy, Send, exchange
from api.http.app import create_app
from api.http.views import SignedCancellation
from api.server import embedded_service
from engine.runtime.embedded import EmbeddedWorld
from engine.store.database import Database
from intents.errors import InputError
from intents.lifecycle import Status
from intents.receipts import verify_receipt
from tests.api_http.conftest import ENGINE_KEY
from tests.api_http.people import ADA, ETH, cancelled, signed
from tests.databases import Databases

QUICK = Policy(tries=3, first_pause_seconds=0.01)


@pytest.fixture
def address(databases: Databases) -> Iterator[str]:
    """A service whose API alone runs."""
    database = Database.open(databases.migrated("sqlite"))
    app = create_app(embedded_service(database, EmbeddedWorld.open(database, 1), ENGINE_KEY))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()
    database.close()


class Losing(httpx2.HTTPTransport):
    """A network that delivers every request and loses so many of the answers."""

    def __init__(self, answers: int) -> None:
        super().__init__()
        self.left = answers

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = super().handle_request(request)
        if self.left:
            self.left -= 1
            response.close()
            raise httpx2.ReadError("lost")
        return response


class LosingLater(httpx2.AsyncHTTPTransport):
    """The same for those who await."""

    def __init__(self, answers: int) -> None:
        super().__init__()
        self.left = answers

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        if self.left:
            self.left -= 1
            await response.aclose()
            raise httpx2.ReadError("lost")
        return response


def blocking(address: str, lost: int, ask: Callable[[Any], Any]) -> Any:
    with Client(address, policy=QUICK, transport=Losing(lost)) as client:
        return ask(client)


def awaiting(address: str, lost: int, ask: Callable[[Any], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with AsyncClient(address, policy=QUICK, transport=LosingLater(lost)) as client:
            return await ask(client)

    return asyncio.run(run())


WAYS = pytest.mark.parametrize("way", [blocking, awaiting])
Way = Callable[[str, int, Callable[[Any], Any]], Any]


def test_both_clients_have_the_same_calls_with_the_same_arguments() -> None:
    def calls_of(kind: type) -> dict[str, list[str]]:
        public = {name: member for name, member in vars(kind).items() if not name.startswith("_")}
        return {
            name.replace("aclose", "close"): [*inspect.signature(member).parameters] for name, member in public.items()
        }

    assert calls_of(Client) == calls_of(AsyncClient)
    assert len(calls_of(Client)) > 15


@WAYS
def test_lost_answers_are_asked_for_again_and_nothing_is_done_twice(address: str, way: Way) -> None:
    intent = signed()

    receipt = way(address, 2, lambda client: client.submit(intent))
    deposited = way(address, 2, lambda client: client.deposit(ADA, ETH, 5))
    again = way(address, 0, lambda client: client.submit(intent))

    assert receipt == again
    verify_receipt(receipt, way(address, 0, lambda client: client.deployment()).engine)
    assert len(way(address, 1, lambda client: client.intents(owner=ADA)).items) == 1
    assert deposited.balance.amount == 5
    assert way(address, 0, lambda client: client.balances(ADA)).balances[ETH].amount == 5


@WAYS
def test_who_gets_no_answer_is_told_whether_something_may_have_changed(address: str, way: Way) -> None:
    with pytest.raises(UnknownOutcomeError) as submitted:
        way(address, 9, lambda client: client.submit(signed()))
    with pytest.raises(ServiceError) as read:
        way(address, 9, lambda client: client.time())

    assert (submitted.value.code, submitted.value.outcome) == ("no_answer", "unknown")
    assert (read.value.code, read.value.outcome) == ("no_answer", "rejected")
    assert way(address, 0, lambda client: client.intent(signed().id)).status is Status.OPEN  # it was done indeed


@WAYS
def test_a_refusal_is_raised_with_code_place_and_outcome_at_once(address: str, way: Way) -> None:
    wrong = signed().model_copy(update={"id": "0x" + "00" * 32})

    with pytest.raises(ServiceError) as caught:
        way(address, 0, lambda client: client.submit(wrong))
    with pytest.raises(ServiceError) as unknown:
        way(address, 0, lambda client: client.record(7))

    error = caught.value
    assert (error.code, error.pointer, error.status, error.outcome) == ("wrong_intent_id", "/id", 422, "rejected")
    assert (error.expected, error.actual) == (signed().id, wrong.id)
    assert unknown.value.code == "unknown_auction"


@WAYS
def test_an_intent_is_followed_and_cancelled(address: str, way: Way) -> None:
    intent = signed()
    way(address, 0, lambda client: client.submit(intent))
    cancellation = SignedCancellation.from_wire(cancelled(intent))

    view = way(address, 1, lambda client: client.cancel(cancellation))

    assert view.status is Status.CANCELLED
    events = way(address, 0, lambda client: client.history(intent.id)).events
    assert [event.event for event in events] == ["accepted", "cancel"]
    with pytest.raises(ServiceError, match="no_record"):
        way(address, 0, lambda client: client.why_unfilled(intent.id))
    assert way(address, 0, lambda client: client.positions(ADA)).positions == ()
    assert way(address, 0, lambda client: client.auctions()).items == ()
    assert {one.name for one in way(address, 0, lambda client: client.solvers()).solvers} >= {"greedy", "lp", "cpsat"}


def test_pages_are_followed_to_their_end(address: str) -> None:
    wanted = [signed(nonce=nonce) for nonce in range(55)]

    async def names() -> list[str]:
        async with AsyncClient(address) as client:
            return [item.intent.id async for item in client.every_intent(owner=ADA)]

    with Client(address) as client:
        for intent in wanted:
            client.submit(intent)
        first = client.intents(limit=2)
        second = client.intents(limit=2, after=first.next)
        found = [item.intent.id for item in client.every_intent(owner=ADA, status=Status.OPEN)]

    assert found == [intent.id for intent in reversed(wanted)] == asyncio.run(names())
    assert [item.intent.id for item in (*first.items, *second.items)] == found[:4]


def steps_of(call: calls.Call[Any], *answers: Answer | NoAnswer) -> tuple[list[float], Any]:
    """The pauses between answers, and what is returned or raised in the end."""
    steps, pauses, coming = exchange(call, Policy(tries=4, first_pause_seconds=1)), [], iter(answers)
    step = next(steps)
    try:
        while True:
            if isinstance(step, Pause):
                pauses.append(step.seconds)
                step = next(steps)
            else:
                assert isinstance(step, Send)
                step = steps.send(next(coming))
    except StopIteration as end:
        return pauses, end.value
    except ServiceError as error:
        return pauses, (type(error), error.code)


def problem(code: str, outcome: str = "rejected") -> bytes:
    return f'{{"code": "{code}", "outcome": "{outcome}"}}'.encode()


NONE, TIME = NoAnswer("ConnectError"), Answer(200, b'{"now_ms": 1, "latest_auction": null}')


@pytest.mark.parametrize(
    ("answers", "pauses", "end"),
    [
        ([NONE] * 4, [1, 2, 4], (UnknownOutcomeError, "no_answer")),
        ([Answer(500, problem("internal", "unknown"))] * 4, [1, 2, 4], (UnknownOutcomeError, "internal")),
        ([Answer(502, b"<html>")] * 4, [1, 2, 4], (UnknownOutcomeError, "bad_answer")),
        ([Answer(503, problem("unavailable", "rejected"), "7")] * 4, [7, 7, 7], (ServiceError, "unavailable")),
        ([Answer(429, problem("too_many"), "99999")] * 4, [30, 30, 30], (ServiceError, "too_many")),
        ([NONE, Answer(409, problem("idempotency_key_busy")), Answer(409, problem("draining"))], [1, 2], (ServiceError, "draining")),
        ([Answer(301, b"")], [], (ServiceError, "bad_answer")),
        ([Answer(404, b'{"code": "\x1b[31m"}')], [], (ServiceError, "bad_answer")),
        ([Answer(201, b'{"format": "clearway/receipt/2"}')], [], (UnknownOutcomeError, "bad_answer")),
    ],
)  # fmt: skip
def test_a_change_is_sent_again_only_where_that_helps(answers: list[Any], pauses: list[float], end: Any) -> None:
    assert steps_of(calls.submit(signed()), *answers) == (pauses, end)


def test_a_read_changes_nothing_whatever_becomes_of_it() -> None:
    broken = Answer(502, problem("internal", "unknown"))

    pauses, answer = steps_of(calls.server_time(), NONE, broken, TIME)

    assert (pauses, answer.now_ms) == ([1, 2], 1)
    assert steps_of(calls.server_time(), *[broken] * 4)[1] == (ServiceError, "internal")


def test_what_is_written_into_a_path_stays_one_part_of_it() -> None:
    assert calls.intent("../auctions?x#y").path == "/v1/intents/%2E%2E%2Fauctions%3Fx%23y"


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://host", "http://", "http://host:port", ""])
def test_a_service_has_an_http_address(url: str) -> None:
    with pytest.raises(InputError, match="bad_url"):
        Client(url)


def test_the_client_needs_nothing_of_the_servers() -> None:
    code = "import sys, api.client; print(*{name.split('.')[0] for name in sys.modules})"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert {"fastapi", "sqlalchemy", "uvicorn", "structlog", "pulp"} & set(loaded.split()) == set()
