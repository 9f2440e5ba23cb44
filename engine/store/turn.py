"""Whose turn it is to ask for the write lock of a SQLite file, so that no writer is overtaken again and again.

SQLite's own waiting is asking from time to time, so a writer with one transaction after the other leaves no moment in which
another could ask. A turn is a lock on a file beside the database, held only while the write lock is asked for:

    with turn:
        BEGIN IMMEDIATE

Guarantees
1. Who waits for the write lock holds the turn, and who had the write lock must wait for the turn before asking again.
2. It is advice and protects nothing: the system takes it back from a process that dies, and from one that is stopped while
   it has the turn others wait `PATIENCE_SECONDS` and then ask without it.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time

PATIENCE_SECONDS = 5.0
"""How long one waits for the turn. Shorter than a writer waits for the write lock."""

_LOOK_SECONDS = 0.001


class Turn:
    """The turn of one database, for any number of threads and processes. Not to be taken twice by one thread."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._held = threading.local()

    def __enter__(self) -> None:
        """Wait for the turn."""
        # Opened anew each time: such a lock belongs to the open file, and threads must exclude each other too.
        self._held.descriptor = descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_LOOK_SECONDS)
            else:
                return

    def __exit__(self, *_: object) -> None:
        """Give it away."""
        os.close(self._held.descriptor)
