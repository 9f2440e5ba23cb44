"""Taking back splits that do not earn their gas: an intent's flows over paths, merged while that saves more than it loses.

Guarantees: the total input stays the same; with each merge the output lost is worth less than the gas saved. Flows over
order books are left alone (their gas buys another level, not a better split).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from solvers.greedy.router import Both, Path, Router

Flows = dict[Path, int]


def prune(
    router: Router, before: Mapping[str, Both], flows: Flows, used: set[str], gas_in: Callable[[Path], float]
) -> Flows:
    """Merge flows of one intent; leaves the router's states as after the result.

    `before`: the states without the flows; `used`: venues whose gas the group burns anyway; `gas_in`: gas of edges in
    base units of what is received.
    """
    best = _output(router, before, flows)
    while len(flows) > 1 and best is not None:
        gain, merged, output = 0.0, None, None
        for path in sorted(flows, key=lambda p: (flows[p], _names(p))):
            others = {edge.venue for other in flows if other != path for edge in other} | used
            saved = gas_in(tuple(edge for edge in path if edge.venue not in others))
            for into in sorted(flows, key=lambda p: (-flows[p], _names(p)))[:2]:
                if into == path or saved <= 0:
                    continue
                trial = {p: a + (flows[path] if p == into else 0) for p, a in flows.items() if p != path}
                out = _output(router, before, trial)
                if out is not None and saved - (best - out) > gain:
                    gain, merged, output = saved - (best - out), trial, out
        if merged is None:
            break
        flows, best = merged, output
    _output(router, before, flows)
    return flows


def _output(router: Router, before: Mapping[str, Both], flows: Flows) -> int | None:
    """What flows bring in order, from the states before; the router is left with the states after."""
    router.states = dict(before)
    total = 0
    for path, amount in flows.items():
        quote = router.quote(path, amount)
        if quote is None or quote.used != amount:
            return None
        router.commit(quote)
        total += quote.out
    return total


def output_of(router: Router, before: Mapping[str, Both], flows: Flows) -> int:
    """What flows bring in order, 0 where one is refused; the router is left with the states after."""
    return _output(router, before, flows) or 0


def _names(path: Path) -> tuple[str, ...]:
    return tuple(edge.venue for edge in path)
