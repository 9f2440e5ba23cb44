"""Auctions one after the other: what they do to intents, money, market and standing, and what stops them or does not."""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from threading import Event

import pytest

from engine.auction.apply import apply
from engine.auction.solution import Solution
from engine.audit.record import Record, Unreadable
from engine.audit.replay import replay_record
from engine.market.demo import demo_intent, demo_owner
from engine.market.feeds.synthetic_flow import BTC_OPTIONS
from engine.market.feeds.synthetic_market import ASSETS, START_SECONDS, listed_expiries
from engine.market.snapshot import snapshot_hash
from engine.market.world import DEMO_SALT, without_empty_levels
from engine.runtime.auctioneer import Auctioneer
from engine.runtime.embedded import REQUOTE, EmbeddedWorld, ListedAssets
from engine.runtime.pool import Pool
from engine.settlement.record import SettlementRecord, check_settlement
from engine.store.database import Database
from intents.errors import InputError
from intents.kinds import Terms, swap
from intents.lifecycle import Cancel, Status
from tests.databases import Databases
from tests.runtime.invariants import check_books, check_fills, check_records
from tests.runtime.service import COMMANDS, SEED, ManualClock, auctioneer_of, settings

WORKER = str(Path(__file__).with_name("worker.py"))
FAR = 10**6


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(COMMANDS) as pool:
        yield pool


@pytest.fixture
def url(databases: Databases) -> str:
    return databases.migrated("sqlite")


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database.open(url)
    yield database
    database.close()


