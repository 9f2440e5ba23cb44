"""S6 in short runs of the plain loop: queues exact, crashes and grey nodes found, lost work done elsewhere."""

import numpy as np
import pytest

from engine.network.health.membership import OUT, Decision, Evidence
from engine.network.simulation.bench import Row
from engine.network.simulation.failures import OURS, Case, case_rows, crash, grey
from engine.network.simulation.failures_drawn import W, drawn, no_faults
from engine.network.simulation.failures_rows import base_row, recovery
from engine.network.simulation.failures_run import FAILURE_PPM, Clients, Protection, latencies, quantile, run

BARE = Protection("round_robin", health=False, shed=False, budget=False)


def test_one_node_without_protection_is_lindleys_queue_to_the_microsecond() -> None:
    play = drawn(3, [(150.0, 0.5), (100.0, 2.0), (200.0, 0.1)], 1)
    done = run(BARE, 1, play, no_faults(1), Clients(), 3, plain=True)

    free_us = 0
    for request, arrival_us in enumerate(play.arrival_us):
        free_us = max(free_us, int(arrival_us)) + int(play.work_us[request, 0])
        in_time = free_us - arrival_us <= 40_000_000 and play.luck_ppm[request, 0] >= FAILURE_PPM
        assert done.ended_us[request] == (free_us if in_time else -1)
    assert 0.05 < np.mean(done.ended_us < 0) < 0.9


def test_round_robin_over_three_nodes_is_three_queues_and_every_try_is_counted() -> None:
    play = drawn(4, [(100.0, 2.4)], 3)
    done = run(BARE, 3, play, no_faults(3), Clients(tries=3, deadline=200.0), 4, plain=True)

    assert (done.ended_us >= play.arrival_us + play.work_us[:, 0] - 1)[done.tries == 1].all()
    assert (done.ended_us >= 0).all()
    assert set(done.tries) <= {1, 2}
    assert np.array_equal(done.tries == 2, play.luck_ppm[:, 0] < FAILURE_PPM)


def test_arrivals_keep_their_rate_in_every_step_and_share_their_stream() -> None:
    slow, fast = drawn(1, [(4000.0, 2.0)], 2), drawn(1, [(1000.0, 8.0)], 2)

    assert len(slow.arrival_us) == len(fast.arrival_us) == pytest.approx(8000, rel=0.04)
    np.testing.assert_allclose(slow.arrival_us, 4 * fast.arrival_us, atol=4)
    np.testing.assert_array_equal(slow.work_us, fast.work_us)
    steps = drawn(2, [(1000.0, 1.0), (1000.0, 5.0)], 1)
    assert np.sum(steps.arrival_us > 1_000_000_000) == pytest.approx(5000, rel=0.06)
    assert np.bincount(steps.klass) / len(steps.klass) == pytest.approx([0.2, 0.5, 0.3], abs=0.03)


def number(row: Row, key: str) -> float:
    value = row[key]
    assert isinstance(value, int | float), f"{key} is {value}"
    return float(value)


def test_after_most_nodes_crash_ours_is_back_in_30_units_and_without_ejection_it_is_not() -> None:
    case = crash(0.7, 0.25, nodes=20, units=190.0)._replace(window=30.0)
    ours, bare = case_rows(case, [1, 2], (OURS, "equilibrium, no ejection"), plain=True)

    assert number(ours, "recovery_units") <= 30
    assert number(ours, "detection") <= 2
    assert number(ours, "critical_failed") < 0.01
    assert ours["false_ejections"] == 0
    assert bare["recovery_units"] is None or number(bare, "recovery_units") > 30


def test_under_twice_what_is_left_the_admitted_are_served_and_the_critical_nearly_all() -> None:
    [row] = case_rows(crash(0.7, 0.6, nodes=20, units=180.0), [1, 2], (OURS,), plain=True)

    assert row["rho_after"] == 2.0
    assert number(row, "p99") <= 2 * number(row, "calm_p99")
    assert number(row, "critical_failed") < 0.1 < number(row, "failed")


def test_nodes_that_fail_half_are_out_within_twenty_answers() -> None:
    [row] = case_rows(grey(2, 0.7, units=150.0), range(6), (OURS,), plain=True)

    assert 5 <= number(row, "detection") <= 20
    assert row["false_ejections"] == 0


def test_crashed_nodes_that_return_are_in_again_and_every_change_is_kept() -> None:
    faults = no_faults(5)
    faults[0, W.crash_us], faults[0, W.back_us] = 20_000_000, 40_000_000
    play = drawn(5, [(200.0, 2.5)], 3)
    done = run(Protection("equilibrium"), 5, play, faults, Clients(tries=3), 5, plain=True)
    split = len(Evidence._fields)
    story = [(Evidence(*row[:split]), Decision(*row[split:])) for row in done.changes]

    assert [made.state for _, made in story] == [OUT, 1, 0]
    assert all(seen.node == 0 for seen, _ in story)
    assert 20_000_000 < story[0][0].now_us <= 30_000_000
    assert story[1][0].now_us >= story[0][0].now_us + 60_000_000
    assert np.mean(done.ended_us >= 0) > 0.99


def test_a_row_says_never_where_requests_never_end() -> None:
    row = base_row("S6", "x", "p", 10, 0.5, [np.array([1.0, np.inf]), np.array([1.0, 2.0])])

    assert (row["mean"], row["p99"], row["p99_ci95"]) == (1.25, None, None)
    assert quantile(np.arange(1.0, 101.0), 0.99) == 99
    assert recovery([True, False, True, False], 5.0) == 15.0
    assert recovery([False, False], 5.0) == 0.0
    assert recovery([False, True], 5.0) is None


def test_an_admitted_request_that_never_succeeds_counts_as_infinite() -> None:
    play = drawn(1, [(10.0, 3.0)], 1)
    faults = no_faults(1)
    faults[0, W.crash_us] = 0
    done = run(BARE, 1, play, faults, Clients(), 1, plain=True)

    assert np.isinf(latencies(play, done, 0.0, 10.0)).all()
    assert Case("x", 1, 3.0, 10.0, faults).window == 10.0
