"""The pool's promises, against workers that break every custom."""

import os
import signal
import subprocess
import sys
import time
import uuid
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
MARK = "CLEARWAY_TEST_MARK"

EXPECTED = {
    "block": "time",
    "fork": "time",
    "orphan": "time",
    "escape": "time",
    "eat": "crashed",
    "crash": "crashed",
    "gigabyte": "too_much_output",
    "chatter": "too_much_output",
    "trickle": "time",
    "deaf": "time",
    "closing": "crashed",
}


@pytest.fixture(autouse=True)
def mark(monkeypatch: pytest.MonkeyPatch) -> str:
    """What all processes of a test have in their environment."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv(MARK, made := uuid.uuid4().hex)
    return made


def pool_of(*kinds: str) -> Pool:
    pool = Pool({kind: [sys.executable, str(WORKER), kind] for kind in kinds}, LIMITS)
    assert pool.wait_ready(20) == set(kinds)
    return pool


def parents(mark: str) -> dict[int, int]:
    """The parents of all processes with the mark, the living and the dead that nobody reaped, if their guard is marked."""
    found, marked = {}, set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if f"{MARK}={mark}\0".encode() in (entry / "environ").read_bytes():
                    marked.add(int(entry.name))
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue  # it ended while we looked, or is another user's
    return {pid: parent for pid, parent in found.items() if pid in marked or parent in marked}


def left(mark: str, *guards: int) -> set[int]:
    """Processes with the mark that are neither of these guards nor below one of them."""
    up, found = parents(mark), set()
    for pid in up:
        one = pid
        while one in up and one not in guards:
            one = up[one]
        if one not in guards:
            found.add(pid)
    return found


@pytest.mark.parametrize("kind", EXPECTED)
def test_the_answers_are_frozen_at_the_deadline_and_all_that_failed_is_gone(kind: str, mark: str) -> None:
    with pool_of("echo", kind) as pool:
        guard = pool.guards()[kind]

        deadline = time.monotonic() + 1
        collected = pool.ask({"echo": BIG, kind: BIG}, deadline=deadline)
        returned = time.monotonic()

        assert collected.replies["echo"].content == BIG
        assert (collected.replies[kind].content, collected.replies[kind].failure) == (b"", EXPECTED[kind])
        assert collected.frozen_late_seconds <= FROZEN_LATE
        assert collected.unreaped == ()
        assert returned - deadline <= FROZEN_LATE + REAP_SECONDS
        assert left(mark, *pool.guards().values()) == set()
        assert pool.guards()[kind] != guard


def test_all_together_leave_the_good_one_its_answer(mark: str) -> None:
    with pool_of("echo", *EXPECTED) as pool:
        collected = pool.ask(dict.fromkeys(pool.names, BIG), deadline=time.monotonic() + 1.5)

        assert {name: reply.failure for name, reply in collected.replies.items()} == {"echo": "", **EXPECTED}
        assert collected.frozen_late_seconds <= FROZEN_LATE
        assert collected.unreaped == ()
        assert left(mark, *pool.guards().values()) == set()
        assert collected.replies["crash"].detail == "the last words"


def test_a_worker_stays_warm_and_the_asking_ends_with_the_last_answer() -> None:
    with pool_of("echo") as pool:
        guard = pool.guards()["echo"]
        told: list[str] = []

        answers = []
        for n in range(3):
            collected = pool.ask({"echo": b"%d" % n}, deadline=time.monotonic() + 20, finished=told.append)
            answers.append(collected.replies["echo"].content)
            assert collected.frozen_late_seconds < -15

        assert answers == [b"0", b"1", b"2"]
        assert told == ["echo"] * 3
        assert pool.guards()["echo"] == guard


def test_what_nobody_asked_for_is_never_taken_for_an_answer() -> None:
    with pool_of("twice") as pool:
        first = pool.ask({"twice": b"first"}, deadline=time.monotonic() + 20)
        time.sleep(0.05)  # until its second frame is there
        second = pool.ask({"twice": b"second"}, deadline=time.monotonic() + 20)

        assert [asked.replies["twice"].content for asked in (first, second)] == [b"first", b"second"]


def test_one_that_died_meanwhile_is_replaced_and_answers(mark: str) -> None:
    for victim in ("the worker", "the guard"):
        with pool_of("echo") as pool:
            guard = pool.guards()["echo"]
            (worker,) = left(mark) - {guard}
            os.kill(worker if victim == "the worker" else guard, signal.SIGKILL)
            time.sleep(0.05)

            collected = pool.ask({"echo": b"again"}, deadline=time.monotonic() + 20)

            assert collected.replies["echo"].content == b"again"
            assert left(mark, *pool.guards().values()) == set()
        assert left(mark) == set()


def test_a_command_that_is_none_says_so() -> None:
    with Pool({"none": ["/no/such/program"]}) as pool:
        collected = pool.ask({"none": b"?"}, deadline=time.monotonic() + 20)

    assert collected.replies["none"].failure == "crashed"
    assert collected.replies["none"].detail == "/no/such/program: No such file or directory"


def test_closing_ends_everything(mark: str) -> None:
    pool = pool_of("echo", "fork", "escape")
    assert len(left(mark)) == 6

    pool.close()

    assert left(mark) == set()


@pytest.mark.parametrize("kind", ["block", "escape"])
def test_killed_itself_it_leaves_no_worker_behind(kind: str, mark: str) -> None:
    program = (
        "import sys, time; from engine.runtime.pool import Pool; "
        f"pool = Pool({{'it': [sys.executable, {str(WORKER)!r}, {kind!r}]}}); pool.wait_ready(20); "
        "print('ready', flush=True); pool.ask({'it': b'go'}, deadline=time.monotonic() + 60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT) as asking:
        assert asking.stdout is not None
        assert asking.stdout.readline() == "ready\n"
        time.sleep(0.3)  # until the worker is at it
        asking.kill()

    end = time.monotonic() + 5
    while left(mark) and time.monotonic() < end:
        time.sleep(0.01)
    assert left(mark) == set()
