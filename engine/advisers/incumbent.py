"""A good feasible set of a component, by CP-SAT.

CP-SAT computes in 64 bits, and scores have 60 to 200: it is given their high words, shifted so that all together stay
below 2^60, and knows nothing of the words that are dropped nor of ties. What that may cost is not estimated: bids are
then exchanged while that helps, in whole integers and by ties, and the proof (engine.advisers.tree) is about the whole
scores. One worker, a fixed seed and a limit in deterministic time: the same component gives the same set.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ortools.sat.python import cp_model

from engine.advisers.model import Model
from engine.auction.select import Component

HIGH_WORD_BITS = 60
"""Bits that all scores of a component together may take in CP-SAT's objective."""

STOCK_BITS = 40
"""Bits that all takes from a stock together may have in CP-SAT."""

DETERMINISTIC_SECONDS = 1.0
"""CP-SAT's own measure of work, for one attempt."""

ATTEMPTS = 12
"""Sets that may be refused by the judge before the best feasible one so far has to do."""


def rounded(component: Component, model: Model, shares: Sequence[float]) -> list[int]:
    """An accepted set from what a linear program takes of each bid, without CP-SAT."""
    return _repaired(component, model, _exchanged(model, _taken(model, shares)))


def incumbent(component: Component, model: Model, best: list[int]) -> list[int]:
    """The better of an accepted set and what CP-SAT makes of it. What refusals teach is kept in the model."""
    found: list[int] = []
    for _ in range(ATTEMPTS):
        found = _exchanged(model, _solved(model, best))
        if model.score(found) <= model.score(best):
            return best
        if accepted(component, model, found):
            return found
    return max(best, _repaired(component, model, found), key=model.score)


def _repaired(component: Component, model: Model, found: list[int]) -> list[int]:
    """Without the least of those that each refusal names, until what is left is accepted."""
    index = {each: i for i, each in enumerate(model.ids)}
    while found:
        no_good = component.judge(frozenset(model.named(found)))
        if no_good is None:
            break
        named = [index[i] for i in no_good.present] or found
        least = min(named, key=lambda i: (model.scores[i], i))
        found = [i for i in found if i != least]
    return found


def accepted(component: Component, model: Model, found: list[int]) -> bool:
    """Whether the judge accepts a set; what a refusal teaches is kept in the model."""
    no_good = component.judge(frozenset(model.named(found)))
    if no_good is not None:
        model.learn(no_good, found)
    return no_good is None


def _taken(model: Model, shares: Sequence[float]) -> list[int]:
    """Bids by falling share, then score, as far as they do not exclude each other."""
    inside: set[int] = set()
    for i in sorted(range(len(shares)), key=lambda i: (-round(shares[i], 6), -model.scores[i], i)):
        if shares[i] > 0 and model.neighbours[i].isdisjoint(inside) and model.fits(i, inside):
            inside.add(i)
    return sorted(inside)


def _solved(model: Model, hint: list[int]) -> list[int]:
    cp: Any = cp_model.CpModel()
    takes = [cp.new_bool_var("") for _ in model.ids]
    for row in (*model.groups, *model.cliques):
        cp.add_at_most_one([takes[i] for i in row])
    for draws, capacity in model.stocks:
        # Takes up and the capacity down: what CP-SAT finds keeps the stock.
        unit = max(1, sum(draws.values()) >> STOCK_BITS)
        cp.add(sum(-(-n // unit) * takes[i] for i, n in draws.items()) <= capacity // unit)
    for present, absent in model.clauses:
        cp.add_bool_or([*(takes[i].negated() for i in present), *(takes[i] for i in absent)])
    shift = max(0, sum(model.scores).bit_length() - HIGH_WORD_BITS)
    cp.maximize(cp_model.LinearExpr.weighted_sum(takes, [score >> shift for score in model.scores]))
    hinted = set(hint)
    for i, take in enumerate(takes):
        cp.add_hint(take, i in hinted)
    solver: Any = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = DETERMINISTIC_SECONDS
    status = solver.solve(cp)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return []
    return [i for i, take in enumerate(takes) if solver.boolean_value(take)]


def _exchanged(model: Model, found: list[int]) -> list[int]:
    """The set after exchanging what each better bid excludes, by falling score, until nothing is gained."""
    inside, before = set(found), set[int]()
    order = sorted(range(len(model.ids)), key=lambda i: (-model.scores[i], model.ties[i]))
    while inside != before:
        before = set(inside)
        for i in order:
            if i in inside:
                continue
            out = model.neighbours[i] & inside
            given = sum(model.scores[j] for j in out)
            first = not out or model.ties[i] < min(model.ties[j] for j in out)
            better = model.scores[i] > given or (model.scores[i] == given and first)
            if better and model.fits(i, inside - out):
                inside = (inside - out) | {i}
    return sorted(inside)
