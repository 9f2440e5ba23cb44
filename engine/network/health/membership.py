"""Which nodes are in: the one decision that moves a node out and back, as a pure function of integers.

    IN --sick--> OUT --well, and its time is over--> RETURNING --well for some answers--> IN
                  ^--------------- sick, or its answers burn the budget -------'

Guarantees
1. Hysteresis and rate: a node is in or out for at least `dwell_us` (a minute) before it is the other. One that falls sick
   inside its minute stays in but is `held`: the caller lets it have one request at a time.
2. What comes back is a canary first. It is not in yet: one request at a time, no shards. When more than `canary_ppm` of
   its first `canary_answers` fail it is rolled back at once, and stays out for longer; else it is in, by slow start.
3. Going out is rolled back too: if the whole fleet fails clearly more since a node went out for its errors, the cause
   was elsewhere, and the node is tried after a minute instead of its whole time.
4. `decide` reads nothing but its arguments, so a log of them replays (engine.network.health.changes).

A node is sick when silent (no receipt, report or answered probe for `silent_us`), or singled out by its errors
(engine.network.health.ejection) unless too many are out for that already.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.network.compiling import shared
from engine.network.health.ejection import Ejection, may_eject

PPM = 1_000_000

IN, RETURNING, OUT = 0, 1, 2
"""States of a node."""

WELL, SILENT, RUN, RATE, CANARY, RECOVERED, PROMOTED, FORGIVEN = 0, 1, 2, 3, 4, 5, 6, 7
"""Reasons: out for silence, for a run of failures, for their rate, as a failed canary; back as time was over, in as the
canary held, back early as putting it out had not helped."""

REASONS = ("well", "silent", "run", "rate", "canary", "recovered", "promoted", "forgiven")


class Rules(NamedTuple):
    """Parameters of membership."""

    dwell_us: int = 60_000_000
    """Shortest time in, and out; also the length of slow start."""
    silent_us: int = 9_500_000
    """Silence after which a node counts as down: a little under two intervals of reports (5 s)."""
    canary_ppm: int = 100_000
    canary_answers: int = 10
    """Of a canary's trial."""
    burn_ppm: int = 50_000
    """A fleet fails clearly more when its rate exceeds twice what it was, and this on top."""


class Evidence(NamedTuple):
    """All that a decision reads: one node's record and the fleet's. Times in microseconds, rates in ppm."""

    node: int
    now_us: int
    state: int
    changed_us: int
    """When the state last changed; the node's history begins a `dwell_us` before it is first seen."""
    out_until_us: int
    times_out: int
    reason: int
    """Of the last change."""
    silent_us: int
    run: int
    """Failures in a row."""
    score_milli: int
    answers: int
    """Since the last change."""
    failures: int
    fleet_ppm: int
    """Failure rate of all answers, averaged over the last few hundred."""
    burn_ppm: int
    """`fleet_ppm` when the node went out."""
    out_for_errors: int
    """Nodes out for their errors now."""
    nodes: int


class Decision(NamedTuple):
    """What becomes of a node. `state` differs from the evidence's exactly where there is a change to log."""

    state: int
    out_until_us: int
    times_out: int
    reason: int
    burn_ppm: int
    held: int
    """1: sick, but inside its minute."""


@shared
def sickness(seen: Evidence, ejection: Ejection, rules: Rules) -> int:
    """The reason why the node should be out now, or WELL."""
    if seen.silent_us >= rules.silent_us:
        return SILENT
    if seen.state == OUT:
        return WELL
    if seen.state == RETURNING:
        burns = seen.failures * PPM > max(seen.answers, rules.canary_answers) * rules.canary_ppm
        return CANARY if burns else WELL
    if not may_eject(seen.out_for_errors, seen.nodes, ejection):
        return WELL
    if seen.run >= ejection.consecutive:
        return RUN
    if seen.score_milli >= ejection.score_milli:
        return RATE
    return WELL


@shared
def _stays(seen: Evidence, held: int) -> Decision:
    return Decision(seen.state, seen.out_until_us, seen.times_out, seen.reason, seen.burn_ppm, held)


@shared
def _turns(seen: Evidence, state: int, reason: int) -> Decision:
    return Decision(state, seen.out_until_us, seen.times_out, reason, seen.burn_ppm, 0)


@shared
def _leaves(seen: Evidence, reason: int, ejection: Ejection, rules: Rules) -> Decision:
    lately = seen.now_us - seen.changed_us < ejection.forget_us
    times = (seen.times_out if lately else 0) + 1
    time_us = rules.dwell_us
    if reason != SILENT:
        time_us = max(time_us, ejection.base_us * times)
    return Decision(OUT, seen.now_us + time_us, times, reason, seen.fleet_ppm, 0)


@shared
def decide(seen: Evidence, ejection: Ejection, rules: Rules) -> Decision:
    """What becomes of one node now."""
    sick = sickness(seen, ejection, rules)
    rests = seen.now_us - seen.changed_us < rules.dwell_us
    if seen.state == IN:
        if sick == WELL:
            return _stays(seen, 0)
        return _stays(seen, 1) if rests else _leaves(seen, sick, ejection, rules)
    if seen.state == RETURNING:
        if sick != WELL:
            return _leaves(seen, sick, ejection, rules)
        if seen.answers >= rules.canary_answers:
            return _turns(seen, IN, PROMOTED)
        return _stays(seen, 0)
    if rests or sick == SILENT:
        return _stays(seen, 0)
    if seen.now_us >= seen.out_until_us:
        return _turns(seen, RETURNING, RECOVERED)
    burns = seen.fleet_ppm > 2 * seen.burn_ppm + rules.burn_ppm
    return _turns(seen, RETURNING, FORGIVEN) if burns and seen.reason != SILENT else _stays(seen, 0)
