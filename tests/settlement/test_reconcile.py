"""From fates to what a settlement did, and what its record lets nobody change."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from engine.audit.record import record_bytes
from engine.settlement.plan import Plan, plan_of
from engine.settlement.reconcile import hold_together, outcome_of
from engine.settlement.record import SettlementRecord, check_settlement, settlement_bytes
from engine.settlement.replay import replay_settlement
from engine.settlement.reports import Fate
from engine.settlement.simulated_world import Faults
from intents.errors import InputError
from tests.api.program import clearway, done
from tests.auction.builders import ANN, BEN, GAS
from tests.settlement.chaos import Coordinator, check_books_of
from tests.settlement.worlds import BETA, five_winners, network_of

SALE, SWAP, CROSS, BACK, FAR = (bid.id for bid in five_winners().bids)
LANDED = Fate("landed", 5, "0xb", 90, 1)


@cache
def plan() -> Plan:
    return plan_of(five_winners(), network_of(1).network(), 1_000_000)


@cache
def settled() -> SettlementRecord:
    return Coordinator(five_winners(), network_of(4)).settled()


@cache
def half_settled() -> SettlementRecord:
    """Nothing lands on beta: who has a step there is undone on alpha."""
    calm = network_of(4)
    beta = calm.chains[BETA].model_copy(update={"gas_limit": 1, "base_fee": 10**9})
    world = calm.model_copy(
        update={"chains": calm.chains | {BETA: beta}, "faults": Faults(surge=1_000_000, surge_us=10**12)}
    )
    return Coordinator(five_winners(), world).settled()


def fates(*bids: str) -> dict[str, Fate]:
    """These bids landed whole, of the others nothing."""
    return {step.id: LANDED if step.bid in bids else Fate("expired") for step in plan().steps}


def test_who_can_not_hold_without_a_failed_bid_fails_too_and_the_dearer_one_stays() -> None:
    record = five_winners()
    scores = {bid.id: bid.score for bid in record.bids}
    assert hold_together(record, record.winners) == tuple(sorted(record.winners))

    kept = hold_together(record, [SWAP, CROSS, BACK, FAR])

    assert scores[SWAP] > scores[CROSS]
    assert kept == tuple(sorted((SWAP, BACK, FAR)))
    assert hold_together(record, [CROSS, BACK]) == tuple(sorted((CROSS, BACK)))
    outcome = outcome_of(record, plan(), fates(SWAP, CROSS, BACK, FAR), kept)
    assert outcome.failed == {SALE: "not_landed", CROSS: "not_jointly_feasible"}


def test_gas_is_what_was_burnt_and_beyond_the_balance_it_is_unpaid() -> None:
    record = five_winners()
    price = record.problem.snapshot.chains["sim:alpha"].gas_price
    burnt = {step.id: Fate("landed", 5, "0xb", 80, 1) for step in plan().steps}
    whole = outcome_of(record, plan(), burnt, hold_together(record, record.winners))
    alpha = [step for step in plan().steps if step.chain == "sim:alpha" and step.bid in (SALE, SWAP, CROSS)]
    assert whole.replayed.gas[f"solver:{ANN}"][GAS] == sum(min(80, step.gas_units) for step in alpha)
    assert whole.unpaid_gas == {}

    dear = {each.id: Fate("landed", 5, "0xb", 10**9, 10**9) for each in plan().transactions.values()}
    none = outcome_of(record, plan(), dear, ())
    most = sum(
        each.gas_units * each.max_gas_price
        for each in plan().transactions.values()
        if each.bid in (BACK, FAR) and each.chain == "sim:alpha"
    )
    assert price == 2
    assert none.replayed.gas[f"solver:{BEN}"][GAS] == 400
    assert none.unpaid_gas[f"solver:{BEN}"][GAS] == most - 400


def test_a_failed_bid_moves_nothing_but_gas() -> None:
    failed = half_settled()

    assert set(failed.failed) == {CROSS, FAR}
    assert sorted(failed.landed) == sorted((SALE, SWAP, BACK))
    assert set(failed.outcome.filled_units) == {"import:sale", "import:swap", "import:back"}
    undoing = {each.id for each in failed.plan.compensations}
    assert {a.transaction for a in failed.attempts} & undoing
    check_books_of(five_winners(), failed)


def test_a_settlement_replays_from_both_files() -> None:
    for each in (settled(), half_settled()):
        assert replay_settlement(record_bytes(five_winners()), settlement_bytes(each)).identical
    spaced = settlement_bytes(settled()).replace(b"{", b"{ ", 1)
    assert replay_settlement(record_bytes(five_winners()), spaced).step == "canonical"
    assert replay_settlement(record_bytes(five_winners()), b"{}").step == "format"


Edit = Callable[[dict[str, Any]], object]
EDITS: dict[str, tuple[Edit, str]] = {
    "a report is left out": (lambda data: data["reports"].pop(), "no_fate"),
    "all reports are left out": (lambda data: data.update(reports=[]), "no_fate"),
    "a report is changed": (lambda data: data["reports"][0].update(final_us=1), "bad_signature"),
    "a report of nobody": (lambda data: data["reports"][0].update(chain="sim:nowhere"), "unknown_node"),
    "sends and proofs are left out": (
        lambda data: data.update(reports=[], attempts=[], admissions=[]),
        "other_settlement",
    ),
    "another start": (lambda data: data["plan"].update(start_us=7), "other_plan"),
    "a step is left out": (lambda data: data["plan"]["steps"].pop(), "other_plan"),
    "a bid is said to have failed": (
        lambda data: data.update(landed=data["landed"][1:], failed={data["landed"][0]: "not_landed"}),
        "other_settlement",
    ),
    "a balance is changed": (
        lambda data: data["outcome"]["balances"]["import:bob"].update({"sim:alpha/token:USD": "7"}),
        "other_settlement",
    ),
    "a refusal is not counted": (lambda data: data.update(refused=5), "other_settlement"),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edited_settlement_is_found_out(what: str) -> None:
    edit, code = EDITS[what]
    data = settled().to_wire()
    edit(data)

    with pytest.raises(InputError) as caught:
        check_settlement(five_winners(), SettlementRecord.from_wire(data))

    assert caught.value.code == code


def test_what_failed_must_have_been_undone() -> None:
    data = half_settled().to_wire()
    undoing = {each["id"] for each in data["plan"]["compensations"]}
    kept = [r for r in data["reports"] if undoing.isdisjoint(seen["transaction"] for seen in r["seen"])]
    data["reports"] = kept
    for sends in ("attempts", "admissions"):
        data[sends] = [send for send in data[sends] if send["transaction"] not in undoing]

    with pytest.raises(InputError) as caught:
        check_settlement(five_winners(), SettlementRecord.from_wire(data))

    assert caught.value.code == "not_undone"


def test_what_failed_to_settle_is_charged_and_another_settlement_refused(tmp_path: Path) -> None:
    record, settled_, rules = tmp_path / "record.json", tmp_path / "settlement.json", tmp_path / "rules.json"
    record.write_bytes(record_bytes(five_winners()))
    settled_.write_bytes(settlement_bytes(half_settled()))
    stated = {"most": "10", "least": "1", "not_settled": "7", "not_revealed": "0", "late_reveal": "0"}
    rules.write_text(json.dumps(stated))
    told, kind = tmp_path / "rewards.json", tmp_path / "kind.json"
    done("audit", "rewards", record, "--rules", rules, "-o", kind)

    answer = done("audit", "rewards", record, "--rules", rules, "--settlement", settled_, "--json", "-o", told)

    failed = half_settled().failed
    assert "not_landed" in failed.values()
    charged = {penalty["bid"]: penalty["amount"] for one in answer.data["solvers"] for penalty in one["penalties"]}
    assert charged == {bid: "7" for bid, code in failed.items() if code == "not_landed"}
    done("audit", "rewards", record, "--check", told, "--settlement", settled_)
    refused = clearway("audit", "rewards", record, "--check", kind, "--settlement", settled_)
    assert (refused.code, refused.err.split()[1]) == (2, "other_settlement")
