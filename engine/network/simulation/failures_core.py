"""The event loop of runs in which nodes fail and requests are refused, time out and are tried again.

A node serves one request at a time, first come first served, and works on what it has even if nobody waits for it any
more: abandoned work is what turns overload into collapse. Receipts arrive at once. Every tenth of a report interval the
dispatcher's health ticks and nodes report in turn; reports and probes are lost with a given chance. An attempt fails at
its node, or times out at its client `deadline_us` after it was sent; then the request is tried again while it has tries
left and, where there is a budget, while that allows. What was in flight at a node found dead is sent again at once.

`Guard` says what protects the run, so baselines run through the same lines. Without health, a time-out frees the place
that the attempt had in the dispatcher's count, as a closed connection does; with it, only a receipt does, or the verdict
that the node is dead. Integers throughout; the draws are the Play's, and of reports and probes the run's own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from engine.network.compiling import compiled, shared
from engine.network.draws import Ints, below
from engine.network.health.membership import OUT, SILENT
from engine.network.health.reducer import (
    ROW,
    F,
    Health,
    N,
    Settings,
    may_enter,
    may_retry,
    note_answer,
    note_life,
    note_report,
    note_request,
    note_timeout,
    tick,
    wants_probe,
)
from engine.network.policies import choose_by_code
from engine.network.policies.base import Memory, Request, Sight
from engine.network.policies.observing import record_receipt, record_report, record_send
from engine.network.simulation.failures_drawn import NEVER, Play, W
from engine.network.simulation.failures_guard import Guard
from engine.network.simulation.machine_code import kept

PPM = 1_000_000
TICKS = 10
"""Ticks in a report interval."""
GREY_PPM = 500_000
GREY_SPEED = 10


class Run(NamedTuple):
    """What became of each request and node."""

    ended_us: Ints
    """int64[requests]: when it succeeded, or -1."""
    admitted: Ints
    """int64[requests]: 1 where some attempt was sent to a node."""
    tries: Ints
    changes: Ints
    """int64[changes, ROW] of the health's log."""
    answers: Ints
    """int64[n]: answers of each node while it was grey, until it was first put out."""


class _Attempts(NamedTuple):
    """Columns of `_State.attempt`."""

    request: int = 0
    number: int = 1
    """Among the request's tries, from 0."""
    node: int = 2
    start_us: int = 3
    behind: int = 4
    """The attempt behind it in its node's queue, or -1."""
    waits: int = 5
    """1 while its client waits for it."""
    life: int = 6
    """The life of its node in which it was sent, as the dispatcher counts lives."""


class _Requests(NamedTuple):
    """Columns of `_State.request`."""

    ended_us: int = 0
    admitted: int = 1
    tries: int = 2


class _Nodes(NamedTuple):
    """Columns of `_State.node`."""

    head: int = 0
    tail: int = 1
    length: int = 2
    up: int = 3
    life: int = 4
    """How often the dispatcher has given up all that the node had."""
    answers: int = 5


A, R, Q = _Attempts(), _Requests(), _Nodes()
MADE, OLDEST, TAKEN, QUEUED, KEPT = 0, 1, 2, 3, 4


class _State(NamedTuple):
    attempt: Ints
    request: Ints
    node: Ints
    done_us: Ints
    """int64[n]: when each node has finished the first of its queue, or NEVER."""
    again: Ints
    """int64[attempts, 2]: requests to try again, and when, in order."""
    cursor: Ints
    """int64[5]: attempts made, first that may time out, retries taken, retries queued, rows of changes kept."""
    changes: Ints


class Setting(NamedTuple):
    """Everything of a run that does not change in it."""

    code: int
    play: Play
    faults: Ints
    """int64[n, len(Faults)]."""
    guard: Guard
    settings: Settings


def _new_state(requests: int, tries: int, nodes: int) -> _State:
    state = _State(
        np.zeros((requests * tries, len(A)), np.int64),
        np.zeros((requests, len(R)), np.int64),
        np.zeros((nodes, len(Q)), np.int64),
        np.full(nodes, NEVER, np.int64),
        np.zeros((requests * tries, 2), np.int64),
        np.zeros(5, np.int64),
        np.zeros((256 * nodes, ROW), np.int64),
    )
    state.request[:, R.ended_us] = -1
    state.node[:, Q.head] = -1
    state.node[:, Q.up] = 1
    return state


@shared
def _is_grey(at: Setting, node: int, now_us: int) -> bool:
    return bool(at.faults[node, W.grey_us] <= now_us < at.faults[node, W.cured_us])


@shared
def _fails(at: Setting, state: _State, attempt: int, now_us: int) -> bool:
    """Whether the attempt fails at its node; an attempt's luck is by its number among the request's tries."""
    request = state.attempt[attempt, A.request]
    luck = at.play.luck_ppm[request, state.attempt[attempt, A.number]]
    share = GREY_PPM if _is_grey(at, state.attempt[attempt, A.node], now_us) else at.guard.failure_ppm
    return bool(luck < share)


