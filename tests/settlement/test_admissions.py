"""Sends that wait because their chain is full or its retries are used up: they land all the same, and the record shows why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from engine.network.health.limits import Limits
from engine.network.health.reducer import Settings
from engine.network.health.retries import Retries
from engine.settlement.admissions import check_admissions
from engine.settlement.plan import PATIENCE_BLOCKS
from engine.settlement.record import SettlementRecord
from engine.settlement.simulated_world import Faults
from intents.errors import InputError
from tests.settlement.chaos import Coordinator, check_books_of, check_one_effect
from tests.settlement.worlds import ALPHA, five_winners, network_of

NARROW = Settings(limits=Limits(start=1, floor=1, ceiling=1), retries=Retries(0, 1, 1000))
"""Each of three nodes takes one at a time; a chain may retry once, and then once in a thousand seconds."""


@cache
def crowded() -> SettlementRecord:
    """Five bids that all begin on one chain of three nodes, on a network that loses messages, through deaths."""
    lossy = Faults(lost=150_000, missed=200_000, grey=50_000, grey_us=8_000_000)
    coordinator = Coordinator(five_winners(), network_of(5, faults=lossy), death=0.05, settings=NARROW)
    settled = coordinator.settled()
    assert coordinator.died.total() > 1
    check_one_effect(coordinator, settled)
    check_books_of(five_winners(), settled)
    return settled


def test_who_is_refused_waits_a_block_and_is_asked_again_inside_its_deadline() -> None:
    settled = crowded()
    asked = [each for each in settled.admissions if each.chain == ALPHA]
    verdicts = Counter((each.klass, each.verdict) for each in asked)
    sent = {attempt.transaction for attempt in settled.attempts}
    block_us = settled.plan.network.chains[ALPHA].block_us

    assert verdicts["first", "full"] > 0
    assert any(each.verdict == "no_token" for each in settled.admissions)
    waited = [each for each in asked if (each.attempt, each.verdict) == (0, "full")]
    assert sent & {each.transaction for each in waited}
    for each in asked:
        loads = [int(word) for word in each.own.split()]
        assert sum(loads) <= 3 or each.klass == "undoing"
        later = [
            other.now_us for other in asked if other.transaction == each.transaction and other.now_us > each.now_us
        ]
        if each.verdict != "admitted":
            assert all(at_us >= each.now_us + block_us for at_us in later)
    steps = {step.id: step for step in settled.plan.steps}
    assert all(a.now_us < (steps[a.transaction].due_us or 0) for a in settled.admissions if a.transaction in steps)
    assert PATIENCE_BLOCKS > 1


def _edit(name: str, value: Any, verdict: str) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        next(each for each in data["admissions"] if each["verdict"] == verdict)[name] = value

    return change


def _without_refusal(data: dict[str, Any]) -> None:
    refused = next(each for each in data["admissions"] if each["verdict"] == "full")
    data["admissions"].remove(refused)


@pytest.mark.parametrize(
    ("code", "where", "change"),
    [
        ("other_admission", "/verdict", _edit("verdict", "admitted", "full")),
        ("other_admission", "/verdict", _edit("cap", "0 0 0", "admitted")),
        ("other_admission", "/own", _edit("own", "0 0 7", "admitted")),
        ("other_admission", "/klass", _edit("klass", "undoing", "full")),
        ("other_admission", "/refused_ppm", _without_refusal),
        ("other_admission", "/attempt", _edit("attempt", 7, "no_token")),
        ("other_admission", "/admissions", lambda data: data.update(admissions=[])),
        ("malformed_admission", "", _edit("cap", "1", "admitted")),
        ("malformed_admission", "/own", _edit("own", "9999999999999999999 0 0", "admitted")),
    ],
)
def test_a_changed_admission_is_named(code: str, where: str, change: Callable[[dict[str, Any]], None]) -> None:
    data = crowded().to_wire()
    change(data)
    edited = SettlementRecord.from_wire(data)

    with pytest.raises(InputError) as caught:
        check_admissions(edited.plan, edited.attempts, edited.admissions)

    assert (caught.value.code, caught.value.where.endswith(where)) == (code, True)


def test_what_undoes_is_never_refused() -> None:
    hostile = Faults(grey=40_000, grey_us=20_000_000, missed=150_000, lost=80_000)
    klasses: Counter[tuple[str, str]] = Counter()
    for seed in range(4):
        coordinator = Coordinator(five_winners(), network_of(seed, faults=hostile), settings=NARROW)
        settled = coordinator.settled()
        check_one_effect(coordinator, settled)
        klasses.update((each.klass, each.verdict) for each in settled.admissions)

    assert klasses["undoing", "admitted"] > 0
    assert {verdict for klass, verdict in klasses if klass == "undoing"} == {"admitted"}
