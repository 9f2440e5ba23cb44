"""Migrations go up, down and up again, leave what the tables say, and run once however many start them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, inspect, make_url

from engine.audit.record import record_bytes
from engine.store.database import Database, migration_config, open_engine
from engine.store.errors import StoreError
from engine.store.repositories.solvers import RemoteSolver
from engine.store.tables import metadata
from migrations.schema import schema_page
from tests.audit.records import small_record
from tests.store.test_auctions import settled


def tables(url: str) -> set[str]:
    engine = create_engine(make_url(url))
    names = set(inspect(engine).get_table_names())
    engine.dispose()
    return names


def test_up_down_and_up_again_with_nothing_left_to_change(empty: str) -> None:
    config = migration_config(make_url(empty))

    command.upgrade(config, "head")
    assert tables(empty) == {*metadata.tables, "alembic_version"}
    command.check(config)

    command.downgrade(config, "base")
    assert tables(empty) == {"alembic_version"}

    command.upgrade(config, "head")
    command.check(config)
    database = Database.open(empty)
    assert database.revision() == Database.newest_revision()
    database.close()


def test_what_is_stored_goes_down_and_up_again(empty: str) -> None:
    config = migration_config(make_url(empty))
    command.upgrade(config, "head")
    database, record = Database.open(empty), small_record()
    with database.transaction() as work:
        settled(work, 1, record)
        for name, key in (("stays", "aa"), ("leaves", "bb")):
            work.solvers.register_remote(name, "https://one.example", f"ed25519:{key * 32}", issued_ms=1, at_ms=1)
        work.solvers.remove_remote("leaves", issued_ms=2, at_ms=2)
    database.close()

    command.downgrade(config, "0002")
    command.upgrade(config, "head")

    with database.reading() as work:
        auction, content = work.auctions.get(1), work.auctions.record_bytes(1)
        solvers = [(solver.name, solver.remote is not None) for solver in work.solvers.all()]
        stays = work.solvers.remote("stays")
    database.close()
    assert auction is not None
    assert auction.tie_seed == record.tie_seed
    assert content == record_bytes(record)
    assert solvers == [("leaves", False), ("stays", True)]
    assert stays == RemoteSolver("stays", "https://one.example", f"ed25519:{'aa' * 32}", 1)


def test_check_finds_a_column_that_no_migration_made(empty: str) -> None:
    config = migration_config(make_url(empty))
    command.upgrade(config, "head")
    engine = open_engine(empty)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE leases DROP COLUMN holder")
    engine.dispose()

    with pytest.raises(Exception, match="add_column"):
        command.check(config)


def test_processes_that_upgrade_at_once_migrate_once(empty: str) -> None:
    program = f"from engine.store.database import Database; Database.open({empty!r}).upgrade()"
    running = [subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE) for _ in range(2)]
    ends = [(process.communicate()[1].decode()[-500:], process.returncode) for process in running]

    assert ends == [("", 0)] * 2
    assert tables(empty) == {*metadata.tables, "alembic_version"}


def test_a_migration_that_fails_leaves_nothing(empty: str) -> None:
    engine = open_engine(empty)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE leases (name TEXT)")
    engine.dispose()

    with pytest.raises(Exception, match="already exists"):
        command.upgrade(migration_config(make_url(empty)), "head")
    assert tables(empty) == {"leases"}


def test_the_schema_page_is_what_the_tables_say() -> None:
    page = Path(__file__).parents[2] / "migrations" / "SCHEMA.md"
    assert page.read_text() == schema_page(), "python -m migrations.schema > migrations/SCHEMA.md"


@pytest.mark.parametrize(
    "url", ["", "nonsense", "sqlite://", "sqlite:///:memory:", "mysql://root:secret@host/x", "postgresql+nonsense://x"]
)
def test_other_urls_are_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(StoreError, match="bad_database_url") as caught:
        Database.open(url)
    assert "secret" not in str(caught.value)