@shared
def _start(at: Setting, state: _State, node: int, now_us: int) -> None:
    """The node takes the first of its queue."""
    attempt = state.node[node, Q.head]
    if attempt < 0:
        state.done_us[node] = NEVER
        return
    work_us = at.play.work_us[state.attempt[attempt, A.request], state.attempt[attempt, A.number]]
    if _is_grey(at, node, now_us) and _fails(at, state, attempt, now_us):
        work_us = work_us // GREY_SPEED
    state.done_us[node] = now_us + max(work_us, 1)


@shared
def _try(at: Setting, state: _State, sight: Sight, memory: Memory, health: Health, request: int, now_us: int) -> None:
    """One attempt of a request: refused, or sent to a node that the policy chooses."""
    number = state.request[request, R.tries]
    state.request[request, R.tries] += 1
    guard = at.guard
    klass = at.play.klass[request]
    node = -1
    if not (guard.health and guard.shed) or may_enter(health, at.settings, klass):
        node = choose_by_code(at.code, sight, Request(now_us, 0, request, 1), memory)
    if number == 0:
        note_request(health, at.settings, now_us)
    if node < 0:
        _again(at, state, health, request, now_us)
        return
    state.request[request, R.admitted] = 1
    attempt = state.cursor[MADE]
    state.cursor[MADE] += 1
    state.attempt[attempt, A.request] = request
    state.attempt[attempt, A.node] = node
    state.attempt[attempt, A.start_us] = now_us
    state.attempt[attempt, A.number] = number
    state.attempt[attempt, A.behind] = -1
    state.attempt[attempt, A.waits] = 1
    state.attempt[attempt, A.life] = state.node[node, Q.life]
    record_send(sight, node, now_us)
    if not state.node[node, Q.up]:
        return
    if state.node[node, Q.head] < 0:
        state.node[node, Q.head] = attempt
        state.node[node, Q.tail] = attempt
        _start(at, state, node, now_us)
    else:
        state.attempt[state.node[node, Q.tail], A.behind] = attempt
        state.node[node, Q.tail] = attempt
    state.node[node, Q.length] += 1


@shared
def _again(at: Setting, state: _State, health: Health, request: int, now_us: int) -> None:
    """An attempt came to nothing: try again if the budget allows it."""
    if state.request[request, R.ended_us] >= 0 or state.request[request, R.tries] >= at.guard.tries:
        return
    if not at.guard.budget or may_retry(health, at.settings, now_us):
        _queue_retry(at, state, request, now_us)


@shared
def _queue_retry(at: Setting, state: _State, request: int, now_us: int) -> None:
    slot = state.cursor[QUEUED]
    state.again[slot, 0] = request
    state.again[slot, 1] = now_us + at.guard.backoff_us
    state.cursor[QUEUED] += 1


@shared
def _done(at: Setting, state: _State, sight: Sight, health: Health, node: int, now_us: int) -> None:
    """The node signs a receipt for the first of its queue and takes the next."""
    attempt = state.node[node, Q.head]
    failed = _fails(at, state, attempt, now_us)
    state.node[node, Q.head] = state.attempt[attempt, A.behind]
    state.node[node, Q.length] -= 1
    _start(at, state, node, now_us)
    waits = state.attempt[attempt, A.waits]
    latency_us = now_us - state.attempt[attempt, A.start_us]
    if at.guard.health:
        if waits:
            note_answer(health, at.settings, node, latency_us, failed, now_us)
        else:
            note_life(health, node, now_us)
    if _is_grey(at, node, now_us) and health.node[node, N.times_out] == 0:
        state.node[node, Q.answers] += 1
    counted = state.attempt[attempt, A.life] == state.node[node, Q.life] if at.guard.health else waits == 1
    if counted:
        record_receipt(sight, node, latency_us, now_us)
    if not waits:
        return
    state.attempt[attempt, A.waits] = 0
    request = state.attempt[attempt, A.request]
    if failed:
        _again(at, state, health, request, now_us)
    elif state.request[request, R.ended_us] < 0:
        state.request[request, R.ended_us] = now_us


@shared
def _time_out(at: Setting, state: _State, sight: Sight, health: Health, now_us: int) -> None:
    """The oldest attempt's deadline has come."""
    attempt = state.cursor[OLDEST]
    state.cursor[OLDEST] += 1
    if not state.attempt[attempt, A.waits]:
        return
    state.attempt[attempt, A.waits] = 0
    node = state.attempt[attempt, A.node]
    if at.guard.health:
        note_timeout(health, at.settings, node, now_us)
    else:
        sight.own[node] = max(sight.own[node] - 1, 0)
    _again(at, state, health, state.attempt[attempt, A.request], now_us)


