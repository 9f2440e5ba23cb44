"""Small auctions of a fixed population of solvers, and what they come to under the rules compared (docs/rewards.md).

Four solvers over four groups: ann joins groups at a gain and can serve them alone, ben knows one group well, cat offers a pair
and one group, dan serves each group a little worse. A bid is worth something in each group, which is what its solver can deliver; it
scores what it promises, and who delivers more than it promised keeps the difference. Amounts are in one unit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from random import Random
from typing import NamedTuple

from engine.auction.reward import Contest, RewardRules, Share, reward_of
from engine.auction.select import Candidate, Certificate

GROUPS = "pqrs"
ENOUGH = 1_000_000
"""Work for an exact selection: more than any of these auctions needs."""

RULES = RewardRules(most=10**6, least=50, not_settled=10, not_revealed=10, late_reveal=5)
"""The rules wherever rewards are capped; the caps that bind are the fees."""

UNCHARGED = RULES.model_copy(update={"least": 0})
UNCAPPED = RULES.model_copy(update={"least": 10**6})
"""Together with fees without end, the rewards without caps."""

MODELS = ("ours", "ours, no charges", "ours, no caps", "first price", "greedy", "greedy, no caps")


class Bid(NamedTuple):
    """A bid of the solver `name`: by group what it promises and what it can deliver."""

    id: str
    name: str
    scores: Mapping[str, int]
    worth: Mapping[str, int]

    @property
    def score(self) -> int:
        """What it promises in all."""
        return sum(self.scores.values())


class Auction(NamedTuple):
    """Truthful bids, the fee of a fill in each group, and the keys of ties by bid (others hold where none is)."""

    seed: int
    bids: tuple[Bid, ...]
    fees: Mapping[str, int]

    def of(self, name: str) -> list[Bid]:
        """The bids of one solver."""
        return [bid for bid in self.bids if bid.name == name]


class Found(NamedTuple):
    """Who wins, and the references of those winners that were asked for."""

    winners: tuple[str, ...]
    total: int
    references: Mapping[str, Certificate]


def honest(id_: str, name: str, worth: Mapping[str, int]) -> Bid:
    """A bid that promises what it can deliver."""
    return Bid(id_, name, worth, worth)


def drawn(seed: int) -> Auction:
    """The auction of a seed. Worths are multiples of five, so that ties occur."""
    random = Random(seed)
    level = {group: 5 * random.randint(8, 20) for group in GROUPS}

    def near(group: str, spread: int = 4) -> int:
        return level[group] + 5 * random.randint(-spread, spread)

    joined = random.sample(GROUPS, random.choice((2, 2, 3)))
    bids = [honest("ann/all", "ann", {group: near(group) + 10 for group in joined})]
    bids += [honest(f"ann/{group}", "ann", {group: bids[0].worth[group] - 10}) for group in joined[:2]]
    known = random.choice(GROUPS)
    bids.append(honest("ben/one", "ben", {known: near(known) + 15}))
    pair, other = random.sample(GROUPS, 2), random.choice(GROUPS)
    bids.append(honest("cat/pair", "cat", {group: near(group) + 10 for group in pair}))
    bids.append(honest("cat/one", "cat", {other: near(other)}))
    bids += [honest(f"dan/{group}", "dan", {group: near(group) - 10}) for group in random.sample(GROUPS, 3)]
    return Auction(seed, tuple(bids), {group: random.randint(2, 30) for group in GROUPS})


def tie_keys(bids: Iterable[Bid], draw: str) -> dict[str, str]:
    """A tie key for each bid, anew for each draw."""
    return {bid.id: f"{Random(f'{draw} {bid.id}').getrandbits(64):016x}" for bid in bids}


def exact(bids: Sequence[Bid], names: Collection[str], draw: str) -> Found:
    """Our selection: baselines, filter, the best set; for a reference all of it again."""
    keys = tie_keys(bids, draw)
    candidates = [Candidate(bid.id, keys[bid.id], bid.scores) for bid in bids]
    contest = Contest(candidates, {bid.id: bid.name for bid in bids}, lambda _: None)
    won = contest.decide(work=ENOUGH).winners
    asked = {bid.name for bid in bids if bid.id in won.ids and bid.name in names}
    references = {name: contest.decide(without=[name], work=ENOUGH).winners.certificate for name in asked}
    return Found(won.ids, won.certificate.score, references)


def greedy(bids: Sequence[Bid], names: Collection[str], draw: str) -> Found:
    """CoW's selection: bids by falling score, each where its groups are free; for a reference the filter is not run again.

    A reference passes over the ranking (winners, then the rest by score) without the solver's bids.
    """
    keys = tie_keys(bids, draw)
    baselines: dict[str, int] = {}
    for bid in bids:
        if len(bid.scores) == 1:
            for group, score in bid.scores.items():
                baselines[group] = max(score, baselines.get(group, 0))
    kept = [
        bid
        for bid in sorted(bids, key=lambda bid: (-bid.score, keys[bid.id]))
        if len(bid.scores) == 1 or all(score >= baselines.get(group, 0) for group, score in bid.scores.items())
    ]
    won = _taken(kept)
    ranking = [*won, *(bid for bid in kept if bid not in won)]
    references = {}
    for name in {bid.name for bid in won if bid.name in names}:
        score = sum(bid.score for bid in _taken([bid for bid in ranking if bid.name != name]))
        references[name] = Certificate("greedy", 0, score, score, optimal=False)
    return Found(tuple(bid.id for bid in won), sum(bid.score for bid in won), references)


def _taken(ranking: Iterable[Bid]) -> list[Bid]:
    taken: set[str] = set()
    won = []
    for bid in ranking:
        if taken.isdisjoint(bid.scores):
            taken.update(bid.scores)
            won.append(bid)
    return won


def gains(
    bids: Sequence[Bid],
    fees: Mapping[str, int],
    names: Collection[str],
    *,
    ties: str,
    late_ties: str | None = None,
    wash: Mapping[str, int] | None = None,
) -> dict[str, int]:
    """By model what the names have together: what their winning bids keep, their rewards, less the `wash` fees they pay.

    `late_ties` are for the greedy model, which draws ties after the close; `wash` has the fees of groups of their own intents.
    """
    told: dict[str, int] = {}
    for method, select, draw in (("ours", exact, ties), ("greedy", greedy, ties if late_ties is None else late_ties)):
        found = select(bids, names, draw)
        won = [bid for bid in bids if bid.id in found.winners and bid.name in names]
        kept = sum(sum(bid.worth.values()) - bid.score for bid in won)
        kept -= sum((wash or {}).get(group, 0) for bid in won for group in bid.scores)
        told |= dict.fromkeys((model for model in MODELS if model.startswith(method)), kept)
        if method == "ours":
            told["first price"] = kept
        for name, reference in found.references.items():
            scores = {bid.id: bid.score for bid in won if bid.name == name}
            paid = {bid.id: sum(fees[group] for group in bid.scores) for bid in won if bid.name == name}
            told[method] += reward_of(RULES, Share(found.total, scores, paid, {}), reference)
            if method == "ours":
                told["ours, no charges"] += reward_of(UNCHARGED, Share(found.total, scores, paid, {}), reference)
            free = Share(found.total, scores, dict.fromkeys(scores, found.total), {})
            told[f"{method}, no caps"] += reward_of(UNCAPPED, free, reference)
    return {model: told[model] for model in MODELS}
