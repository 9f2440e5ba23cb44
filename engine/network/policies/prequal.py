"""Prequal: probing for requests in flight and latency (Wydrowski et al., "Load is not what you should balance", NSDI 2024).

A pool of 16 probes; 3 new ones of random nodes a query, answered by the time of the next query. A probe is hot if its
requests in flight (RIF) exceed the 0.84 quantile of the pool's. Of cold ones the lowest latency wins, without one the
lowest RIF; with fewer than 2 probes a random node. The chosen node's RIF goes up by one in all its probes. A query
removes one probe, the oldest and the worst in turn, and a probe leaves after `reuses` uses or 10 mean service times
(the paper's second, of queries that take a tenth of one).

A probe's answer is here the node's reported queue, taken at its word: probing cannot tell a node that lies itself idle.
Its latency (in the paper measured by the server at about the present RIF) is (RIF + 1) * service time + round trip.
"""

from __future__ import annotations

from engine.network.compiling import shared
from engine.network.draws import below
from engine.network.policies.base import NEVER, POOL_SLOTS, Memory, Request, Sight, pick, usable

_NODE, _RIF, _TIME, _USES = 0, 1, 2, 3

PROBES = 3
"""Asked for each request."""
_QUANTILE_PERMILLE = 841
"""2^-0.25."""
_AGE_SERVICES = 10
_NO_LIMIT = 2**31


@shared
def choose(sight: Sight, request: Request, memory: Memory) -> int:
    """The node to send to; -1 where none is usable."""
    memory.cursor[0] += 1
    _expire(sight, request, memory)
    chosen = _from_pool(sight, request, memory)
    if chosen < 0:
        chosen = pick(sight, memory, -1)
    if chosen >= 0:
        _used(memory, chosen, reuses(len(sight.cap)))
    _remove(memory, request.now_us, 1 - int(memory.cursor[0]) % 2)
    for _ in range(PROBES):
        _probe(sight, request, memory)
    return chosen


@shared
def reuses(nodes: int) -> int:
    """Uses of one probe: max(1, (1 + d) / ((1 - m/n) r_probe - r_remove)), d = r_remove = 1, rounded up.

    Where n is so small that the pool never drains the formula has no positive value and there is no limit.
    """
    spare = (nodes - POOL_SLOTS) * PROBES - nodes
    return max(1, -(-2 * nodes // spare)) if spare > 0 else _NO_LIMIT


@shared
def _expire(sight: Sight, request: Request, memory: Memory) -> None:
    for slot in range(POOL_SLOTS):
        node = int(memory.pool[slot, _NODE])
        if node >= 0:
            age = request.now_us - int(memory.pool[slot, _TIME])
            if age > _AGE_SERVICES * int(sight.service_us[node]) or not usable(sight, node):
                memory.pool[slot, _NODE] = -1


@shared
def _from_pool(sight: Sight, request: Request, memory: Memory) -> int:
    held = 0
    for slot in range(POOL_SLOTS):
        held += int(memory.pool[slot, _NODE] >= 0)
    if held < 2:
        return -1
    limit = _hot_above(memory, held)
    cold, least_latency, least_hot, least_rif = -1, NEVER, -1, NEVER
    for slot in range(POOL_SLOTS):
        node = int(memory.pool[slot, _NODE])
        if node < 0:
            continue
        rif = int(memory.pool[slot, _RIF])
        latency = (rif + 1) * int(sight.service_us[node]) + int(sight.rtt_us[request.region, node])
        if rif <= limit and latency < least_latency:
            cold, least_latency = node, latency
        if rif < least_rif:
            least_hot, least_rif = node, rif
    return cold if cold >= 0 else least_hot


@shared
def _hot_above(memory: Memory, held: int) -> int:
    """The pool's RIF of rank floor(quantile * (held - 1)), from 0."""
    rank = _QUANTILE_PERMILLE * (held - 1) // 1000
    for slot in range(POOL_SLOTS):
        if memory.pool[slot, _NODE] < 0:
            continue
        below_it, equal = 0, 0
        for other in range(POOL_SLOTS):
            if memory.pool[other, _NODE] >= 0:
                below_it += int(memory.pool[other, _RIF] < memory.pool[slot, _RIF])
                equal += int(memory.pool[other, _RIF] == memory.pool[slot, _RIF])
        if below_it <= rank < below_it + equal:
            return int(memory.pool[slot, _RIF])
    return 0


@shared
def _used(memory: Memory, chosen: int, most: int) -> None:
    for slot in range(POOL_SLOTS):
        if memory.pool[slot, _NODE] == chosen:
            memory.pool[slot, _RIF] += 1
            memory.pool[slot, _USES] += 1
            if memory.pool[slot, _USES] >= most:
                memory.pool[slot, _NODE] = -1


@shared
def _remove(memory: Memory, now_us: int, oldest: int) -> None:
    worst, most = -1, -1
    for slot in range(POOL_SLOTS):
        if memory.pool[slot, _NODE] >= 0:
            badness = now_us - int(memory.pool[slot, _TIME]) if oldest == 1 else int(memory.pool[slot, _RIF])
            if badness > most:
                worst, most = slot, badness
    if worst >= 0:
        memory.pool[worst, _NODE] = -1


@shared
def _probe(sight: Sight, request: Request, memory: Memory) -> None:
    """A probe of a random node takes a free slot or the oldest's."""
    node = below(memory.draws, len(sight.cap))
    if not usable(sight, node):
        return
    into, most = 0, -1
    for slot in range(POOL_SLOTS):
        age = NEVER if memory.pool[slot, _NODE] < 0 else request.now_us - int(memory.pool[slot, _TIME])
        if age > most:
            into, most = slot, age
    memory.pool[into, _NODE] = node
    memory.pool[into, _RIF] = sight.reported[node]
    memory.pool[into, _TIME] = request.now_us
    memory.pool[into, _USES] = 0
