"""The pool's promises, against workers that break every custom."""

import os
import sys
import time
from pathlib import Path

import pytest

from engine.runtime.pool import REAP_SECONDS, Pool, PoolLimits

WORKER = Path(__file__).with_name("worker.py")
ROOT = Path(__file__).resolve().parents[2]
LIMITS = PoolLimits(output_bytes=2**20, memory_bytes=2**27)
FROZEN_LATE = 0.5
"""The promise is 0.05 s; tests share noisy machines, so here it only must not wait for a worker."""
BIG = b"p" * 600_000
"""More than a pipe holds."""

EXPECTED = {
    "block": "time",
    "fork": "time",
    "orphan": "time",
    "eat": "crashed",
    "crash": "crashed",
    "gigabyte": "too_much_output",
    "chatter": "too_much_output",
    "trickle": "time",
    "deaf": "time",
    "closing": "crashed",
}


@pytest.fixture(autouse=True)
def _path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def pool_of(*kinds: str) -> Pool:
    pool = Pool({kind: [sys.executable, str(WORKER), kind] for kind in kinds}, LIMITS)
    assert pool.wait_ready(20) == set(kinds)
    return pool


def members(group: int) -> list[int]:
    """Processes of a group, the dead that nobody reaped included."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended while we looked
            if int(fields[2]) == group:
                found.append(int(entry.name))
    return found


@pytest.mark.parametrize("kind", EXPECTED)
def test_the_answers_are_frozen_at_the_deadline_and_the_group_is_gone(kind: str) -> None:
    with pool_of("echo", kind) as pool:
        group = pool.groups()[kind]

        deadline = time.monotonic() + 1
        collected = pool.ask({"echo": BIG, kind: BIG}, deadline=deadline)
        returned = time.monotonic()

        assert collected.replies["echo"].content == BIG
        assert (collected.replies[kind].content, collected.replies[kind].failure) == (b"", EXPECTED[kind])
        assert collected.frozen_late_seconds <= FROZEN_LATE
        assert collected.unreaped == ()
        assert returned - deadline <= FROZEN_LATE + REAP_SECONDS
        assert members(group) == []
        assert pool.groups()[kind] != group


def test_all_together_leave_the_good_one_its_answer() -> None:
    with pool_of("echo", *EXPECTED) as pool:
        groups = pool.groups()

        collected = pool.ask(dict.fromkeys(pool.names, BIG), deadline=time.monotonic() + 1.5)

        assert {name: reply.failure for name, reply in collected.replies.items()} == {"echo": "", **EXPECTED}
        assert collected.frozen_late_seconds <= FROZEN_LATE
        assert collected.unreaped == ()
        assert [members(groups[kind]) for kind in EXPECTED] == [[]] * len(EXPECTED)
        assert collected.replies["crash"].detail == "the last words"


def test_a_worker_stays_warm_and_the_asking_ends_with_the_last_answer() -> None:
    with pool_of("echo") as pool:
        group = pool.groups()["echo"]
        told: list[str] = []

        answers = []
        for n in range(3):
            collected = pool.ask({"echo": b"%d" % n}, deadline=time.monotonic() + 20, finished=told.append)
            answers.append(collected.replies["echo"].content)
            assert collected.frozen_late_seconds < -15

        assert answers == [b"0", b"1", b"2"]
        assert told == ["echo"] * 3
        assert pool.groups()["echo"] == group


def test_what_nobody_asked_for_is_never_taken_for_an_answer() -> None:
    with pool_of("twice") as pool:
        first = pool.ask({"twice": b"first"}, deadline=time.monotonic() + 20)
        time.sleep(0.05)  # until its second frame is there
        second = pool.ask({"twice": b"second"}, deadline=time.monotonic() + 20)

        assert [asked.replies["twice"].content for asked in (first, second)] == [b"first", b"second"]


def test_one_that_was_replaced_answers_again() -> None:
    with pool_of("echo") as pool:
        os.kill(pool.groups()["echo"], 9)
        time.sleep(0.05)

        collected = pool.ask({"echo": b"again"}, deadline=time.monotonic() + 20)

        assert collected.replies["echo"].content == b"again"


def test_closing_ends_everything() -> None:
    pool = pool_of("echo", "fork")
    groups = pool.groups().values()

    pool.close()

    assert [members(group) for group in groups] == [[], []]
