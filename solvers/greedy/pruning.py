"""Improving an intent's flows over paths, executed one path after the other as the assembler will.

- `balance` moves amounts between paths while that brings more: chunks were chosen in turns, and paths that share a
  venue get other shares of it when each runs in one go.
- `prune` takes back splits that do not earn their gas.

Guarantees: the total input stays the same; balancing never brings less; with each merge the output lost is worth less
than the gas saved. Where waiting costs something, outputs count for what is left of them after it. Flows over order books are not meant for either (more gas buys another level there, not a better
split).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from solvers.greedy.router import Both, Path, Router

Flows = dict[Path, int]

FINEST = 256
"""The smallest amount that balancing moves is the total over this."""


def prune(
    router: Router, before: Mapping[str, Both], flows: Flows, used: set[str], gas_in: Callable[[Path], float]
) -> Flows:
    """Merge flows of one intent; leaves the router's states as after the result.

    `before`: the states without the flows; `used`: venues whose gas the group burns anyway; `gas_in`: gas of edges in
    base units of what is received.
    """
    best = _worth(router, before, flows)
    while len(flows) > 1 and best is not None:
        gain, merged, output = 0.0, None, None
        for path in sorted(flows, key=lambda p: (flows[p], _names(p))):
            others = {edge.venue for other in flows if other != path for edge in other} | used
            saved = gas_in(tuple(edge for edge in path if edge.venue not in others))
            for into in sorted(flows, key=lambda p: (-flows[p], _names(p)))[:2]:
                if into == path or saved <= 0:
                    continue
                trial = {p: a + (flows[path] if p == into else 0) for p, a in flows.items() if p != path}
                out = _worth(router, before, trial)
                if out is not None and saved - (best - out) > gain:
                    gain, merged, output = saved - (best - out), trial, out
        if merged is None:
            break
        flows, best = merged, output
    _outputs(router, before, flows)
    return flows


def balance(router: Router, before: Mapping[str, Both], flows: Flows) -> Flows:
    """The flows with amounts shifted between them while that brings more, by steps from a quarter of the total down."""
    best, step = _worth(router, before, flows) or 0, sum(flows.values()) // 4
    finest = max(1, sum(flows.values()) // FINEST)
    while len(flows) > 1 and step >= finest:
        improved = False
        for source in list(flows):
            for target in list(flows):
                moved = min(step, flows.get(source, 0))
                if source == target or not moved:
                    continue
                trial = dict(flows)
                trial[source] -= moved
                trial[target] += moved
                trial = {path: amount for path, amount in trial.items() if amount}
                out = _worth(router, before, trial) if target in flows else None
                if out is not None and out > best:
                    best, flows, improved = out, trial, True
        if not improved:
            step //= 2
    _outputs(router, before, flows)
    return flows


def _outputs(router: Router, before: Mapping[str, Both], flows: Flows) -> Flows | None:
    """What each flow brings, in order, from the states before; the router is left with the states after."""
    router.states = dict(before)
    outputs = {}
    for path, amount in flows.items():
        quote = router.quote(path, amount)
        if quote is None or quote.used != amount:
            return None
        router.commit(quote)
        outputs[path] = quote.out
    return outputs


def _worth(router: Router, before: Mapping[str, Both], flows: Flows) -> float | None:
    outputs = _outputs(router, before, flows)
    return None if outputs is None else sum(router.worth(out, path) for path, out in outputs.items())


def output_of(router: Router, before: Mapping[str, Both], flows: Flows) -> int:
    """What flows bring in order, 0 where one is refused; the router is left with the states after."""
    return sum((_outputs(router, before, flows) or {}).values())


def _names(path: Path) -> tuple[str, ...]:
    return tuple(edge.venue for edge in path)
