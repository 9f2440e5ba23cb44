"""What changes a snapshot into the next one: the venues, prices and chains that moved, and nothing else.

Guarantees
1. `apply_delta` checks what the delta brings, as `check_snapshot` would, and nothing that the snapshot had: from a checked
   snapshot it gives a checked one. Untouched parts are the same objects, with the bytes that they keep (engine.market.kept),
   so the next hash encodes only what is new.
2. A delta names the snapshot that it belongs to by its hash; on any other it is refused (`wrong_snapshot`).
3. `apply_delta(before, delta_between(before, after))` is `after`, where `delta_between` finds one.

It never changes an asset, on whose decimals untouched venues were checked, nor takes an asset or a price away; a snapshot in which
one did is sent whole. Risk tables were built for one moment: the next snapshot has none until they are built anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import Field

from engine.market.snapshot import (
    Asset,
    Chain,
    ReferencePrice,
    Snapshot,
    check_money,
    check_open,
    check_venues,
    snapshot_hash,
)
from engine.market.venues import AnyVenueState
from intents.errors import InputError
from intents.identifiers import AssetId, Digest, PlaceId, VenueId
from intents.values import Value

T = TypeVar("T")


class SnapshotDelta(Value):
    """Everything that is new or other since the snapshot `base`, by name; `gone` are venues that are no more."""

    base: Digest
    time_seconds: int = Field(ge=0, lt=2**53)
    chains: dict[PlaceId, Chain] = {}
    assets: dict[AssetId, Asset] = {}
    prices: dict[AssetId, ReferencePrice] = {}
    venues: tuple[AnyVenueState, ...] = ()
    gone: tuple[VenueId, ...] = ()


def apply_delta(snapshot: Snapshot, delta: SnapshotDelta) -> Snapshot:
    """The next snapshot; `snapshot` itself has been checked.

    Raises InputError: `wrong_snapshot`, `time_reversed`, `asset_changed`, `unknown_venue` (gone, but never there, or stated
    besides), and whatever `check_snapshot` raises for a part that the delta brings.
    """
    if delta.base != snapshot_hash(snapshot):
        raise InputError("wrong_snapshot", "/base", expected=snapshot_hash(snapshot), actual=delta.base)
    if delta.time_seconds < snapshot.time_seconds:
        expected = f"at least {snapshot.time_seconds}"
        raise InputError("time_reversed", "/time_seconds", expected=expected, actual=str(delta.time_seconds))
    for asset, info in delta.assets.items():
        if snapshot.assets.get(asset, info) != info:
            expected = f"what it was, {snapshot.assets[asset]}"
            raise InputError("asset_changed", f"/assets/{asset}", expected=expected, actual=str(info))
    venues = {venue.id: venue for venue in snapshot.venues}
    stated = {venue.id for venue in delta.venues}
    for position, venue_id in enumerate(delta.gone):
        if venue_id in stated or venues.pop(venue_id, None) is None:
            expected = "a venue of the snapshot that the delta does not state"
            raise InputError("unknown_venue", f"/gone/{position}", expected=expected, actual=venue_id)
    assets = {**snapshot.assets, **delta.assets}
    check_money(delta.chains, delta.prices, assets)
    venues.update((venue.id, venue) for venue in delta.venues)
    following = snapshot.model_copy(
        update={
            "time_seconds": delta.time_seconds,
            "chains": {**snapshot.chains, **delta.chains},
            "assets": assets,
            "prices": {**snapshot.prices, **delta.prices},
            "venues": tuple(venues[venue_id] for venue_id in sorted(venues)),
            "risk": {},
        }
    )
    check_venues(delta.venues, following.asset_infos)
    check_open(following.venues, following.time_seconds)
    return following


def delta_between(before: Snapshot, after: Snapshot) -> SnapshotDelta:
    """What `apply_delta` makes `after` from, risk tables aside.

    Raises InputError `no_delta` where a chain, an asset or a price went, or an asset or the numeraire is another.
    """
    for name in ("chains", "assets", "prices"):
        went = getattr(before, name).keys() - getattr(after, name).keys()
        if went:
            raise InputError("no_delta", f"/{name}", expected="all that there were", actual=f"without {min(went)}")
    changed = [asset for asset, info in before.assets.items() if after.assets[asset] != info]
    if changed or before.numeraire != after.numeraire:
        where = f"/assets/{changed[0]}" if changed else "/numeraire"
        raise InputError("no_delta", where, expected="what it was", actual="another")
    old = {venue.id: venue for venue in before.venues}
    return SnapshotDelta(
        base=snapshot_hash(before),
        time_seconds=after.time_seconds,
        chains=_other(before.chains, after.chains),
        assets=_other(before.assets, after.assets),
        prices=_other(before.prices, after.prices),
        venues=tuple(venue for venue in after.venues if old.get(venue.id) != venue),
        gone=tuple(sorted(old.keys() - {venue.id for venue in after.venues})),
    )


def _other(before: Mapping[str, T], after: Mapping[str, T]) -> dict[str, T]:
    return {key: value for key, value in after.items() if before.get(key) != value}
