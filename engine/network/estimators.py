"""Online estimates from what a dispatcher sees: arrival rate, service capacity, spread of service times.

Guarantees
1. Each estimate is a ratio of discounted sums that are updated in constant time; what is `half_life_us` old counts half.
2. Arrivals count against the time watched, quiet time included (Gamma-Poisson with exposure), so a rate falls when
   nothing comes. Completions count against the time in which servers were busy, so a node that has little to do does
   not look slow.
3. Intervals are those of the Gamma posterior, by Wilson and Hilferty's cube root (within 1 % from 5 events on).

Floats, rounded at the edge. They do not see what others send to a node; where that matters its service time, as seen
from here, is longer.

Sources: conjugate Gamma-Poisson updating; Wilson and Hilferty, PNAS 17 (1931).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from statistics import NormalDist
from typing import NamedTuple

PRIOR_EVENTS = 0.5
"""Events and, at the prior's rate, their exposure, that stand for knowing nothing (Jeffreys' prior has 1/2)."""


class Estimate(NamedTuple):
    """A value and an interval around it."""

    mean: float
    low: float
    high: float


class Rate:
    """Events per microsecond of exposure, discounted by time."""

    def __init__(self, prior_rate: float, half_life_us: float) -> None:
        """`prior_rate` > 0 is believed as far as PRIOR_EVENTS events would carry it."""
        self._half_life_us = half_life_us
        self._events = PRIOR_EVENTS
        self._exposure = PRIOR_EVENTS / prior_rate

    def observe(self, events: float, exposure_us: float, elapsed_us: float) -> None:
        """`events` happened while exposed for `exposure_us`, within the last `elapsed_us`."""
        kept = 0.5 ** (elapsed_us / self._half_life_us)
        self._events = self._events * kept + events
        self._exposure = self._exposure * kept + exposure_us

    @property
    def events(self) -> float:
        """How many events the estimate rests on, discounted."""
        return self._events

    @property
    def per_us(self) -> float:
        """The posterior mean."""
        return self._events / self._exposure

    def interval(self, coverage: float = 0.9) -> Estimate:
        """The mean and the central interval that holds the rate with probability `coverage`."""
        tail, shape = (1 - coverage) / 2, self._events
        low, high = (
            shape * max(0.0, 1 - 1 / (9 * shape) + NormalDist().inv_cdf(q) / (3 * shape**0.5)) ** 3
            for q in (tail, 1 - tail)
        )
        return Estimate(self.per_us, low / self._exposure, high / self._exposure)


class Arrivals:
    """The rate at which requests come, from their times."""

    def __init__(self, start_us: int, prior_rate: float, half_life_us: float) -> None:
        self._rate = Rate(prior_rate, half_life_us)
        self._last_us = start_us

    def watch(self, now_us: int, events: int) -> Rate:
        """`events` came since the last call; the rate as of now."""
        elapsed = now_us - self._last_us
        self._rate.observe(events, elapsed, elapsed)
        self._last_us = now_us
        return self._rate


class Capacity:
    """The rate at which one of a node's servers completes requests while it has some, from sends and receipts."""

    def __init__(self, start_us: int, servers: int, prior_service_us: float, half_life_us: float) -> None:
        self._servers = servers
        self._rate = Rate(1 / prior_service_us, half_life_us)
        self._last_us = start_us
        self._present = 0

    def send(self, now_us: int) -> None:
        """A request reaches the node."""
        self._pass(now_us, 0)
        self._present += 1

    def receipt(self, now_us: int) -> None:
        """One left it."""
        self._pass(now_us, 1)
        self._present = max(0, self._present - 1)

    def rate(self, now_us: int) -> Rate:
        """Completions per microsecond of one busy server, as of now."""
        self._pass(now_us, 0)
        return self._rate

    def _pass(self, now_us: int, completed: int) -> None:
        elapsed = now_us - self._last_us
        self._rate.observe(completed, min(self._present, self._servers) * elapsed, elapsed)
        self._last_us = now_us


def service_times(visits: Iterable[tuple[int, int]], servers: int) -> list[int]:
    """Service times in the order of arrival, of (arrival, departure) in that order, served in order by `servers`.

    A request starts when it has come and one of the servers has been left: its service is what remains until it leaves.
    """
    left: list[int] = []
    times = []
    for arrival, departure in visits:
        free = heapq.heappop(left) if len(left) == servers else arrival
        times.append(departure - max(arrival, free))
        heapq.heappush(left, departure)
    return times


def scv(times: Sequence[float]) -> float:
    """Squared coefficient of variation of a sample of two or more: variance (over n - 1) by squared mean; 0 of less."""
    if len(times) < 2:
        return 0.0
    mean = sum(times) / len(times)
    return sum((time - mean) ** 2 for time in times) / (len(times) - 1) / mean**2 if mean > 0 else 0.0
