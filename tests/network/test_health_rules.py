"""The rules that make up health, each against its source or its law."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.network.health.ejection import Ejection, may_eject, rate_after, score_step
from engine.network.health.limits import Limits, gradient, little_ceiling, long_average
from engine.network.health.panic import panics
from engine.network.health.retries import Retries, deposit, refill, withdraw
from engine.network.health.shedding import CRITICAL, NORMAL, SHEDDABLE, Shedding, admits
from engine.network.health.slow_start import started_ppm
from engine.network.health.spill import spill

LIMITS = Limits()


def test_gradient_is_the_formula_of_gradient2() -> None:
    assert gradient(20_000, 1_000_000, 1_000_000, LIMITS) == 20_800  # g 1: .8 * 20 + .2 * 24
    assert gradient(20_000, 3_000_000, 1_000_000, LIMITS) == 18_800  # g .5: .8 * 20 + .2 * 14
    assert gradient(20_000, 2_000_000, 1_000_000, LIMITS) == 19_800  # g .75: .8 * 20 + .2 * 19


def test_a_limit_under_lasting_latency_settles_low_and_the_ceiling_is_the_delay_budget() -> None:
    limit = 200_000
    for _ in range(200):
        limit = gradient(limit, 4_000_000, 1_000_000, LIMITS)

    assert limit == pytest.approx(8_000, abs=50)  # L = .5 L + 4
    assert little_ceiling(1_000_000, LIMITS) * 1_000_000 == LIMITS.budget_us
    assert little_ceiling(1, LIMITS) == LIMITS.ceiling
    assert little_ceiling(10**9, LIMITS) == LIMITS.floor


def test_the_long_average_starts_at_the_first_sample_follows_slowly_up_and_faster_down() -> None:
    assert long_average(0, 7, LIMITS) == 7
    assert long_average(1_000_000, 1_601_000, LIMITS) == 1_020_000
    assert long_average(1_000_000, 100_000, LIMITS) == 921_546


def test_a_node_that_fails_half_is_singled_out_soon_and_one_like_its_peers_never_drifts_there() -> None:
    assert 10 * (score_step(True, 0) + score_step(False, 0)) > 2 * Ejection().score_milli
    for peers in (10_000, 20_000, 50_000, 100_000, 200_000):
        drift = peers * score_step(True, peers) + (1_000_000 - peers) * score_step(False, peers)
        assert drift < 0
        # One step of a likelihood ratio has mean 1 where the node is like its peers: what bounds false alarms.
        ratio = peers * np.exp(score_step(True, peers) / 1000) + (1_000_000 - peers) * np.exp(
            score_step(False, peers) / 1000
        )
        assert ratio == pytest.approx(1_000_000, rel=0.002)
    assert score_step(True, 200_001) < 0


def test_one_may_always_be_ejected_and_never_more_than_a_third() -> None:
    assert [may_eject(out, 10, Ejection()) for out in range(4)] == [True, True, True, False]
    assert may_eject(0, 1, Ejection())
    assert not may_eject(1, 2, Ejection())


@given(st.lists(st.booleans(), max_size=300))
def test_a_rate_stays_a_rate(answers: list[bool]) -> None:
    rate = 0
    for failed in answers:
        rate = rate_after(rate, failed)
        assert 0 <= rate <= 1_000_000


def test_slow_start_rises_from_a_tenth_in_a_line() -> None:
    shares = [started_ppm(second * 1_000_000, 60_000_000) for second in (0, 3, 6, 30, 60, 600)]

    assert shares == [100_000, 100_000, 100_000, 500_000, 1_000_000, 1_000_000]


def test_panic_is_below_half() -> None:
    assert [panics(usable, 10) for usable in (4, 5)] == [True, False]
    assert not panics(0, 0)


@pytest.mark.parametrize(
    ("usable", "load"),
    [
        ((100, 100), (1_000_000, 0)),
        ((72, 72), (1_000_000, 0)),
        ((71, 71), (994_000, 6_000)),
        ((50, 50), (700_000, 300_000)),
        ((25, 100), (350_000, 650_000)),
        ((0, 100), (0, 1_000_000)),
        ((25, 25), (500_000, 500_000)),
        ((5, 0), (1_000_000, 0)),
        ((0, 0), (0, 0)),
    ],
)
def test_spill_gives_envoys_table_of_priority_levels(usable: tuple[int, int], load: tuple[int, int]) -> None:
    shares = np.zeros(2, dtype=np.int64)

    spill(np.array([100, 100]), np.array(usable), shares)

    assert shares.tolist() == list(load)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=5))
def test_spill_sends_all_of_the_load_somewhere_usable(tiers: list[tuple[int, int]]) -> None:
    nodes = np.array([max(pair) for pair in tiers])
    usable = np.array([min(pair) for pair in tiers])
    shares = np.zeros(len(tiers), dtype=np.int64)

    spill(nodes, usable, shares)

    assert shares.sum() == (1_000_000 if usable.any() else 0)
    assert (shares[usable == 0] == 0).all()
    assert (shares >= 0).all()


def test_classes_are_refused_from_the_lowest_and_a_standing_overload_shortens_the_queue_of_all_but_the_first() -> None:
    shedding = Shedding()

    def most(klass: int, refused_ppm: int) -> int:
        return sum(admits(klass, in_flight, 100, refused_ppm, shedding) for in_flight in range(200))

    assert [most(klass, 0) for klass in (CRITICAL, NORMAL, SHEDDABLE)] == [100, 95, 85]
    assert [most(klass, 50_000) for klass in (CRITICAL, NORMAL, SHEDDABLE)] == [100, 95, 85]
    assert [most(klass, 450_000) for klass in (CRITICAL, NORMAL, SHEDDABLE)] == [100, 57, 51]
    assert [most(klass, 1_000_000) for klass in (CRITICAL, NORMAL, SHEDDABLE)] == [100, 48, 43]


@given(st.lists(st.tuples(st.integers(0, 400_000), st.booleans()), max_size=400))
def test_retries_never_exceed_their_share_of_requests_and_time(events: list[tuple[int, bool]]) -> None:
    retries = Retries(share_milli=100, per_second_milli=200, most_milli=5_000)
    bucket = np.array([retries.most_milli, 0], dtype=np.int64)
    now_us, requests, granted = 0, 0, 0
    for pause_us, is_request in events:
        now_us += pause_us
        if is_request:
            deposit(bucket, now_us, retries)
            requests += 1
        else:
            granted += withdraw(bucket, now_us, retries)

        most_milli = 5_000 + 100 * requests + 200 * now_us // 1_000_000
        assert 0 <= bucket[0] <= most_milli - 1000 * granted


def test_small_steps_of_time_earn_as_much_as_one_great_step() -> None:
    retries = Retries(share_milli=0, per_second_milli=7, most_milli=10**9)
    small, great = np.zeros(2, dtype=np.int64), np.zeros(2, dtype=np.int64)

    for now_us in range(0, 3_000_000_001, 1_234_567):
        refill(small, now_us, retries)
    refill(small, 3_000_000_000, retries)
    refill(great, 3_000_000_000, retries)

    assert great[0] == 21_000
    assert 0 <= great[0] - small[0] <= 1
