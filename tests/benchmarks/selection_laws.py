"""How often raising a bid or adding one hurts, on random small auctions: `python -m tests.benchmarks.selection_laws`.

The auctions are those of tests/auction/laws.py, seeds 0 to N - 1; the figures are the same on every machine.
"""

from __future__ import annotations

from random import Random

import typer

from tests.auction.laws import decided, drawn, raised
from tests.benchmarks.figures import show


def main(auctions: int = 3000) -> None:
    """Count, and print the table."""
    rows = [counted(name, venues, auctions) for name, venues in (("none", 0), ("one", 1), ("two", 2))]
    show(
        columns=[
            "venues that bear one bid",
            "raises of winners",
            "that lost by it",
            "bids added",
            "that lowered the total",
        ],
        rows=rows,
        notes=[
            f"{auctions} random auctions of 3 to 9 bids over 4 groups; each bid uses each venue with probability 0.4."
        ],
    )


def counted(name: str, venues: int, auctions: int) -> list[str]:
    """One row: raises of each winner in each of its groups by 1 to 5, and one bid more than all others."""
    raises = lost = lowered = 0
    for seed in range(auctions):
        random = Random(seed)
        candidates = drawn(random, venues)
        for bid, better in raised(candidates, random):
            raises += 1
            lost += bid not in decided(better).winners.ids
        total = decided(candidates).winners.certificate.score
        lowered += total < decided(candidates[:-1]).winners.certificate.score
    return [name, str(raises), str(lost), str(auctions), str(lowered)]


if __name__ == "__main__":
    typer.run(main)
