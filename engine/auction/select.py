"""Baselines, filter and winners: section 6 of docs/rules.md over any notion of joint feasibility.

Guarantees
1. The result is a function of the set of candidates, their scores, tie keys and feasibility, and of `work`: no order
   in which anything is handed in changes it.
2. Where a certificate says `optimal`, the set is the one that section 6 names, ties included; else its score and
   `bound` enclose the best score.

Ties. Let the n candidates of a selection have ranks 0 .. n-1 by ascending tie key and give each the weight
score * 2^n + 2^(n-1-rank). The tie parts of a set sum to less than 2^n, so weight compares by score first; of two sets
of equal score the one that holds the smallest key in which they differ has the larger sum, because a power of two
exceeds the sum of all smaller ones. Sums of distinct powers differ, so exactly one feasible set is heaviest.

Components. Candidates that share neither a group nor a resource, directly or through others, do not affect each other:
a set is feasible if and only if its part in each component is (that is what `resources` promises), and weights add.
So each component is searched alone, smallest first, each with an equal share of the work that is left.

Advice. Somebody may advise on components (engine.auction.advice): a set, and a proof that no other is heavier. It is
checked and followed by integers (engine.auction.proof) and kept with the result; with the same advice the result is the
same everywhere, so whoever has it needs nothing of what made it.

It does not verify or score bids; feasibility is whatever `judge` says (engine.auction.contention for auctions).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Literal

from engine.auction.advice import Advice
from engine.auction.proof import MaskAdvice, MaskStep, Row, follow
from engine.auction.search import Found, MaskNoGood, Search, members, search
from intents.errors import InputError

METHOD = "branch_and_bound/1"
"""Names the search in records; another search gets another name."""

ADVISED = "lp_duals/1"
"""The method where at least one component was searched by advice."""


@dataclass(frozen=True)
class Candidate:
    """A bid as selection sees it: the score of each group it fills (not negative) and the resources it may contend for."""

    id: str
    tie_key: str
    scores: Mapping[str, int]
    resources: frozenset[str] = frozenset()

    @cached_property
    def score(self) -> int:
        """The sum over its groups."""
        return sum(self.scores.values())


@dataclass(frozen=True, slots=True)
class NoGood:
    """Every set that holds all of `present` and none of `absent` (ids) is infeasible."""

    present: frozenset[str]
    absent: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Stock:
    """No feasible set takes more than `capacity` together. Takes are positive, by id."""

    name: str
    capacity: int
    takes: Mapping[str, int]


Judge = Callable[[frozenset[str]], NoGood | None]
"""None where the ids, disjoint in groups and within one component, are jointly feasible; else a no-good they fall under."""


@dataclass(frozen=True)
class Component:
    """What an adviser sees: candidates by falling weight, what is known to exclude each other, and who judges."""

    candidates: Sequence[Candidate]
    no_goods: Sequence[NoGood]
    judge: Judge
    known_stocks: Sequence[Stock] = ()

    @cached_property
    def stocks(self) -> list[Stock]:
        """The stocks that its candidates can exhaust, with their takes, by ascending name."""
        ids = {candidate.id for candidate in self.candidates}
        own = [Stock(s.name, s.capacity, {i: n for i, n in s.takes.items() if i in ids}) for s in self.known_stocks]
        return sorted((s for s in own if sum(s.takes.values()) > s.capacity), key=lambda stock: stock.name)

    @property
    def first(self) -> str:
        """The least id; of one selection's components no two have the same."""
        return min(candidate.id for candidate in self.candidates)

    @property
    def groups(self) -> list[list[str]]:
        """The ids that fill each group that two or more fill, by ascending group."""
        by_group: dict[str, list[str]] = {}
        for candidate in self.candidates:
            for group in candidate.scores:
                by_group.setdefault(group, []).append(candidate.id)
        return [ids for _, ids in sorted(by_group.items()) if len(ids) > 1]


Purpose = Literal["baseline", "winners"]

Adviser = Callable[[Component], Advice | None]
"""Advice on a component, or None where it has none."""

