"""`clearway run`, `clearway db upgrade` and `clearway doctor`: what an operator needs.

They need the extra `server`, which is loaded only when one of them is called.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

import typer

from api.cli.output import EXIT_NO, say
from intents.errors import InputError

db_app = typer.Typer(help="The database of the service.", no_args_is_help=True)


def run() -> None:
    """Run the service: API, auctioneer and the embedded world. Settings are CLEARWAY_<NAME>, DATABASE_URL and PORT."""
    settings = _needed("engine.runtime.settings").Settings()
    _needed("api.server").serve(settings, started=say)


@db_app.command()
def upgrade() -> None:
    """Migrate the database to the newest revision and print it. Does nothing where it is there already."""
    settings = _needed("engine.runtime.settings").Settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = _needed("engine.store.database").Database.open(settings.database_url)
    database.upgrade()
    say(database.revision())
    database.close()


def doctor() -> None:
    """Look at everything that the service needs, change nothing, and say what to do about what is wrong (exit code 1)."""
    settings = _needed("engine.runtime.settings").Settings()
    findings = _needed("api.doctor").examine(settings)
    for finding in findings:
        remedy = f": {finding.remedy}" if finding.remedy else ""
        say(f"{'ok  ' if finding.good else 'FAIL'} {finding.subject}: {finding.found}{remedy}")
    if not all(finding.good for finding in findings):
        raise typer.Exit(EXIT_NO)


def _needed(module: str) -> ModuleType:
    """A module that needs the extra. Raises InputError `missing_extra`."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in {"intents", "engine", "solvers", "api", "migrations"}:
            raise  # a fault of ours, no missing extra
        expected = "the extra clearway[server]"
        raise InputError("missing_extra", "", expected=expected, actual=f"no {error.name}") from None
