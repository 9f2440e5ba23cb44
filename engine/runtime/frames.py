"""How a solver process and who started it talk: frames on its standard input and output.

A frame is its length, 8 bytes in big-endian order, and that many bytes. A worker's first frame is empty and says that it
is ready; from then on each frame that it reads is a request, and it writes one frame in answer. A request is a line of
JSON (`Request`) and a problem; an answer is JSON {"proposal"}, or {"error": {"code", "message"}} where the
solver is not available. The end of its input is the end of its work.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import IO, Self

from intents.errors import InputError

PREFIX_BYTES = 8
"""The length before each frame."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a solver. `sent` is the monotonic clock, which all processes of a machine share, when it was asked.

    `seconds` of wall time count from `sent`, `work` is in the solver's own unit, `seed` below 2^31.
    """

    solver: str
    seconds: float
    work: int
    seed: int
    sent: float

    def line(self) -> bytes:
        """The request's line, its newline included."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def read(cls, line: bytes) -> Self:
        """A request's line. It comes from who started us, so a fault in it is a fault of ours and raises as it likes."""
        return cls(**json.loads(line))

    def left(self) -> float:
        """Seconds until the limit; negative after it."""
        return self.sent + self.seconds - time.monotonic()


def frame(content: bytes) -> bytes:
    """The frame that carries the content."""
    return len(content).to_bytes(PREFIX_BYTES, "big") + content


def read_frame(stream: IO[bytes]) -> bytes | None:
    """The next frame's content from a blocking stream; None at its end. Raises InputError `cut_frame`."""
    prefix = stream.read(PREFIX_BYTES)
    if not prefix:
        return None
    length = int.from_bytes(prefix, "big")
    content = stream.read(length) if len(prefix) == PREFIX_BYTES else b""
    if len(prefix) < PREFIX_BYTES or len(content) < length:
        raise InputError("cut_frame", "stdin", expected="a whole frame", actual=f"{len(prefix) + len(content)} bytes")
    return content
