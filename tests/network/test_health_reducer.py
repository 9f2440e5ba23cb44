"""Health of a fleet: crashes, sick nodes, canaries, panic, spill, limits; compiled and plain code agree."""

import random

import numpy as np
import pytest

from engine.network.compiling import COMPILES, compiled
from engine.network.draws import Ints
from engine.network.health.changes import replay_changes
from engine.network.health.reducer import (
    F,
    Health,
    Settings,
    may_enter,
    may_retry,
    new_health,
    note_answer,
    note_report,
    note_request,
    note_timeout,
    tick,
    wants_probe,
)
from engine.network.policies.base import blank_sight
from tests.network.fleets import SECOND, Fleet

FULL = 4
"""Cap of a healthy node: a delay budget of 4 s, requests of 1 s."""


def test_a_crash_is_found_within_two_intervals_and_the_node_is_asked_first() -> None:
    fleet = Fleet()
    fleet.wait(10)
    fleet.crash({3})
    fleet.wait(5.5)
    assert [node for node in range(10) if wants_probe(fleet.health, fleet.settings, node, fleet.now_us)] == [3]
    assert fleet.caps == [FULL] * 10
    fleet.wait(4)

    assert fleet.caps == [FULL] * 3 + [0] + [FULL] * 6
    assert fleet.story == [("node-3", "silent")]


def test_a_node_that_fails_alone_is_out_soon_and_one_that_fails_as_all_do_needs_a_run() -> None:
    fleet = Fleet()
    fleet.answers(5, 4, failed=True)
    assert fleet.story == [("node-5", "rate")]

    crowd = Fleet()
    for _ in range(60):
        for node in range(10):
            crowd.answers(node, 1, failed=True)
            crowd.answers(node, 9)
        crowd.wait(0.5)
    assert crowd.story == []
    crowd.times_out(5, 4)
    assert crowd.story == []
    crowd.times_out(5, 1)
    assert crowd.story == [("node-5", "run")]


def test_time_in_which_nobody_listened_is_no_nodes_silence() -> None:
    fleet = Fleet()
    fleet.wait(10)
    fleet.crash({3})
    fleet.wait(5)
    fleet.now_us += 3600 * SECOND
    fleet.answers(4, 1, failed=True)
    fleet.wait(4)
    assert fleet.story == []
    fleet.wait(1)

    assert fleet.story == [("node-3", "silent")]


def test_a_node_that_never_reports_is_judged_by_its_time_outs_alone() -> None:
    fleet = Fleet(silent={0, 1})
    fleet.wait(100)
    assert fleet.caps == [FULL] * 10
    fleet.times_out(1, 4)

    assert fleet.story == [("node-1", "rate")]


def test_a_third_at_most_goes_out_for_errors_and_all_may_go_out_for_silence() -> None:
    fleet = Fleet()
    for node in range(10):
        fleet.answers(node, 8, failed=True)
    assert sum(cap == 0 for cap in fleet.caps) == 3

    fleet.crash(range(7))
    fleet.wait(10)
    assert [cap > 0 for cap in fleet.caps] == [False] * 7 + [True] * 3


def test_what_comes_back_is_a_canary_then_starts_slowly() -> None:
    fleet = Fleet()
    fleet.answers(0, 4, failed=True)
    fleet.wait(59.5)
    assert fleet.caps[0] == 0
    fleet.wait(0.5)
    assert fleet.caps[0] == 1
    fleet.answers(0, 9)
    fleet.wait(30)
    assert fleet.caps[0] == 1
    fleet.answers(0, 1)
    fleet.wait(30.5)

    assert fleet.caps[0] == FULL // 2
    fleet.wait(30)
    assert fleet.caps[0] == FULL
    assert fleet.story == [("node-0", "rate"), ("node-0", "recovered"), ("node-0", "promoted")]


def test_a_failed_canary_is_rolled_back_at_once_for_longer_each_time() -> None:
    fleet = Fleet()
    fleet.answers(0, 4, failed=True)
    waits = []
    for _ in range(3):
        start_us = fleet.now_us
        while fleet.caps[0] == 0:
            fleet.wait(0.5)
        waits.append((fleet.now_us - start_us) / SECOND)
        fleet.answers(0, 2, failed=True)
        assert fleet.caps[0] == 0

    assert waits == [60, 60, 90]
    assert fleet.story[-1] == ("node-0", "canary")


def test_a_node_that_falls_sick_inside_its_minute_is_held_and_out_after_it() -> None:
    fleet = Fleet()
    fleet.answers(0, 4, failed=True)
    fleet.wait(60)
    fleet.answers(0, 10)
    fleet.wait(0.5)
    fleet.crash({0})
    fleet.wait(20)
    assert fleet.caps[0] == 1
    assert fleet.story[-1] == ("node-0", "promoted")
    fleet.wait(40)

    assert fleet.caps[0] == 0
    assert fleet.story[-1] == ("node-0", "silent")


