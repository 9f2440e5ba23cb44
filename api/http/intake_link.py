"""The way to the process that accepts intents (`api.intake`): requests go there in batches, answers come back.

Guarantees
1. One batch is under way at a time; whatever comes meanwhile is the next one. So neither side writes while the other does,
   and what is accepted together is committed together.
2. A request is answered after the commit of what it asks for. Where the process dies, those of its batch are told that the
   outcome is unknown, those that waited that nothing was changed; another process is started.
3. At most `most_waiting` requests wait; the next one is refused with StoreError `overloaded`.

The process ends when this end of the pipe is closed, however this process ended.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Mapping
from itertools import islice
from multiprocessing.connection import Connection

import structlog

from engine.runtime.intake import Accepted
from engine.store.errors import StoreError
from engine.store.faults import DatabaseFaultError
from engine.store.group import MOST_AT_ONCE, MOST_WAITING

RESTART_SECONDS = 1.0
"""Between a process that died and its successor."""

END_SECONDS = 10.0
"""How long the process gets to end."""

Asked = tuple[bytes, str | None, tuple[str, ...]]
"""A request: its body, its idempotency key, and its method and path."""


class IntakeLink:
    """The process and what waits for it. For one event loop; `start` may be called before it runs."""

    def __init__(self, environment: Mapping[str, str], *, most_waiting: int = MOST_WAITING) -> None:
        self._environment = dict(environment)
        self._most_waiting = most_waiting
        self._waiting: deque[tuple[Asked, asyncio.Future[Accepted]]] = deque()
        self._under_way: list[tuple[Asked, asyncio.Future[Accepted]]] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Start the process. It reports when it is ready, as if an empty batch were under way."""
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-P", "-m", "api.intake", str(theirs.fileno())]
            self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                command, pass_fds=[theirs.fileno()], env=self._environment, start_new_session=True
            )
        self._connection = Connection(ours.detach())
        self._under_way = []
        if self._loop is not None:
            self._listen(self._loop, self._connection)

    async def submit(self, body: bytes, key: str | None, *route: str) -> Accepted:
        """Have an intent accepted. Raises InputError, StoreError."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            if self._connection is not None:
                self._listen(self._loop, self._connection)
        if len(self._waiting) >= self._most_waiting:
            expected = f"fewer than {self._most_waiting} requests that wait to be written"
            raise StoreError("overloaded", "", expected=expected, actual="as many")
        future: asyncio.Future[Accepted] = self._loop.create_future()
        self._waiting.append(((body, key, route), future))
        self._send()
        return await future

    def close(self) -> None:
        """End the process; it does what is under way."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        if self._process is not None:
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _listen(self, loop: asyncio.AbstractEventLoop, connection: Connection) -> None:
        loop.add_reader(connection.fileno(), self._readable)
        # Some loops make it non-blocking, which `Connection` does not expect. What is read or written here is taken or
        # given at once by the other side.
        os.set_blocking(connection.fileno(), True)

    def _send(self) -> None:
        if self._under_way is not None or self._connection is None or not self._waiting:
            return
        batch = [self._waiting.popleft() for _ in islice(range(MOST_AT_ONCE), len(self._waiting))]
        self._under_way = batch
        try:
            self._connection.send([asked for asked, _ in batch])
        except OSError:
            self._lost()

    def _readable(self) -> None:
        if self._connection is None:
            return
        try:
            outcomes = self._connection.recv()
        except (EOFError, OSError):
            self._lost()
            return
        batch, self._under_way = self._under_way or [], None
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            if future.done():
                continue  # whoever asked has gone
            if isinstance(outcome, Accepted):
                future.set_result(outcome)
            else:
                future.set_exception(outcome)
        self._send()

    def _lost(self) -> None:
        """The process died: tell everybody, and start another."""
        batch, self._under_way = self._under_way or [], []
        waiting = list(self._waiting)
        self._waiting.clear()
        connection, self._connection = self._connection, None
        if connection is not None and self._loop is not None:
            self._loop.remove_reader(connection.fileno())
            connection.close()
        for asked, committing in ((batch, True), (waiting, False)):
            for _, future in asked:
                if not future.done():
                    error = DatabaseFaultError("writer_lost", committing=committing, actual="one whose writer died")
                    future.set_exception(error)
        code = None
        if self._process is not None:
            self._process.kill()  # it may only have closed its end
            code = self._process.wait()
        structlog.get_logger().error("intake ended, starting another", code=code)
        if self._loop is not None:
            self._loop.call_later(RESTART_SECONDS, self.start)
