"""Plans: what follows from a record, in which order, and what undoes it."""

import pytest

from engine.settlement.chains import ChainSpec, Network
from engine.settlement.plan import Plan, plan_of, transaction_id, winning_solutions
from intents.errors import InputError
from intents.identifiers import place_of
from intents.values import canonical_bytes
from tests.settlement.worlds import ALPHA, BETA, five_winners, network_of

START = 1_000_000


def plan() -> Plan:
    return plan_of(five_winners(), network_of(1).network(), START)


def bid_of(index: int) -> str:
    return five_winners().bids[index].id


def test_the_same_record_gives_the_same_bytes_and_they_come_back() -> None:
    content = canonical_bytes(plan())

    assert canonical_bytes(plan()) == content
    assert Plan.from_json(content) == plan()
    assert plan_of(five_winners(), network_of(1).network(), START + 1).hash != plan().hash


def test_a_bid_is_one_transaction_for_each_place_and_stage_that_it_touches() -> None:
    made = plan()
    shape = {bid: [(step.stage, step.chain) for step in steps] for bid, steps in made.bids.items()}

    assert set(shape) == set(five_winners().winners)
    assert shape[bid_of(0)] == [(0, ALPHA)]
    assert shape[bid_of(2)] == [(0, ALPHA), (0, BETA), (1, BETA)]
    assert shape[bid_of(4)] == [(0, ALPHA), (1, BETA), (2, BETA)]
    for step in made.steps:
        assert step.id == transaction_id(made.problem_hash, step.bid, step.chain, step.stage)
    assert len(made.transactions) == 2 * len(made.steps)


def test_a_stage_waits_for_the_one_before_and_a_bridge_for_its_delay() -> None:
    made = plan()
    first, second, third = made.bids[bid_of(4)]
    (crossing,), (after,) = made.before[second.id], made.before[third.id]

    assert (crossing.before, crossing.kind, crossing.delay_us) == (first.id, "bridge", 600_000_000)
    assert (after.before, after.kind, after.delay_us) == (second.id, "stage", 0)
    assert first.id not in made.before
    assert first.due_us is not None
    assert second.due_us is not None
    assert second.due_us > first.due_us + crossing.delay_us


def test_gas_is_what_the_auction_checked_and_each_step_can_be_undone() -> None:
    made, problem = plan(), five_winners().problem
    for bid in five_winners().bids:
        solution = winning_solutions(five_winners())[bid.id]
        units = sum(problem.venues_by_id[leg.venue].gas_units for leg in solution.legs)
        assert sum(step.gas_units for step in made.bids[bid.id]) == units
    for step in made.steps:
        undo = made.undoing[step.id]
        assert (undo.bid, undo.chain, undo.due_us, undo.reverses) == (step.bid, step.chain, None, step.id)
        assert undo.effects != step.effects
        assert step.max_gas_price == problem.snapshot.chains[place_of(step.chain)].gas_price


def test_a_place_without_a_chain_is_refused() -> None:
    chains = dict(network_of(1).network().chains)
    del chains[BETA]
    with pytest.raises(InputError, match="unknown_chain"):
        plan_of(five_winners(), Network(chains=chains), START)


@pytest.mark.parametrize("quorum", [0, 4])
def test_a_quorum_is_of_the_nodes_there_are(quorum: int) -> None:
    spec = network_of(1).network().chains[ALPHA]
    with pytest.raises(InputError, match="bad_chain"):
        ChainSpec.from_wire({**spec.to_wire(), "quorum": quorum})