@shared
def _give_up(at: Setting, state: _State, sight: Sight, node: int, now_us: int) -> None:
    """The node is dead to the dispatcher: what it had goes elsewhere, beside the budget, as the limits bound it."""
    state.node[node, Q.life] += 1
    sight.own[node] = 0
    for attempt in range(state.cursor[OLDEST], state.cursor[MADE]):
        request = state.attempt[attempt, A.request]
        if state.attempt[attempt, A.node] == node and state.attempt[attempt, A.waits]:
            state.attempt[attempt, A.waits] = 0
            if state.request[request, R.tries] < at.guard.tries:
                _queue_retry(at, state, request, now_us)


@shared
def _drain(at: Setting, state: _State, sight: Sight, health: Health, now_us: int) -> None:
    """Keep the changes, and give up what dead nodes had."""
    for row in range(health.fleet[F.rows]):
        kept = state.cursor[KEPT]
        if kept < len(state.changes):
            for column in range(ROW):
                state.changes[kept, column] = health.changes[row, column]
        state.cursor[KEPT] += 1
        node = health.changes[row, 0]
        if health.node[node, N.state] == OUT and health.node[node, N.reason] == SILENT:
            _give_up(at, state, sight, node, now_us)
    health.fleet[F.rows] = 0


@shared
def _tick(at: Setting, state: _State, sight: Sight, memory: Memory, health: Health, count: int, now_us: int) -> None:
    """Crashes and returns, reports, probes, health."""
    guard = at.guard
    for node in range(len(state.done_us)):
        gone = at.faults[node, W.crash_us] <= now_us < at.faults[node, W.back_us]
        if gone and state.node[node, Q.up]:
            state.node[node, Q.up] = 0
            state.node[node, Q.head] = -1
            state.node[node, Q.length] = 0
            state.done_us[node] = NEVER
        elif not gone:
            state.node[node, Q.up] = 1
        reports = count % TICKS == node % TICKS
        asked = guard.health and wants_probe(health, at.settings, node, now_us)
        if (reports or asked) and state.node[node, Q.up] and below(memory.draws, PPM) >= guard.lost_ppm:
            note_report(health, node, now_us)
            if reports:
                record_report(sight, node, state.node[node, Q.length], now_us)
    if guard.health:
        tick(health, at.settings, now_us)


@shared
def _next_done(state: _State) -> int:
    best = 0
    for node in range(1, len(state.done_us)):
        if state.done_us[node] < state.done_us[best]:
            best = node
    return best


def _simulate(at: Setting, state: _State, sight: Sight, memory: Memory, health: Health) -> None:
    play, guard = at.play, at.guard
    tick_us = guard.report_us // TICKS
    arrived, ticks = 0, 0
    while True:
        node = _next_done(state)
        arrival_us = play.arrival_us[arrived] if arrived < len(play.arrival_us) else NEVER
        oldest, taken = state.cursor[OLDEST], state.cursor[TAKEN]
        late_us = state.attempt[oldest, A.start_us] + guard.deadline_us if oldest < state.cursor[MADE] else NEVER
        again_us = state.again[taken, 1] if taken < state.cursor[QUEUED] else NEVER
        now_us = min(arrival_us, state.done_us[node], late_us, again_us, ticks * tick_us)
        if now_us > play.end_us + guard.deadline_us:
            break
        if now_us == ticks * tick_us:
            _tick(at, state, sight, memory, health, ticks, now_us)
            ticks += 1
        elif now_us == state.done_us[node]:
            _done(at, state, sight, health, node, now_us)
        elif now_us == late_us:
            _time_out(at, state, sight, health, now_us)
        else:
            request = arrived
            if now_us == again_us:
                request = state.again[taken, 0]
                state.cursor[TAKEN] += 1
            else:
                arrived += 1
            _try(at, state, sight, memory, health, request, now_us)
        if health.fleet[F.rows]:
            _drain(at, state, sight, health, now_us)


_fast = kept(compiled(_simulate))


def simulate(at: Setting, sight: Sight, memory: Memory, health: Health, *, plain: bool = False) -> Run:
    """Run a setting, writing to the last three; `plain` runs the same lines uncompiled, for runs that are short."""
    state = _new_state(len(at.play.arrival_us), at.guard.tries, len(sight.own))
    (_simulate if plain else _fast)(at, state, sight, memory, health)
    kept = int(state.cursor[KEPT])
    if kept > len(state.changes):
        raise OverflowError(f"{kept} changes of membership in one run, room for {len(state.changes)}")
    return Run(
        ended_us=state.request[:, R.ended_us].copy(),
        admitted=state.request[:, R.admitted].copy(),
        tries=state.request[:, R.tries].copy(),
        changes=state.changes[:kept].copy(),
        answers=state.node[:, Q.answers].copy(),
    )
