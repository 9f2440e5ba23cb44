"""What a policy sees, what it may remember, and how both change: integers only, so that a choice replays bit for bit.

A policy is one function `choose(sight, request, memory)` that gives the position of the node to send to, or -1 where
none may take the request. It may write to `memory` alone. The functions below are the only ones that write to a Sight;
the service's dispatcher and the simulator both use them. Times are microseconds, shares parts per million.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.network.compiling import shared
from engine.network.draws import Ints, seeded

PPM = 1_000_000
"""One whole, in parts per million."""

STREAMED = 2**52
"""`seen_us` of a node whose receipts arrive as they are signed: nothing can have left unseen. Fits a JSON number."""

DECAY_US = 10_000_000
"""Time in which a peak of observed latency falls to 1/e; Finagle's default (util-core PeakEwma, 10 s)."""

POOL_SLOTS = 16
"""Probes that Prequal keeps (NSDI 2024)."""


class Sight(NamedTuple):
    """What a dispatcher knows of n nodes: int64[n], but `rtt_us` which is int64[regions, n]."""

    own: Ints
    """Sends less signed receipts; where receipts come in batches, as of `seen_us` plus sends after it."""
    reported: Ints
    """Queue length that the node last stated: old, or a lie."""
    since: Ints
    """Sends less receipts since that statement; may be negative."""
    seen_us: Ints
    """Until when all departures are known: `STREAMED`, or the time of the last batch of receipts."""
    service_us: Ints
    """Estimated mean service time, at least 1."""
    latency_us: Ints
    """Peak-EWMA of observed latency, round trip included; 0 is no history."""
    latency_at_us: Ints
    """When `latency_us` was brought up to date."""
    rtt_us: Ints
    """Round-trip time from each region of demand."""
    stake_ppm: Ints
    """Share of the stake."""
    share_ppm: Ints
    """Share that the equilibrium of latency and decentralisation gives the node."""
    cap: Ints
    """Requests that may be in flight; 0 where the node is ejected or unknown."""
    region: Ints
    """Where the node stands."""
    operator: Ints
    """Who runs it: positions in `Memory.bucket`."""


class Request(NamedTuple):
    """What is to be sent: a time, the region of its demand, a key of affinity >= 0 and its value >= 0 (below 2^40)."""

    now_us: int
    region: int
    key: int
    value: int


class Memory(NamedTuple):
    """What policies write: part of the input of a choice, recorded with it."""

    draws: Ints
    """State of `engine.network.draws`."""
    cursor: Ints
    """int64[1]: round robin's last node; Prequal's alternation."""
    credit: Ints
    """int64[n]: smooth weighted round robin."""
    pool: Ints
    """int64[POOL_SLOTS, 4]: Prequal's probes (node or -1, requests in flight, latency, time)."""
    bucket: Ints
    """int64[operators]: value each operator may still be given before it exceeds its ceiling."""
    ceiling_ppm: Ints
    """int64[operators]: greatest share of dispatched value; PPM is no ceiling."""


def blank_sight(nodes: int, regions: int = 1) -> Sight:
    """Idle nodes of one operator each, equal in all, with streamed receipts, no distance and a service time of 1 s."""

    def filled(value: int) -> Ints:
        return np.full(nodes, value, dtype=np.int64)

    even = filled(PPM // nodes)
    return Sight(
        own=filled(0),
        reported=filled(0),
        since=filled(0),
        seen_us=filled(STREAMED),
        service_us=filled(1_000_000),
        latency_us=filled(0),
        latency_at_us=filled(0),
        rtt_us=np.zeros((regions, nodes), dtype=np.int64),
        stake_ppm=even,
        share_ppm=even.copy(),
        cap=filled(2**31),
        region=filled(0),
        operator=np.arange(nodes, dtype=np.int64),
    )


def blank_memory(nodes: int, operators: int, seed: int) -> Memory:
    """Memory before the first choice, without ceilings."""
    pool = np.zeros((POOL_SLOTS, 4), dtype=np.int64)
    pool[:, 0] = -1
    return Memory(
        draws=seeded(seed),
        cursor=np.array([-1], dtype=np.int64),
        credit=np.zeros(nodes, dtype=np.int64),
        pool=pool,
        bucket=np.zeros(operators, dtype=np.int64),
        ceiling_ppm=np.full(operators, PPM, dtype=np.int64),
    )


@shared
def usable(sight: Sight, node: int) -> bool:
    """Whether the node may be sent one more request."""
    return bool(sight.own[node] < sight.cap[node])


@shared
def record_send(sight: Sight, node: int) -> None:
    """A request goes to the node."""
    sight.own[node] += 1
    sight.since[node] += 1


@shared
def record_receipt(sight: Sight, node: int, latency_us: int, now_us: int) -> None:
    """A signed receipt arrives for a request of ours sent `latency_us` ago."""
    sight.own[node] = max(sight.own[node] - 1, 0)
    sight.since[node] -= 1
    observe_latency(sight, node, latency_us, now_us)


@shared
def record_report(sight: Sight, node: int, queue: int) -> None:
    """The node states its queue length; what it says does not change what we know ourselves."""
    sight.reported[node] = queue
    sight.since[node] = 0


@shared
def record_batch(sight: Sight, node: int, outstanding: int, now_us: int) -> None:
    """Receipts up to now arrive at once: `outstanding` of our requests are still there, and it is known until now."""
    sight.own[node] = outstanding
    sight.seen_us[node] = now_us


@shared
def observe_latency(sight: Sight, node: int, latency_us: int, now_us: int) -> None:
    """Peak-EWMA: a higher latency is taken at once, a lower one is approached with weight e^(-elapsed/DECAY_US).

    e^(-x) is taken as 1/(1 + x + x^2/2), at most 4 % too high for x <= 1 (its tail is fatter); rounded down.
    """
    known = int(sight.latency_us[node])
    if latency_us < known:
        known = latency_us + _decayed(known - latency_us, now_us - int(sight.latency_at_us[node]))
    else:
        known = latency_us
    sight.latency_us[node] = known
    sight.latency_at_us[node] = now_us


@shared
def _decayed(amount: int, elapsed_us: int) -> int:
    """`amount` < 2^40 after a time, by the approximation of `observe_latency`."""
    elapsed_permille = min(max(elapsed_us, 0) // (DECAY_US // 1000), 100_000)
    weight = 1_000_000 + 1000 * elapsed_permille + elapsed_permille * elapsed_permille // 2
    return amount * 1_000_000 // weight


@shared
def peak_latency_us(sight: Sight, node: int, now_us: int) -> int:
    """The observed latency, decayed to now."""
    return _decayed(int(sight.latency_us[node]), now_us - int(sight.latency_at_us[node]))
