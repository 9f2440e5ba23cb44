"""The floor on decentralisation, held on value, and what is expected of queues that are not seen."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import poisson

from engine.network.policies import POLICIES, choose_by_code
from engine.network.policies.base import PPM, Request, blank_memory, blank_sight
from engine.network.policies.equilibrium import SCANNED
from engine.network.policies.observing import (
    DECAY_US,
    believed,
    busy_milli,
    learn_service,
    load_milli,
    observe_latency,
    peak_latency_us,
    record_batch,
    record_receipt,
    record_report,
    record_send,
)

EQUILIBRIUM = POLICIES["equilibrium"]


def test_no_run_of_dispatches_gives_an_operator_more_than_its_ceiling_and_a_burst() -> None:
    rng = np.random.default_rng(11)
    sight, memory = blank_sight(6), blank_memory(6, 3, 4)
    sight.operator[:] = (0, 0, 1, 1, 2, 2)
    sight.service_us[:] = (1, 1, 10**6, 10**6, 10**6, 10**6)
    memory.ceiling_ppm[:] = (400_000, 400_000, 400_000)
    memory.burst[0] = 5_000
    values = rng.integers(1, 1_000, 3_000)
    got = np.zeros((3_000, 3), dtype=np.int64)
    for i, value in enumerate(values.tolist()):
        node = choose_by_code(EQUILIBRIUM, sight, Request(0, 0, 0, value), memory)
        got[i, sight.operator[node]] = value
    # Over every run i..j: sum(got - 0.4 value) <= burst, that is, no rise of the running excess beyond it.
    excess = np.cumsum(got - 0.4 * values[:, None], axis=0)
    rises = excess - np.minimum.accumulate(np.vstack([np.zeros(3), excess]), axis=0)[:-1]

    assert rises.max() <= 5_000
    assert got[:, 0].sum() > 0.399 * values.sum()


def test_without_credit_anywhere_the_operator_of_most_credit_takes_it_and_pays_later() -> None:
    sight, memory = blank_sight(2), blank_memory(2, 2, 1)
    memory.ceiling_ppm[:] = 500_000
    memory.burst[0] = 10
    memory.bucket[:] = (-5 * PPM, -4 * PPM)

    assert choose_by_code(EQUILIBRIUM, sight, Request(0, 0, 0, 10), memory) == 1
    assert memory.bucket.tolist() == [0, -9 * PPM]
    sight.cap[0] = 0

    assert choose_by_code(EQUILIBRIUM, sight, Request(0, 0, 0, 1), memory) == 1


def test_of_many_nodes_some_are_drawn_by_share() -> None:
    nodes = SCANNED + 50
    sight, memory = blank_sight(nodes), blank_memory(nodes, nodes, 3)
    sight.share_ppm[:] = 0
    sight.share_ppm[:20] = PPM // 20
    sight.service_us[20:] = 1
    picks = {choose_by_code(EQUILIBRIUM, sight, Request(0, 0, 0, 1), memory) for _ in range(200)}

    assert picks == set(range(20))
    sight.cap[:20] = 0

    assert choose_by_code(EQUILIBRIUM, sight, Request(0, 0, 0, 1), memory) >= 20


@pytest.mark.parametrize("start", [1, 3, 8, 40])
@pytest.mark.parametrize("elapsed", [0.3, 1.0, 2.5, 7.0])
def test_unseen_departures_are_expected_as_the_exact_distribution_has_them(start: int, elapsed: float) -> None:
    sight = blank_sight(1)
    record_batch(sight, 0, start, 0)
    mean, variance = believed(sight, 0, round(elapsed * PPM))
    # Without sends what is left is start less a Poisson number, at least 0.
    left = [max(start - gone, 0) for gone in range(100)]
    chances = poisson.pmf(range(100), elapsed)
    exact = float(np.dot(chances, left))

    assert mean / 1_000 == pytest.approx(exact, abs=0.12)
    assert variance / 1_000 == pytest.approx(float(np.dot(chances, np.square(left))) - exact**2, abs=0.7)
    assert busy_milli(mean, variance) / 1_000 == pytest.approx(poisson.cdf(start - 1, elapsed), abs=0.16)


def test_a_batch_resets_what_is_expected_and_a_report_only_raises_it() -> None:
    sight = blank_sight(1)
    record_report(sight, 0, 4, 0)
    record_batch(sight, 0, 2, 0)
    record_send(sight, 0, 0)

    assert load_milli(sight, 0, 0) == 5_000
    record_report(sight, 0, 1, 0)
    assert load_milli(sight, 0, 0) == 5_000
    record_report(sight, 0, 7, 0)
    assert load_milli(sight, 0, 0) == 7_000
    record_batch(sight, 0, 0, PPM)
    assert load_milli(sight, 0, PPM) == 7_000
    record_report(sight, 0, 0, PPM)
    record_batch(sight, 0, 0, PPM)
    assert load_milli(sight, 0, PPM) == 0


def test_streamed_receipts_leave_nothing_to_expect() -> None:
    sight = blank_sight(1)
    record_send(sight, 0, 0)
    record_send(sight, 0, 0)
    record_receipt(sight, 0, 900, 10 * PPM)

    assert load_milli(sight, 0, 50 * PPM) == 1_000
    assert [int(sight.own[0]), int(sight.since[0])] == [1, 1]


def test_a_peak_of_latency_is_taken_at_once_and_forgotten_slowly() -> None:
    sight = blank_sight(1)
    observe_latency(sight, 0, 100, 0)
    observe_latency(sight, 0, 8_000, 1)
    observe_latency(sight, 0, 100, 1)

    assert int(sight.latency_us[0]) == 8_000
    assert peak_latency_us(sight, 0, 1 + DECAY_US) == 3_200  # 8,000 / 2.5, where e^-1 would give 2,943
    observe_latency(sight, 0, 100, 1 + DECAY_US)
    assert int(sight.latency_us[0]) == 3_260


def test_the_service_time_follows_what_receipts_show() -> None:
    sight = blank_sight(1)
    for _ in range(200):
        learn_service(sight, 0, 4_000)

    assert int(sight.service_us[0]) == pytest.approx(4_000, abs=20)
