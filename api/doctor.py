"""What the service needs, examined without changing anything. Importing this module needs the extra `server`."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from api.cli.workers import built_in_commands
from api.server import check_secrets
from engine.runtime.keys import KEY_FILE, engine_key
from engine.runtime.settings import Settings
from engine.store.database import Database
from intents.errors import ClearwayError
from solvers.registry import SolverUnavailableError, load

_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `remedy` says what to do where it is not good."""

    subject: str
    good: bool
    found: str
    remedy: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Everything, in the order in which the service needs it."""
    return [_mode(settings), _data(settings), _key(settings), _database(settings), _port(settings), *_solvers(settings)]


def _mode(settings: Settings) -> Finding:
    try:
        check_secrets(settings)
    except ClearwayError as error:
        return Finding("mode", good=False, found=str(error), remedy="unset CLEARWAY_MODE for the embedded world")
    return Finding("mode", good=True, found=settings.mode)


def _data(settings: Settings) -> Finding:
    folder = settings.data_dir
    while not folder.exists():
        folder = folder.parent
    good = folder.is_dir() and os.access(folder, os.W_OK)
    remedy = "" if good else "name a folder that can be written to in CLEARWAY_DATA_DIR"
    return Finding(
        "data folder", good=good, found=f"{settings.data_dir}{'' if good else ' can not be written to'}", remedy=remedy
    )


def _key(settings: Settings) -> Finding:
    path = settings.data_dir / KEY_FILE
    if not path.exists():
        return Finding("engine key", good=True, found="will be made by `clearway run`")
    try:
        engine_key(path)
    except ClearwayError as error:
        return Finding(
            "engine key", good=False, found=str(error), remedy="restore the file, or move it away for a new key"
        )
    return Finding("engine key", good=True, found=str(path))


def _database(settings: Settings) -> Finding:
    url = settings.database_url
    if url.startswith(_SQLITE) and not Path(url.removeprefix(_SQLITE)).exists():
        return Finding("database", good=True, found="will be made by `clearway run`")
    try:
        with closing(Database.open(url)) as database:
            revision = database.revision()
    except Exception as error:  # noqa: BLE001 - whatever a driver raises is what we came to find
        kind = type(error).__name__
        return Finding("database", good=False, found=f"can not be opened ({kind})", remedy="check DATABASE_URL")
    newest = Database.newest_revision()
    if revision != newest:
        found = f"revision {revision}, not {newest}"
        return Finding("database", good=False, found=found, remedy="clearway db upgrade")
    return Finding("database", good=True, found=f"revision {revision}")


def _port(settings: Settings) -> Finding:
    try:
        socket.create_server((settings.host, settings.port)).close()
    except OSError as error:
        return Finding("port", good=False, found=f"{settings.port}: {error.strerror}", remedy="name another in PORT")
    return Finding("port", good=True, found=str(settings.port))


def _solvers(settings: Settings) -> Iterator[Finding]:
    try:
        names = list(built_in_commands(settings.built_in))
    except ClearwayError as error:
        yield Finding("solvers", good=False, found=str(error), remedy="name others in CLEARWAY_BUILT_IN")
        return
    for name in names:
        try:
            load(name)
        except SolverUnavailableError as error:
            yield Finding(f"solver {name}", good=False, found=str(error), remedy="install clearway[solvers]")
        else:
            yield Finding(f"solver {name}", good=True, found="can be loaded")
