"""A component as rows of small integers' indices: what CP-SAT and the linear programs both read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

from engine.auction.select import Component, NoGood

MOST_OF_CLIQUE = 64
"""Bids in a clique that is made of pairs."""


@dataclass
class Model:
    """Bids by index, in the component's order. `stocks` are takes and capacity. `clauses` may grow as sets are refused."""

    ids: list[str]
    scores: list[int]
    ties: list[str]
    groups: list[list[int]]
    stocks: list[tuple[dict[int, int], int]]
    cliques: list[list[int]]
    clauses: list[tuple[list[int], list[int]]]
    neighbours: list[set[int]]
    judged: list[list[int]] = field(default_factory=list)

    def named(self, indices: Sequence[int]) -> tuple[str, ...]:
        """The ids of bids, ascending."""
        return tuple(sorted(self.ids[i] for i in indices))

    def score(self, indices: Sequence[int]) -> int:
        """What bids score together."""
        return sum(self.scores[i] for i in indices)

    def fits(self, i: int, inside: set[int]) -> bool:
        """Whether the stocks that a bid takes from bear it together with others."""
        return all(
            draws[i] + sum(draws.get(j, 0) for j in inside if j != i) <= capacity
            for draws, capacity in self.stocks
            if i in draws
        )

    def learn(self, no_good: NoGood, judged: Sequence[int]) -> None:
        """Keep why a set was refused."""
        index = {each: i for i, each in enumerate(self.ids)}
        self.judged.append(list(judged))
        present = sorted(index[i] for i in no_good.present)
        absent = sorted(index[i] for i in no_good.absent if i in index)
        if len(present) == 2 and not absent:
            self.cliques.append(present)
            self.neighbours[present[0]].add(present[1])
            self.neighbours[present[1]].add(present[0])
        elif (present, absent) not in self.clauses:
            self.clauses.append((present, absent))


def model_of(component: Component) -> Model:
    """The component's rows; pairs that exclude each other for other reasons than a group are joined to cliques."""
    ids = [candidate.id for candidate in component.candidates]
    index = {each: i for i, each in enumerate(ids)}
    groups = [[index[i] for i in members] for members in component.groups]
    neighbours: list[set[int]] = [set() for _ in ids]
    for members in groups:
        for i in members:
            neighbours[i].update(members)
    pairs: set[tuple[int, int]] = set()
    clauses: list[tuple[list[int], list[int]]] = []
    for no_good in component.no_goods:
        if not no_good.present <= index.keys():
            continue
        present = sorted(index[i] for i in no_good.present)
        absent = sorted(index[i] for i in no_good.absent if i in index)
        if len(present) == 2 and not absent:
            if present[1] not in neighbours[present[0]]:
                pairs.add((present[0], present[1]))
        elif (present, absent) not in clauses:
            clauses.append((present, absent))
    for i, j in pairs:
        neighbours[i].add(j)
        neighbours[j].add(i)
    for i, near in enumerate(neighbours):
        near.discard(i)
    scores = [candidate.score for candidate in component.candidates]
    ties = [candidate.tie_key for candidate in component.candidates]
    stocks = [({index[i]: n for i, n in stock.takes.items()}, stock.capacity) for stock in component.stocks]
    return Model(ids, scores, ties, groups, stocks, _joined(pairs, neighbours), clauses, neighbours)


def _joined(pairs: set[tuple[int, int]], neighbours: Sequence[set[int]]) -> list[list[int]]:
    """Cliques that cover the pairs, greedily."""
    cliques, left = [], set(pairs)
    for i, j in sorted(pairs):
        if (i, j) not in left:
            continue
        clique, common = [i, j], neighbours[i] & neighbours[j]
        while common and len(clique) < MOST_OF_CLIQUE:
            k = min(common)
            clique.append(k)
            common = common & neighbours[k]
        left.difference_update(combinations(sorted(clique), 2))
        cliques.append(sorted(clique))
    return cliques
