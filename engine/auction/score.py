"""Scores (docs/rules.md, section 5): exact surplus at reference prices, floored once a fill.

A score is an integer in base units of the numeraire. It supposes a solution that passed the other checks; a surplus is
then never negative.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor

from engine.auction.problem import Intent, Problem
from engine.auction.solution import Fill, Solution
from engine.auction.verdict import FillScore


def surplus_of(fill: Fill, intent: Intent) -> Fraction:
    """How much better than acceptable the fill is, in base units of the outcome's surplus asset, net of fees."""
    outcome = intent.outcome
    asset = outcome.surplus_asset
    if outcome.surplus_is_paid:
        return Fraction(fill.units * outcome.pays[asset], outcome.units) - fill.ins.get(asset, 0)
    return fill.outs.get(asset, 0) - Fraction(fill.units * outcome.receives[asset], outcome.units)


def score_fill(problem: Problem, fill: Fill) -> FillScore:
    """The fill's surplus, and its score: floor(surplus * reference price), 0 and `unpriced` without a price."""
    intent = problem.intents_by_id[fill.intent]
    asset = intent.outcome.surplus_asset
    surplus, price = surplus_of(fill, intent), problem.snapshot.price(asset)
    score = 0 if price is None else floor(surplus * price)
    return FillScore(fill.intent, intent.group, asset, surplus, score, unpriced=price is None)


def score_fills(problem: Problem, solution: Solution) -> tuple[FillScore, ...]:
    """The scores of all fills, in their order."""
    return tuple(score_fill(problem, fill) for fill in solution.fills)


def sum_by_group(scores: tuple[FillScore, ...]) -> dict[str, int]:
    """A bid's score in each group it fills, in ascending order of group."""
    totals: dict[str, int] = {}
    for score in scores:
        totals[score.group] = totals.get(score.group, 0) + score.score
    return dict(sorted(totals.items()))


def score_solution(problem: Problem, solution: Solution) -> dict[str, int]:
    """The solution's score in each group it fills; its score is their sum."""
    return sum_by_group(score_fills(problem, solution))
