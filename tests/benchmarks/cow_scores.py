"""Recorded bids that the rule `cow-2024` does not give to the wei: `python -m tests.benchmarks.cow_scores`.

Reads cow/mainnet_2024 of the data folder (CLEARWAY_DATA). `clearway bench cow-scores` prints the counts for any files.
"""

from __future__ import annotations

import gzip
import os
import time
from pathlib import Path

from engine.market.feeds.cow_competitions import read_auctions, read_competitions, read_orders
from engine.market.feeds.cow_rescoring import Agreement, NotExact, rescore
from tests.benchmarks.figures import ROOT, show

CAUSES = {
    "stated_fees": "exact with the fees that its own prices leave",
    "unexplained": "not explained",
}


def main() -> None:
    """Rescore, and print the table."""
    folder = Path(os.environ.get("CLEARWAY_DATA", ROOT.parent / "shared" / "data")) / "cow" / "mainnet_2024"
    content = {
        n: gzip.decompress((folder / f"{n}.jsonl.gz").read_bytes()) for n in ("orders", "auctions", "competitions")
    }
    auctions = read_auctions("auctions", content["auctions"], read_orders("orders", content["orders"]))
    competitions = read_competitions("competitions", content["competitions"])
    begun = time.perf_counter()
    found = rescore(auctions, competitions)
    seconds = time.perf_counter() - begun
    show(
        columns=[
            "auction, solver",
            "recorded",
            "recomputed",
            "difference",
            "fees it states, by trade",
            "fees by the rule",
            "cause",
        ],
        rows=[_row(bid) for bid in found.not_exact],
        notes=[
            *_notes(found),
            f"Rescored at {found.auctions / seconds:.0f} auctions a second, reading the files aside.",
        ],
    )


def _notes(found: Agreement) -> list[str]:
    counts = found.summary()
    within = ", ".join(f"{counts[name]} within {name.removeprefix('within_')}" for name in counts if "within" in name)
    return [f"{found.bids} bids of {found.auctions} auctions: {found.exact} exact, {within}."]


def _row(bid: NotExact) -> list[str]:
    stated, due = (", ".join(str(pair[side]) for pair in bid.fees) for side in (0, 1))
    difference = str(bid.recomputed - bid.recorded)
    return [
        f"{bid.auction}, {bid.solver}",
        str(bid.recorded),
        str(bid.recomputed),
        difference,
        stated,
        due,
        CAUSES[bid.cause],
    ]


if __name__ == "__main__":
    main()
