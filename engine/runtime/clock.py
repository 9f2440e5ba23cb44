"""The service's time: what intents' validity is judged by and what is written down. Milliseconds since 1970.

The embedded world has a time of its own, which begins where its market does and runs as fast as ours.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now_ms(self) -> int:
        """Milliseconds since 1970, in the service's time."""


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's clock, `offset_ms` later."""

    offset_ms: int = 0

    def now_ms(self) -> int:
        """Milliseconds since 1970, in the service's time."""
        return time.time_ns() // 1_000_000 + self.offset_ms
