"""A chain's dispatcher: what moves its picture of a node, whom it chooses, and that every choice replays."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from engine.network.dispatcher import Dispatcher, NodeFacts
from engine.network.health.reducer import N
from engine.network.trust.choice_replay import replay_choices
from engine.network.trust.dispatch_log import Choice
from engine.network.trust.receipts import Receipt
from intents.errors import InputError
from intents.signing import ed25519_owner
from intents.values import content_hash

CHAIN, SECOND = "sim:one", 1_000_000
KEYS = {f"n{i}": bytes([i + 1]) * 32 for i in range(4)}


@dataclass(frozen=True)
class Transaction:
    id: str
    chain: str = CHAIN


class Story:
    """Four nodes of two operators, equal in speed and distance."""

    def __init__(self, policy: str = "equilibrium") -> None:
        facts = [
            NodeFacts(name, f"operator.{i // 2}", ed25519_owner(key), 0, (50_000,), service_us=200_000)
            for i, (name, key) in enumerate(KEYS.items())
        ]
        self.now_us = SECOND
        self.dispatcher = Dispatcher(CHAIN, facts, seed=7, now_us=self.now_us, policy=policy, window_us=20 * SECOND)
        self.choices: list[Choice] = []
        self.count = 0

    def send(self, *, avoid: frozenset[str] = frozenset(), value: int = 1) -> tuple[int, str, Transaction]:
        transaction = Transaction(content_hash("test", self.count))
        self.count += 1
        node, choice = self.dispatcher.choose(transaction, 0, avoid, self.now_us, value=value)
        self.choices.append(choice)
        assert node is not None
        return self.dispatcher.sent(transaction, node, self.now_us), node, transaction

    def receipt(self, send: tuple[int, str, Transaction], key: bytes | None = None) -> Receipt:
        sequence, node, transaction = send
        stated = {"node": node, "chain": CHAIN, "transaction": transaction.id, "sequence": sequence}
        unsigned = Receipt.model_validate({**stated, "status": "landed", "at_us": self.now_us})
        return unsigned.signed(KEYS[node] if key is None else key)

    def answer(self, send: tuple[int, str, Transaction]) -> None:
        self.dispatcher.received(self.receipt(send), self.now_us)

    @property
    def loads(self) -> dict[str, int]:
        return dict(zip(self.dispatcher.names, self.dispatcher.sight.own.tolist(), strict=True))


def test_sends_spread_and_only_receipts_free_a_node() -> None:
    story = Story()
    sends = [story.send() for _ in range(8)]

    assert story.loads == dict.fromkeys(KEYS, 2)
    story.now_us += SECOND
    for name in KEYS:
        story.dispatcher.reported(name, 0, story.now_us)
    assert story.loads == dict.fromkeys(KEYS, 2)
    story.answer(sends[0])
    idle = sends[0][1]

    assert story.loads[idle] == 1
    assert story.send()[1] == idle


def test_a_forged_receipt_changes_nothing() -> None:
    story = Story()
    send = story.send()
    before = [array.tolist() for array in story.dispatcher.sight]
    with pytest.raises(InputError) as caught:
        story.dispatcher.received(story.receipt(send, key=b"\x09" * 32), story.now_us)

    assert caught.value.code == "bad_signature"
    assert [array.tolist() for array in story.dispatcher.sight] == before


def test_a_report_of_a_long_queue_is_believed_and_one_of_a_short_queue_is_not() -> None:
    story = Story()
    busy = story.send()[1]
    other = next(name for name in KEYS if name != busy)
    story.dispatcher.reported(busy, 0, story.now_us)
    story.dispatcher.reported(other, 9, story.now_us)

    assert {story.send()[1] for _ in range(2)} == set(KEYS) - {busy, other}
    with pytest.raises(InputError) as caught:
        story.dispatcher.reported("nobody", 0, story.now_us)
    assert caught.value.code == "unknown_node"


def test_who_answers_slowly_gets_less() -> None:
    story = Story()
    for _ in range(60):
        sends = [story.send() for _ in range(4)]
        story.now_us += 100_000
        for send in sends:
            if send[1] != "n0":
                story.answer(send)
        story.now_us += 900_000
        for send in sends:
            if send[1] == "n0":
                story.answer(send)
    last = [story.send()[1] for _ in range(8)]

    assert story.dispatcher.sight.service_us[0] > 2 * story.dispatcher.sight.service_us[1]
    assert last.count("n0") < 2


def test_what_is_never_answered_is_lost_after_its_window() -> None:
    story = Story()
    _, node, _ = story.send()
    story.now_us += 19 * SECOND
    story.dispatcher.advance(story.now_us)
    assert story.loads[node] == 1
    story.now_us += 2 * SECOND
    story.dispatcher.advance(story.now_us)

    assert story.loads[node] == 0


def test_a_node_that_never_answers_is_ejected_and_its_ejection_logged() -> None:
    story = Story()
    for i in range(40):
        sequence, node, transaction = send = story.send(
            avoid=frozenset(KEYS) - {"n2"} if i % 4 == 0 else frozenset({"n2"})
        )
        story.now_us += 400_000
        if node == "n2":
            story.dispatcher.timed_out(transaction, node, sequence, story.now_us)
        else:
            story.answer(send)
    story.now_us += SECOND
    story.dispatcher.advance(story.now_us)

    assert story.dispatcher.sight.cap[2] == 0
    assert [(change.node, change.decision["state"] != 0) for change in story.dispatcher.changes.changes] == [
        ("n2", True)
    ]
    assert "n2" not in {story.send()[1] for _ in range(6)}


def test_nodes_to_avoid_are_avoided_while_there_are_others() -> None:
    story = Story()

    assert {story.send(avoid=frozenset({"n0", "n1", "n3"}))[1] for _ in range(3)} == {"n2"}
    assert story.send(avoid=frozenset(KEYS))[1] in KEYS
    story.dispatcher.sight.cap[:] = 0
    node, choice = story.dispatcher.choose(Transaction(content_hash("test", -1)), 0, frozenset(), story.now_us)
    assert (node, choice.chosen) == (None, -1)


def test_ceilings_hold_operators_to_their_share_of_value() -> None:
    story = Story()
    story.dispatcher.sight.service_us[:] = (1, 1, SECOND, SECOND)
    story.dispatcher.set_shares([250_000] * 4, {"operator.0": 600_000}, burst=2_000)
    given = {"operator.0": 0, "operator.1": 0}
    for _ in range(100):
        send = story.send(value=1_000)
        given["operator.0" if send[1] in {"n0", "n1"} else "operator.1"] += 1_000
        story.answer(send)
        story.dispatcher.sight.service_us[:] = (1, 1, SECOND, SECOND)

    assert 58_000 <= given["operator.0"] <= 62_000
    with pytest.raises(InputError) as caught:
        story.dispatcher.set_shares([1], {}, burst=0)
    assert caught.value.code == "bad_shares"


@pytest.mark.parametrize("policy", ["equilibrium", "prequal", "stake_weighted"])
def test_every_choice_replays_from_the_record(policy: str) -> None:
    story = Story(policy)
    for i in range(30):
        send = story.send(avoid=frozenset({"n1"}) if i % 7 == 0 else frozenset())
        story.now_us += 70_000
        if i % 3:
            story.answer(send)

    assert replay_choices(story.choices) is None
    assert len({choice.chosen for choice in story.choices}) >= 3


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("unknown_policy", {"policy": "fastest"}),
        ("no_nodes", {"nodes": []}),
        ("bad_rtt", {"nodes": [NodeFacts("a", "o", "k", 0, (1,)), NodeFacts("b", "o", "k", 0, (1, 2))]}),
        ("duplicate_node", {"nodes": [NodeFacts("a", "o", "k", 0, (1,))] * 2}),
    ],
)
def test_unusable_fleets_are_refused(code: str, change: dict[str, object]) -> None:
    nodes = change.get("nodes", [NodeFacts("a", "o", "k", 0, (1,))])
    assert isinstance(nodes, list)
    with pytest.raises(InputError) as caught:
        Dispatcher(CHAIN, nodes, seed=1, now_us=0, policy=str(change.get("policy", "equilibrium")))

    assert caught.value.code == code


def test_who_stands_by_is_sent_nothing_until_too_few_of_the_first_tier_are_there() -> None:
    facts = [
        NodeFacts(name, name, ed25519_owner(KEYS["n0"]), 0, (50_000,), service_us=200_000, tier=i // 5)
        for i, name in enumerate(("a", "b", "c", "d", "e", "standby"))
    ]
    dispatcher = Dispatcher(CHAIN, facts, seed=7, now_us=0, window_us=10**9)

    def sent(silent: str, from_us: int) -> set[str]:
        for now_us in range(from_us, from_us + 15 * SECOND, SECOND):
            for name in set(dispatcher.names) - set(silent):
                dispatcher.reported(name, 0, now_us)
            dispatcher.advance(now_us)
        dispatcher.sight.own[:] = 0
        nodes = set()
        for number in range(40):
            transaction = Transaction(content_hash("tier", silent, number))
            node, _ = dispatcher.choose(transaction, 0, frozenset(), from_us + 15 * SECOND)
            if node is not None:
                dispatcher.sent(transaction, node, from_us + 15 * SECOND)
                nodes.add(node)
        return nodes

    assert sent("", 0) == set("abcde")
    assert sent("e", 15 * SECOND) == set("abcd")  # 4 of 5 times 1.4 is more than all
    assert sent("de", 90 * SECOND) == {"a", "b", "c", "standby"}
    assert dispatcher.sight.cap[5] == max(1, int(dispatcher.health.node[5, N.limit_milli]) // 1000 * 160_000 // 10**6)
