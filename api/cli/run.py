"""`clearway run`, `clearway db upgrade` and `clearway doctor`: what an operator needs.

They need the extra `server`, which is loaded only when one of them is called.
"""

from __future__ import annotations

from contextlib import closing

import typer

from api.cli.extras import needed
from api.cli.output import EXIT_NO, say

db_app = typer.Typer(help="The database of the service.", no_args_is_help=True)


def run() -> None:
    """Run the service: API, auctioneer and the embedded world. Settings are CLEARWAY_<NAME>, DATABASE_URL and PORT."""
    settings = needed("engine.runtime.settings", "server").Settings()
    needed("api.server", "server").serve(settings, started=say)


@db_app.command()
def upgrade() -> None:
    """Migrate the database to the newest revision and print it. Does nothing where it is there already."""
    settings = needed("engine.runtime.settings", "server").Settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with closing(needed("engine.store.database", "server").Database.open(settings.database_url)) as database:
        database.upgrade()
        say(database.revision())


def doctor() -> None:
    """Look at everything that the service needs, change nothing, and say what to do about what is wrong (exit code 1)."""
    settings = needed("engine.runtime.settings", "server").Settings()
    findings = needed("api.doctor", "server").examine(settings)
    for finding in findings:
        remedy = f": {finding.remedy}" if finding.remedy else ""
        say(f"{'ok  ' if finding.good else 'FAIL'} {finding.subject}: {finding.found}{remedy}")
    if not all(finding.good for finding in findings):
        raise typer.Exit(EXIT_NO)
