"""The snapshot: chains, assets, reference prices and venue states at one moment, hashed as one thing.

Invariants (checked by `check_snapshot`, raised as InputError with the field)
1. Every asset that a chain, price or venue names is in `assets`.
2. Every venue's state passes its kind's check; venue ids are unique and ascend.
3. Prices are positive ratios with source, method, time and depth. The numeraire's price is 1.
4. `risk`, where a place has margin accounts, keeps the invariants of `engine.market.margin.place`. Without any the field
   is not written: the hash is that of a snapshot before there was margin.

It does not judge prices: whether one source may price an asset for scoring is the feed's decision, stated in `method`.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property

from pydantic import Field

from engine.market.margin.place import PlaceRisk, check_place
from engine.market.venues import AnyVenueState, kind_of
from engine.market.venues.base import AssetInfo
from intents.errors import InputError
from intents.identifiers import AssetId, PlaceId
from intents.values import Amount, Ratio, Value, content_hash, sorted_unique


class Chain(Value):
    """A place: a chain or an exchange. Gas is paid in `native` at `gas_price` base units per unit of gas."""

    native: AssetId | None = None
    gas_price: Amount = 0
    height: int = Field(default=0, ge=0, lt=2**53)


class Asset(Value):
    """`decimals` relates base units to what people call one; `symbol` is for display only."""

    decimals: int = Field(ge=0, le=36)
    symbol: str = Field(max_length=80)


class ReferencePrice(Value):
    """Numeraire base units per base unit of the asset, and where that comes from. `depth`: amount it holds for, if known."""

    ratio: Ratio
    source: str = Field(max_length=200)
    method: str = Field(max_length=80)
    time_seconds: int = Field(ge=0, lt=2**53)
    depth: Amount | None = None


class Snapshot(Value):
    """The market at one moment."""

    time_seconds: int = Field(ge=0, lt=2**53)
    numeraire: AssetId
    chains: dict[PlaceId, Chain]
    assets: dict[AssetId, Asset]
    prices: dict[AssetId, ReferencePrice]
    venues: tuple[AnyVenueState, ...]
    risk: dict[PlaceId, PlaceRisk] = Field(default={}, exclude_if=lambda risk: not risk)

    @cached_property
    def asset_infos(self) -> dict[str, AssetInfo]:
        """What venue kinds may know of the assets."""
        return {asset: AssetInfo(info.decimals) for asset, info in self.assets.items()}

    def price(self, asset: str) -> Fraction | None:
        """The exact reference price, numeraire base units per base unit; None where the asset has none (`unpriced`)."""
        found = self.prices.get(asset)
        return None if found is None else Fraction(*found.ratio)


def snapshot_hash(snapshot: Snapshot) -> str:
    """The content address of a snapshot."""
    return content_hash("clearway/snapshot/1", snapshot)


def check_fresh(snapshot: Snapshot, max_age_seconds: float) -> None:
    """Raise InputError `stale_price` where a reference price was observed longer than that before the snapshot's time."""
    for asset, price in snapshot.prices.items():
        age = snapshot.time_seconds - price.time_seconds
        if age > max_age_seconds:
            expected = f"observed within {max_age_seconds:g} s"
            raise InputError("stale_price", f"/snapshot/prices/{asset}", expected=expected, actual=f"{age} s before")


def check_snapshot(snapshot: Snapshot) -> None:
    """Raise InputError (VenueStateError for venues, its `where` prefixed by the venue) at the first broken invariant."""
    if snapshot.numeraire not in snapshot.assets:
        raise InputError("unknown_asset", "/numeraire", expected="a known asset", actual=snapshot.numeraire)
    for place, chain in snapshot.chains.items():
        if chain.native is not None and chain.native not in snapshot.assets:
            raise InputError("unknown_asset", f"/chains/{place}/native", expected="a known asset", actual=chain.native)
    for asset, price in snapshot.prices.items():
        if asset not in snapshot.assets:
            raise InputError("unknown_asset", f"/prices/{asset}", expected="a known asset", actual=asset)
        if 0 in price.ratio:
            raise InputError(
                "bad_price", f"/prices/{asset}/ratio", expected="a positive ratio", actual=str(price.ratio)
            )
    if not sorted_unique(venue.id for venue in snapshot.venues):
        raise InputError(
            "not_ascending", "/venues", expected="unique venues in ascending order of id", actual="another order"
        )
    for venue in snapshot.venues:
        try:
            kind_of(venue).check(venue, snapshot.asset_infos)
        except InputError as error:
            error.where = f"/venues/{venue.id}/{error.where}"
            raise
    for place, risk in snapshot.risk.items():
        try:
            check_place(place, risk, snapshot.asset_infos, snapshot.time_seconds)
        except InputError as error:
            error.where = f"/risk/{place}{error.where}"
            raise
