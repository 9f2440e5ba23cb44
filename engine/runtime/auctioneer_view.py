"""What others see of an auctioneer: the points that it passes, in order, and its state.

It guarantees nothing by itself: engine.runtime.auctioneer calls the hooks and keeps the state. `state` is written by the
auctioneer's thread alone and read by any, field by field; two fields need not be of the same moment.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.runtime.settling import HOOKS as SETTLING_HOOKS

HOOKS = (
    "leading",  # the lease is ours
    "voiding",  # an interrupted auction is voided, not committed
    "recovered",
    "arrived",  # the cast came, not committed
    "cutting",  # the batch is cut and the auction stored, not committed
    "logged",  # everybody can see which problem it is
    "cut",
    "answered",  # one solver's answer is there
    "closing",  # all are bound, not committed; without a journal there is no such moment
    "frozen",
    "cleared",
    "deciding",  # record and plan stored, not committed
    "decided",
    *SETTLING_HOOKS,
    "posting",  # money moved, not committed
    "settling",  # all is settled, not committed
    "settled",
)
"""The points at which a crash is tested, in order."""


@dataclass
class State:
    """What others may read while the auctioneer runs. `next_cut_ms` in the service's time; `fault` of the last auction."""

    leads: bool = False
    next_cut_ms: int | None = None
    last_number: int | None = None
    fault: str = ""
