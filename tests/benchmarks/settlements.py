"""Settlements on a hostile network by a coordinator that dies: what becomes of winning bids, with and without a second try.

The same seeded worlds for both: chains that reorganise, nodes that crash, lose what they take, answer late, lie or censor;
the coordinator dies at every kind of step, up to five times a run. `check_one_effect` and `check_books_of` (of the
tests) look at the chains and at the books of every run and end the program where one winning bid has not exactly one
effect, or one posting does not add up.
"""

from __future__ import annotations

import sys
from collections import Counter

from engine.settlement.dispatch import Rules
from tests.benchmarks.figures import show
from tests.settlement.chaos import Coordinator, check_books_of, check_one_effect
from tests.settlement.test_one_effect import HOSTILE, LIES
from tests.settlement.worlds import ALPHA, BETA, EXCHANGE, five_winners, network_of

VARIANTS = (
    ("ours: falls through to the next node, budget for retries", Rules(ask_blocks=5)),
    ("baseline: one node, one try", Rules(retries=0, retries_per_step=0, ask_blocks=5)),
)


def main() -> None:
    """Run every variant, so many times as the argument says (200), and print the table."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    record = five_winners()
    rows = []
    for name, rules in VARIANTS:
        became: Counter[str] = Counter()
        for seed in range(runs):
            lies = {place: LIES[(seed + n) % len(LIES)] for n, place in enumerate((ALPHA, BETA, EXCHANGE))}
            world = network_of(seed, faults=HOSTILE, lies=lies)
            coordinator = Coordinator(record, world, death=0.05, rules=rules)
            settled = coordinator.settled()
            check_one_effect(coordinator, settled)
            became["one effect"] += len(settled.landed) + len(settled.failed)
            became["drift"] += len(check_books_of(record, settled).books.drift())
            became["deaths"] += coordinator.died.total()
            became["landed"] += len(settled.landed)
            became["undone"] += len(settled.failed)
        bids = became["landed"] + became["undone"]
        figures = [*_shares(bids, became["landed"], became["undone"], became["one effect"]), str(became["drift"])]
        rows.append([name, str(became["deaths"]), *figures])
    everything = runs * len(record.winners)
    rows.append(["bound: everything lands", "", *_shares(everything, everything, 0, everything), "0"])
    notes = [f"{runs} seeded runs of {len(record.winners)} winning bids each, on the same networks."]
    show(
        columns=["coordinator", "deaths", "bids settled", "bids undone or never begun", "exactly one effect", "drift"],
        rows=rows,
        notes=notes,
    )


def _shares(bids: int, *counts: int) -> list[str]:
    return [f"{count} ({100 * count / bids:.0f} %)" for count in counts]


if __name__ == "__main__":
    main()
