"""kill -9 at every hook of an auction, then a new start on the same database."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from engine.market.demo import demo_intent, demo_owner
from engine.market.feeds.synthetic_market import ASSETS
from engine.market.world import DEMO_SALT
from engine.runtime.auctioneer_view import HOOKS
from engine.runtime.embedded import EmbeddedWorld
from engine.runtime.journal import LOG_FOLDER
from engine.runtime.pool import Pool
from engine.store.database import Database
from intents.kinds import Terms, swap
from intents.lifecycle import Status
from tests.databases import KINDS, Databases
from tests.runtime.invariants import check_books, check_fills, check_log, check_records
from tests.runtime.service import COMMANDS, SEED, auctioneer_of

ROOT = Path(__file__).resolve().parents[2]
WAITING = {Status.OPEN, Status.PARTIALLY_FILLED}
OURS = 20
SETTLED = ["settled"]
EXPECTED = {
    # Killed in the second auction: what becomes of it.
    "arrived": [],
    "cutting": [],
    "logged": ["void"],
    "cut": ["void"],
    "answered": ["void"],
    "closing": ["void"],
    "frozen": ["void"],
    "cleared": ["void"],
    "deciding": ["void"],
    **dict.fromkeys(
        ("decided", "dispatching", "dispatched", "heard", "final", "posting", "settling", "settled"), SETTLED
    ),
}
"""By hook, how the auction ends in which the process is killed there; nothing where it never began."""

IN_TRANSACTIONS = ("cutting", "posting", "settling")
ALWAYS = {("sqlite", "closing"), ("sqlite", "cleared"), ("sqlite", "dispatched"), ("postgresql", "settling")}
KILLED = [
    pytest.param(kind, hook, marks=() if (kind, hook) in ALWAYS else pytest.mark.long)
    for kind, hooks in (("sqlite", EXPECTED), ("postgresql", (*IN_TRANSACTIONS, "settled")))
    for hook in hooks
]
"""On SQLite at every hook, on PostgreSQL in each transaction and after the last; some of them in every run of the tests."""


class Mortals:
    """Starts services that die."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("service.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
        )

    def start(self, url: str, hook: str, times: int, **settings: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"url": url, "hook": hook, "times": times, "settings": settings}) + "\n")
        self.process.stdin.flush()

    def died(self) -> bool:
        """Wait for the end; whether it was by kill -9."""
        assert self.process.stdout is not None
        return self.process.stdout.readline() == "-9\n"


@pytest.fixture(scope="module")
def mortals() -> Iterator[Mortals]:
    mortals = Mortals()
    yield mortals
    mortals.process.kill()
    mortals.process.communicate()


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(COMMANDS) as pool:
        yield pool


@pytest.fixture(scope="module")
def begun(databases: Databases, pool: Pool) -> Callable[[str], str]:
    """A new database of a kind, with one settled auction, and intents of ours that were accepted after it."""
    templates: dict[str, str] = {}

    def made(kind: str) -> str:
        if kind not in templates:
            templates[kind] = begin(databases.migrated(kind), pool)
        return databases.copy(templates[kind])

    return made