def submit(database: Database, name: str, *, until: int = FAR) -> str:
    """Somebody who gives ETH away, valid for so many seconds from the world's beginning."""
    begun = EmbeddedWorld.open(database, SEED).clock.now_ms()
    terms = Terms(owner=demo_owner(name), nonce=0, valid_from=0, valid_until=begun // 1000 + until)
    eth, usd = ASSETS["sim:alpha"]["ETH"], ASSETS["sim:alpha"]["USD"]
    outcome = swap(terms, "sell", pay=(eth.id, eth.units(10)), receive=(usd.id, 1))
    intent = demo_intent(outcome, name, DEMO_SALT)
    with database.transaction() as work:
        work.intents.add(intent, accepted_ms=begun, receipt={})
    return intent.id


def status(database: Database, intent: str) -> Status:
    with database.reading() as work:
        stored = work.intents.get(intent)
    assert stored is not None
    return stored.status


def once(name: str, act: Callable[[], None]) -> Callable[[str], None]:
    """A hook that acts the first time that it is reached."""
    left = [act]

    def reached(hook: str) -> None:
        if hook == name and left:
            left.pop()()

    return reached


def test_each_auction_starts_from_what_the_one_before_left(url: str, database: Database, pool: Pool) -> None:
    auctioneer = auctioneer_of(database, pool, holder="one")
    assert auctioneer.lead()

    assert [auctioneer.run_once() for _ in range(3)] == [0, 1, 2]

    records, settlements = [], []
    with database.reading() as work:
        for number in range(3):
            content, settled = work.auctions.record_bytes(number), work.settlements.record_bytes(number)
            assert content is not None
            assert settled is not None
            records.append(Record.from_json(content))
            settlements.append(SettlementRecord.from_json(settled))
        greedy = {solver.name: solver.standing for solver in work.solvers.all()}["greedy"]
    for (before, after), settlement in zip(pairwise(records), settlements, strict=False):
        left = apply(before.problem, check_settlement(before, settlement).replayed)
        assert after.problem.snapshot.venues == tuple(without_empty_levels(venue) for venue in left.venues)
        assert before.settlement.filled_units
        for owner in ("solver:greedy", demo_owner("alice")):
            for asset, holding in left.holdings[owner].items():
                assert after.problem.holdings[owner][asset].amount >= holding.amount
    assert (greedy["answered"], greedy["won"]) == (3, 3)
    check_books(url)
    check_fills(database)
    check_records(database)


def test_the_world_goes_on_when_its_options_expire(url: str, database: Database, pool: Pool) -> None:
    world = EmbeddedWorld.open(database, SEED)
    listed = ListedAssets(database, world)
    begun = world.clock.now_ms()
    clock = ManualClock(begun)
    world = replace(world, clock=clock)
    auctioneer = Auctioneer(database, world, pool, settings(solver_work=200_000), holder="one")
    seen: list[tuple[int, ...]] = []
    for days in (30, 400):
        clock.now = begun + days * 86_400_000
        assert auctioneer.lead()
        number = auctioneer.run_once()
        with database.reading() as work:
            record = Record.from_json(work.auctions.record_bytes(number) or b"")
        filled = {asset for intent in record.problem.intents for asset in intent.outcome.receives if "option" in asset}
        snapshot = record.problem.snapshot
        seen.append(tuple((expiry - START_SECONDS) // 86_400 for expiry in listed_expiries(snapshot)))
        assert min(listed_expiries(snapshot)) >= snapshot.time_seconds + 86_400
        assert filled <= snapshot.assets.keys()
        assert any(asset in filled for fill in record.proposals["greedy"].solutions for asset in bought(fill))

    assert seen == [(58, 86), (422, 450)]
    (old, new) = (BTC_OPTIONS.asset(START_SECONDS + day * 86_400 + 8 * 3600, 65_000, "C") for day in (30, 422))
    assert old in listed
    assert new in listed
    assert "simx:main/option:none" not in listed
    check_books(url)
    check_records(database)


def bought(solution: Solution | Unreadable) -> set[str]:
    assert isinstance(solution, Solution)
    return {asset for fill in solution.fills for asset in fill.outs}


def test_nobody_knows_the_solvers_seed_before_the_cut(
    databases: Databases, pool: Pool, opened: Callable[[str], Database]
) -> None:
    seeds = []
    for _ in range(2):
        database = opened(databases.migrated("sqlite"))
        auctioneer = auctioneer_of(database, pool, holder="one")
        assert auctioneer.lead()
        auctioneer.run_once()
        with database.reading() as work:
            stored = work.auctions.get(0)
            content = work.auctions.record_bytes(0)
        assert stored is not None
        assert content is not None
        seeds.append(stored.solver_seed)
        assert Record.from_json(content).problem.solver_seed == stored.solver_seed
        assert re.fullmatch(r"[0-9.]+\+[0-9a-f]{16}", stored.code_version)
        assert replay_record(content).identical
    assert len(set(seeds)) == 2


def test_the_hash_is_stored_before_any_solver_sees_the_problem(database: Database, pool: Pool) -> None:
    stored: list[str] = []

    def look() -> None:
        with database.reading() as work:
            opened = work.auctions.latest()
            assert opened is not None
            assert opened.status == "open"
            stored.append(opened.problem_hash)

    auctioneer = auctioneer_of(database, pool, holder="one", hooks=once("cut", look))
    assert auctioneer.lead()
    auctioneer.run_once()

    with database.reading() as work:
        settled = work.auctions.get(0)
        content = work.auctions.record_bytes(0)
    assert settled is not None
    assert content is not None
    assert stored == [settled.problem_hash] == [Record.from_json(content).problem.hash]


def test_what_arrives_cancels_or_expires_around_a_cut(database: Database, pool: Pool) -> None:
    during: list[str] = []
    waiting, over = submit(database, "waiting"), submit(database, "over", until=-1)

    def meanwhile() -> None:
        during.append(submit(database, "late"))
        with database.transaction() as work:
            work.intents.move(waiting, Cancel(), 0)

    auctioneer = auctioneer_of(database, pool, holder="one", hooks=once("cut", meanwhile))
    assert auctioneer.lead()
    auctioneer.run_once()

    assert status(database, over) is Status.EXPIRED
    assert status(database, waiting) is Status.CANCELLED
    assert status(database, during[0]) is Status.OPEN
    with database.reading() as work:
        assert waiting in work.auctions.batch(0)
        assert during[0] not in work.auctions.batch(0)
        assert [line.event for line in work.intents.history(waiting)] == ["accepted", "cut", "cancel", "settled"]


def test_solvers_that_fail_cost_nobody_else_their_bids(database: Database) -> None:
    kinds = {"cpsat": "gigabyte", "lp": "crash"}
    broken = {name: [sys.executable, WORKER, kind] for name, kind in kinds.items()}
    with Pool({**COMMANDS, **broken}) as pool:
        auctioneer = auctioneer_of(database, pool, holder="one")
        assert auctioneer.lead()
        auctioneer.run_once()

    with database.reading() as work:
        standing = {solver.name: dict(solver.standing) for solver in work.solvers.all()}
        assert work.auctions.fills(0)
    assert [standing[name] for name in kinds] == [{"no_bid": 1}] * 2
    assert standing["greedy"]["won"] == 1


def test_an_auction_that_fails_is_voided_and_the_next_one_runs(url: str, database: Database, pool: Pool) -> None:
    stop = Event()
    faults: list[str] = []

    def fail() -> None:
        raise InputError("made_up", "", expected="none", actual="a fault")

    def hooks(hook: str) -> None:
        failing(hook)
        if hook == "recovered":
            faults.append(auctioneer.state.fault)
        if hook == "settled":
            stop.set()

    failing = once("deciding", fail)
    auctioneer: Auctioneer = auctioneer_of(database, pool, holder="one", hooks=hooks)
    intent = submit(database, "somebody")

    auctioneer.run(stop)

    with database.reading() as work:
        newest, oldest = work.auctions.page(None, 10)[0]
        assert work.leases.holder() == ("one", 1, 0)
    assert (oldest.status, oldest.void_reason) == ("void", f"failed: {faults[-1]}")
    assert "made_up" in faults[-1]
    assert (newest.status, auctioneer.state.fault) == ("settled", "")
    assert status(database, intent) in {Status.OPEN, Status.FILLED, Status.PARTIALLY_FILLED}
    check_books(url)
    check_fills(database)


def test_the_world_goes_on(url: str, database: Database) -> None:
    world = EmbeddedWorld.open(database, SEED)
    now = world.clock.now_ms()
    begun = world.market

    with database.transaction() as work:
        first = world.arrive(work, 1, now)
        cast = work.intents.open_for_batch(now // 1000)
        again = world.arrive(work, 2, now)
        second = work.intents.open_for_batch(now // 1000)
        quoted = world.arrive(work, REQUOTE, now)
        market = begun(work)
        assert [stored.status for i in cast if (stored := work.intents.get(i.id))] == [Status.CANCELLED] * len(cast)
        assert work.intents.nonce_taken(cast[0].outcome.owner, 1) == cast[0].id
        # Demo keys are public, so somebody may have used the nonces that the cast comes with: nothing breaks.
        world.arrive(work, 1, now)
        assert work.intents.open_for_batch(now // 1000) == []

    assert len(cast) == len(second)
    assert {i.id for i in cast}.isdisjoint(i.id for i in second)
    assert first == again
    assert first.venues == market.venues != quoted.venues
    assert [venue.id for venue in quoted.venues] == [venue.id for venue in market.venues]
    assert snapshot_hash(first) != snapshot_hash(quoted)
    check_books(url)
