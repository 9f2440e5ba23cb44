"""Changes of membership: the rate of one a minute, the log that replays, maps in which only a node's own shards move."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.network.health.changes import ChangeLog, new_log, replay_changes, shard_owners
from engine.network.health.ejection import Ejection
from engine.network.health.membership import IN, OUT, RETURNING, Decision, Evidence, Rules, decide
from engine.network.health.reducer import F, N, Settings
from engine.network.health.shards import moved, node_seed, reassigned, shard_map
from intents.errors import InputError
from tests.network.fleets import SECOND, Fleet

SEEDS = [node_seed(f"node-{node}") for node in range(12)]
BUSY = st.lists(st.tuples(st.sampled_from(["fail", "answer", "crash", "back", "wait"]), st.integers(0, 5)), max_size=60)


def eventful() -> Fleet:
    """A fleet in which a node fails, returns as a canary, fails again, and another dies and comes back for good."""
    fleet = Fleet(6)
    fleet.answers(2, 4, failed=True)
    fleet.crash({4})
    fleet.wait(60)
    fleet.answers(2, 3, failed=True)
    fleet.dead.clear()
    fleet.wait(30)
    fleet.answers(4, 10)
    fleet.wait(10)
    return fleet


@settings(max_examples=40, deadline=None)
@given(BUSY)
def test_no_node_is_in_or_out_twice_in_a_minute_and_every_log_replays(events: list[tuple[str, int]]) -> None:
    fleet = Fleet(6)
    for event, node in events:
        if event == "wait":
            fleet.wait(4 * node + 1)
        elif event == "crash":
            fleet.crash({node})
        elif event == "back":
            fleet.dead.discard(node)
        elif node not in fleet.dead:
            fleet.answers(node, 5, failed=event == "fail")

    last: dict[str, int] = {}
    for change in fleet.log.changes:
        seen, made = change.evidence, change.decision
        if IN in {seen["state"], made["state"]}:
            assert seen["now_us"] - last.get(change.node, -(10**9)) >= 60 * SECOND
            last[change.node] = seen["now_us"]
    assert replay_changes(fleet.log) == ()
    for node, cap in enumerate(fleet.caps):
        assert (
            (cap == 0) == (fleet.health.node[node, N.state] == OUT)
            or fleet.health.fleet[F.panic]
            or fleet.dead == set(range(6))
        )


def test_a_log_replays_from_its_wire_form_and_says_what_each_change_did() -> None:
    fleet = eventful()
    log = ChangeLog.from_json(fleet.log.model_dump_json(by_alias=True))

    assert fleet.story == [
        ("node-2", "rate"),
        ("node-4", "silent"),
        ("node-2", "recovered"),
        ("node-2", "canary"),
        ("node-4", "recovered"),
        ("node-4", "promoted"),
    ]
    assert log == fleet.log
    assert replay_changes(log) == ()
    owners = shard_owners(log)
    assert 2 not in owners
    assert {0, 1, 3, 4, 5} == set(owners)


def test_only_the_shards_of_the_node_that_moves_move() -> None:
    log = eventful().log
    out_2, out_4, try_2, fail_2, try_4, in_4 = (change.shards_moved for change in log.changes)

    assert (try_2, fail_2, try_4) == (0, 0, 0)
    assert out_4 == in_4
    assert 0 < out_2 < 1.5 * 600 / 6
    assert log.changes[1].shards == log.changes[4].shards != log.changes[5].shards == log.changes[0].shards


@pytest.mark.parametrize(
    ("index", "part", "name", "value", "fault"),
    [
        (0, "evidence", "score_milli", 14_999, "its evidence gives"),
        (0, "decision", "out_until_us", 1, "its evidence gives"),
        (0, "decision", "state", RETURNING, "its evidence gives"),
        (1, "evidence", "out_for_errors", 0, "the log so far says"),
        (3, "evidence", "changed_us", 0, "the log so far says"),
        (3, "evidence", "now_us", 1, "before the one that precedes"),
        (5, "evidence", "node", 9, "none of 6"),
    ],
)
def test_a_changed_entry_is_found(index: int, part: str, name: str, value: int, fault: str) -> None:
    log = eventful().log
    change = log.changes[index]
    forged = change.model_copy(update={part: {**getattr(change, part), name: value}})
    changes = (*log.changes[:index], forged, *log.changes[index + 1 :])

    faults = replay_changes(log.model_copy(update={"changes": changes}))

    assert any(f"change {index}" in text and fault in text for text in faults)


def test_a_dropped_entry_other_parameters_and_a_wrong_map_are_found() -> None:
    log = eventful().log

    assert replay_changes(log.model_copy(update={"changes": log.changes[1:]}))
    assert replay_changes(log.model_copy(update={"rules": {**log.rules, "dwell_us": 61 * SECOND}}))
    other = log.changes[0].model_copy(update={"shards_moved": log.changes[0].shards_moved + 1})
    faults = replay_changes(log.model_copy(update={"changes": (other, *log.changes[1:])}))
    assert faults == ("change 0: its node, reason or shards are not those of its decision",)


def test_what_is_no_log_is_refused() -> None:
    log = eventful().log
    rules = {name: value for name, value in log.rules.items() if name != "dwell_us"}

    with pytest.raises(InputError, match="malformed at /rules"):
        replay_changes(log.model_copy(update={"rules": rules}))
    with pytest.raises(InputError, match="duplicate_node"):
        new_log(("a", "a"), 8, Settings(), 0)


@given(st.sets(st.integers(0, 11)), st.sets(st.integers(0, 11)))
def test_a_map_depends_on_its_members_alone(before: set[int], after: set[int]) -> None:
    old = shard_map(SEEDS, before, 100)
    new = reassigned(old, SEEDS, before, after)

    assert new == shard_map(SEEDS, after, 100)
    assert set(new) <= (after or {-1})
    for shard, owner in enumerate(old):
        if owner in after:
            assert new[shard] in {owner, *(after - before)}


def test_shards_are_spread_evenly_and_one_of_n_moves_one_nth() -> None:
    full = shard_map(SEEDS, range(12), 6000)
    less = shard_map(SEEDS, range(11), 6000)

    assert all(400 < full.count(node) < 600 for node in range(12))
    assert moved(full, less) == full.count(11) <= 1.5 * 6000 / 12


def test_every_decision_keeps_the_minute_whatever_the_evidence() -> None:
    rng, rules = random.Random(5), Rules()
    for _ in range(5000):
        now_us = rng.randrange(10**9)
        seen = Evidence(
            node=0,
            now_us=now_us,
            state=rng.randrange(3),
            changed_us=now_us - rng.randrange(2 * rules.dwell_us),
            out_until_us=rng.randrange(10**9),
            times_out=rng.randrange(5),
            reason=rng.randrange(8),
            silent_us=rng.randrange(2 * rules.silent_us),
            run=rng.randrange(8),
            score_milli=rng.randrange(20_000),
            answers=rng.randrange(20),
            failures=rng.randrange(3),
            fleet_ppm=rng.randrange(10**6),
            burn_ppm=rng.randrange(10**6),
            out_for_errors=rng.randrange(5),
            nodes=10,
        )
        made = decide(seen, Ejection(), rules)

        assert isinstance(made, Decision)
        if seen.state in {IN, OUT} and made.state != seen.state:
            assert now_us - seen.changed_us >= rules.dwell_us
        if made.state == OUT and seen.state != OUT:
            assert made.out_until_us >= now_us + rules.dwell_us
        assert (seen.state, made.state) not in {(OUT, IN), (IN, RETURNING)}
        assert made.held == 0 or made.state == seen.state == IN