def begin(url: str, pool: Pool) -> str:
    database = Database.open(url)
    auctioneer = auctioneer_of(database, pool, holder="mortal")
    assert auctioneer.lead()
    assert auctioneer.run_once() == 0
    now = EmbeddedWorld.open(database, SEED).clock.now_ms()
    with database.transaction() as work:
        for n in range(OURS):
            name = f"ours-{n}"
            terms = Terms(owner=demo_owner(name), nonce=0, valid_from=now // 1000 - 1, valid_until=now // 1000 + 7200)
            dear, cheap = ASSETS["sim:alpha"]["ETH"], ASSETS["sim:alpha"]["USD"]
            outcome = swap(terms, "sell", pay=(dear.id, dear.units(100 + n)), receive=(cheap.id, 1))
            work.intents.add(demo_intent(outcome, name, DEMO_SALT), now, {"accepted": n})
    database.close()
    return url


def statuses(database: Database) -> list[str]:
    with database.reading() as work:
        return [auction.status for auction in reversed(work.auctions.page(None, 100)[0])]


def acknowledged(database: Database) -> set[Status]:
    with database.reading() as work:
        found = [item for item in work.intents.page(None, None, None, 1000)[0] if item.receipt]
    assert sorted(item.receipt["accepted"] for item in found) == list(range(OURS))
    return {item.status for item in found}


def test_every_hook_of_an_auction_is_here() -> None:
    assert [hook for hook in HOOKS if hook in EXPECTED] == list(EXPECTED)
    assert set(HOOKS) - set(EXPECTED) == {"leading", "voiding", "recovered"}


@pytest.mark.parametrize(("kind", "hook"), KILLED)
def test_killed_in_an_auction_nothing_is_lost_and_nothing_done_twice(
    kind: str,
    hook: str,
    begun: Callable[[str], str],
    mortals: Mortals,
    pool: Pool,
    opened: Callable[[str], Database],
    tmp_path: Path,
) -> None:
    url = begun(kind)
    mortals.start(url, hook, 1, data_dir=str(tmp_path))
    assert mortals.died()

    database = opened(url)
    auctioneer = auctioneer_of(database, pool, holder="mortal", data_dir=tmp_path)
    check_books(url)
    assert auctioneer.lead()

    assert statuses(database) == ["settled", *EXPECTED[hook]]
    assert acknowledged(database) <= WAITING | {Status.FILLED}
    with database.reading() as work:
        for auction in work.auctions.page(None, 10)[0]:
            assert (auction.void_reason == "interrupted") == (auction.status == "void")
            voided = [work.intents.history(intent)[-1] for intent in work.auctions.batch(auction.number)]
            assert auction.status != "void" or {line.detail["void"] for line in voided} == {"interrupted"}
    check_fills(database)

    assert auctioneer.run_once() == 1 + len(EXPECTED[hook])

    assert acknowledged(database) <= WAITING | {Status.FILLED}
    with database.reading() as work:
        assert len(work.auctions.fills(1 + len(EXPECTED[hook]))) > 0
    check_books(url)
    check_fills(database)
    check_records(database)
    check_log(database, tmp_path / LOG_FOLDER)


@pytest.mark.parametrize("hook", ["leading", "voiding", "recovered"])
def test_killed_in_the_recovery_it_is_done_again(
    hook: str, begun: Callable[[str], str], mortals: Mortals, pool: Pool, opened: Callable[[str], Database]
) -> None:
    url = begun("postgresql" if hook == "voiding" else "sqlite")
    mortals.start(url, "frozen", 1)
    assert mortals.died()
    mortals.start(url, hook, 1)
    assert mortals.died()

    database = opened(url)
    assert auctioneer_of(database, pool, holder="mortal").lead()

    assert statuses(database) == ["settled", "void"]
    assert acknowledged(database) == {Status.OPEN}
    check_books(url)
    check_fills(database)


def test_killed_while_the_world_began_it_begins_once(
    databases: Databases, mortals: Mortals, pool: Pool, opened: Callable[[str], Database]
) -> None:
    url = databases.migrated("sqlite")
    for hook in ("leading", "arrived", "cutting"):
        mortals.start(url, hook, 1)
        assert mortals.died()

    database = opened(url)
    auctioneer = auctioneer_of(database, pool, holder="mortal")
    assert auctioneer.lead()
    assert auctioneer.run_once() == 0
    check_books(url)


@pytest.mark.parametrize("kind", KINDS)
def test_another_takes_over_from_a_dead_leader_within_three_lease_periods(
    kind: str, begun: Callable[[str], str], mortals: Mortals, pool: Pool, opened: Callable[[str], Database]
) -> None:
    url = begun(kind)
    lease = 3.0
    times: dict[str, Any] = {"lease_seconds": lease, "solve_seconds": 1.0, "grace_seconds": 0.2, "reveal_seconds": 0.2}
    mortals.start(url, "frozen", 1, **times)
    assert mortals.died()
    died = time.monotonic()
    database = opened(url)
    heir = auctioneer_of(database, pool, holder="heir", **times)
    assert not heir.lead()
    stop = Event()
    thread = Thread(target=heir.run, args=(stop,))

    thread.start()
    while not heir.state.leads and time.monotonic() < died + 3 * lease:
        time.sleep(0.01)
    stop.set()
    thread.join()

    assert heir.state.last_number == 2
    assert statuses(database)[:3] == ["settled", "void", "settled"]
    check_books(url)
    check_fills(database)
