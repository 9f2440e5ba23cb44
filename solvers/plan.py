"""The Plan: what a solver's method wants, before it is made exact. Made into solutions by `solvers.assemble`.

A plan is a wish in integers, not a promise: `assemble` executes every hop exactly, forms the uniform prices, and
shrinks or drops what would break a rule. So a method may round as it likes, as long as it rounds here.

Guarantees: nothing but shapes. What is not checked here: that routes fit their groups (see `Route`), that venues
exist, that units are open, that anything balances.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Hop:
    """One trade of a route. `level` names the level of a book (`ask:0`), else None."""

    venue: str
    asset_in: str
    asset_out: str
    level: str | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """`amount_in` base units of the source group's paid asset, through `hops` in order, as the sink group's received asset.

    No hops: the source's paid asset is the sink's received one (direct netting). source == sink: the group's own route.
    """

    source: str
    sink: str
    amount_in: int
    hops: tuple[Hop, ...] = ()


@dataclass(frozen=True, slots=True)
class Take:
    """Fill up to `units` of one intent of a swap group."""

    intent: str
    units: int


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Fill exactly `units` of an intent that is its own group with a change of derivative positions.

    `positions` is the whole change of the owner, by asset, in base units (bought > 0, sold < 0): what `Cross`es do not
    bring is traded on the books, level by level from the best.
    """

    intent: str
    units: int
    positions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Cross:
    """`giver` gives `amount` > 0 of the derivative to `taker` for `pay_amount` of `pay_asset`; both have a Portfolio."""

    asset: str
    amount: int
    giver: str
    taker: str
    pay_asset: str
    pay_amount: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything one run of a method wants. Routes are executed within their part in the order given here."""

    takes: tuple[Take, ...] = ()
    routes: tuple[Route, ...] = ()
    portfolios: tuple[Portfolio, ...] = ()
    crosses: tuple[Cross, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why the method left an intent out, by intent id (`no_path`, `limit_beyond_market`, ...)."""
