"""Health of a fleet as one reducer: answers, time-outs, reports and ticks in, `Sight.cap` out.

How a dispatcher uses it (arrays `own`, `service_us` and `cap` are its Sight's own, not copies):

    health = new_health(sight, tiers, now_us)
    before a first attempt     may_enter(health, settings, klass), then note_request; no: refuse at once
    after a receipt            note_answer(health, settings, node, latency_us, failed, now_us)
    at an attempt's deadline   note_timeout(...); before any retry: may_retry(...)
    late receipt               note_life(...)
    report, answered probe     note_report(...); a node that never gives one is judged by its answers and time-outs alone
    ten times a report interval tick(...), then probe every node with `wants_probe`, and log `drained(health)`
                               (engine.network.health.changes); what was in flight at a node that went out for silence
                               is lost: take it from `own` and send it again within the budget

Guarantees: integers only, no clock and no chance; the same events give the same caps and changes, compiled or plain.
A cap is 0 for a node that is out, at least 1 for every other, and at most what the delay budget allows. No node changes
state without a row in `changes`: where the rows are full the change waits for the host to drain them.
Not here: counting what is in flight (the Sight's), choosing a node (policies), making probes (trust).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.network.compiling import shared
from engine.network.draws import Ints
from engine.network.health.ejection import Ejection, rate_after, score_step
from engine.network.health.limits import Limits, gradient, little_ceiling, long_average
from engine.network.health.membership import OUT, PROMOTED, RETURNING, SILENT, Decision, Evidence, Rules, decide
from engine.network.health.panic import panics
from engine.network.health.retries import Retries, deposit, withdraw
from engine.network.health.shedding import REFUSAL_WEIGHT, Shedding, admits
from engine.network.health.slow_start import started_ppm
from engine.network.health.spill import spill
from engine.network.policies.base import Sight

PPM = 1_000_000
FLEET_WEIGHT = 256
"""Answers over which the fleet's failure rate is averaged."""


class Settings(NamedTuple):
    """All parameters of a fleet's health."""

    limits: Limits = Limits()
    ejection: Ejection = Ejection()
    rules: Rules = Rules()
    shedding: Shedding = Shedding()
    retries: Retries = Retries()
    probe_us: int = 5_500_000
    """Silence after which a node is asked for a sign of life: a little over one interval of reports."""


class Fleet(NamedTuple):
    """Positions in `Health.fleet`."""

    failure_ppm: int = 0
    peers_ppm: int = 1
    panic: int = 2
    rows: int = 3
    out_for_errors: int = 4
    alive: int = 5
    refused_ppm: int = 6
    ticked_us: int = 7


F = Fleet()
ROW = len(Evidence._fields) + len(Decision._fields)
"""Columns of a row of `changes`: the evidence, then the decision."""


class Node(NamedTuple):
    """Columns of `Health.node`."""

    tier: int = 0
    """Priority: 0 first."""
    state: int = 1
    changed_us: int = 2
    out_until_us: int = 3
    times_out: int = 4
    reason: int = 5
    burn_ppm: int = 6
    held: int = 7
    seen_us: int = 8
    """Last sign of life."""
    run: int = 9
    score_milli: int = 10
    rate_ppm: int = 11
    answers: int = 12
    failures: int = 13
    limit_milli: int = 14
    long_us: int = 15
    sum_us: int = 16
    samples: int = 17
    reports: int = 18
    """1 once it has reported or answered a probe."""


N = Node()


class Health(NamedTuple):
    """State. Tables and not an array for each field, as compiled calls pass every array one by one."""

    own: Ints
    service_us: Ints
    cap: Ints
    """int64[n], the Sight's."""
    node: Ints
    """int64[n, len(Node)]."""
    tiers: Ints
    """int64[3, tiers]: nodes, usable ones, share of the load in ppm."""
    fleet: Ints
    """int64[len(Fleet)]."""
    bucket: Ints
    """int64[2]: the budget of retries."""
    changes: Ints
    """int64[4 n, ROW]: changes not drained yet, the first `fleet[F.rows]` of them."""


def new_health(sight: Sight, tiers: Ints, settings: Settings, now_us: int) -> Health:
    """All nodes in, just seen and free to change; caps are written to the sight. `tiers` gives each node's priority."""
    nodes = len(sight.own)
    node = np.zeros((nodes, len(N)), dtype=np.int64)
    node[:, N.tier] = tiers
    node[:, N.changed_us] = now_us - settings.rules.dwell_us
    node[:, N.seen_us] = now_us
    node[:, N.limit_milli] = settings.limits.start * 1000
    fleet = np.zeros(len(F), dtype=np.int64)
    fleet[F.ticked_us] = now_us
    health = Health(
        own=sight.own,
        service_us=sight.service_us,
        cap=sight.cap,
        node=node,
        tiers=np.zeros((3, int(tiers.max()) + 1), dtype=np.int64),
        fleet=fleet,
        bucket=np.array([settings.retries.most_milli, now_us], dtype=np.int64),
        changes=np.zeros((4 * nodes, ROW), dtype=np.int64),
    )
    tick(health, settings, now_us)
    return health


