from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select, update

from engine.market.feeds.synthetic import demo_world
from engine.market.snapshot import Snapshot, snapshot_hash
from engine.store.database import Database
from engine.store.errors import StoreError
from engine.store.repositories.snapshots import MAX_DEPTH
from engine.store.tables import snapshots
from engine.store.work import Work
from intents.values import canonical_bytes
from tests.auction.builders import problem


def later(snapshot: Snapshot, time_seconds: int) -> Snapshot:
    """The snapshot at another time, its first venue used a little more."""
    first, *others = snapshot.venues
    used = first.model_copy(update={"gas_units": first.gas_units + time_seconds})
    return snapshot.model_copy(update={"time_seconds": time_seconds, "venues": (used, *others)})


def column(work: Work, name: str) -> list[Any]:
    return list(work._connection.scalars(select(snapshots.c[name]).order_by(snapshots.c.sequence)))


@pytest.fixture
def snapshot() -> Snapshot:
    return demo_world(1).snapshot


def test_a_snapshot_comes_back_with_its_hash(database: Database, snapshot: Snapshot) -> None:
    with database.transaction() as work:
        key = work.snapshots.put(snapshot)
        assert work.snapshots.get(key) == snapshot
        assert work.snapshots.get("sha256:" + "0" * 64) is None
    assert key == snapshot_hash(snapshot)


def test_a_long_row_of_snapshots_comes_back_from_differences_of_bounded_depth(
    database: Database, snapshot: Snapshot
) -> None:
    row = [later(snapshot, time) for time in range(1, MAX_DEPTH + 5)]
    with database.transaction() as work:
        keys = [work.snapshots.put(one) for one in row]
        assert [work.snapshots.put(one) for one in row] == keys
        assert [work.snapshots.get(key) for key in keys] == row
        depths = column(work, "depth")
    assert depths == [*range(MAX_DEPTH + 1), 0, 1, 2]


def test_whatever_changes_comes_back(database: Database, snapshot: Snapshot) -> None:
    first, second, *others = snapshot.venues
    asset = next(iter(snapshot.prices))
    fewer = {name: price for name, price in snapshot.prices.items() if name != asset}
    priced = {**fewer, asset: snapshot.prices[asset].model_copy(update={"source": "another"})}
    changes: list[dict[str, Any]] = [
        {"venues": (second, *others)},
        {"venues": (first, *others)},
        {"venues": ()},
        {"venues": (second, first)},  # not in order: no snapshot that is checked is so, but it is kept as it is
        {"prices": fewer},
        {"prices": priced},
        {"prices": {}, "chains": {}},
    ]
    with database.transaction() as work:
        for change in changes:
            work.snapshots.put(snapshot)
            changed = snapshot.model_copy(update=change)
            assert work.snapshots.get(work.snapshots.put(changed)) == changed


def test_a_difference_takes_little_room_and_another_world_is_stored_whole(
    database: Database, snapshot: Snapshot
) -> None:
    with database.transaction() as work:
        work.snapshots.put(snapshot)
        work.snapshots.put(later(snapshot, 1))
        work.snapshots.put(problem([]).snapshot)
        sizes = list(work._connection.scalars(select(func.length(snapshots.c.body)).order_by(snapshots.c.sequence)))
        assert column(work, "depth") == [0, 1, 0]
    assert sizes[0] < len(canonical_bytes(snapshot)) / 8
    assert sizes[1] < sizes[0] / 8


def test_damage_is_found(database: Database, snapshot: Snapshot) -> None:
    with database.transaction() as work:
        work.snapshots.put(snapshot)
        key = work.snapshots.put(later(snapshot, 1))
        whole = snapshots.c.depth == 0
        body = work._connection.scalar(select(snapshots.c.body).where(whole)) or b""
        work._connection.execute(update(snapshots).where(whole).values(body=body.replace(b"USD", b"UST")))
        with pytest.raises(StoreError, match="damaged_snapshot"):
            work.snapshots.get(key)
