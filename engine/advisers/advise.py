"""Who may advise a selection: by component, a proposed set and a tree of linear programs that proves it.

A component that the plain search (engine.auction.search) proves at once gets no advice: that is most of them, and it is
cheaper to search again than to keep a proof. Loads OR-Tools when a component needs it, and only then; without OR-Tools
there is no advice and the selection searches by itself.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from engine.auction.advice import Advice
from engine.auction.select import Advisers, Component, Purpose, select

SMALL = 16
"""Candidates of a component up to which nothing is tried beforehand."""

LARGE = 200
"""Candidates of a component from which the plain search is not tried."""

TRIAL = 30_000
"""Work for the trial, times candidates: a node takes time in proportion to them."""


def advisers() -> Advisers | None:
    """Advice for components that need it; None where OR-Tools is not installed."""
    return _advise if find_spec("ortools") is not None else None


def _advise(_purpose: Purpose, component: Component) -> Advice | None:
    count = len(component.candidates)
    if count <= SMALL:
        return None
    if count <= LARGE:
        alone = select(component.candidates, component.judge, component.no_goods, work=TRIAL // count)
        if alone.certificate.optimal:
            return None
    advice: Advice | None = import_module("engine.advisers.tree").advise(component)
    return advice
