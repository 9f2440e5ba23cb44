"""What nodes say counts by quorum, and only what they signed themselves."""

import pytest

from engine.settlement.plan import Plan, plan_of
from engine.settlement.reports import Fate, Report, Seen, check_report, fates_of, needed
from intents.errors import InputError
from tests.settlement.worlds import ALPHA, BETA, five_winners, network_of

WORLD = network_of(3)
PLAN: Plan = plan_of(five_winners(), WORLD.network(), 1_000_000)
STEP = next(step for step in PLAN.steps if step.chain == ALPHA)
NODES = [node.name for node in PLAN.network.chains[ALPHA].nodes]


def report(node: str, status: str, *, final_us: int = 0, chain: str = ALPHA, **seen: object) -> Report:
    entry = Seen.model_validate({"transaction": STEP.id, "status": status, **seen})
    return Report(node=node, chain=chain, asked_us=5, final_us=final_us, seen=(entry,)).signed(WORLD.node_key(node))


def final(node: str, block: str = "0xa", gas: int = 90) -> Report:
    return report(node, "final", height=7, block=block, gas=gas, gas_price=1)


def test_a_quorum_that_says_the_same_is_believed_and_a_lonely_voice_is_not() -> None:
    assert fates_of(PLAN, [final(NODES[0])]) == {}
    assert fates_of(PLAN, [final(NODES[0]), final(NODES[0])]) == {}
    assert fates_of(PLAN, [final(NODES[0]), final(NODES[1], block="0xb")]) == {}
    assert fates_of(PLAN, [final(NODES[0]), final(NODES[1], gas=91)]) == {}
    landed = Fate("landed", 7, "0xa", 90, 1)
    assert fates_of(PLAN, [final(NODES[0]), final(NODES[2])]) == {STEP.id: landed}
    assert fates_of(PLAN, [report(NODES[0], "included", height=7), final(NODES[1])]) == {}


def test_absent_counts_only_when_the_chain_is_final_beyond_the_last_moment() -> None:
    assert STEP.due_us is not None
    early = [report(node, "absent", final_us=STEP.due_us) for node in NODES]
    late = [report(node, "absent", final_us=STEP.due_us + 1) for node in NODES]

    assert fates_of(PLAN, early) == {}
    assert fates_of(PLAN, late[:1]) == {}
    assert fates_of(PLAN, late) == {STEP.id: Fate("expired")}


def test_what_nodes_of_another_chain_say_is_nothing() -> None:
    strangers = [node.name for node in PLAN.network.chains[BETA].nodes]
    said = [report(node, "final", chain=BETA, height=7) for node in strangers]
    for each in said:
        check_report(each, PLAN.network.chains[BETA])
    assert fates_of(PLAN, said) == {}


def test_forged_edited_and_borrowed_reports_are_refused() -> None:
    chain, true = PLAN.network.chains[ALPHA], final(NODES[0])
    check_report(true, chain)
    forged = true.signed(b"\x01" * 32)
    edited = true.model_copy(update={"final_us": 99})
    borrowed = true.model_copy(update={"node": NODES[1]})
    for false in (forged, edited, borrowed):
        with pytest.raises(InputError, match="bad_signature"):
            check_report(false, chain)
    with pytest.raises(InputError, match="unknown_node"):
        check_report(true.model_copy(update={"node": "nobody"}), chain)
    twice = true.model_copy(update={"seen": true.seen * 2}).signed(WORLD.node_key(NODES[0]))
    with pytest.raises(InputError, match="duplicate_entry"):
        check_report(twice, chain)


def test_only_what_proves_something_is_kept() -> None:
    said = [
        report(NODES[0], "absent"),
        final(NODES[0], block="0xliar"),
        final(NODES[1]),
        final(NODES[2]),
        final(NODES[2]),
    ]
    fates = fates_of(PLAN, said)

    assert needed(PLAN, said, fates) == said[2:4]
    assert fates_of(PLAN, needed(PLAN, said, fates)) == fates
