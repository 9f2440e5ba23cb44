from __future__ import annotations

import pytest
from sqlalchemy import func, select

from engine.market.feeds.synthetic import demo_world
from engine.market.snapshot import Snapshot, snapshot_hash
from engine.store.database import Database
from engine.store.errors import StoreError
from engine.store.tables import snapshot_parts, snapshots
from engine.store.work import Work
from intents.values import canonical_bytes
from tests.auction.builders import problem


def count(work: Work) -> tuple[int, int]:
    both = (snapshots, snapshot_parts)
    first, second = (work._connection.scalar(select(func.count()).select_from(table)) for table in both)
    return first or 0, second or 0


def later(snapshot: Snapshot, time_seconds: int) -> Snapshot:
    """The snapshot at another time, its first venue used a little more."""
    first, *others = snapshot.venues
    used = first.model_copy(update={"gas_units": first.gas_units + time_seconds})
    return snapshot.model_copy(update={"time_seconds": time_seconds, "venues": (used, *others)})


@pytest.fixture
def snapshot() -> Snapshot:
    return demo_world(1).snapshot


def test_a_snapshot_comes_back_with_its_hash(database: Database, snapshot: Snapshot) -> None:
    with database.transaction() as work:
        key = work.snapshots.put(snapshot)
        assert work.snapshots.get(key) == snapshot
        assert work.snapshots.get("sha256:" + "0" * 64) is None
    assert key == snapshot_hash(snapshot)


def test_what_repeats_is_stored_once(database: Database, snapshot: Snapshot) -> None:
    with database.transaction() as work:
        key = work.snapshots.put(snapshot)
        _, parts = count(work)
        assert work.snapshots.put(snapshot) == key
        assert count(work) == (1, parts)
        keys = [work.snapshots.put(later(snapshot, time)) for time in (1, 2, 3)]
        assert count(work) == (4, parts + 3)
        assert [work.snapshots.get(key) for key in keys] == [later(snapshot, time) for time in (1, 2, 3)]


def test_a_further_snapshot_takes_little_room(database: Database, snapshot: Snapshot) -> None:
    def room(work: Work) -> int:
        return sum(
            work._connection.scalar(select(func.sum(func.length(column)))) or 0
            for column in (snapshots.c.manifest, snapshot_parts.c.body)
        )

    with database.transaction() as work:
        work.snapshots.put(snapshot)
        first = room(work)
        work.snapshots.put(later(snapshot, 1))
        further = room(work) - first
    assert further < len(canonical_bytes(snapshot)) / 8


def test_damage_is_found(database: Database) -> None:
    snapshot = problem([]).snapshot
    with database.transaction() as work:
        key = work.snapshots.put(snapshot)
        some = select(snapshot_parts.c.hash, snapshot_parts.c.body).order_by(func.length(snapshot_parts.c.body))
        part, body = work._connection.execute(some.limit(1)).one()
        where = snapshot_parts.c.hash == part
        work._connection.execute(snapshot_parts.update().where(where).values(body=body.replace(b"0", b"1")))
        with pytest.raises(StoreError, match="damaged_snapshot"):
            work.snapshots.get(key)
        work._connection.execute(snapshot_parts.delete().where(where))
        with pytest.raises(StoreError, match="damaged_snapshot"):
            work.snapshots.get(key)
