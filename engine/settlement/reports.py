"""What nodes say of the chain, signed, and the fate of a transaction that follows where enough of them agree.

Guarantees
1. A report is signed over everything in it (engine.network.trust.signed), so nobody speaks for another node, and an edited report is nobody's.
2. A fate needs a quorum of different nodes of the transaction's chain that say the same: `landed` in the same final block
   at the same gas, or `expired`: not on the chain, which is final beyond the last moment at which it could be.
3. Both are for ever on a chain whose final blocks stay, so an old report does no harm and a fate never changes.

A receipt (engine.network.trust.receipts) answers one send and is what load counts by; fates never rest on one.
Source of the rule: with at most f liars, f + 1 equal statements contain an honest one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from engine.auction.solution import Count
from engine.network.trust.signed import Signed
from engine.settlement.chains import ChainSpec, Micros
from engine.settlement.plan import Plan
from intents.errors import InputError
from intents.identifiers import Digest, PlaceId, Text
from intents.values import Amount, Value


class Seen(Value):
    """What a node sees of a transaction: `final` and `included` are in a block of its chain, `absent` is not.

    `gas` is units burnt, at `gas_price` base units each. All but the status are 0 and "-" where absent.
    """

    transaction: Digest
    status: Literal["final", "included", "absent"]
    height: Count = 0
    block: Text = "-"
    gas: Amount = 0
    gas_price: Amount = 0


class Report(Signed):
    """A node's view of its chain: the time of its last final block, and the transactions that it was asked for.

    `asked_us` is when we asked; `final_us` is the chain's time; `queue` is what waits at the node, by its own word. Make one with `Report(...).signed(private_key)`.
    """

    format: Literal["clearway/chain-report/1"] = "clearway/chain-report/1"
    node: Text
    chain: PlaceId
    asked_us: Micros
    final_us: Micros
    queue: Count = 0
    seen: tuple[Seen, ...]


class Fate(NamedTuple):
    """What became of a transaction for ever. `gas` units at `gas_price` where it landed; `height` of its block."""

    status: Literal["landed", "expired"]
    height: int = 0
    block: str = "-"
    gas: int = 0
    gas_price: int = 0


def check_report(report: Report, chain: ChainSpec) -> None:
    """Raise InputError `unknown_node`, `duplicate_entry` or `bad_signature` where the report is not a node's of the chain."""
    keys = {node.name: node.key for node in chain.nodes}
    if report.node not in keys:
        raise InputError("unknown_node", "/node", expected=f"one of {sorted(keys)}", actual=report.node)
    if len({seen.transaction for seen in report.seen}) < len(report.seen):
        raise InputError("duplicate_entry", "/seen", expected="each transaction once", actual=report.node)
    report.check(keys[report.node])


class Tally:
    """Statements counted as they come: `fates` are what is proved, `standing` the last status by transaction and node."""

    def __init__(self, plan: Plan) -> None:
        self.fates: dict[str, Fate] = {}
        self.standing: dict[str, dict[str, str]] = {}
        self._plan = plan
        self._votes: dict[str, dict[Fate, set[str]]] = {}

    def add(self, report: Report) -> bool:
        """Count a report that passed `check_report`; whether it completes the proof of a fate."""
        proved = False
        for seen in report.seen:
            transaction = self._plan.transactions.get(seen.transaction)
            if transaction is None or transaction.chain != report.chain:
                continue
            self.standing.setdefault(transaction.id, {})[report.node] = seen.status
            fate = _stated(seen, report.final_us, transaction.due_us)
            if fate is None or transaction.id in self.fates:
                continue
            nodes = self._votes.setdefault(transaction.id, {}).setdefault(fate, set())
            nodes.add(report.node)
            if len(nodes) >= self._plan.network.chains[transaction.chain].quorum:
                self.fates[transaction.id] = fate
                proved = True
        return proved

    def included(self, transaction: str) -> int:
        """How many nodes last said that it is in a block."""
        return sum(status != "absent" for status in self.standing.get(transaction, {}).values())


def fates_of(plan: Plan, reports: Iterable[Report]) -> dict[str, Fate]:
    """The fates that the reports prove, by transaction. The reports must have passed `check_report`."""
    tally = Tally(plan)
    for report in reports:
        tally.add(report)
    return tally.fates


def needed(plan: Plan, reports: Iterable[Report], fates: Mapping[str, Fate]) -> list[Report]:
    """Of the reports those that prove the fates, in their order: what a record has to keep."""
    kept = []
    count: dict[str, set[str]] = {}
    for report in reports:
        useful = False
        for seen in report.seen:
            transaction = plan.transactions.get(seen.transaction)
            fate = fates.get(seen.transaction)
            if transaction is None or transaction.chain != report.chain or fate is None:
                continue
            if _stated(seen, report.final_us, transaction.due_us) == fate:
                nodes = count.setdefault(transaction.id, set())
                if len(nodes) < plan.network.chains[transaction.chain].quorum and report.node not in nodes:
                    nodes.add(report.node)
                    useful = True
        if useful:
            kept.append(report)
    return kept


def _stated(seen: Seen, final_us: int, due_us: int | None) -> Fate | None:
    """The fate that a node states, if it states one."""
    if seen.status == "final":
        return Fate("landed", seen.height, seen.block, seen.gas, seen.gas_price)
    if seen.status == "absent" and due_us is not None and final_us > due_us:
        return Fate("expired")
    return None
