"""Backups hold one moment, come back whole, and replace nothing."""

import sqlite3
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import make_url

from engine.store.backup import backup, restore
from engine.store.database import Database
from engine.store.errors import StoreError
from tests.databases import Databases


def values(url: str, *keys: str) -> list[str | None]:
    database = Database.open(url)
    with database.reading() as work:
        found = [work.meta.get(key) for key in keys]
    database.close()
    return found


def remember(url: str, value: str) -> None:
    database = Database.open(url)
    with database.transaction() as work:
        work.meta.set("left", value)
        work.meta.set("right", value)
    database.close()


def code(error: pytest.ExceptionInfo[StoreError]) -> str:
    return error.value.code


def test_a_backup_comes_back_whole(databases: Databases, tmp_path: Path) -> None:
    url, copy = databases.migrated("sqlite"), tmp_path / "backup.db"
    remember(url, "before")

    backup(url, copy)
    remember(url, "after")
    other = f"sqlite:///{tmp_path / 'new' / 'clearway.db'}"
    restore(other, copy)

    assert values(other, "left", "right") == ["before", "before"]
    assert values(url, "left") == ["after"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup.db", "new"]


def test_a_backup_of_a_database_in_use_is_one_moment_of_it(databases: Databases, tmp_path: Path) -> None:
    url, stop = databases.migrated("sqlite"), Event()
    remember(url, "0")

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            remember(url, str(number))

    writer = Thread(target=write)
    writer.start()
    try:
        for number in range(10):
            backup(url, tmp_path / f"{number}.db")
    finally:
        stop.set()
        writer.join()

    seen = [values(f"sqlite:///{tmp_path / f'{number}.db'}", "left", "right") for number in range(10)]
    assert all(left == right for left, right in seen)
    assert seen[0] != seen[-1]


def test_nothing_is_replaced(databases: Databases, tmp_path: Path) -> None:
    url, copy = databases.migrated("sqlite"), tmp_path / "backup.db"
    remember(url, "mine")
    backup(url, copy)
    before = copy.read_bytes()

    with pytest.raises(StoreError) as again:
        backup(url, copy)
    with pytest.raises(StoreError) as over:
        restore(url, copy)

    assert (code(again), code(over)) == ("file_exists", "database_not_empty")
    assert copy.read_bytes() == before
    assert values(url, "left") == ["mine"]

    empty = databases.migrated("sqlite")
    restore(empty, copy)  # tables without rows are nothing to lose
    assert values(empty, "left") == ["mine"]


def test_what_is_no_backup_is_refused_before_anything_is_written(databases: Databases, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'clearway.db'}"
    text, foreign, newer, torn = (tmp_path / name for name in ("text", "foreign", "newer", "torn"))
    text.write_text("not a database" * 100)
    sqlite3.connect(foreign).execute("CREATE TABLE things (name TEXT)").connection.close()
    backup(source := databases.migrated("sqlite"), newer)
    connection = sqlite3.connect(newer)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    torn.write_bytes(Path(make_url(source).database or "").read_bytes()[:6000])

    codes = []
    for path in (tmp_path / "missing", text, foreign, newer, torn):
        with pytest.raises(StoreError) as caught:
            restore(url, path)
        codes.append(code(caught))

    assert codes == ["not_a_backup", "not_a_backup", "not_a_backup", "unknown_revision", "not_a_backup"]
    assert not (tmp_path / "clearway.db").exists()


def test_without_a_database_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no_database"):
        backup(f"sqlite:///{tmp_path / 'none.db'}", tmp_path / "backup.db")

    assert list(tmp_path.iterdir()) == []


def test_postgresql_is_left_to_its_own_tools(tmp_path: Path) -> None:
    url = "postgresql://somebody:secret@nowhere.invalid/clearway"

    with pytest.raises(StoreError, match=r"use_pg_dump.*use pg_dump") as back:
        backup(url, tmp_path / "backup.db")
    with pytest.raises(StoreError, match=r"use_pg_restore.*use pg_restore") as forth:
        restore(url, tmp_path / "backup.db")

    assert "secret" not in f"{back.value} {forth.value}"
