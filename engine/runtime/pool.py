"""Warm solver processes: asked together, cut off at the deadline, replaced where they failed.

    with Pool({"greedy": [python, "-m", ...], ...}, PoolLimits()) as pool:
        pool.wait_ready(10)
        collected = pool.ask({"greedy": request, ...}, deadline=time.monotonic() + 2)

Guarantees, whatever a worker does
1. All are sent the same moment's requests; the set of answers is frozen within 50 ms of the deadline. Nothing here waits
   for a worker: pipes are read and written only where that cannot block, and no more is read than the limit.
2. Each worker has a guard (engine.runtime.guard). One that crashed, was late or wrote too much is killed with everything
   that it started, whatever group or session that is in; it is gone within 250 ms after the freezing, and a new worker
   takes its place. One that writes what was not asked for is replaced before the next request.
3. A process of a worker gets at most `memory_bytes` of address space (where the system can limit that).
4. Workers end with who started them, however that ended (kill -9 included), even inside C.

It does not confine a hostile program: files and network are open to it, and it may kill its own guard, which ends it but
not what it detached before. The built-in solvers do neither.

Not for use from several threads at once.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from engine.runtime.frames import PREFIX_BYTES, frame

CHUNK_BYTES = 256 * 1024
REAP_SECONDS = 0.25
POLL_SECONDS = 0.001
TAIL_BYTES = 4096
GUARD = Path(__file__).with_name("guard.py")
NICE = 10
"""Workers give way to who must stop them."""

Failure = Literal["", "time", "crashed", "too_much_output"]


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """What a worker may write for one answer (both its outputs together), and the address space of each process."""

    output_bytes: int = 32 * 2**20
    memory_bytes: int = 8 * 2**30


@dataclass(frozen=True, slots=True)
class Reply:
    """A worker's answer, or why there is none, with the last line that it wrote to standard error."""

    content: bytes
    seconds: float
    failure: Failure = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Collected:
    """Replies by name; seconds from the deadline to the freezing (negative: all were early) and from there to the reaping.

    `unreaped` names workers of which something was not gone in time: the machine could not end it, or its guard was killed.
    """

    replies: Mapping[str, Reply]
    frozen_late_seconds: float
    reaped_seconds: float
    unreaped: tuple[str, ...]


class Pool:
    """The workers, by name. Closing it ends them all."""

    def __init__(self, commands: Mapping[str, Sequence[str]], limits: PoolLimits | None = None) -> None:
        """Starts one worker for each command (program and arguments, no shell)."""
        self._commands = {name: tuple(command) for name, command in commands.items()}
        self._limits = limits or PoolLimits()
        self._workers: dict[str, _Worker] = {}
        for name, command in self._commands.items():
            self._workers[name] = _Worker(command, self._limits)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def names(self) -> tuple[str, ...]:
        """Whom it can ask, ascending."""
        return tuple(sorted(self._commands))

    def guards(self) -> Mapping[str, int]:
        """The process of each worker's guard, of which everything that the worker starts descends."""
        return {name: worker.process.pid for name, worker in self._workers.items()}

    def wait_ready(self, seconds: float) -> frozenset[str]:
        """Wait until all are ready, at most so long; those that are."""
        waiting = {name: worker for name, worker in self._workers.items() if not worker.ready}
        _converse(waiting, time.monotonic() + seconds, lambda worker: worker.ready, lambda _: None)
        return frozenset(name for name, worker in self._workers.items() if worker.ready)

    def ask(
        self, requests: Mapping[str, bytes], *, deadline: float, finished: Callable[[str], None] = lambda _: None
    ) -> Collected:
        """Send each named worker its request and collect until all answered or the monotonic clock is at `deadline`.

        `finished` is told each name whose answer, or failure, is there before the deadline.
        """
        self._replace([name for name in requests if not self._workers[name].idle()])
        asked = {name: self._workers[name] for name in requests}
        for name, worker in asked.items():
            worker.send(frame(requests[name]))
        _converse(asked, deadline, lambda worker: worker.answer is not None, finished)
        frozen = time.monotonic()
        replies = {name: worker.reply(frozen) for name, worker in asked.items()}
        unreaped = self._replace([name for name, reply in replies.items() if reply.failure])
        return Collected(replies, frozen - deadline, time.monotonic() - frozen, unreaped)

    def close(self) -> None:
        """End all workers and what they started."""
        _end(self._workers)
        self._workers.clear()

    def _replace(self, names: Sequence[str]) -> tuple[str, ...]:
        unreaped = _end({name: self._workers[name] for name in names})
        for name in names:
            self._workers[name] = _Worker(self._commands[name], self._limits)
        return unreaped


