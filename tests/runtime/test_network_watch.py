"""What the auctioneer hears and shows of its network: silent nodes found, lies without effect, counts by node."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from engine.network.seen import ChainFacts, SeenNetwork
from engine.network.standing import NetworkStanding, NodeStanding
from engine.network.trust.receipts import Receipt
from engine.runtime.network_watch import NetworkWatch
from engine.settlement.choosing import ChainDispatchers
from engine.settlement.observed import ObservedDispatchers
from engine.settlement.plan import Transaction
from engine.settlement.simulated import SimulatedNetwork
from engine.settlement.simulated_world import Lie, SimulatedChain, SimulatedNode, SimulatedWorld
from intents.errors import InputError
from intents.values import content_hash

CHAIN = "sim:a"
NEVER_US = 2**50


class Watched(NamedTuple):
    """A network with nodes n0 to n4, dispatchers that know it, and who watches both."""

    world: SimulatedWorld
    dispatchers: ObservedDispatchers
    seen: SeenNetwork

    def over(self, network: SimulatedNetwork) -> NetworkWatch:
        return NetworkWatch(network, self.world.network(), self.dispatchers, self.seen)


def watched(lie: Lie = "") -> Watched:
    nodes = tuple(
        SimulatedNode(name=f"n{i}", operator=f"o{i}", region="eu", lie=lie if i == 4 else "") for i in range(5)
    )
    chain = SimulatedChain(block_us=1_000_000, depth=2, nodes=nodes)
    world = SimulatedWorld(seed=1, home="eu", rtt_us={"eu/eu": 2_000}, chains={CHAIN: chain})
    dispatchers = ObservedDispatchers(ChainDispatchers(world.network(), seed=1, now_us=1_000_000))
    facts = {CHAIN: ChainFacts({node.name: "eu" for node in nodes}, 500_000, 3_000_000)}
    return Watched(world, dispatchers, SeenNetwork(dispatchers.chains, facts, {}, 1_000_000))


def without(network: SimulatedNetwork, node: str) -> SimulatedNetwork:
    """The network, with a node that is down for good."""
    data = network.dump()
    data["nodes"][node]["down_until_us"] = NEVER_US
    return SimulatedNetwork.load(network.world, data)


def nodes_of(standing: NetworkStanding) -> dict[str, NodeStanding]:
    return {node.id: node for node in standing.chains[CHAIN].nodes}


def test_a_node_that_dies_between_settlements_is_out_before_the_next() -> None:
    one = watched()
    network = SimulatedNetwork(one.world)
    one.over(network).listen()
    before = one.over(network).standing(0, 5)

    network = without(network, "n2")
    one.over(network).listen()
    after = one.over(network).standing(1, 6)

    assert {node.health for node in nodes_of(before).values()} == {"up"}
    assert {name: node.health for name, node in nodes_of(after).items() if node.health != "up"} == {"n2": "ejected"}
    assert (nodes_of(after)["n2"].cap, nodes_of(after)["n2"].planned_ppm, nodes_of(after)["n2"].ejections) == (0, 0, 1)
    assert sum(node.planned_ppm for node in nodes_of(after).values()) == 10**6
    (change,) = after.chains[CHAIN].changes
    assert (change.node, change.state, change.reason) == ("n2", "out", "silent")


@pytest.mark.parametrize(("lie", "refused", "health"), [("forger", 6, "up"), ("replayer", 5, "ejected")])
def test_who_lies_of_being_there_is_not_heard(lie: Lie, refused: int, health: str) -> None:
    """A forger is never known to report, so its silence means nothing; of a replayer the first report was good."""
    one = watched(lie)
    network = SimulatedNetwork(one.world)
    for _ in range(2):
        one.over(network).listen()

    nodes = nodes_of(one.over(network).standing(0, 5))

    assert [(node.health, node.refused) for node in nodes.values()] == [("up", 0)] * 4 + [(health, refused)]


def test_sends_and_refused_receipts_count_for_the_node_they_name() -> None:
    one = watched()
    network = SimulatedNetwork(one.world)
    transaction = step("first")
    node, _ = one.dispatchers.choose(transaction, 0, frozenset(), 1_000_000)
    assert node is not None
    sequence = one.dispatchers.sent(transaction, node, 1_000_000)
    for named in (node, "n9"):
        forged = receipt(transaction, named, sequence).signed(b"\x01" * 32)
        with pytest.raises(InputError):
            one.dispatchers.received(forged, 1_000_100)

    first, second = (one.over(network).standing(number, 5) for number in (0, 1))
    one.dispatchers.received(receipt(transaction, node, sequence).signed(one.world.node_key(node)), 1_000_200)
    third = one.over(network).standing(2, 5)

    keys = ("sent", "sent_now", "busiest", "in_flight", "refused")
    rows = [tuple(getattr(nodes_of(each)[node], key) for key in keys) for each in (first, second, third)]
    assert rows == [(1, 1, 1, 1, 1), (1, 0, 0, 1, 1), (1, 0, 0, 0, 1)]
    others = [each for name, each in nodes_of(third).items() if name != node]
    assert {getattr(each, key) for each in others for key in keys} == {0}


def receipt(transaction: Transaction, node: str, sequence: int) -> Receipt:
    return Receipt(
        node=node, chain=CHAIN, transaction=transaction.id, sequence=sequence, status="landed", at_us=1_000_050
    )


def step(word: str) -> Transaction:
    digest = content_hash("test", word)
    return Transaction(
        id=digest,
        bid=digest,
        sender="ann",
        chain=CHAIN,
        stage=0,
        effects=digest,
        gas_units=1,
        max_gas_price=1,
        due_us=None,
    )
