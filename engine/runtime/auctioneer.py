"""The auctioneer: cuts a batch, lets solvers compete, clears, settles; again and again, and after a crash.

    auctioneer = Auctioneer(database, world, pool, settings)
    auctioneer.run(stop)

Guarantees
1. An auction is three transactions. The first cuts the batch and stores the problem's hash, before any solver sees the
   problem; the second decides: the record and the plan of its settlement. Then the plan is dispatched to its chains
   (engine.runtime.settling), and the third posts what landed: postings, fills, intents' states, the settlement's
   record and the next market, all or nothing.
2. Before the second nothing is owed to anybody. Whoever leads next voids an auction that has only the first, with the
   reason, and its intents are open again. After the second chains may know of it: whoever leads next goes on with the
   dispatch. So a crash at any point loses no intent, fills none twice, and gives each winning bid one effect.
3. All of them, and the voiding, check the fence of the lease: of two auctioneers on one database only the one that
   leads changes anything, whatever the other still believes.
4. No batch is cut while the operator holds auctions (engine.runtime.operation). An auction whose reference prices are
   older than the settings allow is voided, with that reason.
5. Of each step the log has an entry (engine.runtime.journal): of the problem before anybody bids, of the commitments before
   anybody is asked to reveal.
6. The set of bids is what the solvers wrote by the deadline (engine.runtime.pool), or sealed by it (engine.runtime.remote).

`hooks` is called with each name of `HOOKS` (engine.runtime.auctioneer_view) as it is reached; tests kill the process there.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import structlog

from engine.advisers.advise import advisers
from engine.auction.auction import clear
from engine.auction.check_problem import check_problem
from engine.auction.problem import Problem
from engine.audit.log.entries import Kind
from engine.audit.log.payloads import (
    commitments_payload,
    committed,
    problem_payload,
    result_payload,
    settlement_payload,
    voided_payload,
)
from engine.audit.record import Record
from engine.ledger.settlement_entries import settlement_entry
from engine.market.snapshot import check_fresh
from engine.runtime.auctioneer_view import State
from engine.runtime.contest import Limits, Run, Sealed, compete, sealed_by
from engine.runtime.embedded import EmbeddedWorld
from engine.runtime.embedded_settler import embedded_settler
from engine.runtime.journal import Journal
from engine.runtime.network_watch import NetworkWatch
from engine.runtime.operation import HeldError, check_running
from engine.runtime.pool import Collected, Pool
from engine.runtime.remote import Gateway, compete_openly
from engine.runtime.settings import Settings
from engine.runtime.settling import Settlement, Settler
from engine.runtime.timings import Timings, filled_by, outcomes, solver_timings
from engine.runtime.version import code_version
from engine.settlement.record import settlement_bytes
from engine.store.database import Database
from engine.store.errors import LeaseLostError
from engine.store.repositories.solvers import RemoteSolver
from engine.store.work import Work
from intents.errors import ClearwayError
from intents.identifiers import solver_account
from intents.lifecycle import Cut, Expire, Settled
from intents.values import canonical_bytes


class Auctioneer:
    """Runs auctions on a database. Not for several threads at once; `state` may be read from any."""

    def __init__(
        self,
        database: Database,
        world: EmbeddedWorld,
        pool: Pool,
        settings: Settings,
        *,
        gateway: Gateway | None = None,
        settler: Settler | None = None,
        watch: NetworkWatch | None = None,
        journal: Journal | None = None,
        holder: str | None = None,
        hooks: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Without a gateway registered solvers are not asked. Without a settler the world's simulated chains are used.

        Without a journal nothing is logged.
        """
        self.state = State()
        self._database = database
        self._world = world
        self._clock = world.clock
        self._pool = pool
        self._settings = settings
        self._gateway = gateway
        self._settler, self._watch = embedded_settler(database, world, hooks) if settler is None else (settler, watch)
        self._journal = journal
        self._holder = settings.holder if holder is None else holder
        self._hooks = hooks
        self._fence: int | None = None
        self._log = structlog.get_logger(holder=self._holder)

    def run(self, stop: threading.Event) -> None:
        """Run auctions at the cadence until `stop`, as far as this auctioneer leads.

        An auction that ends in an error of ours (ClearwayError) is voided and the next one is run; anything else ends
        the run, and whoever starts it again recovers.
        """
        self._pool.wait_ready(self._settings.ready_seconds)
        try:
            while not stop.is_set():
                self._turn()
                now = self._clock.now_ms()
                self.state.next_cut_ms = self._next_turn(now)
                stop.wait((self.state.next_cut_ms - now) / 1000)
        finally:
            self._step_down()

    def lead(self) -> bool:
        """Take or renew the lease; whether it is ours. A term that begins begins with `recover`."""
        now, period = self._clock.now_ms(), round(self._settings.lease_seconds * 1000)
        try:
            with self._database.transaction() as work:
                if self._fence is not None:
                    work.leases.renew(self._fence, now, period)
                else:
                    self._fence = work.leases.acquire(self._holder, now, period)
                    if self._fence is None:
                        return False
        except LeaseLostError:
            self._lost()
            return False
        if not self.state.leads:
            self._hooks("leading")
            self.state.leads = True
            self._log.info("leading", fence=self._fence)
            self.recover()
        return True

    def recover(self) -> list[int]:
        """Know of the network what was stored last, void what was interrupted before it was decided, settle what was after.

        The numbers voided, whose intents are open again. Raises LeaseLostError, and SettlingError where a settlement does not become final.
        """
        if self._watch is not None:
            self._watch.resume(self._database)
        voided = self._void("interrupted")
        self._settle_decided()
        return voided

    def run_once(self) -> int:
        """Run one auction; its number. Raises LeaseLostError where another leads, HeldError, ClearwayError."""
        self._settle_decided()
        timings = Timings()
        number, problem, deadline_ms, entrants = self._cut()
        self._publish()
        self._hooks("logged")
        log = self._log.bind(auction=number, problem=problem.hash)
        self._hooks("cut")
        timings.reach("cut")
        check_problem(problem)
        check_fresh(problem.snapshot, self._settings.price_age_seconds)
        runs, collected = self._compete(number, problem, deadline_ms, entrants)
        self._hooks("frozen")
        timings.reach("frozen")
        for run in runs:
            log.info("answered", solver=run.solver, no_bid=run.no_bid, ms=round(run.seconds * 1000))
        sent = {run.solver: run.submission for run in runs}
        record = clear(problem, sent, work=self._settings.selection_work, advisers=advisers())
        self._hooks("cleared")
        timings.reach("cleared")
        self._decide(number, record, runs, {**timings.reached, **solver_timings(runs, collected)})
        self._publish()
        self._hooks("decided")
        timings.reach("decided")
        self._settle_decided()
        timings.reach("settled")
        log.info("done", **timings.reached)
        if self._watch is not None:
            self._watch.between(self._database, self._check_fence)
        return number

    def _turn(self) -> None:
        try:
            if self.lead():
                self.run_once()
        except LeaseLostError:
            self._lost()
        except HeldError as held:
            self._log.info("held", why=str(held))
        except ClearwayError as error:
            self.state.fault = str(error)
            self._log.error("auction failed", fault=str(error))
            self._void(f"failed: {error}"[:500])

    def _next_turn(self, now_ms: int) -> int:
        """The next cut; without the lease, the next time to ask for it."""
        if self.state.leads:
            period = round(self._settings.cadence_seconds * 1000)
            return (now_ms // period + 1) * period
        return now_ms + round(self._settings.lease_seconds * 1000 / 3)

    def _cut(self) -> tuple[int, Problem, int, list[RemoteSolver]]:
        """The auction's number, its problem, its deadline in the service's time, and the registered solvers to be asked."""
        with self._database.transaction() as work:
            self._check_fence(work)
            check_running(work)
            now = self._clock.now_ms()
            latest = work.auctions.latest()
            number = 0 if latest is None else latest.number + 1
            snapshot = self._world.arrive(work, number, now)
            self._hooks("arrived")
            now = self._clock.now_ms()
            for overdue in work.intents.overdue(snapshot.time_seconds):
                work.intents.move(overdue, Expire(), now)
            batch = work.intents.open_for_batch(snapshot.time_seconds)
            entrants = [] if self._gateway is None else work.solvers.entrants(now)
            solvers = [solver_account(name) for name in (*self._pool.names, *(solver.name for solver in entrants))]
            holdings = work.accounts.holdings(sorted({*solvers, *(intent.outcome.owner for intent in batch)}))
            collecting = self._settings.solve_seconds + self._settings.grace_seconds
            deadline = now + round(collecting * 1000)
            # Nobody can prepare for it: it is drawn once the batch can not change any more.
            seed = "0x" + secrets.token_hex(32)
            asked = self._world.problem(number, snapshot, batch, holdings, deadline, seed)
            problem = asked.model_copy(update={"network": self._settler.network(self._world.view(work, snapshot))})
            work.auctions.open(
                number,
                problem_hash=problem.hash,
                snapshot_hash=problem.snapshot_hash,
                cut_ms=now,
                deadline_ms=deadline,
                rules_version=problem.rules_version,
                solver_seed=problem.solver_seed,
                code_version=code_version(),
                intent_ids=[intent.id for intent in batch],
            )
            self._note(work, number, "problem", problem_payload(problem))
            for intent in batch:
                work.intents.move(intent.id, Cut(), now, number)
            self._hooks("cutting")
        return number, problem, deadline, entrants

    def _compete(
        self, number: int, problem: Problem, deadline_ms: int, entrants: list[RemoteSolver]
    ) -> tuple[list[Run], Collected]:
        grace = self._settings.grace_seconds
        seconds = (deadline_ms - self._clock.now_ms()) / 1000 - grace
        limits = Limits(seconds=seconds, work=self._settings.solver_work, grace_seconds=grace)

        def finished(_name: str) -> None:
            self._hooks("answered")

        def closed(sealed: Sequence[Sealed]) -> None:
            """Before anybody is asked to reveal."""
            if self._journal is None:
                return
            with self._database.transaction() as work:
                self._check_fence(work)
                commitments = dict(committed(*each) for each in sealed)
                self._note(work, number, "commitments", commitments_payload(problem.hash, commitments))
                self._hooks("closing")
            self._publish()

        if self._gateway is None:
            runs, collected = compete(self._pool, self._pool.names, problem, limits, finished=finished)
            closed([sealed_by(run) for run in runs])
            return runs, collected
        return compete_openly(self._pool, entrants, problem, limits, self._gateway, finished=finished, closed=closed)

    def _decide(self, number: int, record: Record, runs: list[Run], timings: Mapping[str, object]) -> None:
        with self._database.transaction() as work:
            self._check_fence(work)
            now = self._clock.now_ms()
            work.auctions.decide(number, record, timings)
            self._note(work, number, "result", result_payload(record))
            self._settler.begin(work, number, record)
            for run in runs:
                for outcome in outcomes(run, record):
                    work.solvers.note(run.solver, outcome)
            registered = runs[len(self._pool.names) :]
            benched = [solver for run in registered if (solver := self._judge(work, run, now)).benched_until_ms]
            self._hooks("deciding")
        for solver in benched:
            why, until = solver.last_failure, solver.benched_until_ms
            self._log.warning("benched", auction=number, solver=solver.name, why=why, until_ms=until)

    def _settle_decided(self) -> None:
        """Settle what is decided: the auction of this turn, or one that somebody else began."""
        with self._database.reading() as work:
            decided = [auction.number for auction in work.auctions.unfinished("settling")]
        for number in decided:
            done = self._settler.finish(number, self._keep_leading)
            self._post(number, done)
            self._publish()
            self._hooks("settled")
            self.state.last_number, self.state.fault = number, ""
            landed, failed = len(done.settled.landed), len(done.settled.failed)
            self._log.info("settled", auction=number, landed=landed, failed=failed, sends=len(done.settled.attempts))

    def _post(self, number: int, done: Settlement) -> None:
        """What a final settlement did, in one transaction."""
        problem, settled, replayed = done.record.problem, done.settled, done.outcome.replayed
        entry = settlement_entry(problem, replayed, problem.auction)
        why = {fill: code for bid, code in settled.failed.items() for fill in filled_by(done.record, bid)}
        standing = None if self._watch is None else self._watch.standing(number, self._clock.now_ms())
        with self._database.transaction() as work:
            self._check_fence(work)
            now = self._clock.now_ms()
            if entry.postings:
                work.accounts.post(entry, now, problem.owed)
            self._hooks("posting")
            for intent in problem.intents:
                filled = settled.outcome.filled_units.get(intent.id, intent.filled_units) - intent.filled_units
                detail = {"settlement": why[intent.id]} if intent.id in why else {}
                work.intents.move(intent.id, Settled(filled), now, number, detail)
            work.auctions.settle(number, done.record, settled.landed, now)
            content, key = settlement_bytes(settled), settled.settlement_hash
            work.settlements.end(number, key, content, landed=settled.landed, failed=settled.failed)
            self._note(work, number, "settlement", settlement_payload(key, settled.landed, settled.failed))
            if self._watch is not None and standing is not None:
                work.standings.put(number, canonical_bytes(standing))
                self._watch.keeper.keep(work)
            self._world.leave(work, problem.snapshot, (state for _, state in sorted(replayed.venues.items())))
            self._hooks("settling")

    def _judge(self, work: Work, run: Run, now_ms: int) -> RemoteSolver:
        return work.solvers.judge(
            run.solver,
            run.no_bid if run.failure else "",
            at_ms=now_ms,
            most=self._settings.solver_failures,
            bench_ms=round(self._settings.bench_seconds * 1000),
        )

    def _void(self, reason: str) -> list[int]:
        with self._database.transaction() as work:
            self._check_fence(work)
            now = self._clock.now_ms()
            numbers = [auction.number for auction in work.auctions.unfinished("open")]
            for number in numbers:
                for intent in work.auctions.batch(number):
                    work.intents.move(intent, Settled(0), now, number, detail={"void": reason})
                work.auctions.void(number, reason, now)
                self._note(work, number, "voided", voided_payload(reason))
            self._hooks("voiding")
        for number in numbers:
            self._log.warning("voided", auction=number, reason=reason)
        self._publish()
        self._hooks("recovered")
        return numbers

    def _check_fence(self, work: Work) -> None:
        if self._fence is None:
            raise LeaseLostError("lease_lost", self._holder, expected="a lease", actual="none")
        work.leases.check(self._fence)

    def _keep_leading(self, work: Work) -> None:
        """A settlement may take longer than a term: each of its steps begins the term anew, where it is still ours."""
        self._check_fence(work)
        if self._fence is not None:
            work.leases.renew(self._fence, self._clock.now_ms(), round(self._settings.lease_seconds * 1000))

    def _note(self, work: Work, number: int, kind: Kind, payload: Mapping[str, object]) -> None:
        if self._journal is not None:
            self._journal.note(work, number, kind, payload)

    def _publish(self) -> None:
        """Show in the log what is in the database. Raises InputError, as the journal does, and OSError."""
        if self._journal is not None:
            self._journal.publish()

    def _lost(self) -> None:
        self._log.warning("lease lost", fence=self._fence)
        self._fence, self.state.leads = None, False
        if self._journal is not None:
            self._journal.release()

    def _step_down(self) -> None:
        """Let another lead at once. An auction that an error left open is voided by whoever leads next."""
        if self._fence is not None:
            with suppress(LeaseLostError), self._database.transaction() as work:
                work.leases.release(self._fence)
            if self._journal is not None:
                self._journal.release()
            self._log.info("stepped down", fence=self._fence)
            self._fence, self.state.leads = None, False
