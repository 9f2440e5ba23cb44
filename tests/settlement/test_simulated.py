"""The simulated network: the same every time, alive after its user died, and true to what an executor promises."""

from __future__ import annotations

import json

import pytest

from engine.network.trust.receipts import Receipt
from engine.settlement.plan import Transaction, plan_of
from engine.settlement.reports import Report
from engine.settlement.simulated import START_US, SimulatedNetwork
from engine.settlement.simulated_chain import ChainState
from engine.settlement.simulated_world import Faults, SimulatedChain, SimulatedNode, SimulatedWorld
from intents.values import content_hash
from tests.settlement.test_one_effect import HOSTILE
from tests.settlement.worlds import ALPHA, five_winners, network_of

SECOND = 1_000_000


def steps(world: SimulatedWorld) -> list[Transaction]:
    return [step for step in plan_of(five_winners(), world.network(), START_US).steps if step.chain == ALPHA]


def talk(
    network: SimulatedNetwork, world: SimulatedWorld, until_us: int = 30 * SECOND, *, restarts: bool = False
) -> str:
    """Everything that is answered to the same sends and questions, as text."""
    nodes = [node.name for node in world.chains[ALPHA].nodes]
    names = [step.id for step in steps(world)]
    said = []
    for at_us in range(START_US, START_US + until_us, 700_000):
        if at_us == START_US:
            for sequence, step in enumerate(steps(world)):
                network.send(step, nodes[sequence % len(nodes)], sequence, at_us)
        for node in nodes:
            network.ask(ALPHA, node, names, at_us)
        said += [answer.to_wire() for answer in network.poll(at_us + 700_000)]
        if restarts:
            network = SimulatedNetwork.load(world, json.loads(json.dumps(network.dump())))
    return json.dumps(said)


def test_the_same_seed_gives_the_same_answers_through_any_number_of_restarts() -> None:
    world = network_of(5, faults=HOSTILE, lies={ALPHA: "replayer"})
    whole = talk(SimulatedNetwork(world), world)

    assert len(json.loads(whole)) > 20
    assert talk(SimulatedNetwork(world), world) == whole
    assert talk(SimulatedNetwork(world), world, restarts=True) == whole
    other = network_of(6, faults=HOSTILE, lies={ALPHA: "replayer"})
    assert talk(SimulatedNetwork(other), other) != whole


def chain_of(depth: int = 3, **more: int) -> ChainState:
    node = SimulatedNode(name="n", operator="o", region="eu")
    spec = SimulatedChain(block_us=SECOND, depth=depth, nodes=(node,), **more)
    return ChainState(spec, next_us=SECOND, base_fee=spec.base_fee)


def step_of(
    name: str, *, gas: int = 100, price: int = 10, due_us: int | None = None, reverses: str | None = None
) -> Transaction:
    digest = content_hash("test", name)
    return Transaction(
        id=digest,
        bid=digest,
        sender="ann",
        chain=ALPHA,
        stage=0,
        effects=digest,
        gas_units=gas,
        max_gas_price=price,
        due_us=due_us,
        reverses=None if reverses is None else content_hash("test", reverses),
    )


def mine(chain: ChainState, blocks: int = 1, *, demand: int = 0) -> list[str]:
    taken = []
    for _ in range(blocks):
        taken += chain.block(demand, 0)
        chain.next_us += SECOND
    return taken


def test_a_chain_takes_an_id_once_in_time_and_undoes_only_what_happened() -> None:
    chain = chain_of()
    step, late, undo = step_of("step"), step_of("late", due_us=SECOND - 1), step_of("undo", reverses="step")

    chain.offer(undo)
    chain.offer(late)
    assert mine(chain) == []
    chain.offer(step)
    assert mine(chain) == [step.id]
    assert mine(chain) == [undo.id]
    for again in (step, undo, late):
        chain.offer(again)
    assert mine(chain, 5) == []
    assert chain.included.keys() == {step.id, undo.id}


def test_who_pays_more_is_first_and_who_does_not_pay_the_fee_waits() -> None:
    chain = chain_of(gas_limit=150, base_fee=500)
    poor, modest, rich = (
        step_of(name, price=price) for name, price in (("poor", 400), ("modest", 600), ("rich", 9000))
    )
    for each in (poor, modest, rich):
        chain.offer(each)

    assert mine(chain) == [rich.id]
    assert modest.id in chain.pool
    assert chain.included[rich.id].gas_price == 550
    assert mine(chain, 20) == [modest.id, poor.id]  # the fee falls while blocks are empty


def test_the_base_fee_moves_by_at_most_an_eighth() -> None:
    chain = chain_of(gas_limit=1000, base_fee=8000)
    fees = []
    for demand in (2**32 - 1, 0):
        before = chain.base_fee
        mine(chain, demand=demand)
        fees.append((before, chain.base_fee))
    (start, full), (_, empty) = fees
    assert full == start + start * 499 // 500 // 8  # strangers fill 999 of 1000
    assert empty == full - full // 8


def test_a_reorganisation_stops_at_finality_and_leaves_nothing_twice() -> None:
    chain = chain_of(depth=3)
    old, new, lost = step_of("old"), step_of("new"), step_of("lost")
    chain.offer(old)
    mine(chain, 4)
    chain.offer(new)
    mine(chain)
    chain.offer(lost)
    mine(chain)
    assert chain.included[old.id].height <= chain.final_height

    height = chain.height
    chain.reorganise(99, word=0b10)  # the newest block's transaction is lost, the one before waits again

    assert chain.height == height - 3 == chain.final_height
    assert chain.included.keys() == {old.id}
    assert chain.pool.keys() == {new.id}
    assert mine(chain) == [new.id]


@pytest.mark.parametrize("lie", ["forger", "replayer", "early", "censor"])
def test_liars_lie(lie: str) -> None:
    world = network_of(2, faults=Faults(censored=1_000_000), lies={ALPHA: lie})  # type: ignore[dict-item]  # a Lie
    network, node, key = (
        SimulatedNetwork(world),
        world.chains[ALPHA].nodes[0].name,
        world.network().chains[ALPHA].nodes[0].key,
    )
    first, second = steps(world)[:2]
    for sequence, step in enumerate((first, second)):
        network.send(step, node, sequence, START_US)
    network.ask(ALPHA, node, [first.id], START_US)
    early = network.poll(START_US + SECOND // 2)
    network.send(first, world.chains[ALPHA].nodes[1].name, 2, network.now_us())
    late = network.poll(START_US + 20 * SECOND)
    network.ask(ALPHA, node, [first.id], network.now_us())
    last = [answer for answer in network.poll(network.now_us() + SECOND) if isinstance(answer, Report)][-1]
    receipts = [each for each in (*early, *late) if isinstance(each, Receipt) and each.node == node]

    match lie:
        case "forger":
            assert receipts
            for each in (*receipts, last):
                with pytest.raises(ValueError, match="bad_signature"):
                    each.check(key)
        case "replayer":
            assert receipts == [receipts[0]] * 2
            assert last.asked_us == START_US
        case "early":
            assert [each.status for each in early if isinstance(each, Receipt)] == ["landed", "landed"]
            assert [seen.status for each in early if isinstance(each, Report) for seen in each.seen] == ["final"]
        case "censor":
            assert receipts == []
            assert first.id in network.chains[ALPHA].included
            assert [seen.status for seen in last.seen] == ["absent"]
