"""The auctioneer in a process of its own: `python -m api.auctioneer`.

Its settings are the environment's. It ends when its standard input does, after the auction that it is at, so it outlives
who started it by no more than that, however they ended.
"""

from __future__ import annotations

import sys
import threading
from contextlib import closing

from api import logs
from api.cli.workers import built_in_commands
from engine.audit.log.notes import SignerKey
from engine.runtime.auctioneer import Auctioneer
from engine.runtime.embedded import EmbeddedWorld
from engine.runtime.journal import LOG_FOLDER, Journal
from engine.runtime.keys import KEY_FILE, engine_key
from engine.runtime.pool import Pool, PoolLimits
from engine.runtime.remote import Gateway
from engine.runtime.settings import Settings
from engine.store.database import Database


def main() -> None:
    """Run auctions until standard input ends."""
    logs.configure()
    settings = Settings()
    stop = threading.Event()
    threading.Thread(target=_wait_for_end, args=(stop,), daemon=True).start()
    limits = PoolLimits(output_bytes=settings.solver_output_bytes, memory_bytes=settings.solver_memory_bytes)
    with (
        closing(Database.open(settings.database_url)) as database,
        Pool(built_in_commands(settings.built_in), limits) as pool,
    ):
        world = EmbeddedWorld.open(database, settings.world_seed)
        key = engine_key(settings.data_dir / KEY_FILE)
        gateway = Gateway.of(settings, key)
        journal = Journal(database, settings.data_dir / LOG_FOLDER, SignerKey(settings.log_origin, key))
        Auctioneer(database, world, pool, settings, gateway=gateway, journal=journal).run(stop)


def _wait_for_end(stop: threading.Event) -> None:
    sys.stdin.buffer.read()
    stop.set()


if __name__ == "__main__":
    main()
