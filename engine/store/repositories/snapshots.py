"""Snapshots by content, each as what changed since one before it.

A snapshot is stored whole, or as its difference from the one that was stored last: its own fields, and of the maps of
chains, assets and prices and of the venues those items that are new or other, and the names of those that are gone.

Guarantees
1. `put` twice is put once; what `get` gives has the hash it was asked by, or StoreError `damaged_snapshot` is raised.
2. A difference is stored only where it is smaller and gives back exactly the snapshot; reading one takes at most
   MAX_DEPTH + 1 rows.
3. A stored snapshot is never changed.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, select

from engine.market.snapshot import Snapshot, snapshot_hash
from engine.store.errors import StoreError
from engine.store.repositories._insert import insert_new
from engine.store.tables import snapshots
from intents.values import canonical_bytes

MAX_DEPTH = 15
"""Most differences between a snapshot and the whole one that it comes from."""

_PARTS = ("assets", "chains", "prices", "venues")


class Snapshots:
    """Stored snapshots."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, snapshot: Snapshot) -> str:
        """Store a snapshot; returns its hash."""
        key = snapshot_hash(snapshot)
        if self._row(key) is not None:
            return key
        data = snapshot.to_wire()
        row = {"hash": key, "time_seconds": snapshot.time_seconds, "parent": None, "depth": 0}
        body = canonical_bytes(data)
        last = self._connection.execute(select(snapshots).order_by(snapshots.c.sequence.desc()).limit(1)).first()
        if last is not None and last.depth < MAX_DEPTH:
            before = self._restored(last)
            change = _difference(before, data)
            shorter = canonical_bytes(change)
            if len(zlib.compress(shorter)) < len(zlib.compress(body)) and _changed(before, change) == data:
                row |= {"parent": last.hash, "depth": last.depth + 1}
                body = shorter
        insert_new(self._connection, snapshots, {**row, "body": body})
        return key

    def get(self, key: str) -> Snapshot | None:
        """The snapshot with this hash; None where none was put. Raises StoreError `damaged_snapshot`."""
        data = self.wire(key)
        if data is None:
            return None
        snapshot = Snapshot.from_wire(data)
        if snapshot_hash(snapshot) != key:
            raise StoreError("damaged_snapshot", key, expected=key, actual=snapshot_hash(snapshot))
        return snapshot

    def wire(self, key: str) -> dict[str, Any] | None:
        """The snapshot as plain JSON data, its hash not checked; None where none was put."""
        row = self._row(key)
        return None if row is None else self._restored(row)

    def _row(self, key: str) -> Row[Any] | None:
        return self._connection.execute(select(snapshots).where(snapshots.c.hash == key)).first()

    def _restored(self, row: Row[Any]) -> dict[str, Any]:
        changes: list[dict[str, Any]] = []
        while row.parent is not None:
            changes.append(json.loads(row.body))
            row = self._connection.execute(select(snapshots).where(snapshots.c.hash == row.parent)).one()
        data: dict[str, Any] = json.loads(row.body)
        for change in reversed(changes):
            data = _changed(data, change)
        return data


def _difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    parts = {}
    for name in _PARTS:
        old, new = _items(name, before), _items(name, after)
        changed = {item: value for item, value in new.items() if old.get(item) != value}
        parts[name] = {"set": changed, "drop": sorted(old.keys() - new.keys())}
    return {**after, **parts}


def _changed(before: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    for name in _PARTS:
        items = {**_items(name, before), **change[name]["set"]}
        for item in change[name]["drop"]:
            del items[item]
        parts[name] = [venue for _, venue in sorted(items.items())] if name == "venues" else items
    return {**change, **parts}


def _items(name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    return {venue["id"]: venue for venue in data[name]} if name == "venues" else data[name]
