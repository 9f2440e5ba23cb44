"""Finding a node that drops some people's transactions, by a sequential test on pairs.

How: every transaction of a suspected victim is paired with one of somebody else sent to the same node (the next one).
Pairs of which both landed, or neither, say nothing about whom the node drops. Of the others, an honest node, however
overloaded, loses the victim's as often as the other's: the victim's is the lost one with probability 1/2. Against that
stands `DROPPED`: 9/10. Wald's sequential probability ratio test on this (a sequential McNemar test).

Guarantees
1. An honest node is accused with probability at most ALPHA in one test, however long it runs: the likelihood ratio is a
   martingale, which reaches 1/ALPHA with at most that probability (Ville). Increments are rounded against accusing.
2. A test that finds for the node ends and a new one begins; the alpha is each test's own.
3. A node that drops every transaction of its victim is found after 8 pairs of which the other's landed.
4. Integers alone: a verdict replays bit for bit.

A node that drops everybody's is no censor here: that is health. Source: Wald, "Sequential Analysis" (1947); Ville (1939).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Literal

from engine.auction.solution import Count
from intents.identifiers import Text
from intents.values import Value

ALPHA = Decimal("0.01")
"""Most often that an honest node is accused."""

BETA = Decimal("0.01")
"""About how often a test finds for a node that drops its victim by DROPPED."""

DROPPED = Decimal("0.9")
"""Of pairs with one loss, the share in which a censor loses the victim's, as tested against 1/2."""

MOST_WAITING = 64
"""Transactions that wait for a partner at one node."""

_UNIT = 10**9
_EXACT = Context(prec=40)


def _log(value: Decimal, rounding: str) -> int:
    """ln(value) in billionths; Decimal's logarithm is correctly rounded, so the same everywhere."""
    return int((_EXACT.ln(value) * _UNIT).to_integral_value(rounding))


VICTIM_LOST = _log(DROPPED * 2, ROUND_FLOOR)
OTHER_LOST = _log((1 - DROPPED) * 2, ROUND_FLOOR)
ACCUSE = _log(1 / ALPHA, ROUND_CEILING)
CLEAR = _log(BETA, ROUND_FLOOR)

Verdict = Literal["open", "censors"]

TERM_US = 3_600_000_000
"""How long a conviction stands. One honest node in a hundred tests is convicted, so none stands for ever."""


class Conviction(Value):
    """Why a node is not sent to until `until_us`: after so many pairs this evidence that it drops what the sender sends."""

    node: Text
    sender: Text
    pairs: Count
    evidence: Count
    at_us: Count
    until_us: Count


class OpenTest(Value):
    """How far the test of one node and one sender is."""

    node: Text
    sender: Text
    evidence: int
    pairs: Count
    cleared: Count


class Unpaired(Value):
    """A transaction that waits for a partner of another sender at the same node."""

    node: Text
    sender: Text
    landed: bool


class Evidence(Value):
    """The tests of all nodes, to be stored; transactions in the order in which they came."""

    tests: tuple[OpenTest, ...] = ()
    waiting: tuple[Unpaired, ...] = ()


@dataclass(frozen=True, slots=True)
class PairTest:
    """One node and one victim. `evidence`: log likelihood ratio of the running test in billionths; `cleared`: tests lost."""

    evidence: int = 0
    pairs: int = 0
    cleared: int = 0

    @property
    def verdict(self) -> Verdict:
        """Whether the node is accused."""
        return "censors" if self.evidence >= ACCUSE else "open"

    def observe(self, *, victim_landed: bool, other_landed: bool) -> PairTest:
        """The test after one more pair; a verdict stands whatever follows."""
        if self.verdict == "censors":
            return self
        if victim_landed == other_landed:
            return replace(self, pairs=self.pairs + 1)
        evidence = self.evidence + (OTHER_LOST if victim_landed else VICTIM_LOST)
        if evidence <= CLEAR:
            return PairTest(0, self.pairs + 1, self.cleared + 1)
        return PairTest(evidence, self.pairs + 1, self.cleared)


class CensorshipWatch:
    """Tests for all nodes and owners, fed by what became of each send, in the order in which sends were settled.

    Each transaction is paired with the earliest one of another owner that waits at the same node, whatever became of
    either; of those that wait the last `MOST_WAITING` are kept.
    """

    def __init__(self) -> None:
        self._tests: dict[tuple[str, str], PairTest] = {}
        self._waiting: dict[str, list[tuple[str, bool]]] = {}

    def settle(self, node: str, owner: str, *, landed: bool) -> tuple[str, ...]:
        """Note that a transaction of the owner landed at the node or was lost; the owners it is now known to censor."""
        line = self._waiting.setdefault(node, [])
        partner = next((i for i, (other, _) in enumerate(line) if other != owner), None)
        if partner is None:
            line.append((owner, landed))
            del line[:-MOST_WAITING]
            return ()
        other, other_landed = line.pop(partner)
        found = []
        for victim, victim_landed, beside_landed in ((owner, landed, other_landed), (other, other_landed, landed)):
            before = self._tests.get((node, victim), PairTest())
            after = before.observe(victim_landed=victim_landed, other_landed=beside_landed)
            self._tests[node, victim] = after
            if before.verdict != after.verdict:
                found.append(victim)
        return tuple(sorted(found))

    def remembered(self) -> Evidence:
        """All of it, to go on from."""
        tests = sorted(self._tests.items())
        return Evidence(
            tests=tuple(
                OpenTest(node=node, sender=sender, evidence=one.evidence, pairs=one.pairs, cleared=one.cleared)
                for (node, sender), one in tests
            ),
            waiting=tuple(
                Unpaired(node=node, sender=sender, landed=landed)
                for node, line in sorted(self._waiting.items())
                for sender, landed in line
            ),
        )

    def restore(self, evidence: Evidence) -> None:
        """Go on from what was remembered."""
        self._tests = {
            (each.node, each.sender): PairTest(each.evidence, each.pairs, each.cleared) for each in evidence.tests
        }
        self._waiting = {}
        for each in evidence.waiting:
            self._waiting.setdefault(each.node, []).append((each.sender, each.landed))

    def forget(self, node: str, owner: str) -> None:
        """Begin the test of a node and an owner anew."""
        self._tests.pop((node, owner), None)

    @property
    def tests(self) -> Mapping[tuple[str, str], PairTest]:
        """All tests by (node, owner)."""
        return self._tests
