"""`clearway pause | resume | drain | backup | restore`: what an operator tells a service, through its database.

The service need not run, and it need not be on this machine: DATABASE_URL names the database, as for `clearway run`. They
need the extra `server`, which is loaded only when one of them is called.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.extras import needed
from api.cli.output import EXIT_NO, remark, say
from intents.errors import InputError

if TYPE_CHECKING:
    from engine.store.database import Database

LOOK_SECONDS = 0.5
"""Between two looks at whether an auction is running."""


def pause() -> None:
    """Begin no auction any more; intents are accepted and wait. The one that runs is settled."""
    _tell("paused")


def resume() -> None:
    """Run auctions and accept intents again."""
    _tell("running")


def drain(
    *,
    wait: Annotated[float, typer.Option(min=0, max=3600, help="Seconds to wait for the auction that runs.")] = 60.0,
) -> None:
    """Accept no intent and begin no auction any more, and wait for the one that runs. Exit code 1 where it does not end."""
    _tell("draining")
    until = time.monotonic() + wait
    with _database() as database:
        quiet = 0
        while quiet < 2:  # a second look: on PostgreSQL a batch may have been cut in the moment of the word
            with database.reading() as work:
                running = [auction.number for auction in work.auctions.unfinished()]
            quiet = 0 if running else quiet + 1
            if running and time.monotonic() > until:
                remark(f"auction {running[0]} has not ended; without a service that runs, it ends when one starts")
                raise typer.Exit(EXIT_NO)
            time.sleep(LOOK_SECONDS)
    say("drained: nothing is under way")


def backup(target: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.")]) -> None:
    """Copy the database, as of one moment, while it is used. For SQLite; the engine's key is not in it."""
    settings = needed("engine.runtime.settings", "server").Settings()
    needed("engine.store.backup", "server").backup(settings.database_url, target)
    say(f"written to {target}")


def restore(source: Annotated[Path, typer.Argument(metavar="FILE", help="What `backup` wrote.")]) -> None:
    """Copy a backup into a database that holds nothing. For SQLite."""
    settings = needed("engine.runtime.settings", "server").Settings()
    needed("engine.store.backup", "server").restore(settings.database_url, source)
    say(f"restored from {source}")


def _tell(word: str) -> None:
    operation = needed("engine.runtime.operation", "server")
    with _database() as database, database.transaction() as work:
        operation.set_mode(work, operation.Mode(word))
    say(word)


@contextmanager
def _database() -> Iterator[Database]:
    """The service's database, at this release's revision. Raises InputError `no_database`, `another_revision`."""
    settings = needed("engine.runtime.settings", "server").Settings()
    url = settings.database_url
    prefix = "sqlite:///"
    if url.startswith(prefix) and not Path(url.removeprefix(prefix)).exists():
        raise InputError("no_database", "DATABASE_URL", expected="a database", actual="no file")
    database: Database = needed("engine.store.database", "server").Database.open(url)
    try:
        newest, revision = database.newest_revision(), database.revision()
        if revision != newest:
            expected = f"revision {newest} (clearway db upgrade)"
            raise InputError("another_revision", "DATABASE_URL", expected=expected, actual=str(revision))
        yield database
    finally:
        database.close()
