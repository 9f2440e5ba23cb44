"""The network as dispatchers see it: from sends and signed receipts to what a problem says of chains."""

from dataclasses import dataclass

from engine.auction.check_problem import check_problem
from engine.network.delay_price import PPM
from engine.network.dispatcher import Dispatcher, NodeFacts
from engine.network.seen import ChainFacts, SeenNetwork, exponential_sample
from engine.network.state import NetworkSnapshot
from engine.network.trust.receipts import Receipt
from intents.signing import ed25519_owner
from intents.values import content_hash
from tests.solvers.small_worlds import pool, problem, swap, token

CHAIN, KEY = "sim:one", b"\x05" * 32
A, B = token("A"), token("B")
NAMES = ("n0", "n1", "n2")
SECOND = 1_000_000


@dataclass(frozen=True)
class Transaction:
    id: str
    chain: str = CHAIN


class Story:
    """Three nodes of one chain, seen from the start; sends go where the dispatcher says."""

    def __init__(self) -> None:
        facts = [
            NodeFacts(name, f"operator.{name}", ed25519_owner(KEY), 0, (50_000 * (i + 1),), service_us=200_000)
            for i, name in enumerate(NAMES)
        ]
        self.now_us = SECOND
        self.dispatcher = Dispatcher(CHAIN, facts, seed=1, now_us=self.now_us)
        chain = ChainFacts(dict.fromkeys(NAMES, "eu"), inclusion_us=300_000, finality_us=2 * SECOND)
        self.seen = SeenNetwork({CHAIN: self.dispatcher}, {CHAIN: chain}, {A: 900_000, B: 0}, self.now_us)
        self.sent = 0

    def send(self, count: int) -> list[tuple[int, str, Transaction]]:
        made = []
        for _ in range(count):
            transaction = Transaction(content_hash("test", self.sent))
            node, _ = self.dispatcher.choose(transaction, 0, frozenset(), self.now_us)
            assert node is not None
            made.append((self.dispatcher.sent(transaction, node, self.now_us), node, transaction))
            self.sent += 1
        return made

    def answer(self, sends: list[tuple[int, str, Transaction]], status: str = "landed") -> None:
        for sequence, node, transaction in sends:
            stated = {"node": node, "chain": CHAIN, "transaction": transaction.id, "sequence": sequence}
            receipt = Receipt.model_validate({**stated, "status": status, "at_us": self.now_us}).signed(KEY)
            self.dispatcher.received(receipt, self.now_us)

    def look(self) -> NetworkSnapshot:
        network = self.seen.snapshot(self.now_us)
        plain = problem([swap("sell", A, 1000, B, 900)], [pool("ab", (A, 10**6), (B, 10**6))])
        check_problem(plain.model_copy(update={"network": network}))
        return network


def test_a_quiet_chain_waits_for_service_distance_and_the_block() -> None:
    network = Story().look()

    assert [node.id for node in network.nodes] == list(NAMES)
    assert sum(node.share_ppm for node in network.nodes) == PPM
    # .2 s of service, .1 s of distance in the mean, .3 s to the block.
    assert 600_000 <= network.chains[CHAIN].delay_us <= 601_000
    assert network.chains[CHAIN].finality_us == 2 * SECOND


def test_unanswered_sends_are_load_and_make_the_chain_dear_until_their_receipts_come() -> None:
    story = Story()
    calm = story.look()
    sends = story.send(30)
    busy = story.look()
    story.now_us += SECOND
    story.answer(sends)
    story.now_us += 120 * SECOND
    after = story.look()

    assert sum(node.load for node in busy.nodes) == 30
    assert busy.chains[CHAIN].delay_us > 3 * calm.chains[CHAIN].delay_us
    assert busy.delay_prices[A] > calm.delay_prices[A]
    assert busy.delay_prices[B] == 0
    assert sum(node.load for node in after.nodes) == 0
    assert after.chains[CHAIN].delay_us < busy.chains[CHAIN].delay_us / 2


def test_late_receipts_make_a_chain_slow_though_its_queues_are_empty() -> None:
    story = Story()
    sends = story.send(3)
    story.now_us += 5 * SECOND
    story.answer(sends)

    network = story.look()

    assert sum(node.load for node in network.nodes) == 0
    assert network.chains[CHAIN].delay_us >= 3 * SECOND


def test_a_node_that_fails_gets_no_share() -> None:
    story = Story()
    for _ in range(40):
        sends = story.send(3)
        story.now_us += SECOND // 5
        story.answer([send for send in sends if send[1] != "n0"])
        story.answer([send for send in sends if send[1] == "n0"], status="refused")

    network = story.look()

    sick = network.nodes[0]
    assert (sick.id, sick.health, sick.share_ppm) == ("n0", "ejected", 0)
    assert sum(node.share_ppm for node in network.nodes[1:]) == PPM


def test_an_exponential_sample_has_its_mean() -> None:
    sample = exponential_sample(1_000_000)

    assert abs(sum(sample) / len(sample) - 1_000_000) <= 1
    assert list(sample) == sorted(sample)
