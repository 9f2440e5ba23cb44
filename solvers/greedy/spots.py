"""Optimistic rates: how much of a target the best conceivable path gives per unit, so that hopeless ones are not tried.

A venue's rate is read from one small execution with the output rounded up, and widened by `SLACK` per venue for what
that execution already moved. Paths here may repeat assets (stale prices can be circled), so the bound is above what
simple paths reach. Floats: they only decide what is looked at.
"""

from __future__ import annotations

from engine.auction.problem import Problem
from engine.market.venues import kind_of
from engine.market.venues.base import Trade, TradeRefusedError, VenueState
from engine.market.venues.order_book import OrderBookState, Side, named_levels, price_with_fee
from engine.market.venues.perpetual import PerpetualState
from engine.market.venues.rfq import RfqState
from intents.outcome import is_derivative
from solvers.common import tradable_pairs
from solvers.greedy.meter import Meter

SLACK = 1.01
"""Widening per venue."""

ENOUGH = 10**4
"""An output of this many units is exact enough; smaller inputs move the price less."""


class Spots:
    """Bounds on rates over a problem's venues as they are at first. Options are bought at the end of a path only."""

    def __init__(self, problem: Problem, meter: Meter) -> None:
        self._rates: dict[str, list[tuple[str, float]]] = {}
        for asset, edges in tradable_pairs(problem).items():
            if is_derivative(asset):
                continue
            best: dict[str, float] = {}
            for out, venue in edges:
                rate = _spot(problem.venues_by_id[venue], asset, out, problem.snapshot.time_seconds, meter)
                best[out] = max(best.get(out, 0.0), rate * SLACK)
            self._rates[asset] = sorted(best.items())
        self._bounds: dict[tuple[str, int], list[dict[str, float]]] = {}

    def bounds_to(self, target: str, hops: int) -> list[dict[str, float]]:
        """For each number of venues 0 .. hops: the bound per asset on the rate into the target with at most so many."""
        known = self._bounds.get((target, hops))
        if known is None:
            known = [{target: 1.0}]
            for _ in range(hops):
                before = known[-1]
                reached = {target: 1.0}
                for asset, edges in self._rates.items():
                    best = max((rate * before[out] for out, rate in edges if out in before), default=0.0)
                    if best > 0 and asset != target:
                        reached[asset] = best
                known.append(reached)
            self._bounds[target, hops] = known
        return known


def _spot(state: VenueState, asset_in: str, asset_out: str, now: int, meter: Meter) -> float:
    """Output per input of a small trade, rounded up; for a book the rate of its best level, for a bridge, quote or perpetual what it shows."""
    if isinstance(state, OrderBookState):
        side: Side = "ask" if asset_in == state.quote else "bid"
        best = next((level for _, level in named_levels(state, side) if level.size), None)
        if best is None:
            return 0.0
        price, per = price_with_fee(state, best, side)
        return per / price if side == "ask" else price / per
    kind, amount, rate = kind_of(state), 1, 0.0
    if kind.delay_seconds(state) or isinstance(state, RfqState | PerpetualState):
        # A bridge's fixed fee, a quote's least amount and a market's step hide the rate from small amounts; what they show does not.
        return float(max((segment.rate for segment in kind.supply(state, asset_in, asset_out).segments), default=0))
    for _ in range(40):
        meter.work += 1
        try:
            out, _ = kind.execute(state, "solver:greedy", Trade(asset_in, amount, asset_out), now)
        except TradeRefusedError as refusal:
            if refusal.code != "no_output":
                return rate
        else:
            rate = (out + 1) / amount
            if out >= ENOUGH:
                return rate
        amount *= 10
    return rate
