"""Quotas linear in stake: what a node may send or be sent, so that splitting an identity gains nothing.

Guarantees
1. `quotas` gives floor(total * stake / all stake). Floors of parts never sum to more than the floor of the whole: who
   splits into k identities gets at most what it had, and at least that less k - 1 units.
2. `admitted_shares` makes stake a cap, never the sole weight: the least of the share of capacity and `factor` times the
   share of stake. For parts of one machine, which share its capacity, that too is at most the whole's.
3. `QuotaWindow` lets each peer have its quota per window of fixed length, by the caller's clock.

It does not know who is behind an identity; by 1 and 2 it need not. Source: Solana's stake-weighted quality of service.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.network.delay_price import PPM
from intents.errors import InputError


def quotas(total: int, stakes: Mapping[str, int]) -> dict[str, int]:
    """Each holder's part of `total` (>= 0) by stake (>= 0), rounded down. What rounding leaves is nobody's."""
    _check(stakes)
    whole = sum(stakes.values())
    return {holder: total * stake // whole if whole else 0 for holder, stake in sorted(stakes.items())}


def admitted_shares(stakes: Mapping[str, int], capacities: Mapping[str, int], factor: int) -> dict[str, int]:
    """Shares in ppm: min(capacity share, factor * stake share), rounded down; the rest of the load is not admitted."""
    capacity, stake = quotas(PPM, capacities), quotas(factor * PPM, stakes)
    return {holder: min(capacity[holder], stake.get(holder, 0)) for holder in sorted(capacities)}


class QuotaWindow:
    """What each peer has left of its quota in the running window."""

    def __init__(self, allowed: Mapping[str, int], window_us: int) -> None:
        self._allowed = allowed
        self._window_us = window_us
        self._window = -1
        self._taken: dict[str, int] = {}

    def take(self, peer: str, amount: int, now_us: int) -> bool:
        """Take `amount` of the peer's quota if that much is left now; whether it was."""
        window = now_us // self._window_us
        if window != self._window:
            self._window, self._taken = window, {}
        taken = self._taken.get(peer, 0) + amount
        if taken > self._allowed.get(peer, 0):
            return False
        self._taken[peer] = taken
        return True


def _check(stakes: Mapping[str, int]) -> None:
    for holder, stake in stakes.items():
        if stake < 0:
            raise InputError("negative_stake", f"/{holder}", expected="at least 0", actual=str(stake))
