"""An auctioneer as tests run it, and the program that is one which dies: `python service.py URL HOOK TIMES SETTINGS`."""

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.audit.log.notes import SignerKey
from engine.runtime.auctioneer import Auctioneer
from engine.runtime.embedded import EmbeddedWorld
from engine.runtime.journal import LOG_FOLDER, Journal
from engine.runtime.pool import Pool
from engine.runtime.settings import Settings
from engine.store.database import Database

SEED = 1
LOG_KEY = SignerKey("clearway.example/log", b"\x01" * 32)
COMMANDS = {"greedy": [sys.executable, "-P", "-m", "solvers.worker", "greedy"]}


@dataclass
class ManualClock:
    """A time that tests set."""

    now: int

    def now_ms(self) -> int:
        return self.now


def settings(**changes: Any) -> Settings:
    """Enough work for some fills; time is no limit but where a test makes it one."""
    return Settings(
        **{"solver_work": 2000, "solve_seconds": 30, "lease_seconds": 100, "cadence_seconds": 0.5, **changes}
    )


def auctioneer_of(
    database: Database, pool: Pool, *, holder: str, hooks: Callable[[str], None] = lambda _: None, **changes: Any
) -> Auctioneer:
    """With a log where `data_dir` says where."""
    world, chosen = EmbeddedWorld.open(database, SEED), settings(**changes)
    journal = Journal(database, chosen.data_dir / LOG_FOLDER, LOG_KEY) if "data_dir" in changes else None
    return Auctioneer(database, world, pool, chosen, journal=journal, holder=holder, hooks=hooks)


def die_at(hook: str, times: int) -> Callable[[str], None]:
    """kill -9 to ourselves when the hook is reached for the `times`th time."""
    left = times

    def reached(name: str) -> None:
        nonlocal left
        left -= name == hook
        if name == hook and left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return reached


def main() -> None:
    """One process for many deaths: a line {"url", "hook", "times", "settings"} makes a child that lives and dies so."""
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            os.dup2(2, 1)  # its log does not belong among the answers
            database = Database.open(asked["url"])
            with Pool(COMMANDS) as pool:
                hooks = die_at(asked["hook"], asked["times"])
                auctioneer = auctioneer_of(database, pool, holder="mortal", hooks=hooks, **asked["settings"])
                while auctioneer.lead():
                    auctioneer.run_once()
            os._exit(1)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
