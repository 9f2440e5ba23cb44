"""Solvers that join: what a registration must be, and the example, which joins over real HTTP and wins an auction."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from api.client import Client, ServiceError
from api.http.app import create_app
from api.http.routes_solvers import CHALLENGE_MS
from api.http.service import Service
from api.http.solver_views import KeyChange, Registration, Removal
from api.server import embedded_service
from engine.auction.sealed import sign_digest
from engine.runtime.embedded import EmbeddedWorld
from engine.store.database import Database
from intents.signing import ed25519_owner
from tests.api_http.conftest import ENGINE_KEY
from tests.databases import Databases
from tests.runtime.service import SEED

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "solver.py"
KEY, OTHER_KEY, THIRD_KEY = (bytes([n]) * 32 for n in (11, 12, 13))


@pytest.fixture
def database(databases: Databases) -> Iterator[Database]:
    database = Database.open(databases.migrated("sqlite"))
    yield database
    database.close()


@pytest.fixture
def service(database: Database) -> Service:
    return embedded_service(database, EmbeddedWorld.open(database, SEED), ENGINE_KEY)


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    with TestClient(create_app(service), raise_server_exceptions=False) as client:
        yield client


def signed(client: TestClient, key: bytes = KEY, **changes: str) -> dict[str, Any]:
    """A registration; what is changed is signed too, but for a `signature`."""
    fields = {
        "name": "mine",
        "url": "https://solver.example/clearway",
        "key": ed25519_owner(key),
        "challenge": client.get("/v1/solvers/challenge").json()["challenge"],
        "signature": "0x" + "00" * 64,
    }
    stated = Registration.model_validate(fields | changes)
    if "signature" not in changes:
        stated = stated.model_copy(update={"signature": sign_digest(key, stated.digest)})
    wire: dict[str, Any] = stated.to_wire()
    return wire


def test_who_is_registered_is_listed_and_moves_with_a_new_challenge_only(client: TestClient, service: Service) -> None:
    first = signed(client)
    made = client.post("/v1/solvers", json=first)
    assert (made.status_code, made.json()["account"]) == (201, "solver:mine")
    assert client.post("/v1/solvers", json=first).json() == made.json()

    moved = signed(client, url="https://elsewhere.example")
    assert client.post("/v1/solvers", json=moved).status_code == 201
    assert client.post("/v1/solvers", json=first).json()["code"] == "stale_challenge"

    listed = {solver["name"]: solver for solver in client.get("/v1/solvers").json()["solvers"]}
    assert listed["greedy"]["remote"] is None
    assert listed["mine"] | {"remote": None} == {"name": "mine", "kind": "remote", "standing": {}, "remote": None}
    assert listed["mine"]["remote"]["key"] == ed25519_owner(KEY)
    assert "example" not in client.get("/v1/solvers").text
    with service.database.reading() as work:
        found = work.solvers.remote("mine")
    assert found is not None
    assert found.url == "https://elsewhere.example"


REFUSED: dict[str, tuple[Callable[[TestClient], dict[str, Any]], int]] = {
    "bad_signature": (lambda client: signed(client) | {"url": "https://another.example"}, 422),
    "bad_challenge": (lambda client: signed(client, challenge="1." + "0" * 64), 422),
    "bad_url": (lambda client: signed(client, url="http://solver.example"), 422),
    "forbidden_address": (lambda client: signed(client, url="https://127.0.0.1:9000"), 422),
    "name_taken": (lambda client: signed(client, name="greedy"), 409),
    "malformed": (lambda client: signed(client) | {"name": "Ann Example"}, 422),
    "unknown_field": (lambda client: signed(client) | {"standing": {}}, 422),
    "missing_field": (lambda _: {"name": "mine"}, 422),
}


@pytest.mark.parametrize("code", REFUSED)
def test_refused_and_nothing_stored(code: str, client: TestClient, database: Database) -> None:
    body, status = REFUSED[code]
    answer = client.post("/v1/solvers", json=body(client))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    with database.reading() as work:
        assert work.solvers.entrants(0) == []


def test_names_and_keys_are_taken_once(client: TestClient) -> None:
    assert client.post("/v1/solvers", json=signed(client)).status_code == 201
    others = client.post("/v1/solvers", json=signed(client, OTHER_KEY))
    again = client.post("/v1/solvers", json=signed(client, name="second"))
    assert (others.status_code, others.json()["code"]) == (409, "name_taken")
    assert (again.status_code, again.json()["code"]) == (409, "key_taken")


def at_once(service: Service) -> Client:
    """The client, on the application itself, whose time passes a second with every look at it."""
    times = count(service.now_ms(), 1000)
    app = create_app(replace(service, now_ms=lambda: next(times)))
    return Client("http://clearway", transport=Within(TestClient(app)))


class Within(httpx2.BaseTransport):
    """The application in place of a network."""

    def __init__(self, app: TestClient) -> None:
        self.app = app

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        headers = {name: value for name, value in request.headers.items() if name != "host"}
        answer = self.app.request(request.method, str(request.url), content=request.content, headers=headers)
        return httpx2.Response(answer.status_code, content=answer.content)


def test_a_solver_takes_another_key_and_leaves_and_comes_back(service: Service) -> None:
    here = at_once(service)

    def challenge() -> str:
        return here.solver_challenge().challenge

    def entrants() -> list[tuple[str, str]]:
        with service.database.reading() as work:
            return [(one.name, one.key) for one in work.solvers.entrants(service.now_ms())]

    def refused(act: Callable[[], object], code: str) -> None:
        before = entrants()
        with pytest.raises(ServiceError) as caught:
            act()
        assert (caught.value.code, entrants()) == (code, before)

    def change(old: bytes, new: bytes, asked: str | None = None) -> KeyChange:
        return KeyChange.signed(old, new, name="mine", challenge=asked or challenge())

    def removal(key: bytes, asked: str | None = None) -> Removal:
        return Removal.signed(key, name="mine", challenge=asked or challenge())

    def registration(key: bytes, name: str = "mine") -> Registration:
        return Registration.signed(key, name=name, url="https://solver.example", challenge=challenge())

    old, old_removal = registration(KEY), removal(KEY)
    here.register_solver(old)
    here.register_solver(registration(THIRD_KEY, "other"))
    refused(lambda: here.change_solver_key("mine", change(OTHER_KEY, OTHER_KEY)), "bad_signature")
    refused(lambda: here.change_solver_key("mine", change(KEY, THIRD_KEY)), "key_taken")
    unproven = change(KEY, OTHER_KEY).model_copy(update={"proof": "0x" + "00" * 64})
    refused(lambda: here.change_solver_key("mine", unproven), "bad_signature")
    refused(
        lambda: here.change_solver_key(
            "nobody", KeyChange.signed(KEY, OTHER_KEY, name="nobody", challenge=challenge())
        ),
        "unknown_solver",
    )
    refused(lambda: here.remove_solver("mine", old_removal), "stale_challenge")

    changing = change(KEY, OTHER_KEY)
    changed = here.change_solver_key("mine", changing)
    assert (changed.key, changed.account) == (ed25519_owner(OTHER_KEY), "solver:mine")
    assert here.change_solver_key("mine", changing) == changed
    assert entrants() == [("mine", ed25519_owner(OTHER_KEY)), ("other", ed25519_owner(THIRD_KEY))]
    refused(lambda: here.register_solver(old), "name_taken")
    refused(lambda: here.remove_solver("mine", removal(KEY)), "bad_signature")
    refused(
        lambda: here.remove_solver("greedy", Removal.signed(KEY, name="greedy", challenge=challenge())),
        "unknown_solver",
    )

    back = registration(OTHER_KEY)
    leaving = removal(OTHER_KEY)
    left = here.remove_solver("mine", leaving)
    assert here.remove_solver("mine", leaving) == left
    assert [name for name, _ in entrants()] == ["other"]
    assert {one.name: one.remote for one in here.solvers().solvers}["mine"] is None
    refused(lambda: here.register_solver(registration(KEY)), "name_taken")  # its account may hold money
    refused(lambda: here.register_solver(back), "stale_challenge")
    here.register_solver(registration(OTHER_KEY))
    assert [name for name, _ in entrants()] == ["mine", "other"]


def test_a_challenge_is_ours_and_young(service: Service) -> None:
    now = service.now_ms()

    def at(time_ms: int, key: bytes = ENGINE_KEY) -> TestClient:
        return TestClient(create_app(replace(service, engine_key=key, now_ms=lambda: time_ms)))

    asked = signed(at(now))
    for late in (at(now + CHALLENGE_MS + 1), at(now - 1), at(now, OTHER_KEY)):
        assert late.post("/v1/solvers", json=asked).json()["code"] == "bad_challenge"
    assert at(now + CHALLENGE_MS).post("/v1/solvers", json=asked).status_code == 201


def test_the_example_is_short_and_needs_little() -> None:
    text = EXAMPLE.read_text()
    imported = set(re.findall(r"^(?:from|import) ([a-z0-9_]+)", text, re.MULTILINE))
    assert len(text.splitlines()) < 120
    assert imported - sys.stdlib_module_names == {"cryptography"}
