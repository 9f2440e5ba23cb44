"""S7 in short runs of the plain loop: goodput beyond capacity, and a spike of which only a budget lets one out."""

import pytest

from engine.network.simulation.failures_drawn import drawn, no_faults
from engine.network.simulation.failures_run import Clients, Protection, latencies, quantile, run, succeeded
from engine.network.simulation.overload import OURS, spike_rows

BARE = Protection("least_loaded_own", health=False, shed=False, budget=False)


def _beyond(protection: Protection) -> tuple[float, float]:
    """Goodput over capacity and admitted p99 at 174 % of ten nodes' capacity."""
    play = drawn(7, [(220.0, 17.4)], 1)
    done = run(protection, 10, play, no_faults(10), Clients(), 7, plain=True)
    return succeeded(done, 120.0, 220.0) / 1000, quantile(latencies(play, done, 120.0, 220.0), 0.99)


def test_beyond_capacity_goodput_holds_and_admitted_wait_little_where_no_limit_collapses() -> None:
    goodput, p99 = _beyond(Protection("equilibrium"))
    assert goodput >= 0.95
    assert p99 <= 3 * 8.0

    goodput, p99 = _beyond(BARE)
    assert goodput < 0.1
    assert p99 == float("inf")


def test_a_spike_with_retries_passes_with_limits_and_keeps_itself_up_without_a_budget() -> None:
    names = (OURS, "equilibrium, no limits, unbudgeted")
    ours, collapsed = spike_rows([1], names, plain=True)

    assert ours["policy"] == OURS
    assert ours["goodput"] == pytest.approx(0.7, abs=0.07)
    assert ours["p99"] == pytest.approx(5.3, rel=0.5)
    assert collapsed["goodput"] == pytest.approx(0, abs=0.01)
    assert collapsed["p99"] is None
    assert collapsed["recovery_units"] is None
