"""Every dispatch choice again from its record: all policies, over the wire, and what was tampered with is named."""

from random import Random

import numpy as np
import pytest

from engine.network.policies import POLICIES
from engine.network.policies.base import Memory, Request, Sight, blank_memory, blank_sight
from engine.network.policies.observing import record_receipt, record_report, record_send
from engine.network.trust.choice_replay import Dispatch, decide, replay_choices
from engine.network.trust.dispatch_log import Choice
from intents.errors import InputError
from intents.values import content_hash

NODES = tuple(f"node{i}" for i in range(6))
SEED = -(2**63) + 12345


def busy_sight(chance: Random) -> Sight:
    sight = blank_sight(len(NODES), regions=2)
    for i in range(len(NODES)):
        sight.service_us[i] = chance.randrange(100_000, 2_000_000)
        sight.rtt_us[:, i] = (chance.randrange(200_000), chance.randrange(200_000))
        sight.region[i], sight.operator[i] = i % 2, i % 3
        sight.stake_ppm[i] = chance.randrange(1, 300_000)
    return sight


def run_of(policy: str, count: int = 40) -> list[Choice]:
    """Sends, receipts and reports at random, every choice recorded and read again from its bytes."""
    chance = Random(policy)
    sight, memory = busy_sight(chance), blank_memory(len(NODES), 3, SEED)
    memory.ceiling_ppm[:] = (400_000, 500_000, 600_000)
    memory.burst[0] = 5000
    choices, now = [], 10**15
    for number in range(count):
        now += chance.randrange(300_000)
        dispatch = Dispatch("sim:one", content_hash("test", number))
        request = Request(now, chance.randrange(2), chance.randrange(2**62), chance.randrange(2**31))
        choice = decide(policy, NODES, sight, request, memory, dispatch)
        choices.append(Choice.from_wire(choice.to_wire()))
        if choice.chosen >= 0:
            record_send(sight, choice.chosen, now)
        node = chance.randrange(len(NODES))
        if chance.random() < 0.5:
            record_receipt(sight, node, chance.randrange(2_000_000), now)
        else:
            record_report(sight, node, chance.randrange(9), now)
    return choices


@pytest.mark.parametrize("policy", POLICIES)
def test_every_choice_of_every_policy_replays_and_a_changed_one_is_named(policy: str) -> None:
    choices = run_of(policy)
    assert len({choice.chosen for choice in choices}) > 1

    assert replay_choices(choices, seeds=[SEED]) is None
    assert replay_choices(choices) is None

    other = next(node for node in range(len(NODES)) if node != choices[17].chosen)
    forged = [*choices[:17], choices[17].model_copy(update={"chosen": other}), *choices[18:]]
    found = replay_choices(forged, seeds=[SEED])
    assert found is not None
    assert (found.position, found.field, found.recorded) == (17, "chosen", str(other))
    assert found.replayed == str(choices[17].chosen)


def test_draws_and_memory_cannot_be_picked_to_suit_a_node() -> None:
    choices = run_of("power_of_two_own")
    third = choices[3]
    seed, made = third.memory["draws"].split()

    def replayed_with(field: str, row: str) -> str | None:
        """What follows from another memory is recorded truly: only the memory is not what was left."""
        edited = third.model_copy(update={"memory": {**third.memory, field: row}})
        edited = edited.model_copy(update={"chosen": honest(edited)})
        assert replay_choices([edited]) is None
        found = replay_choices([*choices[:3], edited], seeds=[SEED])
        return None if found is None else found.field

    assert replayed_with("draws", f"{seed} {int(made) + 1}") == "draws"
    assert replayed_with("draws", "77 0") == "draws"
    assert replayed_with("draws", f"{SEED} 0") is None
    assert replayed_with("bucket", "5 5 5") == "bucket"
    assert replay_choices(choices, seeds=[1]) is not None


def honest(choice: Choice) -> int:
    """What the policy chooses from a record's inputs."""
    found = replay_choices([choice.model_copy(update={"chosen": -1})])
    return int(found.replayed) if found is not None else -1


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("malformed_choice", {"region": 2}),
        ("malformed_choice", {"nodes": NODES[:5]}),
        ("unknown_policy", {"policy": "favourite"}),
    ],
)
def test_records_that_no_policy_can_work_on_are_refused(code: str, change: dict[str, object]) -> None:
    choice = run_of("shortest_expected_delay", 1)[0]

    with pytest.raises(InputError) as refusal:
        replay_choices([choice.model_copy(update=change)])

    assert refusal.value.code == code
    for rows in ({**choice.sight, "own": "1 2 3"}, {k: v for k, v in choice.sight.items() if k != "cap"}):
        with pytest.raises(InputError, match="malformed_choice"):
            replay_choices([choice.model_copy(update={"sight": rows})])


def test_what_is_recorded_is_all_of_what_policies_see() -> None:
    choice = run_of("random", 1)[0]

    assert choice.sight.keys() == set(Sight._fields)
    assert choice.memory.keys() == set(Memory._fields) - {"cost"}
    assert all(np.array(row.split(), dtype=np.int64).size for row in choice.sight.values())
