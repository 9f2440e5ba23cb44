"""Local search over portfolios: replace legs by cheaper combinations that pay at least as much where the floor needs it.

Moves are multiples of few directions, each a change of positions:
- parity: (call - put) at three strikes in the weights that cancel for every price (a butterfly of synthetic forwards);
- vertical: a strike exchanged for another of the same right;
- butterfly: a strike against two around it in the weights of their straight line;
- single: one option less, where the floor leaves slack.

Every candidate is checked against the floor exactly, so no direction needs to be safe by itself. It stops at the first
portfolio that no single move improves; that is no proof that none is cheaper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import combinations
from math import gcd, lcm

from solvers.greedy.board import Board
from solvers.greedy.meter import Meter
from solvers.greedy.portfolio import Instrument, Positions, Task

Cost = tuple[int, int]
"""(base units that no level offers, net payment): smaller is better."""

MAX_MOVES = 60
"""Most improvements of one portfolio."""

NEIGHBOURS = 12
"""Strikes on either side of a leg that moves look at."""


def cost_of_positions(board: Board, positions: Positions) -> Cost:
    """What the books miss and ask for a portfolio."""
    costs = [board.cost(asset, amount) for asset, amount in positions.items()]
    return sum(missing for missing, _ in costs), sum(paid for _, paid in costs)


def improve(
    task: Task, start: Positions, units: int, board: Board, meter: Meter, allowed: Callable[[Positions], bool]
) -> Positions:
    """The best portfolio that single moves reach; `allowed` says whether what else binds (escrow) permits one."""
    best, cost = start, cost_of_positions(board, start)
    permitted = allowed(start)
    for _ in range(MAX_MOVES):
        found: tuple[Cost, Positions] | None = None
        for candidate in _candidates(task, best):
            meter.work += 1
            offer = cost_of_positions(board, candidate)
            least = found[0] if found is not None else cost
            # A start that is not permitted may get dearer on the way to a portfolio that is.
            better = offer < least if permitted or found is not None else offer[0] <= cost[0]
            if better and task.shortfall_free(candidate, units) and allowed(candidate):
                found = (offer, candidate)
        if found is None or meter.stopped_by():
            break
        cost, best = found
        permitted = True
    return best


def _candidates(task: Task, positions: Positions) -> Iterator[Positions]:
    """Portfolios one move away, each once, in a fixed order."""
    seen = {tuple(sorted(positions.items()))}
    for direction in _directions(task, positions):
        lot = lcm(*(task.instruments[asset].lot for asset in direction))
        for step in _steps(positions, direction, lot):
            moved = dict(positions)
            for asset, weight in direction.items():
                moved[asset] = moved.get(asset, 0) + weight * step
            moved = {asset: amount for asset, amount in sorted(moved.items()) if amount}
            key = tuple(moved.items())
            if key not in seen:
                seen.add(key)
                yield moved


def _steps(positions: Positions, direction: Positions, lot: int) -> list[int]:
    """One lot, and as much as closes a leg that the direction reduces; both ways."""
    steps = {lot, -lot}
    for asset, weight in direction.items():
        held = positions.get(asset, 0)
        closing = abs(held) // abs(weight) // lot * lot
        if closing:
            steps.add(closing if (held > 0) != (weight > 0) else -closing)
    return sorted(steps)


def _directions(task: Task, positions: Positions) -> Iterator[Positions]:
    calls, puts = task.by_strike("C"), task.by_strike("P")
    touched = sorted({task.instruments[asset].strike for asset in positions})
    for side in (calls, puts):
        strikes = list(side)
        for strike in (s for s in touched if s in side):
            yield {side[strike].asset: 1}
            near = _near(strikes, strike)
            yield from ({side[strike].asset: -1, side[other].asset: 1} for other in near)
            for pair in combinations(near, 2):
                yield _line((strike, *pair), (side,))
    both = sorted(calls.keys() & puts.keys())
    for strike in (s for s in touched if s in calls and s in puts):
        for pair in combinations(_near(both, strike), 2):
            yield _line((strike, *pair), (calls, puts))


def _near(strikes: list[Fraction], strike: Fraction) -> list[Fraction]:
    """The other strikes nearest to one, ascending."""
    place = strikes.index(strike)
    return strikes[max(0, place - NEIGHBOURS) : place] + strikes[place + 1 : place + 1 + NEIGHBOURS]


def _line(strikes: tuple[Fraction, ...], sides: tuple[dict[Fraction, Instrument], ...]) -> Positions:
    """Three strikes in the integer weights whose sum and first moment vanish; the second side with opposite signs."""
    low, middle, high = sorted(strikes)
    scale = lcm((high - middle).denominator, (middle - low).denominator)
    left, right = int((high - middle) * scale), int((middle - low) * scale)
    common = gcd(left, right)
    weights = {low: left // common, middle: -(left + right) // common, high: right // common}
    direction: Positions = {}
    for side, sign in zip(sides, (1, -1), strict=False):
        for strike, weight in weights.items():
            direction[side[strike].asset] = sign * weight
    return direction
