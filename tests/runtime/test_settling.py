"""Settlements in the service: what lands moves, what fails opens again, and what was begun is finished."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from engine.audit.record import Record
from engine.runtime.auctioneer import Auctioneer
from engine.runtime.embedded import EmbeddedWorld
from engine.runtime.pool import Pool
from engine.runtime.settling import Settler, SettlingError
from engine.runtime.stored_network import StoredNetwork
from engine.settlement.choosing import ChainDispatchers
from engine.settlement.record import SettlementRecord, check_settlement, settlement_bytes
from engine.settlement.replay import replay_settlement
from engine.settlement.simulated_world import Faults, SimulatedChain, SimulatedWorld, simulated_world
from engine.store.database import Database
from intents.errors import InputError
from intents.lifecycle import Status
from tests.databases import Databases
from tests.runtime.invariants import check_books, check_fills, check_records
from tests.runtime.service import COMMANDS, SEED, settings

DEAD = Faults(lost=1_000_000)
"""No message arrives."""


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


def network_of(database: Database, **changes: object) -> SimulatedWorld:
    world = EmbeddedWorld.open(database, SEED)
    with database.reading() as work:
        return simulated_world(world.market(work), SEED).model_copy(update=changes)


def auctioneer(
    database: Database,
    pool: Pool,
    network: SimulatedWorld,
    *,
    patience: float = 60,
    hooks: Callable[[str], None] = lambda _: None,
) -> Auctioneer:
    world = EmbeddedWorld.open(database, SEED)
    stored = StoredNetwork.begin(database, network)
    chooser = ChainDispatchers(stored.network, seed=1, now_us=stored.now_us())
    settler = Settler(database, stored, stored.network, chooser, patience_seconds=patience, hooks=hooks)
    made = Auctioneer(database, world, pool, settings(), settler=settler, holder="one", hooks=hooks)
    assert made.lead()
    return made


def settlement(database: Database, number: int) -> SettlementRecord:
    with database.reading() as work:
        record, content = work.auctions.record_bytes(number), work.settlements.record_bytes(number)
    assert record is not None
    assert content is not None
    settled = SettlementRecord.from_json(content)
    check_settlement(Record.from_json(record), settled)
    return settled


def status(database: Database, number: int) -> str:
    with database.reading() as work:
        stored = work.auctions.get(number)
    assert stored is not None
    return stored.status


def test_what_does_not_land_is_open_again_with_the_reason(url: str, database: Database, pool: Pool) -> None:
    one = auctioneer(database, pool, network_of(database, faults=Faults(), chains=full(database)))

    assert one.run_once() == 0

    settled = settlement(database, 0)
    assert settled.landed == ()
    assert set(settled.failed.values()) == {"not_landed"}
    with database.reading() as work:
        batch = [work.intents.get(intent) for intent in work.auctions.batch(0)]
        histories = [work.intents.history(item.intent.id)[-1] for item in batch if item is not None]
        assert work.auctions.fills(0) == []
        assert work.auctions.winners(0) != []
        assert work.settlements.failures(0) == settled.failed
    assert {item.status for item in batch if item is not None} == {Status.OPEN}
    assert {line.detail.get("settlement") for line in histories} == {None, "not_landed"}
    check_books(url)
    check_fills(database)
    check_records(database)


def full(database: Database) -> dict[str, SimulatedChain]:
    """Chains whose blocks have no room for anything that pays what we pay: nothing lands."""
    chains = network_of(database).chains
    return {place: chain.model_copy(update={"base_fee": 10**15}) for place, chain in chains.items()}


def test_a_settlement_that_is_not_final_is_gone_on_with_and_no_auction_begins_before(
    url: str, database: Database, pool: Pool
) -> None:
    seen: list[str] = []
    network = network_of(database)

    def look(hook: str) -> None:
        seen.append(hook)
        if hook == "heard" and seen.count("heard") == 2:
            raise InputError("made_up", "", expected="none", actual="a fault")

    first = auctioneer(database, pool, network, hooks=look)
    with pytest.raises(InputError, match="made_up"):
        first.run_once()
    assert status(database, 0) == "settling"
    with database.reading() as work:
        assert {line.status for i in work.auctions.batch(0) for line in work.intents.history(i)[-1:]} == {
            Status.SETTLING
        }

    assert first.run_once() == 1

    assert [status(database, number) for number in (0, 1)] == ["settled", "settled"]
    assert seen.index("settled") < len(seen) - 1 - seen[::-1].index("cut")
    for number in (0, 1):
        settlement(database, number)
    check_books(url)
    check_fills(database)
    check_choices_of(database)


def check_choices_of(database: Database) -> None:
    """Every send of the second auction follows from what was seen; another node than was chosen is found."""
    settled = settlement(database, 1)
    assert {shares.k for shares in settled.shares} <= {2, 3}
    data = settled.to_wire()
    choice = data["attempts"][0]["choice"]
    choice["chosen"] = (choice["chosen"] + 1) % len(choice["nodes"])
    data["attempts"][0]["node"] = choice["nodes"][choice["chosen"]]
    edited = SettlementRecord.from_wire(data).sealed()
    with database.reading() as work:
        record = work.auctions.record_bytes(1)
    assert record is not None
    report = replay_settlement(record, settlement_bytes(edited))
    assert str(report.difference).startswith("/attempts/")  # that choice, or one that would have been another after it


def test_a_network_that_does_not_answer_keeps_the_auction_settling(database: Database, pool: Pool) -> None:
    one = auctioneer(database, pool, network_of(database, faults=DEAD), patience=0.5)

    for _ in range(2):
        with pytest.raises(SettlingError):
            one.run_once()

    assert status(database, 0) == "settling"
    with database.reading() as work:
        latest = work.auctions.latest()
    assert latest is not None
    assert latest.number == 0


def test_the_network_outlives_its_user_and_forgets_nothing_that_it_said(database: Database) -> None:
    world = network_of(database)
    first = StoredNetwork.begin(database, world)
    first.poll(first.now_us() + 5_000_000)

    again = StoredNetwork.begin(database, world.model_copy(update={"seed": 99}))

    assert again.now_us() == first.now_us()
    assert again.network == first.network
