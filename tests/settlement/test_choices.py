"""The choices of a settlement's record: made again bit for bit through crashes, and every changed input named."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from engine.network.policies.base import PPM
from engine.network.shares import Estimates, solved
from engine.settlement.choices import check_choices
from engine.settlement.record import SettlementRecord
from engine.settlement.simulated_world import Faults
from intents.errors import InputError
from tests.settlement.chaos import Coordinator
from tests.settlement.worlds import five_winners, network_of

STORMY = Faults(crashed=50_000, crash_us=8_000_000, grey=50_000, grey_us=8_000_000, missed=100_000, lost=100_000)


@cache
def settled() -> SettlementRecord:
    """A settlement through five deaths and a bad network: nodes are sent to again, and whoever goes on has new estimates."""
    coordinator = Coordinator(five_winners(), network_of(3, faults=STORMY, nodes=5), death=0.1)
    made = coordinator.settled()
    assert coordinator.died.total() == 5
    return made


def edited(change: Callable[[dict[str, Any]], None]) -> SettlementRecord:
    data = settled().to_wire()
    change(data)
    return SettlementRecord.from_wire(data)


def test_every_choice_follows_from_the_record_through_crashes() -> None:
    record = settled()

    check_choices(record.plan, record.attempts, record.shares)

    assert any(attempt.choice is not None and attempt.choice.attempt > 0 for attempt in record.attempts)
    assert len({shares.since for shares in record.shares}) > 1
    assert {shares.k for shares in record.shares} == {3}


def _set(data: dict[str, Any], row: str, name: str, value: str) -> None:
    data["attempts"][0]["choice"][row][name] = value


def _other_node(data: dict[str, Any]) -> None:
    choice = data["attempts"][0]["choice"]
    choice["chosen"] = (choice["chosen"] + 1) % 5
    data["attempts"][0]["node"] = choice["nodes"][choice["chosen"]]


def _slow_node(data: dict[str, Any]) -> None:
    choice = data["attempts"][0]["choice"]
    times = choice["sight"]["service_us"].split()
    times[choice["chosen"]] = str(10**9)
    choice["sight"]["service_us"] = " ".join(times)


def _other_memory(data: dict[str, Any]) -> None:
    chain = data["attempts"][0]["choice"]["chain"]
    second = next(each for each in data["attempts"][1:] if each["choice"]["chain"] == chain)
    second["choice"]["memory"]["cursor"] = "3"


def _any_node(data: dict[str, Any]) -> None:
    """A send that fell through is shown all nodes again, so that the policy may have its way."""
    choice = next(each["choice"] for each in data["attempts"] if each["choice"]["attempt"] == 1)
    choice["sight"]["cap"] = choice["caps"]


def _no_choice(data: dict[str, Any]) -> None:
    data["attempts"][0]["choice"] = None


def _steep(data: dict[str, Any]) -> None:
    shares = data["shares"][0]
    shares["ceilings_ppm"] = dict.fromkeys(shares["ceilings_ppm"], PPM)


@pytest.mark.parametrize(
    ("code", "where", "change"),
    [
        ("other_choice", "/attempts/0/choice/chosen", _other_node),
        ("other_choice", "/attempts/0/choice/chosen", _slow_node),
        ("other_choice", "/choice/memory/cursor", _other_memory),
        ("other_choice", "/attempts/0/choice/memory/draws", lambda data: _set(data, "memory", "draws", "7 0")),
        ("other_choice", "/attempts/0/choice/memory/burst", lambda data: _set(data, "memory", "burst", "1000")),
        (
            "other_choice",
            "/attempts/0/choice/sight/share_ppm",
            lambda data: _set(data, "sight", "share_ppm", "1000000 0 0 0 0"),
        ),
        ("other_choice", "/attempts/0/choice/value", lambda data: data["attempts"][0]["choice"].update(value="7")),
        ("other_choice", "/choice/sight/cap", _any_node),
        ("other_choice", "/attempts/0/choice/caps", lambda data: data["attempts"][0]["choice"].update(caps="")),
        ("no_choice", "/attempts/0/choice", _no_choice),
        ("bad_shares", "/shares", _steep),
        ("bad_shares", "/shares", lambda data: data.update(shares=[])),
    ],
)
def test_a_changed_input_is_named(code: str, where: str, change: Callable[[dict[str, Any]], None]) -> None:
    record = edited(change)

    with pytest.raises(InputError) as caught:
        check_choices(record.plan, record.attempts, record.shares)

    assert caught.value.code == code
    assert caught.value.where.endswith(where)


def test_shares_keep_the_floor_and_the_bound_by_stake_and_leave_out_who_may_not_be_sent_to() -> None:
    names = tuple("abcde")
    calm = Estimates(names, (400_000, 300_000, 200_000, 60_000, 40_000), (10**6,) * 5, (1_000,) * 5, (True,) * 5, 1_000)

    found = solved(calm)
    without = solved(calm._replace(usable=(False, True, True, True, True)))

    greatest = sorted(found.ceilings_ppm.values())[-2:]
    assert (found.k, sum(found.shares_ppm)) == (3, PPM)
    assert sum(greatest) <= 500_000
    assert found.ceilings_ppm["e"] <= 4 * 40_000
    assert (without.shares_ppm[0], sum(without.shares_ppm)) == (0, PPM)
    assert solved(calm._replace(rate_per_ks=10**9)).k == 3
