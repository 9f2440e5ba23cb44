"""A worker that behaves as its argument says. Echo: answers each request with it."""

import contextlib
import os
import re
import sys
import time
from collections.abc import Callable

from engine.runtime.frames import frame, read_frame


def echo(request: bytes) -> None:
    write(frame(request))


def block(_request: bytes) -> None:
    """Inside C, holding the interpreter: a regular expression that backtracks."""
    re.match(r"(a+)+$", "a" * 60 + "b")


def fork(_request: bytes) -> None:
    """Children that hold the pipes and stay."""
    for _ in range(20):
        if os.fork() == 0:
            time.sleep(60)
    time.sleep(60)


def orphan(_request: bytes) -> None:
    """A child that holds the pipes, and then the leader is gone."""
    if os.fork() == 0:
        time.sleep(60)
    os._exit(3)


def escape(_request: bytes) -> None:
    """Children in sessions of their own, whose parents are gone, and one that goes on leaving and leaving."""
    for _ in range(5):
        if os.fork() == 0:
            os.setsid()
            if os.fork() != 0:
                os._exit(0)
            time.sleep(60)
    if os.fork() == 0:
        while True:
            if os.fork() != 0:
                os._exit(0)
            os.setsid()
            time.sleep(0.002)
    time.sleep(60)


def eat(_request: bytes) -> None:
    """All memory that it gets."""
    eaten = []
    while True:
        eaten.append(bytearray(10_000_000))


def crash(_request: bytes) -> None:
    sys.stderr.write("the last words\n")
    sys.stderr.flush()
    os.abort()


def gigabyte(_request: bytes) -> None:
    write((2**30).to_bytes(8, "big"))
    for _ in range(1024):
        write(b"x" * 2**20)


def chatter(_request: bytes) -> None:
    """A gigabyte to standard error."""
    for _ in range(1024):
        sys.stderr.buffer.write(b"x" * 2**20)


def trickle(_request: bytes) -> None:
    """One byte at a time, for ever."""
    write((2**19).to_bytes(8, "big"))
    while True:
        write(b"x")
        time.sleep(0.001)


def deaf(_request: bytes) -> None:
    time.sleep(60)


def twice(request: bytes) -> None:
    write(frame(request) + frame(b"of another problem"))


def closing(_request: bytes) -> None:
    """Its output ends, itself does not."""
    os.close(1)
    time.sleep(60)


def write(content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(1, view) :]


KINDS: dict[str, Callable[[bytes], None]] = {
    kind.__name__: kind
    for kind in (echo, block, fork, orphan, escape, eat, crash, gigabyte, chatter, trickle, deaf, twice, closing)
}

if __name__ == "__main__":
    kind = sys.argv[1]
    write(frame(b""))
    if kind == "deaf":  # it does not even read
        deaf(b"")
    with contextlib.suppress(KeyboardInterrupt):
        while (request := read_frame(sys.stdin.buffer)) is not None:
            KINDS[kind](request)
