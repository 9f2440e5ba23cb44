"""A budget of retries, so that a failure is not multiplied: a bucket of tokens (Finagle's RetryBudget).

Every request puts in a fifth or a tenth of a token, every second a fixed number, and every retry takes a whole one out;
what is left expires by the bucket's size. Retries are then at most that share of requests plus the fixed rate, however
long everything fails; without a budget, r retries multiply the load by 1 + r just when there is no room, and the
overload keeps itself up after its cause is gone (Bronson et al., "Metastable failures", HotOS 2021).
State is int64[2]: thousandths of a token, and when they were counted.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.network.compiling import shared
from engine.network.draws import Ints

MILLI = 1000
SECOND_US = 1_000_000


class Retries(NamedTuple):
    """Parameters. Finagle's defaults are 20 % and 10 a second over 10 s; ours are for tens of requests a second."""

    share_milli: int = 100
    """Thousandths of a token that a request puts in."""
    per_second_milli: int = 200
    most_milli: int = 20_000
    """The bucket's size: what may be retried at once after calm."""


@shared
def refill(bucket: Ints, now_us: int, retries: Retries) -> None:
    """Add what time gives, whole thousandths only; the time of a part of one is kept for the next refill."""
    rate = retries.per_second_milli
    earned = max(now_us - int(bucket[1]), 0) * rate
    grown = earned // SECOND_US
    if grown > 0:
        bucket[0] = min(int(bucket[0]) + grown, retries.most_milli)
        bucket[1] = now_us - (earned - grown * SECOND_US) // rate


@shared
def deposit(bucket: Ints, now_us: int, retries: Retries) -> None:
    """A request is made for the first time."""
    refill(bucket, now_us, retries)
    bucket[0] = min(int(bucket[0]) + retries.share_milli, retries.most_milli)


@shared
def withdraw(bucket: Ints, now_us: int, retries: Retries) -> bool:
    """Whether a retry may be made now; takes its token."""
    refill(bucket, now_us, retries)
    if bucket[0] < MILLI:
        return False
    bucket[0] -= MILLI
    return True
