"""Trust in the service: heartbeats, rounds of probes that choices count with, and what a restart does not forget."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from engine.network.health.changes import replay_changes
from engine.network.seen import ChainFacts, SeenNetwork
from engine.network.standing import NodeStanding
from engine.network.trust.receipts import Receipt
from engine.runtime.network_watch import Logged, NetworkWatch
from engine.settlement.choosing import ChainDispatchers
from engine.settlement.dispatch import Dispatch
from engine.settlement.observed import ObservedDispatchers
from engine.settlement.plan import Plan, Transaction, plan_of
from engine.settlement.progress import Progress
from engine.settlement.reconcile import hold_together
from engine.settlement.record import SettlementRecord, check_settlement, settlement_record
from engine.settlement.simulated import SimulatedNetwork
from engine.settlement.simulated_world import BEAT_US, Lie, SimulatedWorld
from engine.store.database import Database
from intents.errors import InputError
from intents.values import content_hash
from tests.databases import Databases
from tests.settlement.worlds import ALPHA, five_winners, network_of

ROOT = content_hash("test", "a settlement")
LAG_US = 90_000
NODES = tuple(f"sim.alpha.{i}" for i in range(5))
LAGGING = NODES[1]


@pytest.fixture
def database(databases: Databases) -> Iterator[Database]:
    database = Database.open(databases.migrated("sqlite"))
    yield database
    database.close()


def world_of(lie: Lie = "") -> SimulatedWorld:
    """Five operators with a node on each of three chains; one of alpha's lags, and its first node tells lies."""
    world = network_of(2, nodes=5, lies={ALPHA: lie})
    alpha = world.chains[ALPHA]
    nodes = tuple(node.model_copy(update={"lag_us": LAG_US}) if node.name == LAGGING else node for node in alpha.nodes)
    chains = {**world.chains, ALPHA: alpha.model_copy(update={"nodes": nodes})}
    return world.model_copy(update={"chains": chains, "beat_us": BEAT_US})


def without(node: str) -> SimulatedNetwork:
    """A network with a node that is down for good."""
    network = SimulatedNetwork(world_of())
    data = network.dump()
    data["nodes"][node]["down_until_us"] = 2**50
    return SimulatedNetwork.load(network.world, data)


