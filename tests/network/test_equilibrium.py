"""The equilibrium against a general solver, its prices, its ceilings; shares that must not depend on identities."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import minimize

from engine.network.decentralisation import measure, nakamoto
from engine.network.equilibrium import Fleet, Floats, Floor, ceilings_ppm, latency_us, optimum, ppm
from engine.network.frontier import example_fleet
from engine.network.policies.base import PPM
from engine.network.stake_caps import stake_ceilings_ppm
from intents.errors import InputError

LEAST_SHARED = Floor(4, 1 / 3)


def random_fleet(rng: np.random.Generator, nodes: int = 12, operators: int = 8) -> Fleet:
    operator = np.concatenate([np.arange(operators), rng.integers(0, operators, nodes - operators)])
    service_us = 1e6 / rng.uniform(15, 60, nodes)
    rate = float(rng.uniform(0.1, 0.6) * np.sum(1 / service_us))
    return Fleet(rng.uniform(2_000, 120_000, nodes), service_us, operator, rate)


def by_slsqp(fleet: Fleet, floor: Floor, caps: Floats) -> float:
    """The least latency by scipy's general solver, on the program as it is written, theta and excesses as variables."""
    nodes, operators = len(fleet.rtt_us), fleet.operators
    member = np.zeros((operators, nodes))
    member[fleet.operator, np.arange(nodes)] = 1
    mu, unit = 1 / fleet.service_us, float(np.mean(fleet.service_us))

    def latency(x: Floats) -> float:
        return float(np.sum(x[:nodes] * (fleet.rtt_us + 1 / (mu - fleet.rate * x[:nodes])))) / unit

    equal = {"type": "eq", "fun": lambda x: np.sum(x[:nodes]) - 1}
    unequal = (
        lambda x: floor.threshold - (floor.k - 1) * x[nodes] - np.sum(x[nodes + 1 :]),
        lambda x: x[nodes + 1 :] - (member @ x[:nodes] - x[nodes]),
        lambda x: caps - member @ x[:nodes],
    )
    found = minimize(
        latency,
        np.concatenate([mu / np.sum(mu), np.full(operators + 1, 0.1)]),
        constraints=[equal, *({"type": "ineq", "fun": each} for each in unequal)],
        bounds=[(0, 0.99 * each / fleet.rate) for each in mu] + [(0, 1)] * (operators + 1),
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-12},
    )
    assert found.success, found.message
    return float(found.fun) * unit


def test_the_optimum_is_that_of_a_general_solver() -> None:
    rng = np.random.default_rng(4)
    binding = 0
    for trial in range(6):
        fleet = random_fleet(rng, 8, 6)
        floor = (Floor(3, 0.5), Floor(4, 0.62), Floor(2, 0.26))[trial % 3]
        caps = np.full(fleet.operators, 0.35 if trial < 3 else 1.0)
        found = optimum(fleet, floor, caps)
        binding += found.price_us > 0

        assert found.latency_us == pytest.approx(by_slsqp(fleet, floor, caps), rel=1e-5)
        assert np.sum(found.shares) == pytest.approx(1)
        assert np.bincount(fleet.operator, found.shares) == pytest.approx(found.held)
        assert np.sum(np.sort(found.held)[1 - floor.k :]) <= floor.threshold + 1e-9
        assert np.all(found.held <= caps + 1e-9)
    assert binding >= 3


def test_the_price_is_what_the_next_bit_of_floor_costs() -> None:
    fleet = example_fleet(0.4)
    found = optimum(fleet, LEAST_SHARED)
    tighter = optimum(fleet, Floor(4, 1 / 3 - 1e-5))

    assert (tighter.latency_us - found.latency_us) / 1e-5 == pytest.approx(found.price_us, rel=1e-3)
    assert optimum(fleet, Floor(2, 0.9)).price_us == 0


def test_low_load_concentrates_and_there_the_floor_costs_most() -> None:
    # The orderings of the reference table: HHI .230 at load .2 and .117 at .6, a floor +34 % at .2 and nothing at .6.
    floor = Floor(3, 1 / 3)
    quiet, busy = (optimum(example_fleet(load)) for load in (0.2, 0.6))
    paid = [
        optimum(example_fleet(load), floor).latency_us / optimum(example_fleet(load)).latency_us for load in (0.2, 0.6)
    ]

    assert measure(ppm(quiet.held)).hhi > 0.2
    assert measure(ppm(busy.held)).hhi < 0.12
    assert paid[0] > 1.1
    assert paid[1] == pytest.approx(1, abs=1e-6)
    assert latency_us(example_fleet(0.6), np.full(12, 1 / 12)) > 1.2 * busy.latency_us
    assert latency_us(example_fleet(0.8), np.full(12, 1 / 12)) == float("inf")


def test_rounded_shares_add_up_and_keep_the_coefficient() -> None:
    found = optimum(example_fleet(0.2), LEAST_SHARED)
    shares = ppm(found.held)

    assert sum(shares) == PPM
    assert nakamoto(shares, Fraction(1, 3)) == 4
    assert ppm(np.array([1 / 3, 0.0, 2 / 3])) == (333_334, 0, 666_666)


@pytest.mark.parametrize("load", [0.2, 0.6])
def test_ceilings_keep_the_floor_and_leave_room_for_all(load: float) -> None:
    floor = Floor(4, 0.5)
    held = optimum(example_fleet(load), floor).held
    exact = ceilings_ppm(held, floor, margin=0.0)
    lowered = ceilings_ppm(held, floor)

    assert 499_990 <= sum(sorted(exact)[-3:]) <= 500_000
    assert all(ceiling >= share * PPM - 1 for ceiling, share in zip(exact, held, strict=True))
    assert sum(sorted(lowered)[-3:]) == pytest.approx(460_000, abs=5)
    assert sum(lowered) >= PPM - len(lowered)


@pytest.mark.parametrize(
    ("load", "floor", "caps"),
    [
        (0.4, None, np.full(12, 0.05)),
        (1.0, None, None),
        (0.8, Floor(6, 0.5), None),
        (0.2, Floor(14, 0.5), None),
        (0.2, Floor(3, 0.0), None),
    ],
)
def test_what_no_shares_can_keep_is_refused(load: float, floor: Floor | None, caps: Floats | None) -> None:
    with pytest.raises(InputError) as caught:
        optimum(example_fleet(load), floor, caps)

    assert caught.value.code == "infeasible_shares"


def test_splitting_an_identity_leaves_its_ceilings_the_same_in_sum() -> None:
    whole = stake_ceilings_ppm([40] * 10, [121_250] * 10)
    split = stake_ceilings_ppm([10] * 4 + [40] * 9, [121_250] * 13)

    assert whole == (101_000,) * 10
    assert sum(split[:4]) == 101_000
    assert split[4:] == whole[1:]


def test_stake_on_weak_nodes_loosens_ceilings_until_the_others_can_carry_the_load() -> None:
    ceilings = stake_ceilings_ppm([1, 1, 100], [900_000, 900_000, 100_000])

    assert ceilings == (455_000, 455_000, PPM)
    with pytest.raises(InputError) as caught:
        stake_ceilings_ppm([1, 0], [900_000, 900_000])
    assert caught.value.code == "infeasible_shares"
