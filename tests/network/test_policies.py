"""What each policy promises, on sights made for it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from engine.network.compiling import compiled
from engine.network.draws import mixed, seeded
from engine.network.policies import POLICIES, choose_by_code
from engine.network.policies.base import PPM, STREAMED, Memory, Request, Sight, blank_memory, blank_sight
from engine.network.policies.observing import record_send
from engine.network.policies.prequal import reuses
from engine.network.simulation.machine_code import kept


def chosen(policy: str, sight: Sight, memory: Memory, *, key: int = 0, region: int = 0, value: int = 1) -> int:
    return choose_by_code(POLICIES[policy], sight, Request(0, region, key, value), memory)


def random_case(rng: np.random.Generator, nodes: int) -> tuple[Sight, Memory]:
    sight = blank_sight(nodes, 3)
    operators = max(1, nodes // 2)
    for name, low, high in (
        ("own", 0, 5),
        ("reported", 0, 5),
        ("since", -2, 5),
        ("service_us", 1_000, 100_000),
        ("latency_us", 0, 3),
        ("cap", 0, 8),
        ("region", 0, 3),
        ("operator", 0, operators),
        ("share_ppm", 0, 100_000),
        ("stake_ppm", 0, 100_000),
        ("expected_milli", 0, 5_000),
        ("variance_milli", 0, 9_000),
        ("identity", 0, 2**62),
    ):
        getattr(sight, name)[:] = rng.integers(low, high, nodes)
    sight.latency_us[:] *= 400_000
    sight.rtt_us[:, :] = rng.integers(0, 100_000, (3, nodes))
    sight.seen_us[:] = np.where(rng.integers(0, 2, nodes) == 0, STREAMED, PPM)
    sight.expected_at_us[:] = PPM
    memory = blank_memory(nodes, operators, int(rng.integers(2**62)))
    memory.ceiling_ppm[:] = min(PPM, 2 * PPM // operators)
    memory.burst[0] = rng.integers(0, 2) * 1_000
    return sight, memory


def twins(case: tuple[Sight, Memory]) -> tuple[Sight, Memory]:
    sight, memory = case
    return Sight(*(array.copy() for array in sight)), Memory(*(array.copy() for array in memory))


def test_draws_are_those_of_splitmix64() -> None:
    halves = [mixed(1234567, k) for k in range(1, 6)]

    assert [high << 32 | low for high, low in halves] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert int(seeded(2**64 - 1)[0]) == -1


@pytest.mark.long
def test_python_and_machine_code_choose_and_remember_the_same() -> None:
    machine = kept(compiled(choose_by_code))
    rng = np.random.default_rng(5)
    picked: Counter[str] = Counter()
    for nodes in (1, 2, 7, 30, 300) * 4:
        case = random_case(rng, nodes)
        for name, code in POLICIES.items():
            (sight, memory), (twin, other) = twins(case), twins(case)
            for step in range(4):
                request = Request(2 * PPM + 5_000 * step, step % 3, int(rng.integers(2**62)), int(rng.integers(100)))
                node = choose_by_code(code, sight, request, memory)

                assert machine(code, twin, request, other) == node, name
                if node >= 0:
                    picked[name] += 1
                    record_send(sight, node, request.now_us)
                    record_send(twin, node, request.now_us)
            for mine, its in zip((*sight, *memory), (*twin, *other), strict=True):
                assert mine.tolist() == its.tolist(), name
    assert min(picked[name] for name in POLICIES) > 40


@pytest.mark.parametrize("policy", POLICIES)
def test_only_usable_nodes_are_chosen(policy: str) -> None:
    sight, memory = blank_sight(5, 1), blank_memory(5, 5, 1)
    sight.own[:] = (0, 3, 0, 9, 0)
    sight.cap[:] = (0, 4, 0, 9, 1)
    found = {chosen(policy, sight, memory, key=key) for key in range(200)}
    sight.cap[:] = 0

    assert found <= {1, 4}
    assert 4 in found
    assert chosen(policy, sight, memory) == -1


def test_an_unknown_code_chooses_nobody() -> None:
    assert choose_by_code(len(POLICIES), blank_sight(3), Request(0, 0, 0, 1), blank_memory(3, 3, 1)) == -1


def test_random_and_round_robin_give_all_the_same() -> None:
    sight, memory = blank_sight(5), blank_memory(5, 5, 3)
    drawn = Counter(chosen("random", sight, memory) for _ in range(5_000))
    turns = [chosen("round_robin", sight, memory) for _ in range(10)]

    assert max(drawn.values()) < 1.15 * min(drawn.values())
    assert turns == [0, 1, 2, 3, 4] * 2


def test_stake_weights_are_smooth_and_a_split_gains_nothing() -> None:
    sight, memory = blank_sight(3), blank_memory(3, 3, 1)
    sight.stake_ppm[:] = (500_000, 100_000, 100_000)
    split, other = blank_sight(6), blank_memory(6, 6, 1)
    split.stake_ppm[:] = (125_000, 125_000, 125_000, 125_000, 100_000, 100_000)

    assert [chosen("stake_weighted", sight, memory) for _ in range(7)] == [0, 0, 1, 0, 2, 0, 0]
    assert sum(chosen("stake_weighted", split, other) < 4 for _ in range(700)) == 500


def test_what_a_node_says_of_itself_moves_only_who_believes_it() -> None:
    sight = blank_sight(3)
    sight.own[:] = (5, 2, 3)
    sight.reported[:] = (0, 2, 3)

    def believed(policy: str) -> int:
        return chosen(policy, sight, blank_memory(3, 3, 1))

    assert [believed(name) for name in ("least_loaded", "least_loaded_own")] == [0, 0]
    assert [believed(name) for name in ("shortest_expected_delay", "weighted_least_connections", "equilibrium")] == [
        1
    ] * 3
    sight.reported[1] = 9

    assert believed("equilibrium") == 2


def test_speed_and_distance_count() -> None:
    sight = blank_sight(3, 2)
    sight.own[:] = (1, 0, 0)
    sight.service_us[:] = (10, 30, 15)
    sight.rtt_us[:] = ((0, 0, 0), (0, 0, 40))
    sight.share_ppm[:] = (600_000, 100_000, 300_000)

    def picked(policy: str, region: int) -> int:
        return chosen(policy, sight, blank_memory(3, 3, 1), region=region)

    assert [picked("shortest_expected_delay", region) for region in (0, 1)] == [2, 0]
    assert [picked("equilibrium", region) for region in (0, 1)] == [2, 0]
    assert picked("weighted_least_connections", 0) in (0, 2)


def test_two_choices_take_the_better_of_two() -> None:
    sight, memory = blank_sight(4), blank_memory(4, 4, 2)
    sight.reported[:] = (0, 1, 2, 3)
    drawn = Counter(chosen("power_of_two", sight, memory) for _ in range(6_000))
    sight.since[:] = (9, 0, 0, 0)
    own = Counter(chosen("power_of_two_own", sight, memory) for _ in range(6_000))

    assert [round(drawn[node] / 1_000) for node in range(4)] == [3, 2, 1, 0]
    assert [round(own[node] / 1_000) for node in range(4)] == [0, 3, 2, 1]


def test_peak_ewma_gives_an_unknown_node_one_request_until_it_answers() -> None:
    sight, memory = blank_sight(2), blank_memory(2, 2, 1)
    sight.latency_us[:] = (1_000, 0)

    assert chosen("peak_ewma", sight, memory) == 1
    record_send(sight, 1, 0)
    assert [chosen("peak_ewma", sight, memory) for _ in range(9)] == [0] * 9


def test_prequal_avoids_hot_nodes_and_takes_the_lowest_latency_of_the_others() -> None:
    sight, memory = blank_sight(12), blank_memory(12, 12, 7)
    sight.reported[:] = (9, *(1,) * 11)
    sight.service_us[:] = (1, *range(300, 190, -10))
    picks = Counter(chosen("prequal", sight, memory) for _ in range(600))
    slow, fast = (sum(picks[node] for node in nodes) for nodes in (range(1, 6), range(7, 12)))

    assert fast > 1.3 * slow
    assert picks[0] <= 2


def test_prequal_reuses_probes_by_the_formula_of_the_paper() -> None:
    # (1 + 1) / ((1 - 16/100) * 3 - 1) = 1.32, and with 1,000 nodes 1.03; with 20 the pool never drains.
    assert [reuses(100), reuses(1_000), reuses(24) > 100] == [2, 2, True]


def test_demand_leaves_its_region_only_when_queues_cost_more_than_distance() -> None:
    sight = blank_sight(6, 2)
    sight.region[:] = (0, 0, 0, 1, 1, 1)
    sight.rtt_us[0, 3:] = 2_500_000
    quiet = {chosen("geographic", sight, blank_memory(6, 6, seed)) for seed in range(50)}
    sight.own[:3] = 4
    busy = {chosen("geographic", sight, blank_memory(6, 6, seed)) for seed in range(50)}
    sight.cap[:3] = 0

    assert quiet == {0, 1, 2}
    assert busy == {3, 4, 5}
    assert chosen("geographic", sight, blank_memory(6, 6, 1)) >= 3


def test_only_the_keys_of_the_node_that_leaves_move() -> None:
    sight, memory = blank_sight(10), blank_memory(10, 10, 1)
    before = [chosen("consistent_hash", sight, memory, key=key) for key in range(4_000)]
    sight.cap[3] = 0
    after = [chosen("consistent_hash", sight, memory, key=key) for key in range(4_000)]
    moved = [old for old, new in zip(before, after, strict=True) if old != new]

    assert set(moved) == {3}
    assert len(moved) == pytest.approx(400, rel=0.15)
    assert all(count > 0.8 * 400 for count in Counter(before).values())


def test_one_hot_key_does_not_overload_its_node() -> None:
    sight, memory = blank_sight(10), blank_memory(10, 10, 1)
    for _ in range(100):
        record_send(sight, chosen("consistent_hash", sight, memory, key=7), 0)

    assert max(sight.own.tolist()) == 13  # 1.25 times the mean of 10, rounded up
