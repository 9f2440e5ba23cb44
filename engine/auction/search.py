"""Exact branch and bound for the heaviest feasible set of a small universe. Pure integers; knows nothing of auctions.

The universe is the vertices 0 .. n-1 with positive integer weights, sets are integers used as bit masks. A set is
feasible if the judge says so; no monotonicity is assumed. What the judge refuses it explains by a no-good
(present, absent): every set that holds all of `present` and nothing of `absent` is infeasible.

Guarantees
1. `optimal` means: no feasible set weighs more than the result. If also all weights of sets differ, it is the only one.
2. Without `optimal` the result is feasible, and no feasible set weighs more than `bound`.
3. The result depends on the arguments only: `work` counts nodes entered and sets judged, never time.

How. A node is a set `chosen` and the vertices that may still join it. Pairs that can never be together are edges;
other no-goods are looked at in each node and become edges, forbidden vertices or the end of the node once everything
in their `absent` is out of reach. The bound is a fractional cover of the remaining vertices by cliques: if each vertex
v lies in cliques whose shares sum to at least weight(v), then an independent set weighs at most the sum of all shares,
because it holds at most one vertex of each clique (the dual of the clique relaxation; the splitting of weights is that
of Babel, "A fast algorithm for the maximum weight clique problem", Computing 52, 1994). Vertices whose weight is
covered within what is missing to the incumbent need no branch of their own: a set of such vertices alone cannot win.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

MaskNoGood = tuple[int, int]
"""(present, absent) as masks."""

MaskJudge = Callable[[int], MaskNoGood | None]
"""None where the set is feasible, else a no-good that the set falls under."""


@dataclass(frozen=True, slots=True)
class Found:
    """The heaviest feasible set that was found; `bound` is at least the weight of the heaviest there is."""

    chosen: int
    weight: int
    bound: int
    work: int
    optimal: bool


def members(mask: int) -> Iterator[int]:
    """The vertices of a mask, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def search(
    weights: Sequence[int],
    no_goods: Iterable[MaskNoGood],
    judge: MaskJudge,
    work: int,
    cliques: Iterable[int] = (),
) -> Found:
    """The heaviest feasible set; the empty one is feasible. Vertices are best numbered by falling weight.

    Of the vertices of each of `cliques` no two are ever together.

    `no_goods` and `cliques` must hold whatever the judge would say. `work` limits nodes and judged sets together; the incumbents
    that the search starts from are judged even beyond it (at most 5n + 5 sets).
    """
    run = Search(weights, no_goods, judge, cliques)
    run.start()
    open_bound = run.walk(Node(0, 0, (1 << len(weights)) - 1), work)
    bound = max(run.best_weight, open_bound)
    return Found(run.best, run.best_weight, bound, run.used, bound == run.best_weight)


def clique_cover(
    weights: Sequence[int], rows: Sequence[int], candidates: int, slack: int | None
) -> tuple[int, list[int]]:
    """Cover vertices by weighted cliques of the graph `rows` whose shares sum to at most `slack` (None: no limit).

    Returns the sum of the shares and the vertices that they do not cover wholly, heaviest first. Any set of pairwise
    non-adjacent covered vertices weighs at most the sum.
    """
    left = {v: weights[v] for v in members(candidates)}
    total, uncovered, live = 0, [], candidates
    for v in sorted(left, key=lambda v: (-weights[v], v)):
        while left[v]:
            clique, share, common = [v], left[v], rows[v] & live
            while common:
                u = next(members(common))
                clique.append(u)
                share = min(share, left[u])
                common &= rows[u]
            if slack is not None and total + share > slack:
                uncovered.append(v)
                live &= ~(1 << v)
                break
            total += share
            for u in clique:
                left[u] -= share
                if not left[u]:
                    live &= ~(1 << u)
    return total, uncovered


@dataclass(slots=True)
class Node:
    """The sets chosen + T for T within `candidates`; `extra` are edges and `pending` no-goods of this subtree."""

    chosen: int
    weight: int
    candidates: int
    extra: dict[int, int] = field(default_factory=dict)
    pending: list[MaskNoGood] = field(default_factory=list)
    seen: int = 0
    branches: list[int] = field(default_factory=list)


