"""The snapshot: chains, assets, reference prices and venue states at one moment, hashed as one thing.

Invariants (checked by `check_snapshot`, raised as InputError with the field)
1. Every asset that a chain, price or venue names is in `assets`.
2. Every venue's state passes its kind's check; venue ids are unique and ascend. No book is of an instrument that has
   expired by the snapshot's time, no quote has ended by then.
3. Prices are positive ratios with source, method, time and depth. The numeraire's price is 1.
4. `risk`, where a place has margin accounts, keeps the invariants of `engine.market.margin.place`. Without any the field
   is not written: the hash is that of a snapshot before there was margin. A perpetual's venue there states the tiers that
   accounts are held to.

It does not judge prices: whether one source may price an asset for scoring is the feed's decision, stated in `method`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from hashlib import sha256

from pydantic import Field

from engine.market.kept import Kept, canonical_map, canonical_object
from engine.market.margin.place import PlaceRisk, check_place
from engine.market.venues import AnyVenueState, kind_of
from engine.market.venues.base import AssetInfo, VenueState, VenueStateError
from engine.market.venues.perpetual import PerpetualState
from engine.market.venues.perpetual_book import PerpetualBookState
from intents.errors import InputError
from intents.identifiers import AssetId, PlaceId
from intents.values import Amount, Ratio, Value, canonical_bytes, sorted_unique


class Chain(Kept):
    """A place: a chain or an exchange. Gas is paid in `native` at `gas_price` base units per unit of gas."""

    native: AssetId | None = None
    gas_price: Amount = 0
    height: int = Field(default=0, ge=0, lt=2**53)


class Asset(Kept):
    """`decimals` relates base units to what people call one; `symbol` is for display only."""

    decimals: int = Field(ge=0, le=36)
    symbol: str = Field(max_length=80)


class ReferencePrice(Kept):
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

    @cached_property
    def canonical(self) -> bytes:
        """RFC 8785 bytes, put together from those that the parts keep."""
        kept: dict[str, Mapping[str, Kept]] = {"assets": self.assets, "chains": self.chains, "prices": self.prices}
        others = self.model_dump(mode="json", by_alias=True, exclude={*kept, "venues"})
        members = {name: canonical_bytes(value) for name, value in others.items()}
        members |= {name: canonical_map(values) for name, values in kept.items()}
        members["venues"] = b"[" + b",".join(venue.canonical for venue in self.venues) + b"]"
        return canonical_object(members)

    @cached_property
    def digest(self) -> str:
        """`content_hash` of the snapshot under its tag."""
        hashed = sha256(b'["clearway/snapshot/1",')
        hashed.update(self.canonical)
        hashed.update(b"]")
        return "sha256:" + hashed.hexdigest()

    def price(self, asset: str) -> Fraction | None:
        """The exact reference price, numeraire base units per base unit; None where the asset has none (`unpriced`)."""
        found = self.prices.get(asset)
        return None if found is None else Fraction(*found.ratio)


def snapshot_hash(snapshot: Snapshot) -> str:
    """The content address of a snapshot. Parts that were hashed before, in whatever snapshot, are not encoded again."""
    return snapshot.digest


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
    check_money(snapshot.chains, snapshot.prices, snapshot.assets)
    check_venues(snapshot.venues, snapshot.asset_infos)
    check_open(snapshot.venues, snapshot.time_seconds)
    for place, risk in snapshot.risk.items():
        try:
            check_place(place, risk, snapshot.asset_infos, snapshot.time_seconds)
        except InputError as error:
            error.where = f"/risk/{place}{error.where}"
            raise
        _check_tiers(snapshot, risk)


def _check_tiers(snapshot: Snapshot, risk: PlaceRisk) -> None:
    """Raise VenueStateError `tiers` where a perpetual's venue states other tiers than accounts are held to."""
    for venue in snapshot.venues:
        if isinstance(venue, PerpetualState | PerpetualBookState):
            held = risk.rules.tiers.get(venue.base, venue.tiers)
            if held != venue.tiers:
                raise VenueStateError(f"/venues/{venue.id}/tiers", expected=str(held), actual=str(venue.tiers))


def check_money(chains: Mapping[str, Chain], prices: Mapping[str, ReferencePrice], assets: Mapping[str, Asset]) -> None:
    """Raise InputError where a chain or a price names an unknown asset, or a price is no positive ratio."""
    for place, chain in chains.items():
        if chain.native is not None and chain.native not in assets:
            raise InputError("unknown_asset", f"/chains/{place}/native", expected="a known asset", actual=chain.native)
    for asset, price in prices.items():
        if asset not in assets:
            raise InputError("unknown_asset", f"/prices/{asset}", expected="a known asset", actual=asset)
        if 0 in price.ratio:
            raise InputError(
                "bad_price", f"/prices/{asset}/ratio", expected="a positive ratio", actual=str(price.ratio)
            )


def check_venues(venues: Sequence[VenueState], infos: Mapping[str, AssetInfo]) -> None:
    """Raise InputError where venues do not ascend, VenueStateError (its `where` prefixed) where a state can not be."""
    if not sorted_unique(venue.id for venue in venues):
        raise InputError(
            "not_ascending", "/venues", expected="unique venues in ascending order of id", actual="another order"
        )
    for venue in venues:
        try:
            kind_of(venue).check(venue, infos)
        except InputError as error:
            error.where = f"/venues/{venue.id}/{error.where}"
            raise


def check_open(venues: Sequence[VenueState], time_seconds: int) -> None:
    """Raise VenueStateError `expiry_seconds` at the first book of an expired instrument, or quote that has ended."""
    for venue in venues:
        expiry = expiry_of(venue)
        if expiry is not None and expiry <= time_seconds:
            where, expected = f"/venues/{venue.id}/expiry_seconds", f"later than the snapshot's time {time_seconds}"
            raise VenueStateError(where, expected=expected, actual=str(expiry))


def expiry_of(venue: VenueState) -> int | None:
    """When a book of an expiring instrument closes, or a quote ends; None for venues that go on."""
    # Asked of every venue for every delta: an attribute that a model does not have takes it a hundred times as long.
    expiry: int | None = venue.__dict__.get("expiry_seconds")
    return expiry