class Service:
    """Dispatchers over a network, and who watches them: what one life of an auctioneer has of it."""

    def __init__(self, network: SimulatedNetwork) -> None:
        self.network = network
        known, now_us = network.world.network(), network.now_us()
        self.dispatchers = ObservedDispatchers(ChainDispatchers(known, seed=1, now_us=now_us))
        facts = {
            place: ChainFacts({node.name: node.region for node in chain.nodes}, chain.block_us // 2, chain.finality_us)
            for place, chain in known.chains.items()
        }
        seen = SeenNetwork(self.dispatchers.chains, facts, {}, now_us)
        self.watch = NetworkWatch(network, known, self.dispatchers, seen)

    def listen(self, rounds: int) -> None:
        for number in range(rounds):
            self.watch.listen(Logged(number, ROOT))

    def alpha(self) -> dict[str, NodeStanding]:
        return {node.id: node for node in self.watch.standing(0, 5).chains[ALPHA].nodes}

    def send(self, sender: str, node: str, number: int, *, lands: bool) -> None:
        """One transaction, and what became of it."""
        step = next(each for each in plan().steps if each.chain == ALPHA)
        transaction = step.model_copy(update={"id": content_hash("test", number), "sender": sender})
        now_us = self.network.now_us()
        sequence = self.dispatchers.sent(transaction, node, now_us)
        if lands:
            self.dispatchers.received(self._receipt(transaction, node, sequence), now_us)
        else:
            self.dispatchers.timed_out(transaction, node, sequence, now_us)

    def _receipt(self, transaction: Transaction, node: str, sequence: int) -> Receipt:
        stated = {"node": node, "chain": ALPHA, "transaction": transaction.id, "sequence": sequence}
        unsigned = Receipt.model_validate({**stated, "status": "landed", "at_us": self.network.now_us()})
        return unsigned.signed(self.network.world.node_key(node))


@cache
def plan() -> Plan:
    return plan_of(five_winners(), world_of().network(), 1_000_000)


def test_a_lag_behind_the_distance_is_measured_and_counts_in_round_trips() -> None:
    service = Service(SimulatedNetwork(world_of()))
    before = service.alpha()
    service.listen(8)

    nodes = service.alpha()

    for name, node in nodes.items():
        assert node.rtt_us == before[name].rtt_us + node.delay_us
        jitter_us = max(node.delay_us - LAG_US * (name == LAGGING), 0)
        assert jitter_us < 0.25 * 220_000  # what a message takes longer than its distance, both ways
    assert nodes[LAGGING].delay_us >= LAG_US
    assert nodes[LAGGING].delay_us == max(node.delay_us for node in nodes.values())
    assert min(node.beats for node in nodes.values()) > 10


@pytest.mark.parametrize("lie", ["forger", "replayer"])
def test_false_heartbeats_and_measurements_are_refused_and_counted(lie: Lie) -> None:
    service = Service(SimulatedNetwork(world_of(lie)))
    service.listen(5)

    nodes = service.alpha()

    liar = nodes[NODES[0]]
    assert liar.beats <= 1  # a replayer's first is good
    assert liar.refused >= 10
    assert [nodes[name].refused for name in NODES[1:]] == [0] * 4
    assert liar.health == "ejected"
    assert service.watch.standing(0, 5).chains[ALPHA].heartbeats


def test_a_node_nobody_hears_from_is_out() -> None:
    service = Service(without(NODES[2]))
    service.listen(1)

    assert [name for name, node in service.alpha().items() if node.health != "up"] == [NODES[2]]


@cache
def settled() -> SettlementRecord:
    """A settlement after some rounds of probes."""
    service = Service(SimulatedNetwork(world_of()))
    service.listen(8)
    network, record = service.network, five_winners()
    begun = plan_of(record, network.world.network(), network.now_us())
    dispatch = Dispatch(begun, Progress(), service.dispatchers, lambda whole: hold_together(record, whole))
    while True:
        action = dispatch.act(network.now_us())
        if dispatch.done:
            return settlement_record(record, begun, dispatch.progress)[0]
        for send in action.sends:
            network.send(send.transaction, send.node, send.sequence, network.now_us())
        for ask in action.asks:
            network.ask(ask.chain, ask.node, ask.transactions, network.now_us())
        dispatch.take(network.poll(action.next_us), network.now_us())


def test_a_settlements_record_shows_the_round_that_its_choices_count_with() -> None:
    made = settled()

    check_settlement(five_winners(), made)

    (alpha,) = (shares for shares in made.shares if shares.chain == ALPHA)
    assert alpha.round is not None
    assert (alpha.round.root, alpha.round.number) == (ROOT, 7)
    assert alpha.round.after[1].used_us >= LAG_US


def _nearer(data: dict[str, Any]) -> None:
    """The choices of a chain count with another round trip than the round gives, everywhere alike."""
    shares = data["shares"][0]
    shares["rtt_us"][0] += 1
    for attempt in data["attempts"]:
        if attempt["choice"]["chain"] == shares["chain"]:
            attempt["choice"]["sight"]["rtt_us"] = " ".join(map(str, shares["rtt_us"]))


def _sight(data: dict[str, Any]) -> None:
    sight = data["attempts"][0]["choice"]["sight"]
    sight["rtt_us"] = " ".join(str(int(word) + 1) for word in sight["rtt_us"].split())


def _measured(data: dict[str, Any]) -> None:
    data["shares"][0]["round"]["measurements"][0]["latency_us"] += 1


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("other_choice", _nearer),
        ("other_choice", _sight),
        ("other_choice", lambda data: data["shares"][0].pop("round")),
        ("bad_signature", _measured),
        ("bad_round", lambda data: data["shares"][0]["round"]["after"][1].update(used_us=0)),
    ],
)
def test_a_round_trip_that_no_round_gives_is_found(code: str, change: Callable[[dict[str, Any]], None]) -> None:
    data = settled().to_wire()
    change(data)

    with pytest.raises(InputError) as caught:
        check_settlement(five_winners(), SettlementRecord.from_wire(data).sealed())

    assert caught.value.code == code


def test_after_a_restart_who_was_out_stays_out_and_evidence_goes_on(database: Database) -> None:
    censor, gone = NODES[0], NODES[2]
    first = Service(without(gone))
    first.listen(2)
    for number in range(5):
        first.send("ann", censor, 2 * number, lands=False)
        first.send("ben", censor, 2 * number + 1, lands=True)
    _keep(first, database)

    second = Service(first.network)
    assert second.alpha()[gone].health == "up"  # a process that knows nothing
    second.watch.keeper.restore(database)

    assert _known(second) == _known(first)
    assert second.alpha()[gone].health == "ejected"
    for number in range(5, 8):
        assert second.dispatchers.remembered().convictions == {}
        second.send("ann", censor, 2 * number, lands=False)
        second.send("ben", censor, 2 * number + 1, lands=True)
    (conviction,) = second.dispatchers.remembered().convictions[ALPHA]
    assert (conviction.node, conviction.sender, conviction.pairs) == (censor, "ann", 8)
    _keep(second, database)
    with database.reading() as work:
        stored = work.standings.changes(ALPHA)
    log = second.dispatchers.chains[ALPHA].changes
    assert [change.node for change in log.changes][:1] == [gone]
    assert len(stored) == len(log.changes)
    assert replay_changes(log) == ()


def _keep(service: Service, database: Database) -> None:
    with database.transaction() as work:
        service.watch.keeper.keep(work)


def _known(service: Service) -> dict[str, NodeStanding]:
    """Without what is counted of each process."""
    return {
        name: node.model_copy(update={"sent": 0, "sent_now": 0, "busiest": 0, "timeouts": 0, "beats": 0})
        for name, node in service.alpha().items()
    }