@shared
def note_request(health: Health, settings: Settings, now_us: int) -> None:
    """A request is admitted for the first time: it adds to the budget of retries."""
    deposit(health.bucket, now_us, settings.retries)


@shared
def may_retry(health: Health, settings: Settings, now_us: int) -> bool:
    """Whether one retry may be made now; it is paid for by asking."""
    return withdraw(health.bucket, now_us, settings.retries)


@shared
def may_enter(health: Health, settings: Settings, klass: int) -> bool:
    """Whether a request of this class is admitted now, which it is to be asked once; counted over nodes with a cap."""
    in_flight, limit = 0, 0
    for node in range(len(health.cap)):
        if health.cap[node] > 0:
            in_flight += min(int(health.own[node]), int(health.cap[node]))
            limit += int(health.cap[node])
    refused_ppm = int(health.fleet[F.refused_ppm])
    enters = admits(klass, in_flight, limit, refused_ppm, settings.shedding)
    health.fleet[F.refused_ppm] += ((0 if enters else PPM) - refused_ppm) // REFUSAL_WEIGHT
    return enters


@shared
def note_life(health: Health, node: int, now_us: int) -> None:
    """A receipt after its time-out: the node is there."""
    health.node[node, N.seen_us] = max(int(health.node[node, N.seen_us]), now_us)


@shared
def note_report(health: Health, node: int, now_us: int) -> None:
    """A report or an answered probe: the node is there, and its silence will mean something from now on."""
    health.node[node, N.reports] = 1
    note_life(health, node, now_us)


@shared
def note_answer(health: Health, settings: Settings, node: int, latency_us: int, failed: bool, now_us: int) -> None:  # noqa: FBT001 - an answer has two kinds
    """A receipt in time, `latency_us` after the attempt was sent; call it before the attempt leaves `own`."""
    note_life(health, node, now_us)
    if not failed:
        _sample(health, settings, node, latency_us)
    _count(health, settings, node, failed, now_us)


@shared
def note_timeout(health: Health, settings: Settings, node: int, now_us: int) -> None:
    """An attempt's deadline has passed without a receipt: a failure, and no sign of life."""
    _count(health, settings, node, True, now_us)  # noqa: FBT003 - the parameter is named failed


@shared
def _count(health: Health, settings: Settings, node: int, failed: bool, now_us: int) -> None:  # noqa: FBT001 - an answer has two kinds
    fleet = health.fleet
    whole = PPM if failed else 0
    fleet[F.failure_ppm] += (whole - int(fleet[F.failure_ppm])) // FLEET_WEIGHT
    health.node[node, N.rate_ppm] = rate_after(int(health.node[node, N.rate_ppm]), failed)
    health.node[node, N.answers] += 1
    health.node[node, N.failures] += 1 if failed else 0
    health.node[node, N.run] = int(health.node[node, N.run]) + 1 if failed else 0
    step = score_step(failed, int(fleet[F.peers_ppm]))
    health.node[node, N.score_milli] = max(0, int(health.node[node, N.score_milli]) + step)
    if failed and _judge(health, settings, node, now_us):
        _spread(health, settings, now_us)
    else:
        health.cap[node] = _cap(health, settings, node, now_us)


@shared
def _sample(health: Health, settings: Settings, node: int, latency_us: int) -> None:
    limits = settings.limits
    health.node[node, N.sum_us] += latency_us
    health.node[node, N.samples] += 1
    if health.node[node, N.samples] < limits.window:
        return
    short_us = int(health.node[node, N.sum_us]) // limits.window
    health.node[node, N.sum_us] = 0
    health.node[node, N.samples] = 0
    long_us = int(health.node[node, N.long_us])
    if long_us > 0 and 2 * health.own[node] >= health.cap[node]:
        limit = gradient(int(health.node[node, N.limit_milli]), short_us, long_us, limits)
        ceiling = little_ceiling(int(health.service_us[node]), limits)
        health.node[node, N.limit_milli] = min(max(limit, limits.floor * 1000), ceiling * 1000)
    health.node[node, N.long_us] = long_average(long_us, short_us, limits)


@shared
def tick(health: Health, settings: Settings, now_us: int) -> None:
    """Time has passed: judge every node, then panic, spill and every cap.

    Where the last tick is longer ago than a probe's time, nobody listened: that time is no node's silence.
    """
    pause_us = now_us - int(health.fleet[F.ticked_us])
    if pause_us >= settings.probe_us:
        for node in range(len(health.cap)):
            health.node[node, N.seen_us] = min(int(health.node[node, N.seen_us]) + pause_us, now_us)
    health.fleet[F.ticked_us] = now_us
    health.fleet[F.peers_ppm] = _median(health.node[:, N.rate_ppm])
    for node in range(len(health.cap)):
        _judge(health, settings, node, now_us)
    _spread(health, settings, now_us)


@shared
def wants_probe(health: Health, settings: Settings, node: int, now_us: int) -> bool:
    """Whether the node has been silent so long that it should be asked for a sign of life."""
    return bool(now_us - health.node[node, N.seen_us] >= settings.probe_us)