class _Worker:
    """One process: what is still to be written to it, and what it wrote."""

    def __init__(self, command: Sequence[str], limits: PoolLimits) -> None:
        held, self.control = os.pipe()
        guard = [sys.executable, "-I", "-S", str(GUARD), str(held), str(limits.memory_bytes), str(NICE)]
        self.process = subprocess.Popen(  # noqa: S603 - the operator's command, no shell
            [*guard, *command],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[held],
            start_new_session=True,
        )
        os.close(held)
        pipes = self.process.stdin, self.process.stdout, self.process.stderr
        self.stdin, self.stdout, self.stderr = (pipe.fileno() for pipe in pipes if pipe is not None)
        for descriptor in (self.stdin, self.stdout, self.stderr):
            os.set_blocking(descriptor, False)
        self.failure: Failure = ""
        self.answer: bytes | None = None
        self.ready = False
        self.outbox = memoryview(b"")
        self._inbox = bytearray()
        self._tail = b""
        self._written = 0
        self._most = limits.output_bytes
        self._sent = time.monotonic()
        self._ended = 0.0

    def idle(self) -> bool:
        """Whether it waits for a request, having written nothing else."""
        self.read(self.stdout)
        return not self.failure and not self.outbox and not self._inbox and self.answer is None

    def send(self, content: bytes) -> None:
        """Have the content written as the worker takes it."""
        self.outbox = memoryview(content)
        self._sent, self._written = time.monotonic(), 0

    def write(self) -> None:
        """Write what the pipe takes now."""
        try:
            self.outbox = self.outbox[os.write(self.stdin, self.outbox[:CHUNK_BYTES]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._fail("crashed")

    def read(self, descriptor: int) -> bool:
        """Read what one of its outputs has now; False at the output's end."""
        try:
            chunk = os.read(descriptor, CHUNK_BYTES)
        except BlockingIOError:
            return True
        self._written += len(chunk)
        if descriptor == self.stderr:
            self._tail = (self._tail + chunk)[-TAIL_BYTES:]
        elif chunk:
            self._inbox += chunk
            self._take_frames()
        else:
            self._fail("crashed")
        if self._written > self._most:
            self._fail("too_much_output")
        return bool(chunk)

    def _take_frames(self) -> None:
        while len(self._inbox) >= PREFIX_BYTES and self.answer is None:
            end = PREFIX_BYTES + int.from_bytes(self._inbox[:PREFIX_BYTES], "big")
            if end > self._most:
                self._fail("too_much_output")
            if len(self._inbox) < end:
                return
            content = bytes(self._inbox[PREFIX_BYTES:end])
            del self._inbox[:end]
            if self.ready:
                self.answer, self._ended = content, time.monotonic()
            self.ready = True

    def _fail(self, failure: Failure) -> None:
        if not self.failure:
            self.failure, self._ended = failure, time.monotonic()

    def reply(self, frozen: float) -> Reply:
        """What is there at the freezing. An answer is taken, so that the worker is idle again."""
        answer, self.answer = self.answer, None
        if answer is not None and not self.failure:
            return Reply(answer, self._ended - self._sent)
        self._fail("time")
        self.read(self.stderr)  # a crash's last words may have come after the end of its output
        lines = self._tail.decode(errors="replace").strip().splitlines()
        return Reply(b"", min(self._ended, frozen) - self._sent, self.failure, lines[-1][:200] if lines else "")

    def end(self) -> None:
        """Have its guard end it and all that it started."""
        os.close(self.control)

    def close(self) -> None:
        """Close its pipes."""
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()


def _converse(
    workers: Mapping[str, _Worker], deadline: float, done: Callable[[_Worker], bool], finished: Callable[[str], None]
) -> None:
    """Write and read until every worker is done or failed, or the deadline."""
    waiting = set(workers)
    with selectors.DefaultSelector() as selector:
        for name, worker in workers.items():
            selector.register(worker.stdout, selectors.EVENT_READ, name)
            selector.register(worker.stderr, selectors.EVENT_READ, name)
            if worker.outbox:
                selector.register(worker.stdin, selectors.EVENT_WRITE, name)
        while waiting and (left := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                worker = workers[key.data]
                if key.data in waiting:
                    _serve(selector, worker, key.fd)
                    if done(worker) or worker.failure:
                        waiting.discard(key.data)
                        finished(key.data)
                else:  # nobody reads any more what it still writes
                    selector.unregister(key.fd)
                if time.monotonic() >= deadline:
                    return


def _serve(selector: selectors.BaseSelector, worker: _Worker, descriptor: int) -> None:
    if descriptor == worker.stdin:
        worker.write()
        goes_on = bool(worker.outbox) and not worker.failure
    else:
        goes_on = worker.read(descriptor)
    if not goes_on:
        selector.unregister(descriptor)


def _end(workers: Mapping[str, _Worker]) -> tuple[str, ...]:
    """End workers and wait until they are gone; the names of those that were not in time, or that killed their guard."""
    left = dict(workers)
    for worker in left.values():
        worker.end()
    latest = time.monotonic() + REAP_SECONDS
    while left := {name: worker for name, worker in left.items() if worker.process.poll() is None}:
        if time.monotonic() >= latest:
            break
        time.sleep(POLL_SECONDS)
    for worker in workers.values():
        worker.close()
    return tuple(sorted(name for name, worker in workers.items() if worker.process.returncode != 0))
