"""Rounds of probes: pairs that follow from what was logged, medians that a liar does not move, all of it made again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.network.trust.challengers import Member
from engine.network.trust.probes import Measurement
from engine.network.trust.rounds import (
    PROVERS,
    STEP_US,
    TIMEOUT_US,
    Delay,
    Ground,
    Round,
    RoundBook,
    check_round,
    learnt,
    member_id,
)
from intents.errors import InputError
from intents.signing import ed25519_owner
from intents.values import content_hash

ROOT, OTHER_ROOT = content_hash("test", "root"), content_hash("test", "another root")
CHAINS = ("sim:a", "sim:b")
REGIONS = ("ap", "eu")
SECRETS = {member_id(chain, f"n{i}"): bytes([10 * c + i + 1]) * 32 for c, chain in enumerate(CHAINS) for i in range(5)}
GROUND = Ground(
    members={
        chain: tuple(Member(member_id(chain, f"n{i}"), f"o{(i + c) % 6}", REGIONS[i % 2]) for i in range(5))
        for c, chain in enumerate(CHAINS)
    },
    keys={name: ed25519_owner(secret) for name, secret in SECRETS.items()},
    rtt_us={"ap/ap": 1_000, "ap/eu": 200_000, "eu/eu": 2_000},
)
NEW = (Delay(),) * 5
ALL = dict.fromkeys(CHAINS, NEW)


def region(member: str) -> str:
    return next(each.region for members in GROUND.members.values() for each in members if each.id == member)


def measured(challenger: str, node: str, delay_us: int, seed: str) -> Measurement:
    distance_us = GROUND.rtt_us["/".join(sorted((region(challenger), region(node))))]
    latency_us = TIMEOUT_US if delay_us == TIMEOUT_US else distance_us + delay_us
    made = Measurement(challenger=challenger, node=node, seed=seed, latency_us=latency_us)
    return made.signed(SECRETS[challenger])


def round_of(delay_us: int, *, liars: int = 0, silent: int = 0, before: tuple[Delay, ...] = NEW) -> Round:
    """A round of chain a, in which so many challengers of each node say too much and so many more say nothing."""
    book = RoundBook(GROUND, ROOT, 7, {"sim:a": before})
    said: dict[str, int] = {}
    for challenger, node in book.pairs:
        place = said[node] = said.get(node, 0) + 1
        if place > liars + silent:
            book.receive(measured(challenger, node, delay_us, book.seed))
        elif place <= liars:
            book.receive(measured(challenger, node, 2_000_000, book.seed))
    return book.concluded("sim:a")


def test_pairs_follow_from_what_was_logged_and_no_node_meets_its_operator() -> None:
    pairs = RoundBook(GROUND, ROOT, 7, ALL).pairs
    operators = {each.id: each.operator for members in GROUND.members.values() for each in members}

    assert pairs == RoundBook(GROUND, ROOT, 7, dict(reversed(ALL.items()))).pairs
    assert pairs != RoundBook(GROUND, OTHER_ROOT, 7, ALL).pairs
    assert len({node for _, node in pairs}) == len(CHAINS) * PROVERS
    for node in {node for _, node in pairs}:
        judges = [operators[challenger] for challenger, other in pairs if other == node]
        assert len(judges) == len(set(judges)) == 5
        assert operators[node] not in judges
    drawn = {node for number in range(30) for _, node in RoundBook(GROUND, ROOT, number, ALL).pairs}
    assert drawn == set(operators)
    assert RoundBook(GROUND._replace(rtt_us={}), ROOT, 7, ALL).pairs == ()


@pytest.mark.parametrize(("liars", "silent"), [(0, 0), (2, 0), (1, 2), (0, 2)])
def test_liars_and_the_silent_do_not_move_the_median(liars: int, silent: int) -> None:
    made = round_of(40_000, liars=liars, silent=silent)

    assert sorted(delay.used_us for delay in made.after) == [0] * (5 - PROVERS) + [40_000] * PROVERS
    check_round(made, GROUND)


def test_too_few_measurements_change_nothing() -> None:
    made = round_of(40_000, silent=3)

    assert made.after == NEW
    check_round(made, GROUND)


def test_a_delay_moves_by_a_quarter_and_counts_when_it_moved_far() -> None:
    known = learnt(Delay(), 100_000)
    near = learnt(known, 100_000 + 4 * STEP_US - 4)
    far = learnt(learnt(known, 200_000), 200_000)

    assert known == Delay(average_us=100_000, used_us=100_000, rounds=1)
    assert near == Delay(average_us=100_000 + STEP_US - 1, used_us=100_000, rounds=2)
    assert far == Delay(average_us=143_750, used_us=143_750, rounds=3)


def test_who_does_not_answer_is_far_until_it_does_and_is_asked_again_at_once() -> None:
    gone = round_of(TIMEOUT_US)
    lost = [place for place, delay in enumerate(gone.after) if delay.silent]
    known = tuple(Delay(average_us=7_000, used_us=7_000, rounds=2) for _ in range(5))
    still = round_of(TIMEOUT_US, before=known)
    back = round_of(40_000, before=still.after)

    assert len(lost) == PROVERS
    assert {gone.after[place].used_us for place in lost} == {TIMEOUT_US}
    assert {still.after[place] for place in lost} == {
        Delay(average_us=7_000, used_us=TIMEOUT_US, rounds=2, silent=True)
    }
    assert {back.after[place] for place in lost} == {Delay(average_us=15_250, used_us=15_250, rounds=3)}
    assert len({each.node for each in back.measurements}) == 2 * PROVERS
    for made in (gone, still, back):
        check_round(made, GROUND)


def test_what_was_not_asked_for_or_comes_twice_is_refused() -> None:
    book = RoundBook(GROUND, ROOT, 7, {"sim:a": NEW})
    challenger, node = book.pairs[0]
    good = measured(challenger, node, 5_000, book.seed)
    other = RoundBook(GROUND, OTHER_ROOT, 7, {"sim:a": NEW}).seed
    stranger = next(name for name in SECRETS if (name, node) not in book.pairs)

    for code, false in (
        ("unknown_challenger", measured(stranger, node, 5_000, book.seed)),
        ("other_round", measured(challenger, node, 5_000, other)),
        ("bad_signature", good.model_copy(update={"latency_us": 1})),
        ("late_echo", measured(challenger, node, TIMEOUT_US + 1, book.seed)),
    ):
        with pytest.raises(InputError) as caught:
            book.receive(false)
        assert caught.value.code == code
    book.receive(good)
    with pytest.raises(InputError) as caught:
        book.receive(good)
    assert caught.value.code == "replayed_measurement"


def _louder(data: dict[str, Any]) -> None:
    data["measurements"][0]["latency_us"] += 1


def _swapped(data: dict[str, Any]) -> None:
    data["measurements"].reverse()


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("other_round", lambda data: data.update(root=OTHER_ROOT)),
        ("other_round", lambda data: data.update(number=8)),
        ("bad_signature", _louder),
        ("bad_round", _swapped),
        ("bad_round", lambda data: data["after"][0].update(used_us=1)),
        ("bad_round", lambda data: data["before"][0].update(average_us=9, rounds=1)),
        ("bad_round", lambda data: data["before"].pop()),
        ("bad_round", lambda data: data.update(chain="sim:c")),
    ],
)
def test_an_edited_round_is_found(code: str, change: Callable[[dict[str, Any]], None]) -> None:
    data = round_of(40_000).to_wire()
    change(data)

    with pytest.raises(InputError) as caught:
        check_round(Round.from_wire(data), GROUND)

    assert caught.value.code == code
