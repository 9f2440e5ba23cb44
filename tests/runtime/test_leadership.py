"""Two auctioneers on one database: one leads, and one that was paused past its lease changes nothing any more."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from engine.runtime.auctioneer import Auctioneer
from engine.runtime.embedded import EmbeddedWorld
from engine.runtime.embedded_settler import embedded_settler
from engine.runtime.network_watch import NetworkWatch
from engine.runtime.pool import Pool
from engine.store.database import Database
from engine.store.errors import LeaseLostError
from tests.databases import KINDS, Databases
from tests.runtime.invariants import check_books, check_fills, check_records
from tests.runtime.service import COMMANDS, SEED, ManualClock, settings

LEASE_MS = 100_000


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, databases: Databases) -> str:
    return databases.migrated(request.param)


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(COMMANDS) as pool:
        yield pool


def known(watch: NetworkWatch) -> object:
    """What an auctioneer learnt of its network: not what it counted itself."""
    chains = watch.standing(0, 0).chains
    nodes = [
        (node.id, node.health, node.cap, node.rtt_us, node.ejections) for one in chains.values() for node in one.nodes
    ]
    return nodes, [(one.round, one.changes) for one in chains.values()]


def test_of_two_auctioneers_only_the_leader_changes_anything(
    url: str, pool: Pool, opened: Callable[[str], Database]
) -> None:
    databases = [opened(url), opened(url)]
    world = EmbeddedWorld.open(databases[0], SEED)
    assert EmbeddedWorld.open(databases[1], SEED + 1) == world
    clock = ManualClock(world.clock.now_ms())
    world = replace(world, clock=clock)
    numbers: list[int] = []

    def while_first_is_paused(hook: str) -> None:
        if hook == "cleared" and not numbers:
            assert not second.lead()
            clock.now += LEASE_MS
            assert second.lead()
            numbers.append(second.run_once())

    settlers, watches = zip(*(embedded_settler(each, world, lambda _: None) for each in databases), strict=True)
    first, second = (
        Auctioneer(each, world, pool, settings(), holder=name, hooks=hooks, settler=settler, watch=watch)
        for each, name, hooks, settler, watch in zip(
            databases, ("first", "second"), (while_first_is_paused, lambda _: None), settlers, watches, strict=True
        )
    )
    assert first.lead()
    with pytest.raises(LeaseLostError):
        first.run_once()
    assert not first.lead()

    assert numbers == [1]
    with databases[0].reading() as work:
        assert [auction.status for auction in work.auctions.page(None, 10)[0]] == ["settled", "void"]
        assert len(work.auctions.fills(1)) > 0
    assert (first.state.leads, second.state.leads) == (False, True)
    assert second.lead()
    assert second.run_once() == 2
    clock.now += LEASE_MS
    assert first.lead()
    assert known(watches[0]) == known(watches[1])
    check_books(url)
    check_fills(databases[0])
    check_records(databases[0])


def test_the_lost_leader_can_void_nothing_either(url: str, pool: Pool, opened: Callable[[str], Database]) -> None:
    database = opened(url)
    clock = ManualClock(0)
    world = replace(EmbeddedWorld.open(database, SEED), clock=clock)
    first = Auctioneer(database, world, pool, settings(), holder="first")
    second = Auctioneer(database, world, pool, settings(), holder="second")
    assert first.lead()
    clock.now += LEASE_MS
    assert second.lead()

    with pytest.raises(LeaseLostError):
        first.recover()
    with pytest.raises(LeaseLostError):
        first.run_once()

    with database.reading() as work:
        assert work.auctions.latest() is None
