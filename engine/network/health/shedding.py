"""Whom to refuse first: each class may fill only its part of what may be in flight.

What may be in flight is a budget of delay (see limits), so a class's ceiling is the delay up to which it is admitted,
and refusals come at once, while the requester can still do something else. No queue waits behind the limits: time spent
there would only age requests. Under overload the classes with the lower ceilings pay, and the first sees a system that
is never full. (One limit shared by classes as in Netflix's prioritised load shedding.)
"""

from __future__ import annotations

from typing import NamedTuple

from engine.network.compiling import shared

PPM = 1_000_000

CRITICAL, NORMAL, SHEDDABLE = 0, 1, 2
"""Steps of settlements that have begun (others wait for them); first steps; what nobody waits for (probes, shadows)."""


class Shedding(NamedTuple):
    """Share of the total limit up to which each class is admitted."""

    critical_ppm: int = 1_000_000
    normal_ppm: int = 950_000
    sheddable_ppm: int = 850_000


@shared
def admits(klass: int, in_flight: int, limit: int, shedding: Shedding) -> bool:
    """Whether a request of the class may enter while `in_flight` requests are, of `limit` that may be."""
    share = shedding.sheddable_ppm
    if klass == CRITICAL:
        share = shedding.critical_ppm
    elif klass == NORMAL:
        share = shedding.normal_ppm
    return in_flight * PPM < limit * share
