"""One chain's dispatcher: what it knows of the nodes from its own sends and their signed receipts, and its choices.

Guarantees
1. A node's load is own sends less signed receipts (`ReceiptBook`): it falls only by a receipt that counts, or when a
   send's window is over and it counts as lost. What a node reports of itself can only raise it.
2. Every choice gives a `Choice` with all that the policy read, before it was made; it replays bit for bit. A choice that no
   send follows leaves the memory as it was, so the choices of the sends are a chain in which none is missing.
3. Pure: time and seed are arguments. The same calls give the same choices.

4. A send is admitted by its class and the chain's budget of retries (`engine.network.health.admission`): each verdict is
   on record with what it read, and counts once it is `sent` or `held`.

Health rules (`engine.network.health`) set the caps, every change of membership in `changes`. Estimated service times are
averages (weight 1/16) of the time from the later of send and receipt before, to the receipt. Shares and ceilings come
from `engine.network.equilibrium` by `set_shares`. It does not send anything and does not read a chain.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from engine.network.draws import Ints, seeded
from engine.network.health.admission import Admission, Asked, Desk, Klass, admission_of, desk_of, set_desk
from engine.network.health.admission import replayed as admitted_again
from engine.network.health.changes import Change, ChangeLog, drained, new_log
from engine.network.health.reducer import (
    Health,
    N,
    Settings,
    new_health,
    note_answer,
    note_life,
    note_report,
    note_timeout,
    tick,
    wants_probe,
)
from engine.network.health.shards import node_seed
from engine.network.policies import DEFAULT, POLICIES
from engine.network.policies.base import PPM, Memory, Request, Sight, blank_memory, blank_sight
from engine.network.policies.observing import learn_service, record_receipt, record_report, record_send
from engine.network.remembered import DispatcherMemory, Due, read_into, written
from engine.network.trust.choice_replay import Dispatch, decide, memory_after
from engine.network.trust.dispatch_log import NOBODY, Choice
from engine.network.trust.fall_through import Fleet, Tried, narrowed
from engine.network.trust.heartbeats import Heartbeat, HeartbeatBook
from engine.network.trust.receipts import Receipt, ReceiptBook, Send
from intents.errors import InputError

MAX_VALUE = 2**31 - 1
"""Values of dispatches are counted in units in which none is greater; a greater one counts as this."""

SHARDS = 64
"""Shards of keys, whose map follows membership."""

TICK_US = 500_000
"""How often health is judged: ten times in an interval between reports."""

BEAT_AGE_US = 10_000_000
"""A heartbeat counts for two of the intervals (5 s) at which nodes are to send them."""


_STATED = {"rtt_us", "stake_ppm", "region", "operator", "identity"}
_SHARED = {"own", "service_us", "cap", "changes"}
"""Of health: the sight's own, and rows that are empty once the log is drained."""


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What is known of a node from the start. `rtt_us`: one round-trip time for each region of demand."""

    name: str
    operator: str
    key: str
    region: int
    rtt_us: tuple[int, ...]
    stake: int = 1
    service_us: int = 1_000_000
    tier: int = 0


class Dispatchable(Protocol):
    """What is sent: an id (a content hash) and its chain."""

    @property
    def id(self) -> str:
        """Its content hash."""

    @property
    def chain(self) -> str:
        """Where it goes."""


class Dispatcher:
    """Chooses among the nodes of one chain. `window_us` and `skew_us` are those of `ReceiptBook`."""

    def __init__(
        self,
        chain: str,
        nodes: Sequence[NodeFacts],
        *,
        seed: int,
        now_us: int,
        policy: str = DEFAULT,
        settings: Settings | None = None,
        window_us: int = 60_000_000,
        skew_us: int = 1_000_000,
    ) -> None:
        """Raises InputError `unknown_policy`, `no_nodes`, `duplicate_node` or `bad_rtt`."""
        if policy not in POLICIES:
            raise InputError("unknown_policy", "/policy", expected="one of " + ", ".join(POLICIES), actual=policy)
        self._policy = policy
        self._chain = chain
        self._settings = Settings() if settings is None else settings
        self.sight = sight_of(nodes)
        self.operators = tuple(sorted({node.operator for node in nodes}))
        self.sight.operator[:] = [self.operators.index(node.operator) for node in nodes]
        self.memory = blank_memory(len(nodes), len(self.operators), seed)
        self._trial = self.memory
        self._desk: Desk | None = None
        self._shut: frozenset[str] = frozenset()
        self.names = tuple(node.name for node in nodes)
        self._place = {name: place for place, name in enumerate(self.names)}
        self.changes: ChangeLog = new_log(self.names, SHARDS, self._settings, now_us)
        tiers = np.array([node.tier for node in nodes], dtype=np.int64)
        self.health: Health = new_health(self.sight, tiers, self._settings, now_us)
        keys = {node.name: node.key for node in nodes}
        self._book = ReceiptBook(keys, window_us=window_us, skew_us=skew_us)
        self._beats = HeartbeatBook(keys, age_us=BEAT_AGE_US, skew_us=skew_us)
        self._stated_us = self.sight.rtt_us.copy()
        self._skipped = 0
        self._late: set[int] = set()
        self._receipt_us = np.full(len(nodes), now_us, dtype=np.int64)
        self._ticked_us = now_us

    @property
    def sends(self) -> int:
        """How many transactions were sent in all, since this object is there."""
        return self._book.sends - self._skipped

    def choose(
        self,
        transaction: Dispatchable,
        attempt: int,
        avoid: frozenset[str],
        now_us: int,
        *,
        region: int = 0,
        value: int = 1,
        above: bool = False,
        seed: str = "",
    ) -> tuple[str | None, Choice]:
        """A node, rather of an operator of which none is in `avoid`; None where none may take it now. Say `sent` if it is sent.

        `seed`: what the next node is drawn by where some are to be avoided. `above`: where all nodes are at their limits, one
        of them takes it all the same (`fall_through.narrowed`).
        """
        self.advance(now_us)
        caps = self.sight.cap.copy()
        sight = self.sight
        fleet = Fleet(
            self.names, sight.operator.tolist(), sight.share_ppm.tolist(), sight.own.tolist(), sight.cap.tolist()
        )
        sight.cap[:] = narrowed(fleet, Tried(seed, transaction.id, attempt, avoid), self._shut, above=above)
        request = Request(now_us, region, int(transaction.id[-15:], 16), min(value, MAX_VALUE))
        dispatch = Dispatch(self._chain, transaction.id, attempt)
        self._trial = Memory(*(row.copy() for row in self.memory))
        choice = decide(self._policy, self.names, self.sight, request, self._trial, dispatch)
        self.sight.cap[:] = caps
        choice = choice.model_copy(update={"caps": written({"caps": caps})["caps"]})
        return None if choice.chosen == NOBODY else self.names[choice.chosen], choice

    def admit(self, transaction: Dispatchable, attempt: int, klass: Klass, now_us: int) -> Admission:
        """Whether the transaction may be sent now. Counts when it is `sent`, or `held` where it may not."""
        caps = self.sight.cap.copy()
        caps[[self._place[name] for name in self._shut]] = 0
        asked = Asked(self._chain, transaction.id, attempt, klass, now_us)
        cap = caps if caps.any() else self.sight.cap
        admission, self._desk = admission_of(self.sight.own, cap, desk_of(self.health), self._settings, asked)
        return admission

    def held(self) -> None:
        """What asked last is not sent now: its refusal counts."""
        if self._desk is not None:
            set_desk(self.health, self._desk)
            self._desk = None

    def sent(self, transaction: Dispatchable, node: str, now_us: int) -> int:
        """A transaction goes to the node; the sequence number that its receipt has to repeat."""
        self.held()  # the verdict counts, whichever it was
        sequence = self._book.send(Send(node, transaction.chain, transaction.id, now_us))
        self.memory = self._trial
        record_send(self.sight, self._place[node], now_us)
        return sequence

    def received(self, receipt: Receipt, now_us: int) -> None:
        """Count a signed receipt. Raises InputError where it does not count, and changes nothing then."""
        send = self._book.receive(receipt, now_us)
        place = self._place[send.node]
        latency_us = now_us - send.at_us
        if receipt.sequence in self._late:
            self._late.remove(receipt.sequence)
            note_life(self.health, place, now_us)
        else:
            refused = receipt.status == "refused"
            note_answer(self.health, self._settings, place, latency_us, refused, now_us)
        learn_service(self.sight, place, now_us - max(send.at_us, int(self._receipt_us[place])))
        self._receipt_us[place] = now_us
        record_receipt(self.sight, place, latency_us, now_us)

    def timed_out(self, transaction: Dispatchable, node: str, sequence: int, now_us: int) -> None:
        """No receipt by the attempt's deadline: a failure. It stays in flight until its receipt or its window's end."""
        if sequence not in self._late:
            self._late.add(sequence)
            note_timeout(self.health, self._settings, self._place[node], now_us)

    def reported(self, node: str, queue: int, now_us: int) -> None:
        """The node states its queue length, in a report whose signature was checked. Raises InputError `unknown_node`."""
        place = self._place.get(node)
        if place is None:
            raise InputError("unknown_node", "/node", expected="a node of the chain", actual=node)
        note_report(self.health, place, now_us)
        record_report(self.sight, place, max(queue, 0), now_us)

    def heard(self, heartbeat: Heartbeat, now_us: int) -> None:
        """A heartbeat came. Raises InputError where it does not count (`HeartbeatBook`), and changes nothing then."""
        self._beats.receive(heartbeat, now_us)
        self.reported(heartbeat.node, heartbeat.queue, now_us)

    def expect_beats(self) -> None:
        """The nodes sign heartbeats, so silence means something from now on, also of one that was never heard."""
        self.health.node[:, N.reports] = 1

    def set_delays(self, delays_us: Sequence[int]) -> None:
        """What each node is measured to add to its stated distance, from now on. Raises InputError `bad_delays`."""
        if len(delays_us) != len(self.names) or min(delays_us) < 0:
            expected = f"{len(self.names)} delays >= 0"
            raise InputError("bad_delays", "", expected=expected, actual=str(list(delays_us)))
        self.sight.rtt_us[:] = self._stated_us + np.array(delays_us, dtype=np.int64)

    def advance(self, now_us: int) -> tuple[str, ...]:
        """Time has passed: give up lost sends, judge health; the nodes that should be asked for a sign of life."""
        for sequence, send in self._book.lost(now_us):
            place = self._place[send.node]
            if sequence not in self._late:
                note_timeout(self.health, self._settings, place, now_us)
            self._late.discard(sequence)
            self.sight.own[place] -= 1
            self.sight.since[place] -= 1
        if now_us - self._ticked_us >= TICK_US:
            self._ticked_us = now_us
            tick(self.health, self._settings, now_us)
            self.changes = drained(self.health, self.changes)
        return tuple(
            name for name, place in self._place.items() if wants_probe(self.health, self._settings, place, now_us)
        )

    def resume(self, seed: int, last: Choice | None, admission: Admission | None = None) -> None:
        """Go on where the last recorded choice and admission left things; draw from the seed where there is no choice yet."""
        self._desk = None
        if admission is not None:
            set_desk(self.health, admitted_again(admission)[1])
        if last is None or last.nodes != self.names:
            self.memory.draws[:] = seeded(seed)
        else:
            self.memory = memory_after(last)
        self._trial = self.memory

    def skip(self, sequence: int) -> None:
        """Numbers below this one were given to sends by whoever went before: no other send gets them."""
        before = self._book.sends
        self._book.skip(sequence)
        self._skipped += self._book.sends - before

    def remembered(self) -> DispatcherMemory:
        """All that it knows, but the changes of membership, which are in `changes`."""
        return DispatcherMemory(
            rows=written(self._rows()),
            due=tuple(
                Due(
                    sequence=sequence,
                    node=send.node,
                    transaction=send.transaction,
                    at_us=send.at_us,
                    late=sequence in self._late,
                )
                for sequence, send in sorted(self._book.open.items())
            ),
            sequence=self._book.sends,
            beats=dict(self._beats.last),
            log=self.changes.model_copy(update={"changes": ()}),
        )

    def restore(self, memory: DispatcherMemory, changes: Sequence[Change]) -> bool:
        """Go on from what was remembered; False, and nothing changed, where nodes or parameters are others now."""
        head = self.changes.model_copy(update={"changes": (), "start_us": memory.log.start_us})
        if head != memory.log or not read_into(self._rows(), memory.rows):
            return False
        self._trial, self._desk = self.memory, None
        self.changes = memory.log.model_copy(update={"changes": tuple(changes)})
        before = self._book.sends
        sends = {due.sequence: Send(due.node, self._chain, due.transaction, due.at_us) for due in memory.due}
        self._book.restore(sends, memory.sequence)
        self._skipped += self._book.sends - before
        self._late = {due.sequence for due in memory.due if due.late}
        self._beats.restore(memory.beats)
        return True

    def _rows(self) -> dict[str, Ints]:
        """All arrays that change by what happens."""
        kinds = (("sight", self.sight, _STATED), ("memory", self.memory, {"cost"}), ("health", self.health, _SHARED))
        rows = {
            f"{kind}/{name}": row for kind, of, out in kinds for name, row in of._asdict().items() if name not in out
        }
        return {**rows, "receipt_us": self._receipt_us}

    def shut_out(self, nodes: Collection[str]) -> None:
        """Do not send to these from now on while others may take it; all others are in again."""
        self._shut = frozenset(nodes).intersection(self.names)

    def set_shares(self, shares_ppm: Sequence[int], ceilings_ppm: Mapping[str, int], burst: int) -> None:
        """The optimum's share of each node, the ceiling of each operator's share of value (absent: none), the burst.

        Raises InputError `bad_shares`.
        """
        if len(shares_ppm) != len(self.names) or min(shares_ppm) < 0 or burst < 0:
            raise InputError("bad_shares", "", expected=f"{len(self.names)} shares >= 0", actual=str(list(shares_ppm)))
        self.sight.share_ppm[:] = shares_ppm
        self.memory.ceiling_ppm[:] = [ceilings_ppm.get(operator, PPM) for operator in self.operators]
        self.memory.burst[0] = burst


def sight_of(nodes: Sequence[NodeFacts]) -> Sight:
    """What is seen before the first send, equal shares. Raises InputError `no_nodes` or `bad_rtt`."""
    if not nodes:
        raise InputError("no_nodes", "/nodes", expected="at least one node", actual="none")
    regions = len(nodes[0].rtt_us)
    if not regions or any(len(node.rtt_us) != regions for node in nodes):
        raise InputError("bad_rtt", "/nodes", expected="a time for each region, for all nodes", actual="another number")
    sight = blank_sight(len(nodes), regions)
    total = max(sum(node.stake for node in nodes), 1)
    for place, node in enumerate(nodes):
        sight.rtt_us[:, place] = node.rtt_us
        sight.region[place] = node.region
        sight.service_us[place] = max(node.service_us, 1)
        sight.stake_ppm[place] = node.stake * PPM // total
        sight.identity[place] = node_seed(node.name) % 2**62
    return sight


__all__ = ["MAX_VALUE", "Dispatchable", "Dispatcher", "NodeFacts", "sight_of"]