Advisers = Callable[[Purpose, Component], Advice | None]
"""The same for both selections of a decision."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """How a set was found. `bound` is at least the best score; `optimal` says that the set is the one the rules name."""

    method: str
    work: int
    score: int
    bound: int
    optimal: bool


@dataclass(frozen=True, slots=True)
class Selection:
    """Ids of the set, ascending, its certificate, and the advice that was followed, by its `first`."""

    ids: tuple[str, ...]
    certificate: Certificate
    advice: tuple[Advice, ...] = ()


@dataclass(frozen=True, slots=True)
class Filtered:
    """Why a bid over several groups is out: in `group` it gives `score`, less than `by` of the baseline set does."""

    group: str
    score: int
    baseline: int
    by: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Baseline score by group, what was filtered, and both sets."""

    baselines: Mapping[str, int]
    filtered: Mapping[str, Filtered]
    baseline_set: Selection
    winners: Selection


def decide(
    candidates: Collection[Candidate],
    judge: Judge,
    no_goods: Iterable[NoGood],
    *,
    work: int,
    advisers: Advisers | None = None,
    stocks: Iterable[Stock] = (),
) -> Decision:
    """Baselines, filter and winners. The baselines get at most half of `work`, the winners all that is then left."""
    known, drawn = tuple(no_goods), tuple(stocks)
    single = [candidate for candidate in candidates if len(candidate.scores) == 1]
    adviser = None if advisers is None else partial(advisers, "baseline")
    baseline_set = select(single, judge, known, work=work // 2, adviser=adviser, stocks=drawn)
    baselines = {group: 0 for candidate in candidates for group in candidate.scores}
    in_baseline = set(baseline_set.ids)
    setters: dict[str, Candidate] = {}
    for candidate in single:
        if candidate.id in in_baseline:
            baselines.update(candidate.scores)
            setters.update(dict.fromkeys(candidate.scores, candidate))
    filtered = {c.id: reason for c in candidates if (reason := shortfall(c, setters)) is not None}
    remaining = [candidate for candidate in candidates if candidate.id not in filtered]
    adviser = None if advisers is None else partial(advisers, "winners")
    left = max(0, work - baseline_set.certificate.work)
    winners = select(remaining, judge, known, work=left, adviser=adviser, stocks=drawn)
    return Decision(dict(sorted(baselines.items())), dict(sorted(filtered.items())), baseline_set, winners)


def shortfall(candidate: Candidate, setters: Mapping[str, Candidate]) -> Filtered | None:
    """The first group, by id, in which a bid over several groups gives less than the baseline set's bid there."""
    if len(candidate.scores) > 1:
        for group, score in sorted(candidate.scores.items()):
            if group in setters and score < setters[group].score:
                return Filtered(group, score, setters[group].score, setters[group].id)
    return None


def select(
    candidates: Collection[Candidate],
    judge: Judge,
    no_goods: Iterable[NoGood],
    *,
    work: int,
    adviser: Adviser | None = None,
    stocks: Iterable[Stock] = (),
) -> Selection:
    """The feasible set, disjoint in groups, of greatest score, first by ties.

    `no_goods` and `stocks` may name ids that are not candidates; they must be true. Stocks serve advice. Raises ValueError for a negative score, an empty
    candidate or a repeated id or tie key, InputError `bad_advice` for advice that is not about its component.
    """
    ranked = sorted(candidates, key=lambda candidate: candidate.tie_key)
    if len({c.id for c in ranked}) < len(ranked) or len({c.tie_key for c in ranked}) < len(ranked):
        raise ValueError("expected distinct ids and tie keys")
    if any(not c.scores or min(c.scores.values()) < 0 for c in ranked):
        raise ValueError("expected candidates with groups and without negative scores")
    weights = {c.id: (c.score << len(ranked)) + (1 << (len(ranked) - 1 - rank)) for rank, c in enumerate(ranked)}
    known, drawn = tuple(no_goods), tuple(stocks)
    parts, left = components(ranked), work
    chosen: list[str] = []
    followed: list[Advice] = []
    used, bound, optimal = 0, 0, True
    for done, part in enumerate(parts):
        ordered = sorted(part, key=lambda candidate: -weights[candidate.id])
        component = Component(ordered, known, judge, drawn)
        advice = None if adviser is None else adviser(component)
        share = left // (len(parts) - done)
        found, ids = _search_component(component, weights, share, advice)
        followed += [] if advice is None else [advice]
        left = max(0, left - found.work)
        used += found.work
        chosen += ids
        bound += found.bound
        optimal = optimal and found.optimal
    score = sum(c.score for c in ranked if c.id in set(chosen))
    method = ADVISED if followed else METHOD
    certificate = Certificate(method, used, score, bound >> len(ranked), optimal)
    return Selection(tuple(sorted(chosen)), certificate, tuple(sorted(followed, key=lambda one: one.first)))


def components(ranked: Sequence[Candidate]) -> list[list[Candidate]]:
    """Candidates connected by shared groups and resources: smallest component first, then by its first candidate."""
    parent = list(range(len(ranked)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    holder: dict[tuple[str, str], int] = {}
    for i, candidate in enumerate(ranked):
        for name in (*(("group", g) for g in candidate.scores), *(("resource", r) for r in candidate.resources)):
            parent[root(i)] = root(holder.setdefault(name, i))
    parts: dict[int, list[Candidate]] = {}
    for i, candidate in enumerate(ranked):
        parts.setdefault(root(i), []).append(candidate)
    return sorted(parts.values(), key=lambda part: (len(part), part[0].tie_key))


def _search_component(
    component: Component, weights: Mapping[str, int], work: int, advice: Advice | None
) -> tuple[Found, list[str]]:
    """Search one component: candidates become vertices by falling weight, shared groups and no-goods become masks."""
    ordered = component.candidates
    index = {candidate.id: v for v, candidate in enumerate(ordered)}

    def masked(no_good: NoGood) -> MaskNoGood:
        return _mask(index, no_good.present), _mask(index, no_good.absent & index.keys())

    def judge_mask(mask: int) -> MaskNoGood | None:
        no_good = component.judge(frozenset(ordered[v].id for v in members(mask)))
        return None if no_good is None else masked(no_good)

    groups = [_mask(index, ids) for ids in component.groups]
    known = [masked(no_good) for no_good in component.no_goods if no_good.present <= index.keys()]
    listed = [weights[candidate.id] for candidate in ordered]
    if advice is None:
        found = search(listed, known, judge_mask, work, groups)
    else:
        # Tie parts take as many bits as the selection has candidates.
        to_weight = advice.scale + len(weights)
        followed = _masked_advice(component, index, advice, to_weight)
        found = follow(Search(listed, known, judge_mask, groups), followed, work)
    return found, [ordered[v].id for v in members(found.chosen)]


def _masked_advice(component: Component, index: Mapping[str, int], advice: Advice, to_weight: int) -> MaskAdvice:
    if advice.first != component.first:
        raise InputError("bad_advice", "/first", expected=component.first, actual=advice.first)
    if to_weight < 0:
        raise InputError(
            "bad_advice", "/scale", expected=f"at least {advice.scale - to_weight}", actual=str(advice.scale)
        )
    named = {*advice.best, *(step.bid for step in advice.tree if step.bid is not None)}
    named.update(*advice.judged, *advice.cliques, *(part for c in advice.clauses for part in (c.present, c.absent)))
    if not named <= index.keys():
        raise InputError("bad_advice", "", expected="bids of the component", actual=min(named - index.keys()))
    return MaskAdvice(
        best=_mask(index, advice.best),
        judged=[_mask(index, ids) for ids in advice.judged],
        groups=[_mask(index, ids) for ids in component.groups],
        stocks=[
            Row({index[i]: n for i, n in stock.takes.items()}, stock.capacity, max(stock.takes.values()))
            for stock in component.stocks
        ],
        cliques=[_mask(index, ids) for ids in advice.cliques],
        clauses=[(_mask(index, clause.present), _mask(index, clause.absent)) for clause in advice.clauses],
        tree=[
            MaskStep(
                None if step.bid is None else index[step.bid], tuple(y << to_weight for y in step.prices), step.work
            )
            for step in advice.tree
        ],
    )


def _mask(index: Mapping[str, int], ids: Iterable[str]) -> int:
    """The vertices of ids as a mask."""
    return sum(1 << index[i] for i in set(ids))
