"""Snapshots by content: each part once, however many snapshots it is in.

A snapshot is a manifest: its own fields, with the maps of chains, assets and prices and every venue's state replaced by
the hashes of their canonical JSON. Two snapshots between which one pool traded differ in one part and the manifest.

Guarantees
1. `put` twice is put once; what `get` gives has the hash it was asked by, or StoreError `damaged_snapshot` is raised.
2. A part is never changed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import Connection, select

from engine.market.snapshot import Snapshot, snapshot_hash
from engine.store.errors import StoreError
from engine.store.repositories._insert import insert_missing, insert_new
from engine.store.tables import snapshot_parts, snapshots
from intents.values import canonical_bytes, content_hash

_MAPS = ("assets", "chains", "prices")
_KEYS_AT_ONCE = 500


class Snapshots:
    """Stored snapshots."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, snapshot: Snapshot) -> str:
        """Store a snapshot; returns its hash."""
        key = snapshot_hash(snapshot)
        data = snapshot.to_wire()
        parts: dict[str, bytes] = {}
        manifest = {
            **data,
            **{name: _cut(data[name], parts) for name in _MAPS},
            "venues": [_cut(venue, parts) for venue in data["venues"]],
        }
        row = {"hash": key, "time_seconds": snapshot.time_seconds, "manifest": canonical_bytes(manifest)}
        if insert_new(self._connection, snapshots, row) is not None:
            known = self._known(parts)
            missing = [{"hash": name, "body": body} for name, body in sorted(parts.items()) if name not in known]
            insert_missing(self._connection, snapshot_parts, missing)
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
        packed = self._connection.scalar(select(snapshots.c.manifest).where(snapshots.c.hash == key))
        if packed is None:
            return None
        manifest: dict[str, Any] = json.loads(packed)
        names = {*(manifest[name] for name in _MAPS), *manifest["venues"]}
        bodies = self._bodies(names)
        if missing := names - bodies.keys():
            raise StoreError("damaged_snapshot", key, expected="all of its parts", actual=f"without {min(missing)}")
        parts = {name: json.loads(body) for name, body in bodies.items()}
        return {
            **manifest,
            **{name: parts[manifest[name]] for name in _MAPS},
            "venues": [parts[venue] for venue in manifest["venues"]],
        }

    def _known(self, names: Collection[str]) -> set[str]:
        found: set[str] = set()
        for some in _batches(sorted(names)):
            found.update(self._connection.scalars(select(snapshot_parts.c.hash).where(snapshot_parts.c.hash.in_(some))))
        return found

    def _bodies(self, names: Collection[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for some in _batches(sorted(names)):
            query = select(snapshot_parts).where(snapshot_parts.c.hash.in_(some))
            found.update((row.hash, row.body) for row in self._connection.execute(query))
        return found


def _cut(data: Any, parts: dict[str, bytes]) -> str:
    name = content_hash("clearway/snapshot-part/1", data)
    parts[name] = canonical_bytes(data)
    return name


def _batches(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), _KEYS_AT_ONCE):
        yield names[start : start + _KEYS_AT_ONCE]
