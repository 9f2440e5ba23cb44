"""The one writer of intents, in a process of its own: `python -m api.intake FD`.

It takes batches of requests from the pipe FD, reads them, checks their signatures, stores what is acceptable in one
transaction, and answers after the commit (`api.http.intake_link`). In the API's own process the threads would take the
interpreter from each other at every call that hashes, signs or writes.

Its settings are the environment's. It ends when the other end of the pipe is closed.
"""

from __future__ import annotations

import gc
import sys
from multiprocessing.connection import Connection

import structlog

from api import logs
from api.http.intake_link import Asked
from engine.market.feeds.synthetic_risk import UNDERLYINGS
from engine.market.world import DEMO_SALT
from engine.runtime.embedded import EmbeddedWorld, ListedAssets
from engine.runtime.intake import Accepted, Intake, Submission
from engine.runtime.keys import KEY_FILE, engine_key
from engine.runtime.settings import Settings
from engine.store.database import Database
from intents.errors import ClearwayError


def main() -> None:
    """Accept until the pipe ends."""
    logs.configure()
    settings = Settings()
    database = Database.open(settings.database_url)
    world = EmbeddedWorld.open(database, settings.world_seed)
    key = engine_key(settings.data_dir / KEY_FILE)
    intake = Intake(key, DEMO_SALT, ListedAssets(database, world), world.clock.now_ms, UNDERLYINGS)
    gc.collect()
    gc.freeze()  # what was imported stays: looking through it again and again is a tenth of the work
    gc.set_threshold(50_000)  # and requests leave hardly any cycles behind
    with Connection(int(sys.argv[1])) as connection:
        connection.send([])  # ready
        while True:
            try:
                asked = connection.recv()
            except (EOFError, ConnectionResetError):  # it was closed, maybe with answers of ours unread in it
                break
            connection.send(accept(database, intake, asked))
    database.close()


def accept(database: Database, intake: Intake, asked: list[Asked]) -> list[Accepted | Exception]:
    """What becomes of each request, in order; what was accepted is durable."""
    read = [_read(intake, *one) for one in asked]
    outcomes = iter(database.do_all(intake.accept, [one for one in read if isinstance(one, Submission)]))
    return [_told(next(outcomes)) if isinstance(one, Submission) else one for one in read]


def _read(intake: Intake, body: bytes, key: str | None, route: tuple[str, ...]) -> Submission | ClearwayError:
    try:
        return intake.read(body, key, *route)
    except ClearwayError as refusal:
        return refusal


def _told(outcome: Accepted | Exception) -> Accepted | Exception:
    """What crosses the pipe: of a fault of ours only that it was one."""
    if isinstance(outcome, Accepted | ClearwayError):
        return outcome
    structlog.get_logger().error("intake failed", exc_info=outcome)
    return RuntimeError("a fault of the intake")


if __name__ == "__main__":
    main()
