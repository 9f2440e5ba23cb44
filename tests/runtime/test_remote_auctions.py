"""Registered solvers over several auctions: gas from the faucet, standing, the bench and the way back from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from engine.auction.problem import Problem
from engine.auction.solution import Solution
from engine.market.feeds.synthetic_market import ASSETS, START_SECONDS
from engine.runtime.auctioneer import Auctioneer
from engine.runtime.embedded import GAS, EmbeddedWorld
from engine.runtime.pool import Pool
from engine.runtime.remote import Gateway
from engine.store.database import Database
from engine.store.repositories.solvers import RemoteSolver
from tests.databases import KINDS, Databases
from tests.runtime.invariants import check_books, check_records
from tests.runtime.service import SEED, settings
from tests.runtime.stand_in import PUBLIC, Request, proposal, seal, serving

NOW = START_SECONDS * 1000
BENCH_MS = 60_000
USD = ASSETS["sim:alpha"]["USD"].id


class ManualClock:
    """A time that tests set."""

    def __init__(self) -> None:
        self.now = NOW

    def now_ms(self) -> int:
        return self.now


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, databases: Databases) -> str:
    return databases.migrated(request.param)


@pytest.fixture
def database(url: str, opened: Callable[[str], Database]) -> Database:
    return opened(url)


def test_who_fails_again_and_again_is_benched_for_a_time(url: str, database: Database) -> None:
    clock = ManualClock()
    world = replace(EmbeddedWorld.open(database, SEED), clock=clock)
    chosen = settings(reveal_seconds=15, solver_failures=2, bench_seconds=BENCH_MS / 1000)
    reveals = [proposal(), b"", b"", proposal()]  # what is sealed is nothing: the second and third are no reveal

    def solve(request: Request, body: bytes) -> None:
        request.reply(seal(Problem.from_json(body)).model_dump_json().encode())

    def stored() -> RemoteSolver:
        with database.reading() as work:
            found = work.solvers.remote("stranger")
        assert found is not None
        return found

    with Pool({}) as pool, serving(solve, lambda request, _: request.reply(reveals.pop(0))) as server:
        gateway = Gateway.of(chosen, b"\x07" * 32)
        auctioneer = Auctioneer(database, world, pool, chosen, gateway=gateway, holder="one")
        with database.transaction() as work:
            work.solvers.register_remote("stranger", server.url, PUBLIC, issued_ms=NOW, at_ms=NOW)
        assert auctioneer.lead()

        auctioneer.run_once()
        assert (stored().failures, stored().last_failure) == (0, None)
        auctioneer.run_once()
        assert (stored().failures, stored().benched_until_ms) == (1, None)
        with capture_logs() as logged:
            auctioneer.run_once()
        (told,) = (line for line in logged if line["event"] == "benched")
        assert (told["auction"], told["solver"], told["until_ms"]) == (2, "stranger", NOW + BENCH_MS)
        assert told["why"] == stored().last_failure
        assert (stored().failures, stored().benched_until_ms) == (2, NOW + BENCH_MS)
        assert (stored().last_failure or "").startswith("unreadable: ")

        asked = len(server.asked)
        clock.now += BENCH_MS - 1
        auctioneer.run_once()
        assert len(server.asked) == asked
        clock.now += 1
        auctioneer.run_once()
        assert (stored().failures, stored().benched_until_ms) == (0, None)

    with database.reading() as work:
        standing = {solver.name: solver.standing for solver in work.solvers.all()}
        held = work.accounts.holdings(["solver:stranger"])["solver:stranger"]
    assert standing["stranger"] == {"answered": 2, "no_bid": 2, "unreadable": 2}
    assert held.keys() == GAS
    check_books(url)
    check_records(database)


NASTY: list[dict[str, Any]] = [
    {"fills": []},
    {"fills": [], "prices": {"nothing>nothing": ["0", "0"]}, "lines": [], "legs": []},
    {"fills": [{"intent": "0x" + "0" * 64, "units": str(2**256 - 1), "in": {}, "out": {}}]},
    {"fills": [], "legs": [{"venue": "sim:alpha/pool:none", "level": "\0", "in": {USD: "1"}, "out": {USD: "1"}}]},
    {"fills": [], "transfers": [{"give": {USD: str(2**256 - 1)}, "take": {USD: str(2**256 - 1)}}] * 3},
]


def test_what_strangers_say_hurts_no_auction(url: str, database: Database) -> None:
    world = EmbeddedWorld.open(database, SEED)
    chosen = settings(reveal_seconds=15)
    sealed: list[bytes] = []

    def solve(request: Request, body: bytes) -> None:
        problem = Problem.from_json(body)
        first = {"intent": problem.intents[0].id, "units": str(2**256 - 1), "in": {USD: "0"}, "out": {USD: "1"}}
        said = [*NASTY, {"fills": [first, first]}, {"fills": [first] * 300}]
        solutions = [Solution.from_wire({**one, "problem": problem.hash}) for one in said]
        sealed.append(proposal(*solutions, *solutions))
        request.reply(seal(problem, *solutions, *solutions).model_dump_json().encode())

    with Pool({}) as pool, serving(solve, lambda request, _: request.reply(sealed[-1])) as server:
        chosen_gateway = replace(Gateway.of(chosen, b"\x07" * 32), reveal_bytes=2**23)
        auctioneer = Auctioneer(database, world, pool, chosen, gateway=chosen_gateway, holder="one")
        with database.transaction() as work:
            work.solvers.register_remote("stranger", server.url, PUBLIC, issued_ms=NOW, at_ms=NOW)
        assert auctioneer.lead()
        auctioneer.run_once()
        server.answers["/solve"] = lambda request, _: request.reply(b'{"\\u0000\\ud83d\\ude00' + b"x" * 1000 + b'": 1}')
        auctioneer.run_once()

    with database.reading() as work:
        assert {bid.status for bid in work.auctions.bids(0)} == {"invalid"}
        assert len(work.auctions.bids(0)) == 2 * (len(NASTY) + 2)
        found = work.solvers.remote("stranger")
    assert found is not None
    assert (found.last_failure or "").startswith("bad_seal: ")
    assert len(found.last_failure or "") < 300
    check_books(url)
    check_records(database)