class Search:
    """The state of one search: the incumbent, the memo of judgements, edges (`rows`) and no-goods known so far."""

    def __init__(
        self, weights: Sequence[int], no_goods: Iterable[MaskNoGood], judge: MaskJudge, cliques: Iterable[int] = ()
    ) -> None:
        self.weights = weights
        self.rows = [0] * len(weights)
        self.clauses: list[MaskNoGood] = []
        self.judge = judge
        self.used = 0
        self.memo: dict[int, bool] = {0: True}
        self.best = self.best_weight = 0
        for clique in cliques:
            for v in members(clique):
                self.rows[v] |= clique & ~(1 << v)
        for no_good in no_goods:
            self.learn(no_good)

    def learn(self, no_good: MaskNoGood) -> None:
        """Keep a no-good: an edge where it is an unconditional pair, else a clause."""
        present, absent = no_good
        if absent == 0 and present.bit_count() == 2:
            first, second = members(present)
            self.rows[first] |= 1 << second
            self.rows[second] |= 1 << first
        else:
            self.clauses.append(no_good)

    def feasible(self, mask: int) -> bool:
        """Judge a set once; learn from a refusal."""
        if mask not in self.memo:
            self.used += 1
            no_good = self.judge(mask)
            self.memo[mask] = no_good is None
            if no_good is not None:
                self.learn(no_good)
        return self.memo[mask]

    def offer(self, mask: int) -> None:
        """Make a set the incumbent if it is heavier and feasible."""
        weight = sum(self.weights[v] for v in members(mask))
        if weight > self.best_weight and self.feasible(mask):
            self.best, self.best_weight = mask, weight

    def start(self) -> None:
        """Incumbents: from none and from each of the four heaviest vertices, add by falling weight what fits."""
        heaviest = sorted(range(len(self.weights)), key=lambda v: (-self.weights[v], v))
        for seed in (0, *(1 << v for v in heaviest[:4])):
            if not self.feasible(seed):
                continue
            independent = grown = seed
            for v in heaviest:
                if not self.rows[v] & independent:
                    independent |= 1 << v
            self.offer(independent)
            if self.memo.get(independent, True):
                continue
            for v in heaviest:
                if not self.rows[v] & grown and self.feasible(grown | 1 << v):
                    grown |= 1 << v
            self.offer(grown)

    def walk(self, root: Node, work: int) -> int:
        """Depth first through all below a node that can beat the incumbent. Returns a bound on what the cut-off left.

        It goes on until `used` reaches `work`.
        """
        stack = [root] if self.open(root) else []
        while stack:
            if self.used >= work:
                return max(
                    node.weight + clique_cover(self.weights, self.edges(node), node.candidates, None)[0]
                    for node in stack
                )
            node = stack[-1]
            if not node.branches:
                self.offer(node.chosen)
                stack.pop()
                continue
            v = node.branches.pop(0)
            node.candidates &= ~(1 << v)
            child = Node(
                node.chosen | 1 << v,
                node.weight + self.weights[v],
                node.candidates & ~(self.rows[v] | node.extra.get(v, 0)),
                node.extra,
                node.pending,
                node.seen,
            )
            if self.open(child):
                stack.append(child)
        return 0

    def open(self, node: Node) -> bool:
        """Count the node, apply the no-goods and set its branches; False where no set of it is feasible."""
        self.used += 1
        if not self.propagate(node):
            return False
        # Where the node's own set beats the incumbent if feasible, every candidate is a branch, and the set is offered last.
        slack = max(0, self.best_weight - node.weight)
        node.branches = clique_cover(self.weights, self.edges(node), node.candidates, slack)[1]
        return True

    def edges(self, node: Node) -> list[int]:
        """All edges that hold in the subtree of a node."""
        return [row | node.extra.get(v, 0) for v, row in enumerate(self.rows)]

    def propagate(self, node: Node) -> bool:
        """Draw from the no-goods what follows in this subtree; False where no set of it is feasible.

        A no-good binds once its `absent` is out of reach: it then ends the node if all of `present` is chosen, forbids
        the one vertex that is missing, or makes the two that are missing adjacent.
        """
        pending = node.pending + self.clauses[node.seen :]
        node.seen = len(self.clauses)
        node.extra = dict(node.extra)
        before = -1
        while before != node.candidates:
            before = node.candidates
            kept = []
            for no_good in pending:
                present, absent = no_good
                reach = node.chosen | node.candidates
                if absent & node.chosen or present & ~reach:
                    continue
                missing = present & ~node.chosen
                if absent & reach or missing.bit_count() > 2:
                    kept.append(no_good)
                elif missing == 0:
                    return False
                elif missing & (missing - 1) == 0:
                    node.candidates &= ~missing
                else:
                    first, second = members(missing)
                    node.extra[first] = node.extra.get(first, 0) | 1 << second
                    node.extra[second] = node.extra.get(second, 0) | 1 << first
            pending = kept
        node.pending = pending
        return True
