"""Whom to refuse first: each class may fill only its part of what may be in flight.

What may be in flight is a budget of delay (see limits), so a class's ceiling is the delay up to which it is admitted,
and refusals come at once, while the requester can still do something else. No queue waits behind the limits: time spent
there would only age requests. Under overload the classes with the lower ceilings pay, and the first sees a system that
is never full. (One limit shared by classes as in Netflix's prioritised load shedding.)

A burst may use the whole limit, a standing overload may not (the idea of CoDel, Nichols and Jacobson, 2012, which tells
them apart by time above target, here by the share refused lately): while much is refused there is always more to fill a
gap with, so a shorter queue costs no throughput, and only delay is left to gain. Critical requests are not tightened.
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
    burst_ppm: int = 50_000
    """Share of refusals up to which an overload counts as a burst."""
    least_ppm: int = 500_000
    """What is left of the limit at worst; in between it falls by as much as the share of refusals exceeds a burst's."""


REFUSAL_WEIGHT = 64
"""Requests over which the share of refusals is averaged."""


@shared
def admits(klass: int, in_flight: int, limit: int, refused_ppm: int, shedding: Shedding) -> bool:
    """Whether a request of the class may enter while `in_flight` are, of `limit` that may be."""
    if klass == CRITICAL:
        return in_flight * PPM < limit * shedding.critical_ppm
    share = shedding.normal_ppm if klass == NORMAL else shedding.sheddable_ppm
    standing = max(refused_ppm - shedding.burst_ppm, 0)
    return in_flight * PPM < limit * max(PPM - standing, shedding.least_ppm) // PPM * share
