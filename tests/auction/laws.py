"""Random small auctions, and what changing them a little does to the winners (docs/rules.md, section 6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from engine.auction.select import Candidate, Decision, Judge, NoGood, decide

ENOUGH = 1_000_000


def drawn(random: Random, venues: int) -> list[Candidate]:
    """Up to nine bids over four groups; each venue bears one of the bids that use it, and each bid uses it by chance."""
    count = random.randint(3, 9)
    keys = random.sample(range(100, 1000), count)
    bids = []
    for i in range(count):
        scores = {group: random.randint(0, 9) for group in random.sample("pqrs", random.choice((1, 1, 1, 2, 3)))}
        used = frozenset(f"venue{v}" for v in range(venues) if random.random() < 0.4)
        bids.append(Candidate(f"bid{i}", f"{keys[i]}", scores, used))
    return bids


def one_each(candidates: list[Candidate]) -> Judge:
    """A set is feasible where no venue is used twice."""
    uses = {candidate.id: candidate.resources for candidate in candidates}

    def judge(ids: frozenset[str]) -> NoGood | None:
        for venue in sorted(frozenset().union(*(uses[bid] for bid in ids))):
            users = frozenset(bid for bid in ids if venue in uses[bid])
            if len(users) > 1:
                return NoGood(users)
        return None

    return judge


def decided(candidates: list[Candidate]) -> Decision:
    """By the rules, all the work that it takes."""
    return decide(candidates, one_each(candidates), (), work=ENOUGH)


def raised(candidates: list[Candidate], random: Random) -> Iterator[tuple[str, list[Candidate]]]:
    """For each winner and each of its groups: its id, and the auction in which it scores more there."""
    winners = decided(candidates).winners.ids
    for i, candidate in enumerate(candidates):
        if candidate.id in winners:
            for group, score in candidate.scores.items():
                better = replace(candidate, scores={**candidate.scores, group: score + random.randint(1, 5)})
                yield candidate.id, [*candidates[:i], better, *candidates[i + 1 :]]
