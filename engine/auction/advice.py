"""Advice: what a search that nobody trusts says about a large component, in a form that integers can check.

It proposes a set and a proof that no other is heavier: a tree of cases (a bid is in, a bid is out) and at each leaf a
price for each row, a rational dual solution of the linear relaxation. engine.auction.proof checks both. Advice that is
false costs time or proves less; it never changes what is feasible, what a set weighs, or what is called optimal.

Rows, in this order: the groups of the component that two or more of its bids fill, ascending; the stocks that its bids
can exhaust, ascending (engine.auction.select.Component), priced by the greatest take; `cliques` (at most one of
these bids, because each two exclude each other); `clauses` (not all of `present` without one of `absent`).
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from intents.errors import InputError
from intents.identifiers import Text
from intents.values import Value

Small = Annotated[int, Field(ge=0, lt=2**53)]
"""A JSON integer."""


class Clause(Value):
    """Every set that holds all of `present` and none of `absent` is infeasible."""

    present: tuple[Text, ...]
    absent: tuple[Text, ...] = ()


class Step(Value):
    """A node of the tree: either cases over `bid` (in, then out), or a leaf with a price for each row.

    At a leaf that its prices leave open, what they do not exclude is searched, with at most `work`.
    """

    bid: Text | None = None
    prices: tuple[Small, ...] = ()
    work: Small = 0


class Advice(Value):
    """About the component whose least bid id is `first`. A price of p is p * 2^scale base units of the numeraire.

    `judged` are sets to judge beforehand, for what their refusal teaches. `tree` is in preorder, and whole.
    """

    first: Text
    best: tuple[Text, ...]
    judged: tuple[tuple[Text, ...], ...] = ()
    cliques: tuple[tuple[Text, ...], ...] = ()
    clauses: tuple[Clause, ...] = ()
    scale: int = Field(ge=-512, le=512)
    tree: tuple[Step, ...] = ()

    @model_validator(mode="after")
    def _is_a_tree(self) -> Self:
        unvisited = 1
        for i, step in enumerate(self.tree):
            if unvisited == 0:
                raise InputError("bad_advice", f"/tree/{i}", expected="the end of the tree", actual="another step")
            unvisited += -1 if step.bid is None else 1
        if unvisited:
            raise InputError("bad_advice", "/tree", expected="a leaf for each case", actual=f"{unvisited} missing")
        return self
