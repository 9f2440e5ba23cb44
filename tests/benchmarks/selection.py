"""Winner selection at scale, proven or with its gap: `python -m tests.benchmarks.selection`.

Families, each bid over 1 to 6 intents drawn alike (each intent is a group), scores of 60 to 64 bits:

    independent     the score of a bid has nothing to do with its intents, and is split evenly over them
    near-additive   each intent has a value, and a bid gives each of its intents that value within 5 %
    crowded         independent, and each bid takes 1 to 3 of the 6 that each of up to two venues has (of a tenth as many
                    venues as bids)

Measured on all bids, unfiltered: advice and its check together, then the check alone (what a replay does). Apart from
that, as an auction goes: baselines and filter, winners among the bids that the filter leaves, and for each solver that
won (bids are dealt to ten) the total without it, filter rerun. Seconds are of the processor; one thread does it all.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TypeVar

import typer

from engine.advisers.advise import advisers
from engine.auction.select import Adviser, Candidate, Decision, NoGood, Selection, Stock, decide, select
from tests.benchmarks.figures import show

WORK = 100_000
SOLVERS = 10
CAPACITY = 6
ADVISERS = advisers()
FAMILIES = (
    ("independent", 1000, 500),
    ("near-additive", 100, 50),
    ("near-additive", 1000, 500),
    ("crowded", 200, 100),
    ("crowded", 1000, 500),
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class World:
    """Bids, and the stocks that they draw on."""

    candidates: list[Candidate]
    stocks: list[Stock]

    def judge(self, ids: frozenset[str]) -> NoGood | None:
        """Feasible where no stock is overdrawn; else the bids that draw on the first that is."""
        for stock in self.stocks:
            takers = ids & stock.takes.keys()
            if sum(stock.takes[i] for i in takers) > stock.capacity:
                return NoGood(takers)
        return None

    def select(self, candidates: list[Candidate], adviser: Adviser | None) -> Selection:
        """Winners among some of the bids."""
        return select(candidates, self.judge, (), work=WORK, adviser=adviser, stocks=self.stocks)

    def decide(self, without: int | None = None) -> Decision:
        """Baselines, filter and winners, without one solver."""
        kept = [c for c in self.candidates if solver_of(c.id) != without]
        return decide(kept, self.judge, (), work=WORK, advisers=ADVISERS, stocks=self.stocks)


def solver_of(bid: str) -> int:
    """Whose a bid is."""
    return int(bid[3:]) % SOLVERS


def family(kind: str, bids: int, intents: int, seed: int) -> World:
    """One instance."""
    random = Random(f"{kind} {bids} {intents} {seed}")
    values = [random.randrange(10**18, 10**19) for _ in range(intents)]
    takes: list[dict[str, int]] = [{} for _ in range(bids // 10 if kind == "crowded" else 0)]
    made = []
    for i in range(bids):
        name, chosen = f"bid{i:04}", random.sample(range(intents), random.randint(1, 6))
        each = random.randrange(10**18, 10**19) // len(chosen)
        worth = {
            g: values[g] * random.randrange(950, 1051) // 1000 if kind == "near-additive" else each for g in chosen
        }
        venues = random.sample(range(len(takes)), random.randint(0, 2)) if len(takes) > 1 else []
        for venue in venues:
            takes[venue][name] = random.randint(1, 3)
        scores = {f"intent{g:03}": score for g, score in worth.items()}
        made.append(Candidate(name, f"{random.random():.12f}", scores, frozenset(f"venue{v:03}" for v in venues)))
    return World(made, [Stock(f"venue{v:03}", CAPACITY, taken) for v, taken in enumerate(takes)])


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
    """A result, and the seconds of the processor that it took."""
    begun = time.process_time()
    result = what()
    return result, time.process_time() - begun


def measured(world: World) -> Measured:
    """Every part, one after the other."""
    adviser = None if ADVISERS is None else partial(ADVISERS, "winners")
    found, whole = timed(lambda: world.select(world.candidates, adviser))
    kept = {advice.first: advice for advice in found.advice}
    again, check = timed(lambda: world.select(world.candidates, lambda component: kept.get(component.first)))
    if again != found:
        raise AssertionError("the same advice gave another result")
    decision, deciding = timed(world.decide)
    remaining = [c for c in world.candidates if c.id not in decision.filtered]
    _, winners = timed(lambda: world.select(remaining, adviser))
    won = {solver_of(bid) for bid in decision.winners.ids}
    _, references = timed(lambda: [world.decide(without=solver) for solver in won])
    certificate = found.certificate
    gap = 1 - certificate.score / certificate.bound
    return Measured(whole, check, certificate.optimal, gap, max(0.0, deciding - winners), winners, references)


def main(instances: int = 5, shrink: int = 1) -> None:
    """Measure, and print the table. `shrink` divides the sizes, for a quick look."""
    measured(family("independent", 100, 50, 0))  # loads OR-Tools
    rows = []
    for kind, bids, intents in FAMILIES:
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
            f"{instances} instances each; seconds of the processor, medians. Reference scores are those of all solvers that won,",
            "at most ten, each with its own baselines, filter and proof.",
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
