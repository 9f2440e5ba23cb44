"""Queueing laws against known values and a simulated queue; estimators against the rates that they should find."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.network.estimators import Arrivals, Capacity, Rate, scv, service_times
from engine.network.queueing import (
    Wait,
    allen_cunneen,
    erlang_c,
    ggc_wait,
    interval,
    mmc_wait,
    power_of_d_beyond,
    power_of_d_sojourn,
    quantile,
    sojourn_beyond,
)
from intents.errors import InputError


def test_waits_are_those_of_the_tables() -> None:
    # M/M/10 and M/M/100 at .5, .8, .95, and the power of d in the limit: section 3 of the reference notes.
    assert [round(mmc_wait(10, load).mean, 4) for load in (0.5, 0.8, 0.95)] == [0.0072, 0.2046, 1.6512]
    assert [round(mmc_wait(100, load).mean, 4) for load in (0.5, 0.8, 0.95)] == [0.0, 0.001, 0.1013]
    assert [round(power_of_d_sojourn(2, load), 3) for load in (0.5, 0.8, 0.95)] == [1.266, 1.947, 3.383]
    assert [round(power_of_d_sojourn(3, load), 3) for load in (0.5, 0.8, 0.95)] == [1.125, 1.581, 2.535]
    assert [round(power_of_d_sojourn(1, load), 3) for load in (0.5, 0.8, 0.95)] == [2, 5, 20]
    # The central queue's p99 wait of 10 servers: .26, 1.86, 8.83.
    for load, tail in ((0.5, 0.26), (0.8, 1.86), (0.95, 8.83)):
        assert quantile(mmc_wait(10, load).beyond, 0.99) == pytest.approx(tail, abs=0.005)


def test_the_power_of_two_has_the_tail_of_the_simulated_one() -> None:
    # JSQ(2) among 100 servers, simulated: p99 of 5.59, 7.42, 10.5 at .5, .8, .95 (the reference notes).
    for load, tail in ((0.5, 5.59), (0.8, 7.42), (0.95, 10.5)):
        assert quantile(lambda time, load=load: power_of_d_beyond(2, load, time), 0.99) == pytest.approx(tail, rel=0.03)  # type: ignore[misc]  # mypy: a lambda's default
        step = 0.01
        mean = sum(power_of_d_beyond(2, load, (i + 0.5) * step) for i in range(4000)) * step
        assert mean == pytest.approx(power_of_d_sojourn(2, load), rel=1e-3)


def test_one_server_is_pollaczek_and_khinchine() -> None:
    for load in (0.3, 0.8, 0.95):
        for spread in (0.0, 0.5, 1.0, 4.0):
            exact = load * (1 + spread) / (2 * (1 - load))
            assert ggc_wait(1, load, spread).mean == pytest.approx(exact)
            assert allen_cunneen(1, load, spread) == pytest.approx(exact)


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.integers(1, 200), st.floats(0.01, 0.99), st.floats(0, 8))
def test_more_load_more_spread_fewer_servers_never_wait_less(servers: int, load: float, spread: float) -> None:
    wait = ggc_wait(servers, load, spread).mean

    assert 0 <= erlang_c(servers, load) <= 1
    assert wait <= ggc_wait(servers, min(0.995, load * 1.01), spread).mean * (1 + 1e-9)
    assert wait <= ggc_wait(servers, load, spread * 1.1).mean * (1 + 1e-9)
    assert mmc_wait(servers + 1, load).mean <= mmc_wait(servers, load).mean


@pytest.mark.parametrize("load", [1.0, 1.5, -0.1, float("nan")])
def test_an_unstable_load_has_no_mean_wait(load: float) -> None:
    for law in (erlang_c, power_of_d_sojourn):
        with pytest.raises(InputError, match="unstable_load"):
            law(3, load)


def test_time_in_system_of_an_exponential_queue_is_exponential() -> None:
    # M/M/1 at .8: time in system is exponential with mean 5; its 90 % quantile is 5 ln 10.
    wait, sample = mmc_wait(1, 0.8), [exponential((i + 0.5) / 2000) for i in range(2000)]

    assert quantile(lambda time: sojourn_beyond(wait, sample, time), 0.9) == pytest.approx(11.513, rel=0.005)
    assert sojourn_beyond(Wait(0.0, 0.0), [1.0], 1.0) == 0.0


def test_an_interval_is_central_unless_an_atom_holds_its_low_end() -> None:
    assert interval(Wait(1.0, 1.0).beyond, 0.9) == pytest.approx((0.05129, 2.9957), rel=1e-4)

    fixed = [1.0]
    low, high = interval(lambda time: sojourn_beyond(mmc_wait(1, 0.5), fixed, time), 0.9)

    assert low == pytest.approx(1.0)
    # Half find no queue; the others wait exponentially with mean 2: one in five of them longer than 2 ln 5.
    assert high == pytest.approx(1 + 3.2189, rel=1e-4)


def exponential(share: float) -> float:
    return quantile(Wait(1.0, 1.0).beyond, share)


def central_queue(load: float, servers: int, customers: int, chance: Random) -> tuple[list[int], list[int], list[int]]:
    """Arrivals, departures and services in microseconds of one queue, exponential in both."""
    arrivals, departures, services, now, free = [], [], [], 0, [0] * servers
    for _ in range(customers):
        now += round(chance.expovariate(load * servers) * 1_000_000)
        service = round(chance.expovariate(1) * 1_000_000)
        first = min(range(servers), key=free.__getitem__)
        free[first] = max(now, free[first]) + service
        arrivals.append(now)
        departures.append(free[first])
        services.append(service)
    return arrivals, departures, services


def test_services_are_found_again_from_sends_and_receipts() -> None:
    for servers in (1, 3):
        arrivals, departures, services = central_queue(0.9, servers, 2000, Random(servers))

        assert service_times(zip(arrivals, departures, strict=True), servers) == services
        assert scv(services) == pytest.approx(1.0, abs=0.15)
    assert scv([5]) == 0.0


def test_capacity_is_learnt_from_busy_time_however_idle_a_node_is() -> None:
    for load in (0.1, 0.5, 0.95):
        arrivals, departures, _ = central_queue(load, 4, 20_000, Random(7))
        capacity = Capacity(0, 4, 3_000_000, 10**14)
        events = sorted([(time, "send") for time in arrivals] + [(time, "receipt") for time in departures])
        for time, kind in events:
            getattr(capacity, kind)(time)

        rate = capacity.rate(events[-1][0])

        assert 1 / rate.per_us == pytest.approx(1_000_000, rel=0.03)
        assert rate.events == pytest.approx(20_000, rel=0.01)


def test_an_interval_of_a_rate_holds_it_nine_times_in_ten() -> None:
    for count in (10, 100, 1000):
        held, chance = 0, Random(count)
        for _ in range(1000):
            time, arrivals = 0.0, Arrivals(0, 1e-6, 1e18)
            seen = 0
            while (time := time + chance.expovariate(1)) < count:
                seen += 1
            found = arrivals.watch(count * 1_000_000, seen).interval()
            held += found.low <= 1e-6 <= found.high

        assert 870 <= held <= 930


def test_a_rate_follows_what_changes_and_falls_when_nothing_comes() -> None:
    rate = Rate(1e-6, half_life_us=10_000_000)
    for _ in range(200):
        rate.observe(3, 1_000_000, 1_000_000)
    assert rate.per_us == pytest.approx(3e-6, rel=0.01)

    for _ in range(10):
        rate.observe(9, 1_000_000, 1_000_000)
    assert 5.9e-6 < rate.per_us < 6.1e-6

    arrivals = Arrivals(0, 1e-6, 10_000_000)
    assert arrivals.watch(10_000_000, 30).per_us > arrivals.watch(60_000_000, 0).per_us
