"""Who may advise a selection: by component, a proposed set and a tree of linear programs that proves it.

Loads OR-Tools when a component is large, and only then; without OR-Tools there is no advice and the selection searches
by itself (engine.auction.search).
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from engine.auction.advice import Advice
from engine.auction.select import Advisers, Component, Purpose

LARGE = 64
"""Candidates of a component up to which the exact search needs no advice."""


def advisers() -> Advisers | None:
    """Advice for large components; None where OR-Tools is not installed."""
    return _advise if find_spec("ortools") is not None else None


def _advise(_purpose: Purpose, component: Component) -> Advice | None:
    if len(component.candidates) <= LARGE:
        return None
    advice: Advice | None = import_module("engine.advisers.tree").advise(component)
    return advice