@shared
def _median(values: Ints) -> int:
    """The lower median, by counting: no scratch array."""
    need = (len(values) + 1) // 2
    for candidate in values:
        below, equal = 0, 0
        for value in values:
            below += 1 if value < candidate else 0
            equal += 1 if value == candidate else 0
        if below < need <= below + equal:
            return int(candidate)
    return 0


@shared
def _judge(health: Health, settings: Settings, node: int, now_us: int) -> bool:
    """Decide on one node; whether its state changed."""
    fleet = health.fleet
    seen = Evidence(
        node,
        now_us,
        int(health.node[node, N.state]),
        int(health.node[node, N.changed_us]),
        int(health.node[node, N.out_until_us]),
        int(health.node[node, N.times_out]),
        int(health.node[node, N.reason]),
        _silent_us(health, node),
        int(health.node[node, N.run]),
        int(health.node[node, N.score_milli]),
        int(health.node[node, N.answers]),
        int(health.node[node, N.failures]),
        int(fleet[F.failure_ppm]),
        int(health.node[node, N.burn_ppm]),
        int(fleet[F.out_for_errors]),
        len(health.cap),
    )
    made = decide(seen, settings.ejection, settings.rules)
    if made.state == seen.state:
        health.node[node, N.held] = made.held
        return False
    if fleet[F.rows] == len(health.changes):
        health.node[node, N.held] = 1
        return False
    _change(health, settings, seen, made)
    return True


@shared
def _change(health: Health, settings: Settings, seen: Evidence, made: Decision) -> None:
    """Write the change to the log and to the node, whose record begins anew."""
    fleet = health.fleet
    row = health.changes[int(fleet[F.rows])]
    for column, value in enumerate(seen):
        row[column] = value
    for column, value in enumerate(made):
        row[len(seen) + column] = value
    fleet[F.rows] += 1
    if made.state == OUT and made.reason != SILENT:
        fleet[F.out_for_errors] += 1
    elif seen.state == OUT and seen.reason != SILENT:
        fleet[F.out_for_errors] -= 1
    node = seen.node
    health.node[node, N.state] = made.state
    health.node[node, N.changed_us] = seen.now_us
    health.node[node, N.out_until_us] = made.out_until_us
    health.node[node, N.times_out] = made.times_out
    health.node[node, N.reason] = made.reason
    health.node[node, N.burn_ppm] = made.burn_ppm
    health.node[node, N.held] = made.held
    health.node[node, N.run] = 0
    health.node[node, N.score_milli] = 0
    health.node[node, N.rate_ppm] = 0
    health.node[node, N.answers] = 0
    health.node[node, N.failures] = 0
    health.node[node, N.sum_us] = 0
    health.node[node, N.samples] = 0
    if made.state == RETURNING:
        health.node[node, N.limit_milli] = settings.limits.start * 1000


@shared
def _spread(health: Health, settings: Settings, now_us: int) -> None:
    """Panic and spill from the states, then every cap."""
    nodes, usable, load = health.tiers[0], health.tiers[1], health.tiers[2]
    nodes[:] = 0
    usable[:] = 0
    alive, fit = 0, 0
    for node in range(len(health.cap)):
        tier = int(health.node[node, N.tier])
        nodes[tier] += 1
        speaks = _speaks(health, settings, node)
        alive += 1 if speaks else 0
        if health.node[node, N.state] != OUT:
            usable[tier] += 1
            fit += 1 if speaks else 0
    health.fleet[F.alive] = alive
    health.fleet[F.panic] = 1 if panics(fit, alive) else 0
    if health.fleet[F.panic]:
        for node in range(len(health.cap)):
            if health.node[node, N.state] == OUT and _speaks(health, settings, node):
                usable[int(health.node[node, N.tier])] += 1
    spill(nodes, usable, load)
    for node in range(len(health.cap)):
        health.cap[node] = _cap(health, settings, node, now_us)


@shared
def _speaks(health: Health, settings: Settings, node: int) -> bool:
    return _silent_us(health, node) < settings.rules.silent_us


@shared
def _silent_us(health: Health, node: int) -> int:
    """Silence of the node as of the last tick; none of one that was never known to report."""
    if not health.node[node, N.reports]:
        return 0
    return max(int(health.fleet[F.ticked_us] - health.node[node, N.seen_us]), 0)


@shared
def _cap(health: Health, settings: Settings, node: int, now_us: int) -> int:
    """Requests that may be in flight at the node now."""
    ceiling = little_ceiling(int(health.service_us[node]), settings.limits)
    most = max(1, min(int(health.node[node, N.limit_milli]) // 1000, ceiling))
    load = int(health.tiers[2][int(health.node[node, N.tier])])
    if health.node[node, N.state] == OUT:
        if health.fleet[F.alive] == 0:
            return 1
        return most if health.fleet[F.panic] and _speaks(health, settings, node) else 0
    if load == 0:
        return 0
    if health.node[node, N.held] or health.node[node, N.state] == RETURNING:
        return 1
    if health.node[node, N.reason] == PROMOTED:
        most = most * started_ppm(now_us - int(health.node[node, N.changed_us]), settings.rules.dwell_us) // PPM
    return max(1, most * load // PPM)
