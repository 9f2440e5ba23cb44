"""Section 6 of docs/rules.md in its own words, by brute force: what the fast search must equal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from itertools import combinations

from engine.auction.select import Candidate, Judge, NoGood

Feasible = Callable[[frozenset[str]], bool]


def subsets(candidates: Collection[Candidate]) -> Iterable[tuple[Candidate, ...]]:
    """Every set of candidates that is disjoint in groups."""
    for size in range(len(candidates) + 1):
        for chosen in combinations(candidates, size):
            groups = [group for candidate in chosen for group in candidate.scores]
            if len(groups) == len(set(groups)):
                yield chosen


def first_by_ties(sets: list[tuple[Candidate, ...]]) -> tuple[Candidate, ...]:
    """The rule in its own words: compare sorted lists of tie keys, a proper superset before its subset."""
    after_every_key = "~"
    return min(sets, key=lambda chosen: [*sorted(c.tie_key for c in chosen), after_every_key])


def plain_winners(candidates: Collection[Candidate], feasible: Feasible) -> tuple[str, ...]:
    """Brute force."""
    sets = [chosen for chosen in subsets(candidates) if feasible(frozenset(c.id for c in chosen))]
    best = max(sum(c.score for c in chosen) for chosen in sets)
    return tuple(sorted(c.id for c in first_by_ties([s for s in sets if sum(c.score for c in s) == best])))


def exact_judge(feasible: Feasible, candidates: Collection[Candidate]) -> Judge:
    """A judge that explains nothing: a refused set excludes itself alone."""
    everything = frozenset(c.id for c in candidates)
    return lambda ids: None if feasible(ids) else NoGood(ids, everything - ids)


def plain_decision(
    candidates: Collection[Candidate], feasible: Feasible
) -> tuple[tuple[str, ...], dict[str, int], dict[str, str], tuple[str, ...]]:
    """The baseline set, the baseline of every group, the first group that filters each filtered bid, the winners."""
    single = [c for c in candidates if len(c.scores) == 1]
    baseline_ids = plain_winners(single, feasible)
    baselines = {group: 0 for c in candidates for group in c.scores}
    for candidate in single:
        if candidate.id in baseline_ids:
            baselines.update(candidate.scores)
    short = {c.id: sorted(g for g, score in c.scores.items() if score < baselines[g]) for c in candidates}
    filtered = {c.id: short[c.id][0] for c in candidates if len(c.scores) > 1 and short[c.id]}
    return baseline_ids, baselines, filtered, plain_winners([c for c in candidates if c.id not in filtered], feasible)
