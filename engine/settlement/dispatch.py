"""The coordinator: what to send and to ask next, from the plan and what is known. Pure: time and answers are arguments.

    dispatch = Dispatch(plan, progress, chooser, judge)
    while not dispatch.done:
        action = dispatch.act(now_us)       # store dispatch.progress, then send and ask
        dispatch.take(answers, now_us)      # what executor.poll(action.next_us) gave; store dispatch.progress

Guarantees
1. A step is sent when all that it waits for is final and the bridges' delays are over, never after its last moment, and
   not at all once its bid is known to have failed. Sending again is sending the same id.
2. Every send is in `progress.attempts` before `act` returns, so who stores that before sending knows of every send, and
   whatever has no attempt was never sent.
3. When each step has a fate or was never sent, the judge says once which of the bids that landed whole hold together;
   the rest is undone, later stages first, until every compensation is final. Then, and only then, it is `done`.
4. Retries of steps are paid from a budget of their bid and from their chain's; compensations are retried until they land,
   since nothing else may happen.
5. A step whose chain is full, or has no retry left, waits and asks again a block's time later, until its last moment. Steps
   of bids that have begun go before those of bids that have not; compensations never wait. Each verdict is in
   `progress.admissions` (engine.network.health.admission).

Time-outs and refusals fall through to another node at once, and come back to one of before after a block's time. A receipt frees its node; only reports by a quorum prove a fate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from engine.network.health.admission import Admission, Klass
from engine.network.shares import Shares
from engine.network.trust.dispatch_log import Choice
from engine.network.trust.fall_through import ASKED, pause_us
from engine.network.trust.heartbeats import Heartbeat
from engine.network.trust.receipts import Receipt
from engine.settlement.executor import Answer
from engine.settlement.plan import Plan, Transaction
from engine.settlement.progress import Attempt, Progress
from engine.settlement.reports import Fate, Report, Tally, check_report, needed
from intents.errors import InputError

Judge = Callable[[Sequence[str]], tuple[str, ...]]
"""Of bids that landed whole, those that hold together."""


class Chooser(Protocol):
    """Picks nodes and learns from what they do: engine.settlement.choosing, or a test's."""

    def prepare(self, plan: Plan, progress: Progress, now_us: int) -> tuple[Shares, ...]:
        """A plan is begun, or gone on with from there; what the choices to come are bound to."""

    def choose(
        self, transaction: Transaction, attempt: int, avoid: frozenset[str], now_us: int
    ) -> tuple[str | None, Choice | None]:
        """A node of the transaction's chain, rather not one of `avoid`; None where none may take it now."""

    def admit(self, transaction: Transaction, attempt: int, klass: Klass, now_us: int) -> Admission:
        """Whether it may be sent now. Counts when it is `sent`, or `held` where it may not."""

    def held(self, transaction: Transaction) -> None:
        """What was asked for it last was a refusal, and it waits."""

    def sent(self, transaction: Transaction, node: str, now_us: int) -> int:
        """A transaction goes to the node; the sequence number that its receipt has to repeat."""

    def received(self, receipt: Receipt, now_us: int) -> None:
        """A receipt came. Raises InputError where it does not count."""

    def silent(self, chain: str, now_us: int) -> tuple[str, ...]:
        """The chain's nodes that were silent so long that they are to be asked for a sign of life."""

    def reported(self, report: Report, now_us: int) -> bool:
        """A report came whose signature was checked. Whether it is a sign of life; what it states of the chain stands."""

    def heard(self, heartbeat: Heartbeat, now_us: int) -> None:
        """A heartbeat came. Raises InputError where it does not count."""

    def timed_out(self, transaction: Transaction, node: str, sequence: int, now_us: int) -> None:
        """The node did not bring the transaction onto the chain in time."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Spans in blocks of the chain concerned; `least_blocks` of a time-out where the last moment is near. A bid may be retried `retries + retries_per_step * its steps` times in all."""

    timeout_blocks: int = 6
    least_blocks: int = 2
    ask_blocks: int = 3
    retries: int = 4
    retries_per_step: int = 2


