"""The event core: customers of a stream through first-come first-served machines, one dispatcher, one policy.

A machine is known to be busy until `free_us`, so a customer's departure is known when it is sent and no event queue is
needed: the loop goes from arrival to arrival and lets the dispatcher learn what it would have learnt by then, and no
more. Receipts reach it half a round trip after the departure, or, where they are batched, only when the node reports.
Reports are the true queue length at their moment, or 0 from a node that lies. The sender's distance is added to what the
customer waits; a machine starts on a customer from the moment of its dispatch, as in the reference simulations.

Integers throughout. Needs no clock and draws nothing but what the policy draws.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.network.compiling import compiled, shared
from engine.network.draws import Ints
from engine.network.policies import choose_by_code
from engine.network.policies.base import Memory, Request, Sight
from engine.network.policies.observing import (
    learn_service,
    observe_latency,
    record_batch,
    record_receipt,
    record_report,
    record_send,
)
from engine.network.simulation.machine_code import kept
from engine.network.simulation.streams import UNIT_US, Stream

CENTRAL_QUEUE = -1
"""Code of the bound: each customer to the machine that is free first, which is one queue for all machines."""

NEVER = 2**62


class World(NamedTuple):
    """What the dispatcher does not decide."""

    service_us: Ints
    """int64[machines]: mean service time."""
    machine: Ints
    """int64[nodes]: the machine behind each node; several nodes of one machine are identities of one operator."""
    lies: Ints
    """int64[nodes]: 1 where the node always reports an empty queue."""
    report_us: int
    """Time between a node's reports; 0 is a report at every moment."""
    batched: bool
    """Whether receipts come with the reports alone."""
    staggered: bool
    """Whether the nodes report in turn instead of all at once."""
    slowdown: int
    """How many times longer a service lasts that starts in a slow phase."""
    estimated: bool
    """Whether the dispatcher estimates service times from receipts; otherwise they are as first told."""


class Run(NamedTuple):
    """int64[customers] each: the time from dispatch to reply (-1 where nobody took it) and the node; and what is left."""

    sojourn_us: Ints
    node: Ints
    backlog_us: Ints
    """int64[machines]: work left at the last arrival."""


class _Queues(NamedTuple):
    """Customers still somewhere, as linked lists: per node in order of departure, per region and node of receipt."""

    leaves_us: Ints
    service_us: Ints
    behind_at_node: Ints
    behind_in_region: Ints
    first_at_node: Ints
    last_at_node: Ints
    first_in_region: Ints
    last_in_region: Ints
    departure_us: Ints
    """int64[nodes]: the next departure of each node, or NEVER."""
    receipt_us: Ints
    """int64[regions, nodes]: the next receipt, or NEVER."""
    length: Ints
    free_us: Ints
    phase: Ints
    """int64[machines]: changes of pace until its last start."""
    report_us: Ints
    """int64[nodes]: the next report."""


def _queues(customers: int, nodes: int, regions: int, machines: int) -> _Queues:
    return _Queues(
        np.zeros(customers, np.int64),
        np.zeros(customers, np.int64),
        np.full(customers, -1, np.int64),
        np.full(customers, -1, np.int64),
        np.full(nodes, -1, np.int64),
        np.full(nodes, -1, np.int64),
        np.full((regions, nodes), -1, np.int64),
        np.full((regions, nodes), -1, np.int64),
        np.full(nodes, NEVER, np.int64),
        np.full((regions, nodes), NEVER, np.int64),
        np.zeros(nodes, np.int64),
        np.zeros(machines, np.int64),
        np.zeros(machines, np.int64),
        np.zeros(nodes, np.int64),
    )


@shared
def _departures(world: World, stream: Stream, sight: Sight, queues: _Queues, node: int, now_us: int) -> None:
    """The true queue without those who left by now. Batched receipts are read here, at the report."""
    while queues.departure_us[node] <= now_us:
        customer = queues.first_at_node[node]
        if world.batched:
            latency_us = queues.leaves_us[customer] - stream.arrival_us[customer]
            latency_us += sight.rtt_us[stream.region[customer], node]
            observe_latency(sight, node, latency_us, now_us)
            if world.estimated:
                learn_service(sight, node, queues.service_us[customer])
        behind = queues.behind_at_node[customer]
        queues.first_at_node[node] = behind
        queues.departure_us[node] = queues.leaves_us[behind] if behind >= 0 else NEVER
        queues.length[node] -= 1


@shared
def _receipts(world: World, stream: Stream, sight: Sight, queues: _Queues, node: int, now_us: int) -> None:
    """Receipts that have arrived by now, region by region."""
    for region in range(queues.receipt_us.shape[0]):
        while queues.receipt_us[region, node] <= now_us:
            customer = queues.first_in_region[region, node]
            at_us = queues.receipt_us[region, node]
            rtt_us = sight.rtt_us[region, node]
            latency_us = queues.leaves_us[customer] - stream.arrival_us[customer] + rtt_us
            record_receipt(sight, node, latency_us, at_us)
            if world.estimated:
                learn_service(sight, node, queues.service_us[customer])
            behind = queues.behind_in_region[customer]
            queues.first_in_region[region, node] = behind
            queues.receipt_us[region, node] = queues.leaves_us[behind] + rtt_us // 2 if behind >= 0 else NEVER


