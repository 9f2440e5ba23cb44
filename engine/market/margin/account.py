"""A margin account and the rules it is held to, as read from a file or a snapshot."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Self

from pydantic import Field, model_validator

from intents.errors import InputError
from intents.identifiers import AssetId
from intents.payoff import BASIS
from intents.values import Amount, Ratio, SignedAmount, Value

Share = Annotated[int, Field(ge=0, le=BASIS)]
"""Basis points of a whole."""


class Collateral(Value):
    """What one base unit of an asset is worth, in base units of the numeraire, and how much of that is not counted."""

    price: Ratio
    haircut_bps: Share = 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if 0 in self.price:
            raise InputError("zero_price", "/price", expected="positive numbers", actual=str(list(self.price)))
        return self


class Tier(Value):
    """Margin rates of the part of a perpetual's notional from `above` (base units of its settlement asset) on."""

    above: Amount
    initial_bps: Share
    maintenance_bps: Share

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.maintenance_bps > self.initial_bps:
            expected, actual = f"at most initial_bps {self.initial_bps}", str(self.maintenance_bps)
            raise InputError("bad_tiers", "/maintenance_bps", expected=expected, actual=actual)
        return self


class MarginRules(Value):
    """The venue's rules. Rates are basis points.

    `offset_bps`: the share of one expiry's gain that counts against losses of other expiries in the same scenario.
    `short_floor_bps`, `short_add_bps`: of the underlying's value, per whole option net short at one expiry and strike; the
    first is the least requirement (SPAN's short option minimum), the second comes on top (Deribit's contingency).
    `initial_bps`: initial margin from maintenance margin. `tiers`: by perpetual, from notional 0 up.
    """

    offset_bps: Share = 0
    short_floor_bps: Share = 0
    short_add_bps: Share = 0
    initial_bps: Annotated[int, Field(ge=BASIS, le=10 * BASIS)] = BASIS
    tiers: dict[AssetId, Annotated[tuple[Tier, ...], Field(min_length=1)]] = {}
    collateral: dict[AssetId, Collateral]

    @model_validator(mode="after")
    def _check(self) -> Self:
        for asset, tiers in self.tiers.items():
            if tiers[0].above or any(low.above >= high.above for low, high in pairwise(tiers)):
                where = f"/tiers/{asset.replace('~', '~0').replace('/', '~1')}"
                actual = str([tier.above for tier in tiers])
                raise InputError("bad_tiers", where, expected="bounds strictly ascending from 0", actual=actual)
        return self


class Account(Value):
    """Balances of collateral in base units (debts negative) and positions in base units of each instrument.

    Gains of futures and perpetuals since they were last settled belong in the balances.
    """

    balances: dict[AssetId, SignedAmount] = {}
    positions: dict[AssetId, SignedAmount] = {}

    def after(self, change: Account) -> Account:
        """The account with a fill's changes of balances and positions."""
        return Account(balances=_sum(self.balances, change.balances), positions=_sum(self.positions, change.positions))


def _sum(left: dict[AssetId, int], right: dict[AssetId, int]) -> dict[AssetId, int]:
    return {asset: left.get(asset, 0) + right.get(asset, 0) for asset in sorted(left.keys() | right.keys())}
