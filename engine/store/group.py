"""Group commit: one thread does what many ask for in one transaction, and tells them after it is durable.

    future = group.hand_in(act, item)
    outcome = future.result()

Guarantees
1. A future has its result only after the commit of the transaction in which the item was done.
2. Each `act` is called with items that came for it, in the order in which they came, in a savepoint of its own. Where it
   raises, its items are done again one by one, each in its savepoint: what fails undoes itself alone, and its future
   raises what it raised.
3. A fault of the database before the commit changed nothing: where others held what was needed, the items are done once
   more, each in a transaction of its own; else all futures of the group raise it. A fault while committing is raised from all
   of them with `committing` set, for then nobody knows.
4. At most `most_waiting` items wait; the next one is refused with StoreError `overloaded`. At most `most_at_once` share a
   commit.

So `act` may be called more than once for an item and must do nothing that a rollback does not undo. A group begins as soon
as the one before has ended: whoever comes while it is written is in the next one, and nobody waits for company.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from engine.store.errors import OvertakenError, StoreError
from engine.store.faults import DatabaseFaultError
from engine.store.work import Work

Item = TypeVar("Item")
Result = TypeVar("Result")

Act = Callable[[Work, Sequence[Item]], Sequence[Result | Exception]]
"""Does items together and gives what came of each, in order: a result, or an exception where nothing was changed for it."""

MOST_WAITING = 2048
"""Items that wait at most, some seconds' worth."""

MOST_AT_ONCE = 256
"""Items of one commit at most: a commit holds up other writers while it lasts."""

OVERTAKEN_TRIES = 3
"""How often an item is done that meets another writer's in the same moment."""


@dataclass(slots=True, eq=False)
class _Job:
    act: Act[Any, Any]
    item: Any
    outcome: Any = None


@dataclass(slots=True, eq=False)
class _Asked(_Job):
    """A job that somebody waits for."""

    future: Future[Any] = field(default_factory=Future)

    def tell(self) -> None:
        if isinstance(self.outcome, Exception):
            self.future.set_exception(self.outcome)
        else:
            self.future.set_result(self.outcome)


class Group:
    """One writer. `transaction(shared)` gives a unit of work, `shared` where several share it. To be closed."""

    def __init__(
        self,
        transaction: Callable[[bool], AbstractContextManager[Work]],
        *,
        most_waiting: int = MOST_WAITING,
        most_at_once: int = MOST_AT_ONCE,
    ) -> None:
        self._transaction = transaction
        self._most_waiting = most_waiting
        self._most_at_once = most_at_once
        self._jobs: SimpleQueue[_Asked | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def hand_in(self, act: Act[Item, Result], item: Item) -> Future[Result]:
        """Have it done. Raises StoreError `overloaded` where too many wait, `closed` after `close`."""
        job = _Asked(act, item)
        with self._lock:
            if self._closed:
                raise StoreError("closed", "", expected="an open database", actual="a closed one")
            if self._jobs.qsize() >= self._most_waiting:
                expected = f"fewer than {self._most_waiting} requests that wait to be written"
                raise StoreError("overloaded", "", expected=expected, actual="as many")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="group commit", daemon=True)
                self._thread.start()
            self._jobs.put(job)
        return job.future

    def do_all(self, act: Act[Item, Result], items: Sequence[Item]) -> list[Result | Exception]:
        """Do them in one commit now, on the caller's thread, and give what came of each."""
        jobs = [_Job(act, item) for item in items]
        if jobs:
            self._write(jobs)
        return [job.outcome for job in jobs]

    def close(self) -> None:
        """Do what waits, and end."""
        with self._lock:
            self._closed = True
            self._jobs.put(None)
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while (first := self._jobs.get()) is not None:
            jobs, ends = [first], False
            while len(jobs) < self._most_at_once:
                try:
                    job = self._jobs.get_nowait()
                except Empty:
                    break
                if job is None:
                    ends = True
                    break
                jobs.append(job)
            wanted = [job for job in jobs if job.future.set_running_or_notify_cancel()]
            self._write(wanted)
            for asked in wanted:
                asked.tell()
            if ends:
                return

    def _write(self, jobs: Sequence[_Job]) -> None:
        """Do the jobs in one commit; their outcomes are in them afterwards."""
        began = False
        try:
            with self._transaction(len(jobs) > 1) as work:
                began = True
                for act, together in _by_act(jobs):
                    _do(work, act, together)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            if began and len(jobs) > 1 and isinstance(error, DatabaseFaultError) and error.gave_way:
                for job in jobs:
                    self._write([job])
                return
            for job in jobs:
                job.outcome = error


def _by_act(jobs: Sequence[_Job]) -> Iterable[tuple[Act[Any, Any], list[_Job]]]:
    found: dict[Act[Any, Any], list[_Job]] = {}
    for job in jobs:
        found.setdefault(job.act, []).append(job)
    return found.items()


def _do(work: Work, act: Act[Any, Any], jobs: list[_Job], tries: int = OVERTAKEN_TRIES) -> None:
    try:
        with work.savepoint():
            outcomes = act(work, [job.item for job in jobs])
            for job, outcome in zip(jobs, outcomes, strict=True):
                job.outcome = outcome
    except DatabaseFaultError:
        raise
    except Exception as error:  # noqa: BLE001 - a refusal or a fault of ours: it is told to whom it concerns
        if len(jobs) > 1:
            for job in jobs:
                _do(work, act, [job])
        elif isinstance(error, OvertakenError) and tries > 1:
            _do(work, act, jobs, tries - 1)
        else:
            jobs[0].outcome = error
