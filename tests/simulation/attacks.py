"""What a solver gains by playing the mechanism: `python -m tests.simulation.attacks`. The table of docs/rewards.md.

In each auction (tests/simulation/market.py, seeds 0 to N - 1) each solver tries every variant of each attack while all
others bid what they can deliver. It knows their bids, which sealed bids keep from it: the gains are bounds on what these
variants can bring. A gain is what all its names have together, less what it would have by bidding what it can deliver.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

import typer

from tests.benchmarks.figures import show
from tests.simulation.market import MODELS, RULES, Auction, Bid, drawn, exact, gains

SYBIL = "another name"
SHARES = (0, 25, 50, 75, 90)
"""Hundredths of what a shaded bid could deliver."""

SEALED = ("ours", "ours, no charges", "ours, no caps")
"""The models with commitments: who does not reveal pays."""

VOLUME_FEE = 100
"""A wash fill's surplus is at most its volume, of which the fee takes a hundredth."""


class Variant(NamedTuple):
    """All bids of the attacker, what it pays where bids are sealed, another draw of ties, and the fees of intents of its own."""

    bids: Sequence[Bid]
    penalty: int = 0
    draw: str = ""
    wash: Mapping[str, int] = {}


Attack = Callable[[Auction, list[Bid]], Iterator[Variant]]


