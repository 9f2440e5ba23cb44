"""Protocol fees of the rule `clearway` (docs/score.md): a schedule of exact rationals, and what it takes of a fill.

Rules version 1 charges none: a problem without a schedule is written and hashed without the field. Where there is one,
its policies apply in order to the amount of the surplus asset at the price, each to what the ones before it left; nothing
is rounded on the way, and the sum is floored once for each fill. What is taken lessens the fill's surplus, so its score,
and never takes a fill beyond its limit unless a policy is on volume.

Pure. The division of surplus and the cap by volume follow CIP-75 of CoW DAO; factors are integers over integers here.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from intents.errors import InputError
from intents.identifiers import IntentId
from intents.values import Amount, Ratio, Value

if TYPE_CHECKING:  # a problem holds a schedule
    from engine.auction.problem import Intent, Problem
    from engine.auction.solution import Fill


class FeePolicy(Value):
    """A share `factor` of the volume, of the surplus over the limit, or of that over the better of limit and quote.

    The last two take at most `cap` of the volume, where there is one. Ratios are in [0, 1).
    """

    kind: Literal["surplus", "price_improvement", "volume"]
    factor: Ratio
    cap: Ratio | None = Field(default=None, exclude_if=lambda cap: cap is None)

    @model_validator(mode="after")
    def _are_shares(self) -> Self:
        for name, ratio in (("factor", self.factor), ("cap", self.cap)):
            if ratio is not None and not ratio[0] < ratio[1]:
                raise InputError(
                    "bad_factor", f"/{name}", expected="a ratio in [0, 1)", actual=f"{ratio[0]}/{ratio[1]}"
                )
        return self


class FeeSchedule(Value):
    """Policies in order of application. `quotes`: what an intent was quoted for all its units, in its surplus asset.

    A `price_improvement` takes nothing of an intent without a quote.
    """

    policies: tuple[FeePolicy, ...]
    quotes: dict[IntentId, Amount] = {}


def exact_fee(schedule: FeeSchedule, intent: Intent, units: int, amount: int) -> Fraction:
    """The fee on a fill of `units` at `amount` of the surplus asset before protocol fees, not rounded."""
    outcome = intent.outcome
    paid, asset = outcome.surplus_is_paid, outcome.surplus_asset
    whole = outcome.pays[asset] if paid else outcome.receives[asset]
    limit = Fraction(units * whole, outcome.units)
    rest, total = Fraction(amount), Fraction(0)
    for policy in schedule.policies:
        against: Fraction | None = limit
        if policy.kind == "price_improvement":
            quote = schedule.quotes.get(intent.id)
            quoted = None if quote is None else Fraction(units * quote, outcome.units)
            against = None if quoted is None else min(limit, quoted) if paid else max(limit, quoted)
        if policy.kind == "volume":
            fee = Fraction(*policy.factor) * rest
        elif against is None:
            fee = Fraction(0)
        else:
            fee = Fraction(*policy.factor) * max(Fraction(0), against - rest if paid else rest - against)
            if policy.cap is not None:
                fee = min(fee, Fraction(*policy.cap) * rest)
        rest += fee if paid else -fee
        total += fee
    return total


def due_fee(problem: Problem, fill: Fill, intent: Intent) -> int:
    """The fee that a fill must state, given what it states: floor(exact fee on its amount before it), in base units."""
    if problem.protocol_fees is None:
        return 0
    asset = intent.outcome.surplus_asset
    before = (
        fill.ins.get(asset, 0) - fill.protocol_fee
        if intent.outcome.surplus_is_paid
        else fill.outs.get(asset, 0) + fill.protocol_fee
    )
    return floor(exact_fee(problem.protocol_fees, intent, fill.units, before))


def fee_worth(problem: Problem, fill: Fill) -> int:
    """A fill's stated protocol fee in base units of the numeraire, floored; 0 where its asset has no price."""
    price = problem.snapshot.price(problem.intents_by_id[fill.intent].outcome.surplus_asset)
    return 0 if price is None else floor(fill.protocol_fee * price)