@shared
def _news(world: World, stream: Stream, sight: Sight, queues: _Queues, node: int, now_us: int) -> None:
    """What the dispatcher learns of a node until now."""
    if world.report_us == 0:
        _receipts(world, stream, sight, queues, node, now_us)
        _departures(world, stream, sight, queues, node, now_us)
        record_report(sight, node, 0 if world.lies[node] else queues.length[node], now_us)
        return
    while queues.report_us[node] <= now_us:
        at_us = queues.report_us[node]
        if not world.batched:
            _receipts(world, stream, sight, queues, node, at_us)
        _departures(world, stream, sight, queues, node, at_us)
        record_report(sight, node, 0 if world.lies[node] else queues.length[node], at_us)
        if world.batched:
            record_batch(sight, node, queues.length[node], at_us)
        queues.report_us[node] = at_us + world.report_us
    if not world.batched:
        _receipts(world, stream, sight, queues, node, now_us)


@shared
def _first_free(world: World, queues: _Queues) -> int:
    best = 0
    for node in range(1, world.machine.shape[0]):
        if queues.free_us[world.machine[node]] < queues.free_us[world.machine[best]]:
            best = node
    return best


@shared
def _pace(world: World, stream: Stream, queues: _Queues, machine: int, start_us: int) -> int:
    """The factor on a service that starts then; starts of a machine ascend."""
    phase = queues.phase[machine]
    while phase < stream.switch_us.shape[1] and stream.switch_us[machine, phase] <= start_us:
        phase += 1
    queues.phase[machine] = phase
    return world.slowdown if phase % 2 == 1 else 1


@shared
def _send(world: World, stream: Stream, sight: Sight, queues: _Queues, customer: int, node: int) -> np.int64:
    """Queue a customer at a node; when it leaves."""
    machine = world.machine[node]
    start_us = max(stream.arrival_us[customer], queues.free_us[machine])
    service_us = stream.work_us[customer] * world.service_us[machine] // UNIT_US
    service_us = max(service_us * _pace(world, stream, queues, machine, start_us), 1)
    leaves_us: np.int64 = start_us + service_us
    queues.free_us[machine] = leaves_us
    queues.leaves_us[customer] = leaves_us
    queues.service_us[customer] = service_us
    queues.length[node] += 1
    if queues.departure_us[node] == NEVER:
        queues.first_at_node[node] = customer
        queues.departure_us[node] = leaves_us
    else:
        queues.behind_at_node[queues.last_at_node[node]] = customer
    queues.last_at_node[node] = customer
    region = stream.region[customer]
    if queues.receipt_us[region, node] == NEVER:
        queues.first_in_region[region, node] = customer
        queues.receipt_us[region, node] = leaves_us + sight.rtt_us[region, node] // 2
    else:
        queues.behind_in_region[queues.last_in_region[region, node]] = customer
    queues.last_in_region[region, node] = customer
    return leaves_us


def _simulate(code: int, world: World, stream: Stream, sight: Sight, memory: Memory, queues: _Queues, run: Run) -> None:
    nodes = len(world.machine)
    for customer in range(len(stream.arrival_us)):
        now_us = stream.arrival_us[customer]
        if code == CENTRAL_QUEUE:
            node = _first_free(world, queues)
        else:
            for known in range(nodes):
                _news(world, stream, sight, queues, known, now_us)
            request = Request(now_us, stream.region[customer], stream.key[customer], stream.value[customer])
            node = choose_by_code(code, sight, request, memory)
        if node < 0:
            continue
        run.node[customer] = node
        leaves_us = _send(world, stream, sight, queues, customer, node)
        run.sojourn_us[customer] = leaves_us - now_us + sight.rtt_us[stream.region[customer], node]
        record_send(sight, node, now_us)


_compiled = kept(compiled(_simulate))


def simulate(code: int, world: World, stream: Stream, sight: Sight, memory: Memory) -> Run:
    """Send every customer of the stream. Writes to sight and memory."""
    customers, nodes, machines = len(stream.arrival_us), len(world.machine), len(world.service_us)
    queues = _queues(customers, nodes, len(sight.rtt_us), machines)
    if world.staggered:
        queues.report_us[:] = world.report_us * np.arange(nodes) // nodes
    run = Run(np.full(customers, -1, np.int64), np.full(customers, -1, np.int64), np.zeros(machines, np.int64))
    _compiled(code, world, stream, sight, memory, queues, run)
    run.backlog_us[:] = np.maximum(queues.free_us - stream.arrival_us[-1], 0)
    return run
