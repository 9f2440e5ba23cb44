"""A coordinator that dies at any step, its disk, and the chains, which do not care."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, field

from engine.audit.record import Record
from engine.ledger.books import Ledger
from engine.ledger.settlement_entries import opening_entries, settlement_entry
from engine.network.health.reducer import Settings
from engine.settlement.choosing import ChainDispatchers
from engine.settlement.dispatch import Dispatch, Rules
from engine.settlement.plan import Plan, plan_of
from engine.settlement.progress import Progress
from engine.settlement.reconcile import hold_together
from engine.settlement.record import SettlementRecord, check_settlement, settlement_bytes, settlement_record
from engine.settlement.simulated import SimulatedNetwork
from engine.settlement.simulated_world import SimulatedWorld
from intents.values import canonical_bytes

STEPS = ("stored", "sent", "heard", "taken")
"""Where it can die in each round: progress and sends stored, a send made, answers come, learnt from and not stored."""


class DeathError(Exception):
    """The end of a process."""


@dataclass
class Disk:
    """What survives: the plan, and progress as bytes."""

    plan: bytes
    progress: bytes = field(default_factory=lambda: Progress().to_json())


@dataclass
class Coordinator:
    """Runs a settlement to its end through deaths; each step of a round is one with chance `death`, `deaths` at most."""

    record: Record
    world: SimulatedWorld
    death: float = 0.0
    deaths: int = 5
    rules: Rules = field(default_factory=Rules)
    rounds: int = 4000
    settings: Settings | None = None
    died: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.world.seed)
        self.network = SimulatedNetwork(self.world)
        plan = plan_of(self.record, self.world.network(), self.network.now_us())
        self.disk = Disk(canonical_bytes(plan))

    @property
    def plan(self) -> Plan:
        return Plan.from_json(self.disk.plan)

    def settled(self) -> SettlementRecord:
        """The settlement's record, at its end."""
        while True:
            try:
                progress = self._live()
            except DeathError:
                if self.chance.random() < 0.5:  # what nobody polled since it was last kept is lost
                    self.network = SimulatedNetwork.load(self.world, json.loads(json.dumps(self.network.dump())))
            else:
                return settlement_record(self.record, self.plan, progress)[0]

    def _live(self) -> Progress:
        plan, progress = self.plan, Progress.from_json(self.disk.progress)
        now_us = self.network.now_us()
        chooser = ChainDispatchers(plan.network, seed=self.world.seed, now_us=now_us, settings=self.settings)
        dispatch = Dispatch(plan, progress, chooser, lambda whole: hold_together(self.record, whole), self.rules)
        while True:
            self.rounds -= 1
            assert self.rounds > 0, "the settlement does not end"
            action = dispatch.act(self.network.now_us())
            self._keep(dispatch)
            if dispatch.done:
                return dispatch.progress
            self._step("stored")
            for send in action.sends:
                self.network.send(send.transaction, send.node, send.sequence, self.network.now_us())
                self._step("sent")
            for ask in action.asks:
                self.network.ask(ask.chain, ask.node, ask.transactions, self.network.now_us())
            answers = self.network.poll(action.next_us)
            self._step("heard")
            dispatch.take(answers, self.network.now_us())
            self._step("taken")

    def _keep(self, dispatch: Dispatch) -> None:
        self.disk.progress = dispatch.progress.to_json()

    def _step(self, name: str) -> None:
        if self.chance.random() < self.death and self.died.total() < self.deaths:
            self.died[name] += 1
            raise DeathError(name)


def check_one_effect(coordinator: Coordinator, settled: SettlementRecord) -> None:
    """On the chains each winning bid landed whole, or nothing of it is left; and nothing more can happen."""
    network = coordinator.network
    network.poll(network.now_us() + 60 * 1_000_000)
    done = {name: chain.included.keys() for name, chain in network.chains.items()}
    plan = settled.plan
    for step in plan.steps:
        landed, undone = step.id in done[step.chain], plan.undoing[step.id].id in done[step.chain]
        if step.bid in settled.landed:
            assert (landed, undone) == (True, False)
        else:
            assert landed == undone
    assert sorted([*settled.landed, *settled.failed]) == sorted(coordinator.record.winners)
    assert sum(map(len, done.values())) <= 2 * len(plan.steps)


def check_books_of(record: Record, settled: SettlementRecord) -> Ledger:
    """The record replays from its bytes, and what it says can be posted; the books after it."""
    again = SettlementRecord.from_json(settlement_bytes(settled))
    outcome = check_settlement(record, again)
    problem = record.problem
    before = Ledger(opening_entries(problem.holdings, "opening"))
    after = Ledger(opening_entries(problem.holdings, "opening"))
    entry = settlement_entry(problem, outcome.replayed, problem.auction)
    after.post(entry)
    sums: Counter[str] = Counter()
    for posting in entry.postings:
        sums[posting.asset] += posting.amount
    assert not any(sums.values())
    assert after.books.drift() == {}
    for owner, asset, balance in after.books.balances():
        change = balance.amount - before.books.balance(owner, asset).amount
        if owner in settled.outcome.balances or owner in problem.holdings:
            assert change == settled.outcome.balances.get(owner, {}).get(asset, 0), (owner, asset)
    return after
