"""Winner selection at scale, proven or with its gap: `python -m tests.benchmarks.selection`.

Families, each bid over 1 to 6 intents drawn alike (each intent is a group), scores of 60 to 64 bits:

    independent     the score of a bid has nothing to do with its intents, and is split evenly over them
    near-additive   each intent has a value, and a bid gives each of its intents that value within 5 %

Measured on all bids, unfiltered, with no venue shared: advice and its check together, then the check alone (what a
replay does). Apart from that, as an auction goes: baselines and filter, winners among the bids that the filter leaves,
and for each solver that won (bids are dealt to ten) the total without it, filter rerun.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TypeVar

import typer

from engine.advisers.advise import advisers
from engine.auction.advice import Advice
from engine.auction.select import Candidate, Component, Selection, decide, select
from tests.benchmarks.figures import show

WORK = 100_000
SOLVERS = 10
ADVISERS = advisers()

T = TypeVar("T")


def family(kind: str, bids: int, intents: int, seed: int) -> list[Candidate]:
    """One instance."""
    random = Random(f"{kind} {bids} {intents} {seed}")
    values = [random.randrange(10**18, 10**19) for _ in range(intents)]
    made = []
    for i in range(bids):
        chosen = random.sample(range(intents), random.randint(1, 6))
        each = random.randrange(10**18, 10**19) // len(chosen)
        scores = {
            f"intent{g:03}": each if kind == "independent" else values[g] * random.randrange(950, 1051) // 1000
            for g in chosen
        }
        made.append(Candidate(f"bid{i:04}", f"{random.random():.12f}", scores))
    return made


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds of one instance's parts, whether it is proven, and (bound - score) / bound."""

    whole: float
    check: float
    proven: bool
    gap: float
    filtering: float
    winners: float
    references: float


def timed(what: Callable[[], T]) -> tuple[T, float]:
    """A result, and the seconds it took."""
    begun = time.perf_counter()
    result = what()
    return result, time.perf_counter() - begun


def advise(component: Component) -> Advice | None:
    """As a clearing does."""
    return None if ADVISERS is None else ADVISERS("winners", component)


def measured(candidates: list[Candidate]) -> Measured:
    """Every part, one after the other."""
    found, whole = timed(lambda: select(candidates, lambda _: None, (), work=WORK, adviser=advise))
    kept = {advice.first: advice for advice in found.advice}
    again, check = timed(lambda: select(candidates, lambda _: None, (), work=WORK, adviser=lambda c: kept.get(c.first)))
    if again != found:
        raise AssertionError("the same advice gave another result")
    # The baselines are bids over one group, each a component of its own, so all advice is about winners.
    seconds: list[float] = []
    decision, deciding = timed(lambda: _decide(candidates, seconds))
    winners = {int(bid[3:]) % SOLVERS for bid in decision.ids}
    _, references = timed(
        lambda: [_decide([c for c in candidates if int(c.id[3:]) % SOLVERS != s], []) for s in winners]
    )
    certificate = found.certificate
    gap = 1 - certificate.score / certificate.bound
    return Measured(whole, check, certificate.optimal, gap, deciding - sum(seconds), sum(seconds), references)


def _decide(candidates: list[Candidate], seconds: list[float]) -> Selection:
    """Winners after the filter; notes the seconds that their selection took."""
    decision = decide(candidates, lambda _: None, (), work=WORK, advisers=ADVISERS)
    remaining = [c for c in candidates if c.id not in decision.filtered]
    _, took = timed(lambda: select(remaining, lambda _: None, (), work=WORK, adviser=advise))
    seconds.append(took)
    return decision.winners


def main(instances: int = 7, shrink: int = 1) -> None:
    """Measure, and print the table. `shrink` divides the sizes, for a quick look."""
    select(family("independent", 100, 50, 0), lambda _: None, (), work=WORK, adviser=advise)  # loads OR-Tools
    rows = []
    for kind, bids, intents in (("independent", 1000, 500), ("near-additive", 100, 50), ("near-additive", 1000, 500)):
        size = bids // shrink, max(6, intents // shrink)
        rows.append(_row(kind, *size, [measured(family(kind, *size, seed)) for seed in range(instances)]))
    show(
        columns=[
            "family",
            "proven",
            "gap, median",
            "selection, median",
            "worst",
            "its check",
            "baselines and filter",
            "winners after it",
            "reference scores",
        ],
        rows=rows,
        notes=[
            f"{instances} instances each; medians. Bids go over 1 to 6 intents; reference scores are those of all winning solvers."
        ],
    )


def _row(kind: str, bids: int, intents: int, found: list[Measured]) -> list[str]:
    def median(values: list[float]) -> str:
        return f"{statistics.median(values):.3f} s"

    return [
        f"{kind}, {bids} over {intents}",
        f"{sum(one.proven for one in found)} of {len(found)}",
        f"{100 * statistics.median(one.gap for one in found):.2f} %",
        median([one.whole for one in found]),
        f"{max(one.whole for one in found):.3f} s",
        median([one.check for one in found]),
        median([one.filtering for one in found]),
        median([one.winners for one in found]),
        median([one.references for one in found]),
    ]


if __name__ == "__main__":
    typer.run(main)