def test_going_out_for_errors_is_rolled_back_when_the_whole_fleet_fails_more_since() -> None:
    fleet = Fleet()
    for _ in range(2):
        fleet.answers(0, 4, failed=True)
        fleet.wait(60)
        fleet.answers(0, 2, failed=True)
    assert fleet.caps[0] == 0
    for node in range(1, 10):
        for _ in range(40):
            fleet.answers(node, 1)
            fleet.answers(node, 1, failed=True)
    fleet.wait(60)

    assert ("node-0", "forgiven") in fleet.story
    assert replay_changes(fleet.log) == ()


def test_panic_ignores_judgement_but_not_silence() -> None:
    fleet = Fleet(4)
    fleet.answers(0, 4, failed=True)
    assert fleet.caps == [0, FULL, FULL, FULL]
    fleet.crash({2, 3})
    fleet.wait(10)
    assert fleet.health.fleet[F.panic] == 0  # one of the two that speak may be used: not less than half
    fleet.crash({1})
    fleet.wait(10)

    assert fleet.health.fleet[F.panic] == 1
    assert fleet.caps == [FULL, 0, 0, 0]
    fleet.crash({0})
    fleet.wait(60)
    assert fleet.caps == [1, 1, 1, 1]


def test_the_second_tier_takes_what_the_first_can_not() -> None:
    fleet = Fleet(20, tiers=(0,) * 10 + (1,) * 10)
    assert fleet.caps == [FULL] * 10 + [0] * 10
    fleet.crash(range(3))
    fleet.wait(10)
    assert list(fleet.health.tiers[2]) == [980_000, 20_000]
    fleet.crash(range(5))
    fleet.wait(10)

    assert list(fleet.health.tiers[2]) == [700_000, 300_000]
    assert fleet.caps == [0] * 5 + [2] * 5 + [1] * 10


def test_a_slowed_node_is_sent_less_within_fifty_answers() -> None:
    fleet = Fleet(settings=Settings(limits=Settings().limits._replace(budget_us=20 * SECOND)))
    fleet.sight.own[:] = 20
    for _ in range(200):
        note_answer(fleet.health, fleet.settings, 0, SECOND, False, fleet.now_us)
    before = fleet.caps[0]
    for _ in range(50):
        note_answer(fleet.health, fleet.settings, 0, 4 * SECOND, False, fleet.now_us)

    assert before == 20
    assert fleet.caps[0] <= 15


def test_a_change_waits_where_there_is_no_room_to_log_it() -> None:
    fleet = Fleet(2)
    fleet.health.fleet[F.rows] = len(fleet.health.changes)
    note_answer(fleet.health, fleet.settings, 0, SECOND, True, 0)
    for _ in range(5):
        note_answer(fleet.health, fleet.settings, 0, SECOND, True, 0)
    assert fleet.caps == [1, FULL]
    fleet.health.fleet[F.rows] = 0
    fleet.wait(0.5)

    assert fleet.story == [("node-0", "run")]
    assert fleet.caps == [0, FULL]


def _drive(health: Health, settings: Settings, events: Ints, seen: Ints) -> None:
    for index in range(len(events)):
        kind, node, now_us = events[index, 0], events[index, 1], events[index, 2]
        if kind <= 1:
            note_answer(health, settings, node, 1_000_000 + 700_000 * kind * node, kind == 1, now_us)
        elif kind == 2:
            note_timeout(health, settings, node, now_us)
        elif kind == 3:
            note_report(health, node, now_us)
        elif kind == 4:
            tick(health, settings, now_us)
        elif kind == 5:
            seen[index] = may_enter(health, settings, node % 3)
            note_request(health, settings, now_us)
        else:
            seen[index] = may_retry(health, settings, now_us)


@pytest.mark.long
@pytest.mark.skipif(not COMPILES, reason="numba is not installed: there is no compiled twin")
def test_compiled_and_plain_health_agree_bit_for_bit() -> None:
    rng, nodes, settings = random.Random(7), 6, Settings()
    weights = (30, 4, 1, 10, 5, 20, 5)
    kinds = rng.choices(range(7), weights, k=4000)
    events = np.array(
        [[kind, min(rng.randrange(nodes), rng.randrange(nodes)), 90_000 * index] for index, kind in enumerate(kinds)],
        dtype=np.int64,
    )
    states = []
    for drive in (_drive, compiled(_drive)):
        sight = blank_sight(nodes)
        sight.own[:] = 3
        health = new_health(sight, np.array([0, 0, 0, 0, 1, 1]), settings, 0)
        seen = np.zeros(len(events), dtype=np.int64)
        drive(health, settings, events, seen)
        states.append((*health, seen))

    for plain, fast in zip(*states, strict=True):
        np.testing.assert_array_equal(plain, fast)
    assert states[0][-2].any()
    assert 0 < states[0][-1].sum() < len(events)
