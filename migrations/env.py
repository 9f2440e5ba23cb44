"""What Alembic runs: the migrations, in one transaction, one process at a time.

The database is the one that `engine.store.database.migration_config` names; from the command line DATABASE_URL's.
"""

from __future__ import annotations

import os
from typing import Any, Literal

from alembic import context

from engine.store.database import migrating
from engine.store.errors import StoreError
from engine.store.tables import metadata
from engine.store.types import Exact, Json, Packed


def rendered(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """How a new revision spells our column types: by what they are in the database, since the classes may change."""
    if kind == "type":
        match item:
            case Exact():
                return f'sa.Text().with_variant(sa.Numeric({item.digits}, 0), "postgresql")'
            case Json():
                return "sa.Text()"
            case Packed():
                return "sa.LargeBinary()"
    return False


def run() -> None:
    """Run what Alembic was asked to. Raises StoreError `bad_database_url` where no database is named."""
    url = context.config.attributes.get("url") or os.environ.get("DATABASE_URL")
    if not url:
        raise StoreError("bad_database_url", "DATABASE_URL", expected="the database to migrate", actual="none")
    with migrating(url) as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            render_item=rendered,
            compare_type=True,
            compare_server_default=True,
            transactional_ddl=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
