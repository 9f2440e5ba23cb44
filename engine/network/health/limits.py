"""How many requests a node may have in flight: Gradient2 below a ceiling by Little's law.

Gradient2 (Netflix, concurrency-limits): with S the mean latency of a window of answers and R the long average of S,

    g = max(.5, min(1, 1.5 R / S))        L' = .8 L + .2 (g L + 4)

so a node whose latency rises against its own past is sent less, within a few windows. Alone it can not bound latency:
under lasting overload R follows S, g returns to 1 and L drifts to its maximum. The ceiling does bound it: what is in
flight at a node that serves one request per `service_us` waits in_flight * service_us (Little), so a budget of delay is
a number of requests. Windows in which the node was less than half used say nothing about its limit and change only R.
Limits are in thousandths of a request, rounded down.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.network.compiling import shared

MILLI = 1000


class Limits(NamedTuple):
    """Parameters: the reference implementation's, but for the floor.

    It is 20 there, for servers with many threads; a node here may serve one request at a time.
    """

    budget_us: int = 4_000_000
    """Delay that requests in flight at a node may add up to."""
    start: int = 20
    floor: int = 2
    ceiling: int = 200
    tolerance_milli: int = 1500
    headroom_milli: int = 4000
    window: int = 10
    """Answers of which the mean is one sample."""
    long_window: int = 600
    """Answers over which the long average runs (weight 2 / (n + 1) an answer)."""


@shared
def little_ceiling(service_us: int, limits: Limits) -> int:
    """Most requests whose work fits the budget of delay, within floor and ceiling."""
    return min(max(limits.budget_us // max(service_us, 1), limits.floor), limits.ceiling)


@shared
def gradient(limit_milli: int, short_us: int, long_us: int, limits: Limits) -> int:
    """The limit after one window with mean latency `short_us` > 0, from the long average before it."""
    ratio_milli = limits.tolerance_milli * long_us // max(short_us, 1)
    bounded = min(max(ratio_milli, 500), MILLI)
    target = bounded * limit_milli // MILLI + limits.headroom_milli
    return (4 * limit_milli + target) // 5


@shared
def long_average(long_us: int, short_us: int, limits: Limits) -> int:
    """The long average after one window; 0 is no history. It falls by 5 % a window while above twice the short one."""
    if long_us == 0:
        return short_us
    after = long_us + (short_us - long_us) * 2 * limits.window // (limits.long_window + 1)
    return after * 95 // 100 if after > 2 * short_us else after
