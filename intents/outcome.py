"""The Outcome: the signed set of acceptable changes to an owner's holdings.

Invariants (checked on construction; InputError-coded)
1. `pays` and `receives` share no asset; `surplus_asset` is in exactly one of them.
2. 1 <= min_units <= units; `all_or_none` means min_units == units.
3. valid_from < valid_until (unix seconds, from inclusive, until exclusive).
4. Payoff knots ascend strictly and begin at S = 0.
5. Lists of identifiers ascend strictly, so one wish has one encoding.

No path, venue order or price source is part of it: what is signed is the result. The kinds that people write
(swap, structure, payoff) are constructors in `intents.kinds`.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from intents.errors import InputError
from intents.identifiers import AssetId, OwnerId, PlaceId, Text, namespace_of, swap_group
from intents.values import Amount, DecimalText, SignedAmount, Value, sorted_unique

DERIVATIVE_NAMESPACES = ("option", "cwoption", "future", "perp")
"""Asset namespaces whose balances may be negative; `cwoption` is issued by Clearway, the others by the venue at the place."""


def _ascending(amounts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(amounts.items()))


Amounts = Annotated[dict[AssetId, Amount], AfterValidator(_ascending)]
"""Amounts by asset. In ascending order of asset, whatever order they came in: what is said of a value, such as its first
fault, may depend on what it is but not on how it was written."""


class Knot(Value):
    """One corner of a payoff: at underlying price `at`, worth `value` (see PayoffFloor for the unit)."""

    at: DecimalText
    value: SignedAmount


class PayoffFloor(Value):
    """The least a change must pay at expiry, as a piecewise-linear function of the underlying's fixing price S.

    For `linear` the function is the payment in base units of `settlement`; for `inverse` it is S times that
    payment. Between knots it is linear; beyond the last knot it goes on with `slope` (per unit of S).
    """

    underlying: Text
    index: Text
    fixing_seconds: int = Field(ge=0, lt=2**53)
    settlement: AssetId
    style: Literal["linear", "inverse"]
    knots: tuple[Knot, ...] = Field(min_length=1)
    slope: SignedAmount

    @model_validator(mode="after")
    def _knots_ascend(self) -> Self:
        prices = [Fraction(knot.at) for knot in self.knots]
        if prices[0] != 0 or any(a >= b for a, b in pairwise(prices)):
            raise InputError(
                "bad_knots",
                "/knots",
                expected="knots at strictly ascending prices from 0",
                actual=str([k.at for k in self.knots]),
            )
        return self


class ExposureBound(Value):
    """low <= greek of the owner's holdings after the fill <= high, in base units of the numeraire (docs/rules.md, section 3)."""

    underlying: Text
    measure: Literal["delta", "gamma", "vega"]
    low: SignedAmount
    high: SignedAmount


class IndexHaircut(Value):
    """Instruments on this settlement index count too: longs at (1 - haircut), shorts at (1 + haircut)."""

    index: Text
    haircut_bps: int = Field(ge=0, le=10_000)


class Outcome(Value):
    """What the owner signs. Amounts are for all `units` together; a fill of n of N units scales them by n / N."""

    owner: OwnerId
    receiver: OwnerId
    nonce: Amount
    valid_from: int = Field(ge=0, lt=2**53)
    valid_until: int = Field(ge=0, lt=2**53)
    pays: Amounts
    receives: Amounts
    payoff_floors: tuple[PayoffFloor, ...] = ()
    exposure_bounds: tuple[ExposureBound, ...] = ()
    worst_loss: Amounts = {}
    units: Amount
    min_units: Amount = 1
    fill_policy: Literal["partial", "all_or_none"] = "partial"
    surplus_asset: AssetId
    max_escrow: Amounts = {}
    allowed_issuers: tuple[Text, ...] = ()
    allowed_venues: tuple[PlaceId, ...] = ()
    allowed_indices: tuple[IndexHaircut, ...] = ()
    refund: Amounts = {}

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        shared = self.pays.keys() & self.receives.keys()
        if shared:
            raise InputError("asset_paid_and_received", "/pays", expected="no asset on both sides", actual=min(shared))
        if self.surplus_asset not in self.pays and self.surplus_asset not in self.receives:
            raise InputError(
                "bad_surplus_asset",
                "/surplus_asset",
                expected="an asset that is paid or received",
                actual=self.surplus_asset,
            )
        if not 1 <= self.min_units <= self.units:
            raise InputError(
                "bad_units",
                "/min_units",
                expected="1 <= min_units <= units",
                actual=f"{self.min_units} of {self.units}",
            )
        if self.fill_policy == "all_or_none" and self.min_units != self.units:
            raise InputError(
                "bad_units",
                "/min_units",
                expected="min_units == units for all_or_none",
                actual=f"{self.min_units} of {self.units}",
            )
        if self.valid_from >= self.valid_until:
            raise InputError(
                "bad_validity",
                "/valid_until",
                expected="valid_from < valid_until",
                actual=f"{self.valid_from}, {self.valid_until}",
            )
        for name in ("allowed_issuers", "allowed_venues"):
            if not sorted_unique(getattr(self, name)):
                raise InputError(
                    "not_ascending", f"/{name}", expected="strictly ascending", actual=str(getattr(self, name))
                )
        if not sorted_unique(i.index for i in self.allowed_indices):
            raise InputError("not_ascending", "/allowed_indices", expected="strictly ascending", actual="another order")
        return self

    @property
    def is_plain_swap(self) -> bool:
        """Whether it exchanges one asset for one asset and restricts nothing else, so that it can share a price."""
        return (
            len(self.pays) == 1
            and len(self.receives) == 1
            and not (self.payoff_floors or self.exposure_bounds or self.worst_loss)
            and not (self.allowed_issuers or self.allowed_venues or self.max_escrow)
            and not any(is_derivative(asset) for asset in self.pays)
        )

    @property
    def surplus_is_paid(self) -> bool:
        """Whether surplus is counted in a paid asset (paying less) rather than in a received one (getting more)."""
        return self.surplus_asset in self.pays


def is_derivative(asset: str) -> bool:
    """Whether balances of the asset may be negative (options, futures, perpetuals)."""
    return namespace_of(asset) in DERIVATIVE_NAMESPACES


def group_of(intent_id: str, outcome: Outcome) -> str:
    """The text of the intent's group: the directed pair for plain swaps, else the intent alone."""
    if not outcome.is_plain_swap:
        return intent_id
    (paid,), (received,) = outcome.pays, outcome.receives
    return swap_group(paid, received)
