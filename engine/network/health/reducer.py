"""Health of a fleet as one reducer: answers, time-outs, reports and ticks in, `Sight.cap` out.

How a dispatcher uses it (arrays `own`, `service_us` and `cap` are its Sight's own, not copies):

    health = new_health(sight, tiers, now_us)
    before a first attempt     may_enter(health, settings, klass), then note_request; no: refuse at once
    after a receipt            note_answer(health, settings, node, latency_us, failed, now_us)
    at an attempt's deadline   note_timeout(...); before any retry: may_retry(...)
    late receipt, report,      note_life(...)
    answered probe
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
from engine.network.health.membership import IN, OUT, RETURNING, SILENT, Decision, Evidence, Rules, decide
from engine.network.health.panic import panics
from engine.network.health.retries import Retries, deposit, withdraw
from engine.network.health.shedding import Shedding, admits
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


F = Fleet()
ROW = len(Evidence._fields) + len(Decision._fields)
"""Columns of a row of `changes`: the evidence, then the decision."""


class Health(NamedTuple):
    """State: int64[n] by node unless said otherwise."""

    own: Ints
    service_us: Ints
    cap: Ints
    tier: Ints
    """Priority: 0 first."""
    state: Ints
    changed_us: Ints
    out_until_us: Ints
    times_out: Ints
    reason: Ints
    burn_ppm: Ints
    held: Ints
    seen_us: Ints
    """Last sign of life."""
    run: Ints
    score_milli: Ints
    rate_ppm: Ints
    answers: Ints
    failures: Ints
    limit_milli: Ints
    long_us: Ints
    sum_us: Ints
    samples: Ints
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

    def filled(value: int) -> Ints:
        return np.full(nodes, value, dtype=np.int64)

    health = Health(
        own=sight.own,
        service_us=sight.service_us,
        cap=sight.cap,
        tier=tiers,
        state=filled(IN),
        changed_us=filled(now_us - settings.rules.dwell_us),
        out_until_us=filled(now_us),
        times_out=filled(0),
        reason=filled(0),
        burn_ppm=filled(0),
        held=filled(0),
        seen_us=filled(now_us),
        run=filled(0),
        score_milli=filled(0),
        rate_ppm=filled(0),
        answers=filled(0),
        failures=filled(0),
        limit_milli=filled(settings.limits.start * 1000),
        long_us=filled(0),
        sum_us=filled(0),
        samples=filled(0),
        tiers=np.zeros((3, int(tiers.max()) + 1), dtype=np.int64),
        fleet=np.zeros(len(F), dtype=np.int64),
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
    """Whether a request of this class is admitted now; counted over the nodes that are not out."""
    in_flight, limit = 0, 0
    for node in range(len(health.cap)):
        if health.cap[node] > 0:
            in_flight += min(int(health.own[node]), int(health.cap[node]))
            limit += int(health.cap[node])
    return admits(klass, in_flight, limit, settings.shedding)


@shared
def note_life(health: Health, node: int, now_us: int) -> None:
    """A report, an answered probe or a receipt after its time-out: the node is there."""
    health.seen_us[node] = max(int(health.seen_us[node]), now_us)


@shared
def note_answer(health: Health, settings: Settings, node: int, latency_us: int, failed: bool, now_us: int) -> None:  # noqa: FBT001
    """A receipt in time, `latency_us` after the attempt was sent; call it before the attempt leaves `own`."""
    note_life(health, node, now_us)
    if not failed:
        _sample(health, settings, node, latency_us)
    _count(health, settings, node, failed, now_us)


@shared
def note_timeout(health: Health, settings: Settings, node: int, now_us: int) -> None:
    """An attempt's deadline has passed without a receipt: a failure, and no sign of life."""
    _count(health, settings, node, True, now_us)  # noqa: FBT003


@shared
def _count(health: Health, settings: Settings, node: int, failed: bool, now_us: int) -> None:  # noqa: FBT001
    fleet = health.fleet
    whole = PPM if failed else 0
    fleet[F.failure_ppm] += (whole - int(fleet[F.failure_ppm])) // FLEET_WEIGHT
    health.rate_ppm[node] = rate_after(int(health.rate_ppm[node]), failed)
    health.answers[node] += 1
    health.failures[node] += 1 if failed else 0
    health.run[node] = int(health.run[node]) + 1 if failed else 0
    step = score_step(failed, int(fleet[F.peers_ppm]))
    health.score_milli[node] = max(0, int(health.score_milli[node]) + step)
    if failed and _judge(health, settings, node, now_us):
        _spread(health, settings, now_us)
    else:
        health.cap[node] = _cap(health, settings, node, now_us)


