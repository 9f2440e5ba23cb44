"""Counts comparisons with a contract, and remembers the first that differ; each finished tally leaves a file for the report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

from tests.chain.cache import CACHE, label

REPORT = CACHE / "report"
SHOWN = 5
"""Differences that a failure shows."""


@dataclass
class Tally:
    """Comparisons of one kind with one contract, drawn from one seed."""

    kind: str
    contract: str
    package: str
    seed: int
    states: int = 0
    cases: int = 0
    equal: int = 0
    refused: int = 0
    differing: list[Any] = field(default_factory=list)

    def compare(self, ours: Any, theirs: Any, *context: Any) -> None:
        """One case: what we say and what the contract did."""
        self.cases += 1
        if ours == theirs:
            self.equal += 1
        elif len(self.differing) < SHOWN:
            self.differing.append({"ours": ours, "theirs": theirs, "context": context})


@contextmanager
def tally(kind: str, contract: str, package: str, seed: int) -> Iterator[tuple[Tally, Random]]:
    """A tally and the chance to fill it with. On leaving it is written down; AssertionError where something differed."""
    counts = Tally(kind, contract, label(package), seed)
    yield counts, Random(seed)
    assert counts.cases
    REPORT.mkdir(parents=True, exist_ok=True)
    written = asdict(counts) | {"differing": [str(one) for one in counts.differing]}
    (REPORT / f"{kind}-{contract}.json").write_text(json.dumps(written))
    assert not counts.differing, counts.differing


def size(chance: Random, low: int, high: int) -> int:
    """An integer in low .. high of every length alike, the two ends being as likely as any length."""
    bits = chance.randint(low.bit_length() - 1, high.bit_length() + 1)
    return min(max(chance.randint(2**bits >> 1, 2**bits), low), high)