def scaled(bid: Bid, percent: int) -> Bid:
    """The bid with that share of each of its scores."""
    return bid._replace(scores={group: score * percent // 100 for group, score in bid.scores.items()})


def replaced(own: Sequence[Bid], old: Bid, *new: Bid) -> list[Bid]:
    """The bids with one exchanged for others."""
    return [one for bid in own for one in (new if bid is old else (bid,))]


def shading(_: Auction, own: list[Bid]) -> Iterator[Variant]:
    """All or one of its bids promise less, or one is left out."""
    for percent in SHARES:
        yield Variant([scaled(bid, percent) for bid in own])
        for bid in own:
            yield Variant(replaced(own, bid, scaled(bid, percent)))
    for bid in own:
        yield Variant(replaced(own, bid))


def overstating(_: Auction, own: list[Bid]) -> Iterator[Variant]:
    """One bid promises more than it can deliver, and the solver adds the rest."""
    for percent in (105, 125, 200):
        for bid in own:
            yield Variant(replaced(own, bid, scaled(bid, percent)))


def sybils(_: Auction, own: list[Bid]) -> Iterator[Variant]:
    """Some bids are entered under another name, or another name enters one once more, as it is or shaded."""
    for size in range(1, len(own)):
        for moved in combinations(own, size):
            yield Variant([bid._replace(name=SYBIL) if bid in moved else bid for bid in own])
    for bid in own:
        for percent in (50, 90, 100):
            yield Variant([*own, scaled(bid, percent)._replace(id=bid.id + "/again", name=SYBIL)])


def splitting_and_merging(_: Auction, own: list[Bid]) -> Iterator[Variant]:
    """A bid over several groups becomes one for each, under one name or two; bids of other groups become one."""
    for bid in own:
        if len(bid.scores) > 1:
            # What joining the groups brought is lost.
            parts = [
                Bid(f"{bid.id}/{group}", bid.name, {group: worth - 10}, {group: worth - 10})
                for group, worth in bid.worth.items()
            ]
            yield Variant(replaced(own, bid, *parts))
            yield Variant([*own, *parts])
            yield Variant(replaced(own, bid, parts[0], *(part._replace(name=SYBIL) for part in parts[1:])))
    for one, other in combinations(own, 2):
        if one.scores.keys().isdisjoint(other.scores):
            worth = {**one.worth, **other.worth}
            merged = Bid(f"{one.id}+{other.id}", one.name, worth, worth)
            yield Variant([*own, merged])
            yield Variant([merged, *(bid for bid in own if bid not in (one, other))])


def shifting(_: Auction, own: list[Bid]) -> Iterator[Variant]:
    """A bid promises one group less and another as much more."""
    for bid in own:
        for giver in bid.scores:
            for taker in bid.scores:
                for amount in (10, 30):
                    if giver != taker and bid.scores[giver] >= amount:
                        moved = {giver: bid.scores[giver] - amount, taker: bid.scores[taker] + amount}
                        yield Variant(replaced(own, bid, bid._replace(scores={**bid.scores, **moved})))


def copying(auction: Auction, own: list[Bid]) -> Iterator[Variant]:
    """It can deliver what another bid does, and promises as much, more or less."""
    for bid in auction.bids:
        if bid not in own:
            for percent in (90, 100, 105):
                yield Variant([*own, scaled(bid, percent)._replace(id=bid.id + "/copy", name=own[0].name)])


def withheld(auction: Auction, own: list[Bid]) -> Iterator[Variant]:
    """Two names commit to two sets of bids, honest and shaded; it reveals the better, having seen all others."""
    for variant in shading(auction, own):
        yield variant._replace(penalty=RULES.not_revealed)
    yield Variant([], penalty=RULES.not_revealed)


def recommitting(_: Auction, own: list[Bid]) -> Iterator[Variant]:
    """It commits eight times, knowing which ties each commitment would draw."""
    for attempt in range(8):
        yield Variant(own, draw=f"again {attempt}")


def wash(_: Auction, own: list[Bid]) -> Iterator[Variant]:
    """Two opposite intents of its own, whose limits make them score: as a bid, or in one of its bids, shaded or not."""
    for score in (20, 100, 400):
        fees = dict.fromkeys(("wash a", "wash b"), -(-score // VOLUME_FEE))
        both = dict.fromkeys(fees, score)
        yield Variant([*own, Bid("wash", own[0].name, both, both)], wash=fees)
        for bid in own:
            for percent in (0, 50, 100):
                larger = bid._replace(scores={**scaled(bid, percent).scores, **both}, worth={**bid.worth, **both})
                yield Variant(replaced(own, bid, larger), wash=fees)


ATTACKS: dict[str, Attack] = {
    "shading": shading,
    "overstating": overstating,
    "sybils": sybils,
    "splitting and merging": splitting_and_merging,
    "shifting between groups": shifting,
    "copying": copying,
    "withheld reveals": withheld,
    "committing again": recommitting,
    "wash intents": wash,
}


def gained(auction: Auction, name: str, attack: Attack) -> dict[str, int]:
    """By model the largest gain that a variant of the attack brings the solver; at least 0, as it need not."""
    others = [bid for bid in auction.bids if bid.name != name]
    names = (name, SYBIL)
    before = gains(auction.bids, auction.fees, names, ties=f"{auction.seed}")
    best = dict.fromkeys(MODELS, 0)
    for variant in attack(auction, auction.of(name)):
        ties = f"{auction.seed} {variant.draw}".strip()
        fees = {**auction.fees, **variant.wash}
        after = gains([*others, *variant.bids], fees, names, ties=ties, late_ties=f"{auction.seed}", wash=variant.wash)
        for model in MODELS:
            penalty = variant.penalty if model in SEALED else 0
            best[model] = max(best[model], after[model] - penalty - before[model])
    return best


def tried(auctions: Sequence[Auction]) -> dict[str, list[dict[str, int]]]:
    """By attack, the gains of every solver in every auction."""
    contestants = [(auction, name) for auction in auctions for name in sorted({bid.name for bid in auction.bids})]
    return {title: [gained(*one, attack) for one in contestants] for title, attack in ATTACKS.items()}


def main(auctions: int = 300) -> None:
    """Try everything, and print the table."""
    all_drawn = [drawn(seed) for seed in range(auctions)]
    rows = []
    for title, found in tried(all_drawn).items():
        cells = [[one[model] for one in found] for model in MODELS]
        rows.append([title, *(f"{max(cell)} ({100 * sum(n > 0 for n in cell) / len(cell):.0f} %)" for cell in cells)])
    total = sum(exact(auction.bids, (), f"{auction.seed}").total for auction in all_drawn) // auctions
    show(
        columns=["attack", *MODELS],
        rows=rows,
        notes=[
            f"{auctions} auctions of four solvers; the total is {total} on average, fees where there are caps 2 to 30 a group.",
            "The largest gain found, and in how many of the solvers' auctions there is any.",
        ],
    )


if __name__ == "__main__":
    typer.run(main)