class Send(NamedTuple):
    """A send to be made; `sequence` is the number that its receipt repeats."""

    transaction: Transaction
    node: str
    sequence: int


class Ask(NamedTuple):
    """A question to a node."""

    chain: str
    node: str
    transactions: tuple[str, ...]


class Action(NamedTuple):
    """What to do now, and until when to wait for answers."""

    sends: list[Send]
    asks: list[Ask]
    next_us: int


class Dispatch:
    """One plan under way."""

    def __init__(
        self, plan: Plan, progress: Progress, chooser: Chooser, judge: Judge, rules: Rules | None = None
    ) -> None:
        """Begin, or go on from stored progress."""
        self.plan = plan
        self._chooser = chooser
        self._judge = judge
        self._rules = Rules() if rules is None else rules
        self._progress = progress
        self._prepared = False
        self._tally = Tally(plan)
        self._reports: list[Report] = []
        self._tries: dict[str, list[Attempt]] = {}
        self._waiting: dict[str, int] = {}
        self._final_us: dict[str, int] = {}
        self._asked_us: dict[str, int] = {}
        self._again_us: dict[str, int] = {}
        for admission in progress.admissions:
            self._note(admission)
        for report in progress.reports:
            self._reports.append(report)
            self._tally.add(report)
        for attempt in progress.attempts:
            self._tries.setdefault(attempt.transaction, []).append(attempt)
            self._waiting[attempt.transaction] = attempt.sequence
        self._budgets = {bid: self._budget(steps) for bid, steps in plan.bids.items()}

    def _budget(self, steps: Sequence[Transaction]) -> int:
        """Retries that a bid has left. Each has its own, so that one in trouble takes nothing from the others."""
        retried = sum(max(len(self._tries.get(step.id, ())) - 1, 0) for step in steps)
        return self._rules.retries + self._rules.retries_per_step * len(steps) - retried

    @property
    def progress(self) -> Progress:
        """What has to be stored."""
        return self._progress

    @property
    def fates(self) -> dict[str, Fate]:
        """What is proved so far, by transaction."""
        return self._tally.fates

    @property
    def done(self) -> bool:
        """Whether everything is final: decided, and what failed undone."""
        return self._progress.decision is not None and all(each.id in self.fates for each in self._to_undo())

    def act(self, now_us: int) -> Action:
        """What to do now."""
        if not self._prepared:
            self._prepare(now_us)
        if self._progress.decision is None and all(self._resolved(step, now_us) for step in self.plan.steps):
            whole = [bid for bid, steps in self.plan.bids.items() if all(self._landed(step) for step in steps)]
            self._progress = self._progress.model_copy(update={"decision": self._judge(whole)})
        due = self._due_steps(now_us) if self._progress.decision is None else self._due_undoing()
        sends = [send for transaction in due if (send := self._send(transaction, now_us)) is not None]
        asks = list(self._asks(now_us))
        return Action(sends, asks, self._next_us(now_us))

    def _prepare(self, now_us: int) -> None:
        self._prepared = True
        attempts = self._progress.attempts
        kept = (shares for shares in self._progress.shares if shares.since < len(attempts))
        shares = (*kept, *self._chooser.prepare(self.plan, self._progress, now_us))
        self._progress = self._progress.model_copy(update={"shares": shares})

    def take(self, answers: Iterable[Answer], now_us: int) -> None:
        """Learn from what came. What is false is counted and has no other effect."""
        refused = 0
        proved = False
        for answer in answers:
            try:
                if isinstance(answer, Receipt):
                    self._take_receipt(answer, now_us)
                elif isinstance(answer, Report):
                    proved |= self._take_report(answer, now_us)
                elif isinstance(answer, Heartbeat):
                    self._chooser.heard(answer, now_us)
                else:
                    refused += 1  # a measurement after its round
            except InputError:
                refused += 1
        for name in self.fates:
            self._final_us.setdefault(name, now_us)
        if refused or proved:
            kept = tuple(needed(self.plan, self._reports, self.fates)) if proved else self._progress.reports
            update = {"reports": kept, "refused": self._progress.refused + refused}
            self._progress = self._progress.model_copy(update=update)

    def _take_receipt(self, receipt: Receipt, now_us: int) -> None:
        self._chooser.received(receipt, now_us)
        if receipt.status != "landed" and self._waiting.get(receipt.transaction) == receipt.sequence:
            del self._waiting[receipt.transaction]

    def _take_report(self, report: Report, now_us: int) -> bool:
        chain = self.plan.network.chains.get(report.chain)
        if chain is None:
            raise InputError("unknown_chain", "/chain", expected="a chain of the plan", actual=report.chain)
        check_report(report, chain)
        self._chooser.reported(report, now_us)
        self._reports.append(report)
        return self._tally.add(report)

    def _landed(self, transaction: Transaction) -> bool:
        fate = self.fates.get(transaction.id)
        return fate is not None and fate.status == "landed"

    def _failed(self, bid: str, now_us: int) -> bool:
        """Whether some step of the bid did not land, or was never sent and may not be any more."""
        return any(
            (fate is not None and fate.status == "expired") or (step.id not in self._tries and _over(step, now_us))
            for step in self.plan.bids[bid]
            for fate in (self.fates.get(step.id),)
        )

    def _resolved(self, step: Transaction, now_us: int) -> bool:
        return step.id in self.fates or (step.id not in self._tries and self._failed(step.bid, now_us))

    def _due_steps(self, now_us: int) -> Iterator[Transaction]:
        for step in self.plan.steps:
            if step.id in self.fates or _over(step, now_us) or self._failed(step.bid, now_us):
                continue
            edges = self.plan.before.get(step.id, ())
            if all(now_us >= self._free_us(edge.before, edge.delay_us, now_us) for edge in edges):
                yield step

    def _free_us(self, before: str, delay_us: int, now_us: int) -> int:
        """When what waits for `before` may be sent; later than now while that has not landed."""
        if not self._landed(self.plan.transactions[before]):
            return now_us + 1
        return self._final_us.setdefault(before, now_us) + delay_us

    def _to_undo(self) -> list[Transaction]:
        """The compensations that the decision asks for."""
        decision = self._progress.decision or ()
        steps = (step for step in self.plan.steps if step.bid not in decision and self._landed(step))
        return [self.plan.undoing[step.id] for step in steps]

    def _due_undoing(self) -> Iterator[Transaction]:
        open_ = [each for each in self._to_undo() if each.id not in self.fates]
        for each in open_:
            if not any(other.bid == each.bid and other.stage > each.stage for other in open_):
                yield each

    def _send(self, transaction: Transaction, now_us: int) -> Send | None:
        tries = self._tries.get(transaction.id, [])
        spec = self.plan.network.chains[transaction.chain]
        if tries and transaction.id in self._waiting:
            if self._tally.included(transaction.id) >= spec.quorum:
                return None
            if now_us < tries[-1].at_us + self._patience_us(transaction, tries):
                return None
            sequence = self._waiting.pop(transaction.id)
            self._chooser.timed_out(transaction, tries[-1].node, sequence, now_us)
        if now_us < self._again_us.get(transaction.id, now_us):
            return None
        costs = bool(tries) and transaction.reverses is None
        if costs and self._budgets[transaction.bid] <= 0:
            return None
        lap = len(tries) % len(spec.nodes)
        avoid = frozenset(attempt.node for attempt in tries[len(tries) - lap :])
        node, choice = self._chooser.choose(transaction, len(tries), avoid, now_us)
        if node in avoid and now_us < tries[-1].at_us + spec.block_us:
            return None  # a node that refuses at once must not eat the budget at once
        if not self._admitted(transaction, node, now_us) or node is None:
            return None
        self._budgets[transaction.bid] -= costs
        sequence = self._chooser.sent(transaction, node, now_us)
        attempt = Attempt(transaction=transaction.id, node=node, sequence=sequence, at_us=now_us, choice=choice)
        self._progress = self._progress.model_copy(update={"attempts": (*self._progress.attempts, attempt)})
        self._tries[transaction.id] = [*tries, attempt]
        self._waiting[transaction.id] = sequence
        return Send(transaction, node, sequence)

    def _patience_us(self, transaction: Transaction, tries: Sequence[Attempt]) -> int:
        """How long the last node asked is waited for: less where the last moment is too near to ask others after it."""
        spec = self.plan.network.chains[transaction.chain]
        operators = {node.name: node.operator for node in spec.nodes}
        left = len(set(operators.values()) - {operators[attempt.node] for attempt in tries})
        usual_us, least_us = self._rules.timeout_blocks * spec.block_us, self._rules.least_blocks * spec.block_us
        wanted = max(0, min(left, ASKED - len(tries)))
        return pause_us(tries[-1].at_us, transaction.due_us, usual_us, least_us, wanted)

    def _admitted(self, transaction: Transaction, node: str | None, now_us: int) -> bool:
        """Ask for it to be sent to the node that was chosen, if any; what is decided is kept."""
        klass = self._class_of(transaction)
        admission = self._chooser.admit(transaction, len(self._tries.get(transaction.id, ())), klass, now_us)
        admitted = admission.verdict == "admitted"
        if admitted and node is None:
            return False  # nobody is there to take what undoes; nothing is decided
        self._progress = self._progress.model_copy(update={"admissions": (*self._progress.admissions, admission)})
        if not admitted:
            self._note(admission)
            self._chooser.held(transaction)
        return admitted

    def _class_of(self, transaction: Transaction) -> Klass:
        if transaction.reverses is not None:
            return "undoing"
        others = (step.id for step in self.plan.bids[transaction.bid] if step.id != transaction.id)
        return "begun" if any(other in self._tries for other in others) else "first"

    def _note(self, admission: Admission) -> None:
        """Who is refused asks again a block's time later."""
        if admission.verdict != "admitted":
            pause_us = self.plan.network.chains[admission.chain].block_us
            self._again_us[admission.transaction] = admission.now_us + pause_us

    def _asks(self, now_us: int) -> Iterator[Ask]:
        """Every node of a chain about all that is under way there, every few blocks, from when an answer can matter.

        Where nothing is, those that were silent for long, for a sign of life: a signed report on nothing.
        """
        for chain, spec in self.plan.network.chains.items():
            wanted = tuple(
                name for name in self._tries if name not in self.fates and self.plan.transactions[name].chain == chain
            )
            pause = self._rules.ask_blocks * spec.block_us
            if wanted and now_us >= self._asked_us.get(chain, self.plan.start_us) + pause:
                self._asked_us[chain] = now_us
                for node in spec.nodes:
                    yield Ask(chain, node.name, wanted)
            elif not wanted:
                for name in self._chooser.silent(chain, now_us):
                    yield Ask(chain, name, ())

    def _next_us(self, now_us: int) -> int:
        """When something can matter: an answer, a bridge's delivery, or the time at which who was refused asks again."""
        waiting = (at_us for at_us in self._again_us.values() if at_us > now_us)
        return min((self._next_answer_us(now_us), *waiting))

    def _next_answer_us(self, now_us: int) -> int:
        """When an answer can matter where something is under way; else when the next bridge has delivered."""
        chains = self.plan.network.chains
        pauses = {place: self._rules.ask_blocks * spec.block_us for place, spec in chains.items()}
        open_ = {self.plan.transactions[name].chain for name in self._tries if name not in self.fates}
        if open_ or self._progress.decision is not None:
            asks = (self._asked_us.get(place, now_us) + pauses[place] for place in open_)
            return max(now_us, min(asks, default=now_us + min(pauses.values()))) + min(pauses.values()) // 4
        free = (
            self._final_us[edge.before] + edge.delay_us
            for edge in self.plan.edges
            if edge.before in self._final_us and edge.after not in self._tries
        )
        later = [at_us for at_us in free if at_us > now_us]
        return min(later, default=now_us + min(pauses.values(), default=1))


def _over(step: Transaction, now_us: int) -> bool:
    return step.due_us is not None and now_us >= step.due_us
