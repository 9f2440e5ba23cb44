"""The dispatchers of all chains of a network, as the coordinator's one chooser (engine.settlement.dispatch.Chooser).

Guarantees: with each settlement the shares of the equilibrium are those of what is estimated then (`engine.network.shares`),
draws begin with the plan's hash, and who goes on with a settlement chooses as if it had not stopped. A node's round trip is
its stated one and what challengers measured on top of its distance (`engine.network.trust.rounds`). A node that loses a
sender's transactions more often than others' (`engine.network.trust.censorship`) is sent nothing from the next settlement on;
its conviction is in that one's record.

All that is learnt is `remembered` and can be gone on from by another process; rates of arrival begin anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.network.dispatcher import Dispatcher, NodeFacts
from engine.network.estimators import Arrivals
from engine.network.health.admission import Admission, Klass
from engine.network.health.changes import Change
from engine.network.health.reducer import Settings
from engine.network.policies import DEFAULT
from engine.network.remembered import NetworkMemory
from engine.network.shares import BURST, Estimates, Shares, counted_rate, moved, solved
from engine.network.trust.censorship import TERM_US, CensorshipWatch, Conviction
from engine.network.trust.dispatch_log import Choice
from engine.network.trust.heartbeats import Heartbeat
from engine.network.trust.receipts import Receipt
from engine.network.trust.rounds import Delay, Round, RoundBook, member_id
from engine.settlement.chains import Network
from engine.settlement.choices import draw_seed
from engine.settlement.plan import PATIENCE_BLOCKS, Plan, Transaction
from engine.settlement.progress import Progress
from engine.settlement.reports import Report
from intents.errors import InputError

HALF_LIFE_US = 60_000_000
"""A minute ago counts half in the rate of arrivals."""


class ChainDispatchers:
    """One dispatcher a chain; what they learn outlives the auction. `seed` decides their draws.

    A receipt counts for as long as a step is waited for.
    """

    def __init__(
        self, network: Network, *, seed: int, now_us: int, policy: str = DEFAULT, settings: Settings | None = None
    ) -> None:
        """Raises InputError `unknown_policy`."""
        self.chains = {
            place: Dispatcher(
                place,
                [
                    NodeFacts(
                        name=node.name,
                        operator=node.operator,
                        key=node.key,
                        region=0,
                        rtt_us=(node.rtt_us,),
                        stake=node.stake,
                        tier=node.tier,
                    )
                    for node in chain.nodes
                ],
                seed=seed + position,
                now_us=now_us,
                policy=policy,
                settings=settings,
                window_us=PATIENCE_BLOCKS * chain.block_us + chain.finality_us,
            )
            for position, (place, chain) in enumerate(sorted(network.chains.items()))
        }
        self._arrivals = {place: Arrivals(now_us, 1e-9, HALF_LIFE_US) for place in self.chains}
        self._sends = dict.fromkeys(self.chains, 0)
        self._solved: dict[str, Estimates] = {}
        self._watch = CensorshipWatch()
        self._convictions: dict[tuple[str, str], Conviction] = {}
        self._senders: dict[tuple[str, int], str] = {}
        self._seed = ""
        self._asked_us: dict[tuple[str, str], int] = {}
        self.rounds: dict[str, Round] = {}

    def prepare(self, plan: Plan, progress: Progress, now_us: int) -> tuple[Shares, ...]:
        """Bind the choices of a plan to the shares of its chains, which are the ones returned."""
        attempts = progress.attempts
        last = {attempt.choice.chain: attempt.choice for attempt in attempts if attempt.choice is not None}
        asked = {admission.chain: admission for admission in progress.admissions}
        self._senders.clear()
        self._seed = plan.hash
        for node, sender in [key for key, found in self._convictions.items() if found.until_us <= now_us]:
            del self._convictions[node, sender]
            self._watch.forget(node, sender)
        made = []
        for chain in sorted({step.chain for step in plan.steps}):
            dispatcher = self.chains[chain]
            dispatcher.advance(now_us)
            sent = (attempt.sequence for attempt in attempts if plan.transactions[attempt.transaction].chain == chain)
            dispatcher.skip(1 + max(sent, default=-1))
            dispatcher.resume(draw_seed(plan.hash, chain), last.get(chain), asked.get(chain))
            greatest = max(step.value for step in plan.steps if step.chain == chain)
            shares = self._shares(chain, len(attempts), BURST * greatest, now_us)
            dispatcher.set_shares(shares.shares_ppm, shares.ceilings_ppm, shares.burst)
            dispatcher.shut_out({conviction.node for conviction in shares.convictions})
            made.append(shares)
        return tuple(made)

    def _shares(self, chain: str, since: int, burst: int, now_us: int) -> Shares:
        """Of what is estimated now, or was when they were last solved where that has hardly moved."""
        now = self._estimates(chain, now_us)
        before = self._solved.get(chain)
        seen = self._solved[chain] = now if before is None or moved(before, now) else before
        found = solved(seen)
        return Shares(
            chain=chain,
            since=since,
            at_us=now_us,
            nodes=self.chains[chain].names,
            burst=burst,
            convictions=tuple(self._convicted(chain).values()),
            round=self.rounds.get(chain),
            **seen._replace(rtt_us=now.rtt_us)._asdict(),
            **found._asdict(),
        )

    def _estimates(self, chain: str, now_us: int) -> Estimates:
        dispatcher = self.chains[chain]
        sight, sends = dispatcher.sight, dispatcher.sends
        shut = {conviction.node for conviction in self._convicted(chain).values()}
        rate = self._arrivals[chain].watch(now_us, sends - self._sends[chain]).per_us
        self._sends[chain] = sends
        return Estimates(
            operators=tuple(dispatcher.operators[i] for i in sight.operator.tolist()),
            stakes_ppm=tuple(sight.stake_ppm.tolist()),
            service_us=tuple(sight.service_us.tolist()),
            rtt_us=tuple(sight.rtt_us[0].tolist()),
            usable=tuple(
                cap > 0 and name not in shut for name, cap in zip(dispatcher.names, sight.cap.tolist(), strict=True)
            ),
            rate_per_ks=counted_rate(rate, sight.service_us.tolist()),
        )

    def choose(
        self, transaction: Transaction, attempt: int, avoid: frozenset[str], now_us: int
    ) -> tuple[str | None, Choice | None]:
        """The chain's dispatcher's choice."""
        undoes = transaction.reverses is not None
        dispatcher = self.chains[transaction.chain]
        value, seed = transaction.value, self._seed
        return dispatcher.choose(transaction, attempt, avoid, now_us, value=value, above=undoes, seed=seed)

    def admit(self, transaction: Transaction, attempt: int, klass: Klass, now_us: int) -> Admission:
        """The chain's dispatcher's verdict."""
        return self.chains[transaction.chain].admit(transaction, attempt, klass, now_us)

    def held(self, transaction: Transaction) -> None:
        """What was asked for it last was a refusal, and it waits."""
        self.chains[transaction.chain].held()

    def sent(self, transaction: Transaction, node: str, now_us: int) -> int:
        """A transaction goes to the node; the sequence number that its receipt has to repeat."""
        sequence = self.chains[transaction.chain].sent(transaction, node, now_us)
        self._senders[transaction.chain, sequence] = transaction.sender
        return sequence

    def received(self, receipt: Receipt, now_us: int) -> None:
        """A receipt came. Raises InputError where it does not count."""
        self._known(receipt.chain).received(receipt, now_us)
        self._judge(receipt.chain, receipt.node, receipt.sequence, now_us, landed=receipt.status == "landed")

    def silent(self, chain: str, now_us: int) -> tuple[str, ...]:
        """The chain's nodes that are to be asked for a sign of life."""
        return self.chains[chain].advance(now_us)

    def reported(self, report: Report, now_us: int) -> bool:
        """A report came whose signature was checked. Whether it is a sign of life: it answers a later question than the last."""
        asked_us = self._asked_us.get((report.chain, report.node), -1)
        if report.asked_us <= asked_us:
            return False
        self._asked_us[report.chain, report.node] = report.asked_us
        self.chains[report.chain].reported(report.node, report.queue, now_us)
        return True

    def heard(self, heartbeat: Heartbeat, now_us: int) -> None:
        """A heartbeat came. Raises InputError where it does not count."""
        self._known(heartbeat.chain).heard(heartbeat, now_us)

    def measured(self, book: RoundBook) -> None:
        """A round of probes is over: its delays count from the next settlement on. Without measurements the last stays."""
        for chain in book.chains:
            made = book.concluded(chain)
            if made.measurements:
                self.rounds[chain] = made
                self.chains[chain].set_delays([delay.used_us for delay in made.after])

    def delays(self, chain: str) -> tuple[Delay, ...]:
        """What is known of the delays of a chain's nodes, in order."""
        last = self.rounds.get(chain)
        return (Delay(),) * len(self.chains[chain].names) if last is None else last.after

    def timed_out(self, transaction: Transaction, node: str, sequence: int, now_us: int) -> None:
        """The node did not bring the transaction onto the chain in time."""
        self.chains[transaction.chain].timed_out(transaction, node, sequence, now_us)
        self._judge(transaction.chain, node, sequence, now_us, landed=False)

    def remembered(self) -> NetworkMemory:
        """All that was learnt, but the changes of membership, which are in the dispatchers' `changes`."""
        return NetworkMemory(
            chains={chain: dispatcher.remembered() for chain, dispatcher in self.chains.items()},
            rounds=self.rounds,
            evidence=self._watch.remembered(),
            convictions={
                chain: tuple(convicted.values()) for chain in self.chains if (convicted := self._convicted(chain))
            },
        )

    def restore(self, memory: NetworkMemory, changes: Mapping[str, Sequence[Change]]) -> frozenset[str]:
        """Go on from what was remembered; the chains for which it was taken. Others begin anew, their nodes being others."""
        taken = {
            chain
            for chain, dispatcher in self.chains.items()
            if chain in memory.chains and dispatcher.restore(memory.chains[chain], changes.get(chain, ()))
        }
        self.rounds = {chain: made for chain, made in memory.rounds.items() if chain in taken}
        for chain, made in self.rounds.items():
            self.chains[chain].set_delays([delay.used_us for delay in made.after])
        self._watch.restore(memory.evidence)
        self._convictions = {
            (member_id(chain, each.node), each.sender): each
            for chain, convictions in memory.convictions.items()
            for each in convictions
        }
        return frozenset(taken)

    def _known(self, chain: str) -> Dispatcher:
        if chain not in self.chains:
            raise InputError("unknown_chain", "/chain", expected="a chain of the network", actual=chain)
        return self.chains[chain]

    def _convicted(self, chain: str) -> dict[tuple[str, str], Conviction]:
        """A chain's convictions, by member and sender: nodes of two chains may have one name."""
        members = {member_id(chain, name) for name in self.chains[chain].names}
        return {key: conviction for key, conviction in self._convictions.items() if key[0] in members}

    def _judge(self, chain: str, node: str, sequence: int, now_us: int, *, landed: bool) -> None:
        """A send of this settlement has come to its end at the node, which counts once."""
        sender = self._senders.pop((chain, sequence), None)
        member = member_id(chain, node)
        for victim in () if sender is None else self._watch.settle(member, sender, landed=landed):
            test = self._watch.tests[member, victim]
            self._convictions[member, victim] = Conviction(
                node=node,
                sender=victim,
                pairs=test.pairs,
                evidence=test.evidence,
                at_us=now_us,
                until_us=now_us + TERM_US,
            )
