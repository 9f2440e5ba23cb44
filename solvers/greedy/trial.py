"""What an intent would take while it is being routed: tried on the router's states, then kept or taken back."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from engine.auction.problem import Intent
from intents.values import ceil_div
from solvers.common import swap_amounts
from solvers.greedy.router import Path
from solvers.plan import Hop


@dataclass(slots=True)
class Source:
    """What is left of a match for one group: `amount` of its paid asset at `rate`."""

    rate: Fraction
    amount: int
    used: int = 0


@dataclass(slots=True)
class Trial:
    """What an intent would take: amounts by path (hops name book levels), from matches, and in total."""

    flows: dict[tuple[Hop, ...], int] = field(default_factory=dict)
    paths: dict[tuple[Hop, ...], Path] = field(default_factory=dict)
    netted: list[tuple[Source, int]] = field(default_factory=list)
    paid: int = 0
    got: int = 0


@dataclass(frozen=True, slots=True)
class Wish:
    """At most `most` paid, no more than `goal` received (None: as much as there is), in about `chunks` steps."""

    most: int
    goal: int | None
    chunks: int


def take_from(source: Source, trial: Trial, most: int, goal: int | None, limit: Fraction) -> None:
    """Take from a match what the intent still wants, if its limit allows the rate."""
    amount = min(source.amount - source.used, most - trial.paid)
    if goal is not None:
        amount = min(amount, ceil_div((goal - trial.got) * source.rate.denominator, source.rate.numerator))
    if limit <= source.rate and amount > 0:
        trial.netted.append((source, amount))
        trial.paid += amount
        trial.got += int(amount * source.rate)


def units_filled(intent: Intent, trial: Trial, units: int) -> int:
    """The units that a trial fills within the limit; 0 where too few."""
    outcome, (pays, receives) = intent.outcome, swap_amounts(intent)
    if outcome.surplus_is_paid:
        taken = min(units, trial.got * outcome.units // receives)
    else:
        all_paid = trial.paid >= units * pays // outcome.units
        taken = units if all_paid else trial.paid * outcome.units // pays
    too_few = taken < min(outcome.min_units, intent.open_units)
    if too_few or not trial.paid or trial.got * pays < trial.paid * receives:
        return 0
    return taken
