"""Derivative wishes of an LP solution in whole lots.

One wish after the other is solved in lots (a small integer program) beside the wishes before it, which are settled,
and those after it, still in fractions; then all trade, with the books and with each other at the relaxation's prices.
Guarantee: as `solvers.lots`, every portfolio meets its wish's rules and limit exactly, or is left out with a reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from solvers.flow_model import Choices
from solvers.flow_values import FlowValues
from solvers.lots import Exchange, nearest_lots, settle_in_lots
from solvers.rounds import ROUND_UP_FROM, TINY, Run
from solvers.wishes import Wish


def _starts(wish: Wish, values: FlowValues) -> bool:
    return values.shares[wish.intent] * wish.open_units >= ROUND_UP_FROM * wish.least_units


def _is_filled(wish: Wish, values: FlowValues) -> bool:
    return values.shares[wish.intent] * wish.open_units >= wish.least_units * (1 - TINY)


def _at_least_minimum(run: Run, wishes: Sequence[Wish]) -> FlowValues | None:
    """The wishes alone, each filled to its minimum at least."""
    run.desk = replace(run.desk, wishes=tuple(wishes))
    run.choices = Choices(shares={wish.intent: (wish.least_units / wish.open_units, 1.0) for wish in wishes})
    return run.solve() if wishes else None


def exchange_in_lots(run: Run, values: FlowValues) -> tuple[Exchange, dict[str, str]]:
    """All wishes that the best round fills, in whole lots together; those that break a rule then are left out, and why."""
    desk = run.desk
    waiting = [wish for wish in desk.wishes if values.shares[wish.intent] > TINY and _starts(wish, values)]
    refused = {wish.intent: "not_in_optimum" for wish in desk.wishes if wish not in waiting}
    run.network, run.best = replace(run.network, swaps=(), edges=(), reach={}, lanes={}), None
    found = _at_least_minimum(run, waiting)
    if found is None:
        # Not all that were near their minimum can reach it: those the optimum did not fill to it are left out.
        refused.update({wish.intent: "minimum_not_reached" for wish in waiting if not _is_filled(wish, values)})
        waiting = [wish for wish in waiting if _is_filled(wish, values)]
        found = _at_least_minimum(run, waiting)
    prices = {} if found is None else found.derivative_prices
    shares = dict(run.choices.shares)
    settled: dict[str, Mapping[str, int]] = {}
    for wish in waiting:
        run.choices = Choices(shares=shares, settled=settled, in_lots=frozenset({wish.intent}))
        better = run.solve()
        found = better or found
        if found is None:
            break
        shares = {**shares, wish.intent: (found.shares[wish.intent], found.shares[wish.intent])}
        settled = {**settled, wish.intent: nearest_lots(run.desk, found.positions[wish.intent])}
    units = {wish.intent: round(shares.get(wish.intent, (0.0, 0.0))[0] * wish.open_units) for wish in waiting}
    exchange, broken = settle_in_lots(run.desk, units, settled, prices)
    return exchange, {**refused, **broken}
