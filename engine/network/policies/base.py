"""What a policy sees, what it may remember, and how both change: integers only, so that a choice replays bit for bit.

A policy is one function `choose(sight, request, memory)` that gives the position of the node to send to, or -1 where
none may take the request. It writes to `memory` alone; `engine.network.policies.observing` has the only functions that
write to a Sight. Times are microseconds, shares parts per million.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.network.compiling import shared
from engine.network.draws import Ints, below, seeded

PPM = 1_000_000
"""One whole, in parts per million."""

STREAMED = 2**52
"""`seen_us` of a node whose receipts arrive as they are signed: nothing can have left unseen. Fits a JSON number."""

NEVER = 2**62
"""Cost of what must not be chosen; every real cost is below."""

POOL_SLOTS = 16
"""Probes that Prequal keeps."""


class Sight(NamedTuple):
    """What a dispatcher knows of n nodes: int64[n], but `rtt_us` which is int64[regions, n]."""

    own: Ints
    """Sends less signed receipts; where receipts come in batches, less those of the last batch."""
    reported: Ints
    """Queue length that the node last stated: old, or a lie."""
    since: Ints
    """Sends less receipts since that statement; may be negative."""
    seen_us: Ints
    """Until when all departures are known: `STREAMED`, or the time of the last batch of receipts."""
    expected_milli: Ints
    """Expected requests there, in thousandths, as of `expected_at_us`; read only where receipts come in batches."""
    variance_milli: Ints
    """Of that, in thousandths of a request squared."""
    expected_at_us: Ints
    service_us: Ints
    """Estimated mean service time, at least 1."""
    latency_us: Ints
    """Peak-EWMA of observed latency, round trip included, as of `latency_at_us`; 0 is no history."""
    latency_at_us: Ints
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
    identity: Ints
    """A number >= 0 of the node's own, that stays when other nodes come and go."""


class Request(NamedTuple):
    """What is to be sent: a time, the region of its demand, a key of affinity >= 0 and its value in [0, 2^31)."""

    now_us: int
    region: int
    key: int
    value: int


class Memory(NamedTuple):
    """What policies write: part of the input of a choice, recorded with it (all but `cost`)."""

    draws: Ints
    """State of `engine.network.draws`."""
    cursor: Ints
    """int64[1]: round robin's last node; choices made by Prequal."""
    credit: Ints
    """int64[n]: smooth weighted round robin."""
    pool: Ints
    """int64[POOL_SLOTS, 4]: Prequal's probes (node or -1, requests in flight, time, uses)."""
    bucket: Ints
    """int64[operators]: value in millionths that each operator may still be given before it exceeds its ceiling."""
    ceiling_ppm: Ints
    """int64[operators]: greatest share of dispatched value."""
    burst: Ints
    """int64[1]: value (below 2^36) by which an operator may be ahead of its ceiling; 0 switches ceilings off."""
    cost: Ints
    """int64[n]: scratch, written before it is read."""


def blank_sight(nodes: int, regions: int = 1) -> Sight:
    """Idle nodes of one operator each, equal in all, with streamed receipts, no distance and a service time of 1 s."""

    def filled(value: int) -> Ints:
        return np.full(nodes, value, dtype=np.int64)

    return Sight(
        own=filled(0),
        reported=filled(0),
        since=filled(0),
        seen_us=filled(STREAMED),
        expected_milli=filled(0),
        variance_milli=filled(0),
        expected_at_us=filled(0),
        service_us=filled(1_000_000),
        latency_us=filled(0),
        latency_at_us=filled(0),
        rtt_us=np.zeros((regions, nodes), dtype=np.int64),
        stake_ppm=filled(PPM // nodes),
        share_ppm=filled(PPM // nodes),
        cap=filled(2**31),
        region=filled(0),
        operator=np.arange(nodes, dtype=np.int64),
        identity=np.arange(nodes, dtype=np.int64),
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
        burst=np.zeros(1, dtype=np.int64),
        cost=np.zeros(nodes, dtype=np.int64),
    )


@shared
def usable(sight: Sight, node: int) -> bool:
    """Whether the node may be sent one more request."""
    return bool(sight.own[node] < sight.cap[node])


@shared
def least_cost(memory: Memory) -> int:
    """The node of least `Memory.cost`, each of several with equal chance; -1 where all are `NEVER`."""
    best, least, ties = -1, NEVER, 0
    for node in range(len(memory.cost)):
        cost = memory.cost[node]
        if cost < least:
            best, least, ties = node, cost, 1
        elif cost == least and best >= 0:
            ties += 1
            if below(memory.draws, ties) == 0:
                best = node
    return best


@shared
def pick(sight: Sight, memory: Memory, other_than: int) -> int:
    """A usable node with equal chances, other than the one given (-1: any); -1 where there is none."""
    count = 0
    for node in range(len(sight.cap)):
        count += int(node != other_than and usable(sight, node))
    if count == 0:
        return -1
    left = below(memory.draws, count)
    for node in range(len(sight.cap)):
        if node != other_than and usable(sight, node):
            if left == 0:
                return node
            left -= 1
    return -1
