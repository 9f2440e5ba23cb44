"""What the dispatchers of a settlement network learn from one settlement for the next."""

from __future__ import annotations

import pytest

from engine.network.shares import Shares, check_shares
from engine.network.trust.censorship import TERM_US
from engine.network.trust.receipts import Receipt
from engine.settlement.choosing import ChainDispatchers
from engine.settlement.plan import Transaction, plan_of
from engine.settlement.progress import Attempt, Progress
from intents.errors import InputError
from intents.values import content_hash
from tests.settlement.worlds import ALPHA, five_winners, network_of

WORLD = network_of(1, nodes=5)
PLAN = plan_of(five_winners(), WORLD.network(), 1_000_000)
NODES = tuple(node.name for node in WORLD.chains[ALPHA].nodes)
CENSOR = NODES[2]


class Story:
    """Ann and Ben send in turn; the censor drops Ann's, and everybody loses every ninth."""

    def __init__(self) -> None:
        self.now_us = 1_000_000
        self.chooser = ChainDispatchers(WORLD.network(), seed=1, now_us=self.now_us)
        self.count = 0
        self.shares()

    def shares(self) -> Shares:
        """Another settlement begins; what binds its choices."""
        (alpha,) = (each for each in self.chooser.prepare(PLAN, Progress(), self.now_us) if each.chain == ALPHA)
        return alpha

    def send(self, sender: str, *, drops: bool = True) -> str:
        step = max((step for step in PLAN.steps if step.chain == ALPHA), key=lambda step: step.value)
        digest = content_hash("test", self.count)
        transaction = step.model_copy(update={"id": digest, "sender": sender})
        self.count += 1
        node, _ = self.chooser.choose(transaction, 0, frozenset(), self.now_us)
        assert node is not None
        sequence = self.chooser.sent(transaction, node, self.now_us)
        self.now_us += 300_000
        if self.count % 9 == 0 or (drops and (node, sender) == (CENSOR, "ann")):
            self.chooser.timed_out(transaction, node, sequence, self.now_us)
        else:
            self.chooser.received(self._receipt(transaction, node, sequence), self.now_us)
        return node

    def _receipt(self, transaction: Transaction, node: str, sequence: int) -> Receipt:
        stated = {"node": node, "chain": ALPHA, "transaction": transaction.id, "sequence": sequence}
        unsigned = Receipt.model_validate({**stated, "status": "landed", "at_us": self.now_us})
        return unsigned.signed(WORLD.node_key(node))


def sends(story: Story, count: int, *, drops: bool = True) -> set[str]:
    """Who was sent to. Health puts a node that fails often out for a while, so evidence takes several settlements."""
    asked = set()
    for number in range(count):
        asked.add(story.send("ann" if number % 2 else "ben", drops=drops))
        if number % 100 == 99:
            story.shares()
    return asked


def test_a_censor_loses_its_sends_for_a_term_and_the_record_says_why() -> None:
    story = Story()
    assert CENSOR in sends(story, 800)

    alpha = story.shares()

    (conviction,) = alpha.convictions
    assert (conviction.node, conviction.sender) == (CENSOR, "ann")
    assert conviction.pairs >= 8
    assert alpha.shares_ppm[NODES.index(CENSOR)] == 0
    assert sends(story, 50) == set(NODES) - {CENSOR}

    story.now_us += TERM_US
    again = story.shares()
    assert again.convictions == ()
    assert CENSOR in sends(story, 50)


def test_who_goes_on_with_a_settlement_gives_no_number_of_a_send_twice() -> None:
    """A receipt of a send before the crash would count for another one after it."""
    story, step = Story(), next(step for step in PLAN.steps if step.chain == ALPHA)
    made = Attempt(transaction=step.id, node=NODES[0], sequence=7, at_us=story.now_us)
    sends = story.chooser.chains[ALPHA].sends

    story.chooser.prepare(PLAN, Progress(attempts=(made,)), story.now_us)

    assert story.chooser.chains[ALPHA].sends == sends
    assert story.chooser.sent(step, NODES[1], story.now_us) == 8


def test_nodes_that_lose_everybodys_alike_are_not_convicted() -> None:
    story = Story()
    sends(story, 800, drops=False)

    assert all(shares.convictions == () for shares in story.chooser.prepare(PLAN, Progress(), story.now_us))


@pytest.mark.parametrize("change", [{"evidence": 4 * 10**9}, {"node": NODES[0]}])
def test_a_conviction_without_evidence_or_of_a_node_that_is_sent_to_is_refused(change: dict[str, object]) -> None:
    story = Story()
    sends(story, 800)
    alpha = story.shares()
    check_shares(alpha)
    edited = alpha.convictions[0].model_copy(update=change)

    with pytest.raises(InputError) as caught:
        check_shares(alpha.model_copy(update={"convictions": (edited,)}))

    assert caught.value.code == "bad_shares"