@shared
def _sample(health: Health, settings: Settings, node: int, latency_us: int) -> None:
    limits = settings.limits
    health.sum_us[node] += latency_us
    health.samples[node] += 1
    if health.samples[node] < limits.window:
        return
    short_us = int(health.sum_us[node]) // limits.window
    health.sum_us[node] = 0
    health.samples[node] = 0
    long_us = int(health.long_us[node])
    if long_us > 0 and 2 * health.own[node] >= health.cap[node]:
        limit = gradient(int(health.limit_milli[node]), short_us, long_us, limits)
        ceiling = little_ceiling(int(health.service_us[node]), limits)
        health.limit_milli[node] = min(max(limit, limits.floor * 1000), ceiling * 1000)
    health.long_us[node] = long_average(long_us, short_us, limits)


@shared
def tick(health: Health, settings: Settings, now_us: int) -> None:
    """Time has passed: judge every node, then panic, spill and every cap."""
    health.fleet[F.peers_ppm] = _median(health.rate_ppm)
    for node in range(len(health.state)):
        _judge(health, settings, node, now_us)
    _spread(health, settings, now_us)


@shared
def wants_probe(health: Health, settings: Settings, node: int, now_us: int) -> bool:
    """Whether the node has been silent so long that it should be asked for a sign of life."""
    return bool(now_us - health.seen_us[node] >= settings.probe_us)


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
        int(health.state[node]),
        int(health.changed_us[node]),
        int(health.out_until_us[node]),
        int(health.times_out[node]),
        int(health.reason[node]),
        now_us - int(health.seen_us[node]),
        int(health.run[node]),
        int(health.score_milli[node]),
        int(health.answers[node]),
        int(health.failures[node]),
        int(fleet[F.failure_ppm]),
        int(health.burn_ppm[node]),
        int(fleet[F.out_for_errors]),
        len(health.state),
    )
    made = decide(seen, settings.ejection, settings.rules)
    if made.state == seen.state:
        health.held[node] = made.held
        return False
    if fleet[F.rows] == len(health.changes):
        health.held[node] = 1
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
    health.state[node] = made.state
    health.changed_us[node] = seen.now_us
    health.out_until_us[node] = made.out_until_us
    health.times_out[node] = made.times_out
    health.reason[node] = made.reason
    health.burn_ppm[node] = made.burn_ppm
    health.held[node] = made.held
    health.run[node] = 0
    health.score_milli[node] = 0
    health.rate_ppm[node] = 0
    health.answers[node] = 0
    health.failures[node] = 0
    health.sum_us[node] = 0
    health.samples[node] = 0
    if made.state == RETURNING:
        health.limit_milli[node] = settings.limits.start * 1000


@shared
def _spread(health: Health, settings: Settings, now_us: int) -> None:
    """Panic and spill from the states, then every cap."""
    nodes, usable, load = health.tiers[0], health.tiers[1], health.tiers[2]
    nodes[:] = 0
    usable[:] = 0
    alive, fit = 0, 0
    for node in range(len(health.state)):
        tier = int(health.tier[node])
        nodes[tier] += 1
        if _speaks(health, node):
            alive += 1
        if health.state[node] != OUT:
            usable[tier] += 1
            fit += 1
    health.fleet[F.alive] = alive
    health.fleet[F.panic] = 1 if panics(fit, alive) else 0
    if health.fleet[F.panic]:
        for node in range(len(health.state)):
            if health.state[node] == OUT and _speaks(health, node):
                usable[int(health.tier[node])] += 1
    spill(nodes, usable, load)
    for node in range(len(health.state)):
        health.cap[node] = _cap(health, settings, node, now_us)


@shared
def _speaks(health: Health, node: int) -> bool:
    return bool(health.state[node] != OUT or health.reason[node] != SILENT)


@shared
def _cap(health: Health, settings: Settings, node: int, now_us: int) -> int:
    """Requests that may be in flight at the node now."""
    ceiling = little_ceiling(int(health.service_us[node]), settings.limits)
    most = max(1, min(int(health.limit_milli[node]) // 1000, ceiling))
    load = int(health.tiers[2][int(health.tier[node])])
    if health.state[node] == OUT:
        if health.fleet[F.alive] == 0:
            return 1
        return most if health.fleet[F.panic] and _speaks(health, node) else 0
    if load == 0:
        return 0
    if health.held[node]:
        return 1
    if health.state[node] == RETURNING:
        most = most * started_ppm(now_us - int(health.changed_us[node]), settings.rules.dwell_us) // PPM
    return max(1, most * load // PPM)
