"""What arrives at the end of the best path, against a walk along every path."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from solvers.spread import MAX_HOPS, Arc, Arcs, Probes, rated, spread

ASSETS = "abcde"


@st.composite
def _arcs(draw: st.DrawFn) -> Arc:
    source, target = draw(st.permutations(ASSETS))[:2]
    widths = draw(st.lists(st.integers(1, 50), min_size=1, max_size=3))
    heights = draw(st.lists(st.integers(0, 50), min_size=len(widths), max_size=len(widths)))
    sent = tuple(float(x) for x in np.cumsum([0, *widths]))
    return Arc(source, target, sent, tuple(float(y) for y in np.cumsum([0, *heights])))


def _along(arcs: list[Arc], amount: float, here: str, goal: str, hops: int) -> float:
    """The most that reaches the goal, by trying every path."""
    if here == goal:
        return amount
    if hops == 0:
        return 0.0
    arriving = [(arc.target, float(np.interp(amount, arc.sent, arc.arriving))) for arc in arcs if arc.source == here]
    return max((_along(arcs, got, there, goal, hops - 1) for there, got in arriving if got), default=0.0)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(_arcs(), max_size=9), st.lists(st.integers(1, 99), min_size=1, max_size=3))
def test_the_best_of_all_paths_arrives_and_its_arcs_are_rated(arcs: list[Arc], amounts: list[int]) -> None:
    table = Arcs(arcs, ASSETS)
    start, goal = table.indices("a" for _ in amounts), table.indices("e" for _ in amounts)
    probes = Probes(start, goal, np.array(amounts, dtype=np.float64))

    found = spread(table, probes)[:, goal[0]]
    rates = rated(table, probes).rates

    expected = [_along(arcs, float(amount), "a", "e", MAX_HOPS) for amount in amounts]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    # Where something arrives there are arcs that it may come through, and nowhere else.
    assert [bool(row.any()) for row in rates > 0] == [out > 0 for out in expected]
