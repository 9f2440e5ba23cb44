"""Settling: from a decided auction to a settlement that is final on its chains, through any number of deaths.

    settler.begin(work, number, record)            # in the transaction that decides the winners
    settlement = settler.finish(number, guard)     # dispatch until all is final; may be called again after a crash

Guarantees
1. The plan is stored with the decision, every send before it is made, every proof before anything follows from it. So
   whoever finishes knows of every transaction that a chain may have, and sends the same ids.
2. `guard` runs in each of these transactions: who does not lead any more stores nothing and hence sends nothing.
3. `finish` changes neither balances nor intents: it returns what `post` needs, for one transaction of the caller's.

A network that does not answer keeps a settlement under way; `finish` then raises SettlingError after `patience_seconds`
of wall time, and is called again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from engine.audit.record import Record
from engine.network.seen import MarketView, SeenNetwork
from engine.network.state import NetworkSnapshot
from engine.settlement.chains import Network
from engine.settlement.dispatch import Chooser, Dispatch
from engine.settlement.executor import Executor
from engine.settlement.plan import Plan, plan_of
from engine.settlement.progress import Progress
from engine.settlement.reconcile import Outcome, hold_together
from engine.settlement.record import SettlementRecord, settlement_record
from engine.store.database import Database
from engine.store.errors import StoreError
from engine.store.work import Work
from intents.errors import ClearwayError
from intents.values import canonical_bytes

HOOKS = (
    "dispatching",  # sends are stored, none is made
    "dispatched",  # they are made
    "heard",  # answers came, not stored
    "final",  # all is final
)
"""The points of a settlement at which a crash is tested, in order; all but the last come in every round."""


class SettlingError(ClearwayError):
    """A settlement is not final yet: code `settling`. It goes on with the next attempt to finish it."""

    code = "settling"


@dataclass(frozen=True, slots=True)
class Settlement:
    """A settlement that is final: the auction's record, its own, and what it did."""

    record: Record
    settled: SettlementRecord
    outcome: Outcome


class Settler:
    """Settles auctions on a network. Not for several threads at once."""

    def __init__(
        self,
        database: Database,
        executor: Executor,
        network: Network,
        chooser: Chooser,
        *,
        seen: SeenNetwork | None = None,
        patience_seconds: float = 60.0,
        hooks: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`seen`: what the chooser's dispatchers know, for the problems of auctions to come."""
        self._database = database
        self._executor = executor
        self._network = network
        self._chooser = chooser
        self._seen = seen
        self._patience_seconds = patience_seconds
        self._hooks = hooks

    def network(self, market: MarketView | None = None) -> NetworkSnapshot | None:
        """The network as it is seen now, beside what the market says; None where nobody looks."""
        return None if self._seen is None else self._seen.snapshot(self._executor.now_us(), market)

    def begin(self, work: Work, number: int, record: Record) -> None:
        """Store the plan of an auction that `work` decides. Raises InputError `unknown_chain`."""
        plan = plan_of(record, self._network, self._executor.now_us())
        work.settlements.begin(number, plan.hash, canonical_bytes(plan), Progress().to_json())

    def finish(self, number: int, guard: Callable[[Work], None]) -> Settlement:
        """Dispatch until everything is final. Raises SettlingError, StoreError, and what the guard raises."""
        record, plan, progress = self._stored(number)
        dispatch = Dispatch(plan, progress, self._chooser, lambda whole: hold_together(record, whole))
        until = time.monotonic() + self._patience_seconds
        while True:
            action = dispatch.act(self._executor.now_us())
            self._store(number, progress, dispatch.progress, guard)
            progress = dispatch.progress
            if dispatch.done:
                break
            if time.monotonic() > until:
                raise SettlingError(f"settling: auction {number} is not final after {self._patience_seconds:g} s")
            self._hooks("dispatching")
            now_us = self._executor.now_us()
            for send in action.sends:
                self._executor.send(send.transaction, send.node, send.sequence, now_us)
            for ask in action.asks:
                self._executor.ask(ask.chain, ask.node, ask.transactions, now_us)
            self._hooks("dispatched")
            answers = self._executor.poll(action.next_us)
            self._hooks("heard")
            dispatch.take(answers, self._executor.now_us())  # stored with what follows from it
        self._hooks("final")
        settled, outcome = settlement_record(record, plan, progress)
        return Settlement(record, settled, outcome)

    def _stored(self, number: int) -> tuple[Record, Plan, Progress]:
        with self._database.reading() as work:
            content = work.auctions.record_bytes(number)
            stored = work.settlements.get(number)
        if content is None or stored is None:
            raise StoreError("no_settlement", str(number), expected="a decided auction", actual="none")
        return Record.from_json(content), Plan.from_json(stored[0]), Progress.from_json(stored[1])

    def _store(self, number: int, before: Progress, after: Progress, guard: Callable[[Work], None]) -> None:
        if after is not before:
            with self._database.transaction() as work:
                guard(work)
                work.settlements.advance(number, after.to_json())
