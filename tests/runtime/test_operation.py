"""What an operator may stop, and what stops by itself: held auctions, refused intents, prices that are too old."""

import time
from collections.abc import Callable, Iterator
from threading import Event, Thread

import pytest

from engine.market.feeds.synthetic import market
from engine.market.snapshot import check_fresh
from engine.runtime.auctioneer import Auctioneer
from engine.runtime.operation import HeldError, Mode, check_accepting, mode, set_mode
from engine.runtime.pool import Pool
from engine.store.database import Database
from intents.errors import InputError
from tests.databases import KINDS, Databases
from tests.runtime.service import COMMANDS, auctioneer_of


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(COMMANDS) as pool:
        yield pool


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, databases: Databases) -> Iterator[Database]:
    database = Database.open(databases.migrated(request.param))
    yield database
    database.close()


def tell(database: Database, wanted: Mode) -> None:
    with database.transaction() as work:
        set_mode(work, wanted)


def count(database: Database) -> int:
    with database.reading() as work:
        return len(work.auctions.page(None, 100)[0])


@pytest.mark.parametrize("held", [Mode.PAUSED, Mode.DRAINING])
def test_a_held_service_begins_no_auction_until_it_is_resumed(database: Database, pool: Pool, held: Mode) -> None:
    auctioneer = auctioneer_of(database, pool, holder="only")
    assert auctioneer.lead()
    tell(database, held)

    with pytest.raises(HeldError):
        auctioneer.run_once()
    assert count(database) == 0

    tell(database, Mode.RUNNING)
    assert auctioneer.run_once() == 0


def test_only_a_draining_service_refuses_intents(database: Database) -> None:
    for wanted in (Mode.RUNNING, Mode.PAUSED):
        tell(database, wanted)
        with database.reading() as work:
            check_accepting(work)
            assert mode(work) is wanted
    tell(database, Mode.DRAINING)

    with database.reading() as work, pytest.raises(InputError, match="draining"):
        check_accepting(work)


def test_a_service_that_runs_is_held_and_goes_on(database: Database, pool: Pool) -> None:
    auctioneer, stop = auctioneer_of(database, pool, holder="only", cadence_seconds=0.2), Event()
    thread = Thread(target=auctioneer.run, args=(stop,))
    tell(database, Mode.PAUSED)
    thread.start()
    try:
        wait_for(lambda: auctioneer.state.leads)
        time.sleep(0.6)
        assert (count(database), auctioneer.state.fault) == (0, "")
        tell(database, Mode.RUNNING)
        wait_for(lambda: auctioneer.state.last_number is not None)
    finally:
        stop.set()
        thread.join()


def test_an_auction_on_stale_prices_is_voided_with_that_reason(
    databases: Databases, pool: Pool, opened: Callable[[str], Database]
) -> None:
    database = opened(databases.migrated("sqlite"))
    auctioneer = auctioneer_of(database, pool, holder="only", price_age_seconds=1, cadence_seconds=0.2)
    assert auctioneer.lead()
    assert auctioneer.run_once() == 0
    time.sleep(2.1)

    run_until(auctioneer, lambda: count(database) > 1)

    with database.reading() as work:
        voided = work.auctions.get(1)
        assert voided is not None
        assert (voided.status, work.auctions.record_bytes(1)) == ("void", None)
        assert (voided.void_reason or "").startswith("failed: stale_price at /snapshot/prices/")
        batch = [work.intents.get(intent) for intent in work.auctions.batch(1)]
        assert {one.auction for one in batch if one is not None} == {None}


def test_prices_are_fresh_up_to_their_limit_and_no_longer() -> None:
    begun = market(1)
    check_fresh(begun.model_copy(update={"time_seconds": begun.time_seconds + 300}), 300)

    with pytest.raises(InputError, match=r"stale_price at /snapshot/prices/.*301 s before"):
        check_fresh(begun.model_copy(update={"time_seconds": begun.time_seconds + 301}), 300)


def run_until(auctioneer: Auctioneer, condition: Callable[[], bool]) -> None:
    stop = Event()
    thread = Thread(target=auctioneer.run, args=(stop,))
    thread.start()
    try:
        wait_for(condition)
    finally:
        stop.set()
        thread.join()


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
