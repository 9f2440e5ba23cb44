"""Replay of stored auctions through a fresh process: `python -m tests.benchmarks.replay`.

Auctions of the embedded world are run one after the other into a database, their records written to a folder as the API
gives them, and `clearway replay` run over it, once. Clearing is what an auction does after the bids are frozen and before it
settles: verify, score, filter, select. A replay does that, and reads the record and compares besides.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path

import typer

from api.cli.workers import built_in_commands
from engine.runtime.auctioneer import Auctioneer
from engine.runtime.embedded import EmbeddedWorld
from engine.runtime.pool import Pool
from engine.runtime.settings import Settings
from engine.store.database import Database
from tests.api_http.stories import CLEARWAY
from tests.benchmarks.figures import show


def main(auctions: int = 200, solvers: str = "greedy,lp,cpsat", work: int = 50_000) -> None:
    """Run the auctions, replay them, and print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clearing, fills, bids = clear(folder, auctions, solvers, work)
        started = time.perf_counter()
        done = subprocess.run([CLEARWAY, "replay", folder, "--json"], capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - started
        size = sum(file.stat().st_size for file in folder.glob("*.json")) / 2**20
    report = json.loads(done.stdout)
    if report["differing"] or report["records"] != auctions:
        raise SystemExit(f"not a replay of all: {report}")
    show(
        columns=["", "seconds", "auctions a second"],
        rows=[
            ["clearing them, as recorded", f"{clearing:.1f} s", f"{auctions / clearing:.1f}"],
            ["replay, the process's start included", f"{seconds:.1f} s", f"{auctions / seconds:.1f}"],
            ["ratio", "", f"{clearing / seconds:.2f}"],
        ],
        notes=[f"{auctions} auctions, {bids} bids, {fills} fills, {size:.0f} MiB of records; all identical."],
    )


def clear(folder: Path, auctions: int, solvers: str, work: int) -> tuple[float, int, int]:
    """Run auctions and write their records to the folder; seconds of clearing, fills and bids."""
    database = Database.open(f"sqlite:///{folder / 'clearway.db'}")
    database.upgrade()
    settings = Settings(solver_work=work, built_in=solvers, lease_seconds=3600)
    clearing = fills = bids = 0
    with Pool(built_in_commands(solvers)) as pool:
        pool.wait_ready(60)
        auctioneer = Auctioneer(database, EmbeddedWorld.open(database, 1), pool, settings)
        for _ in range(auctions):
            auctioneer.lead()
            number = auctioneer.run_once()
            with database.reading() as kept:
                record, stored = kept.auctions.record_bytes(number), kept.auctions.get(number)
                fills += len(kept.auctions.fills(number))
            if record is None or stored is None or stored.timings is None:
                raise SystemExit(f"auction {number} was not settled")
            clearing += stored.timings["cleared_ms"] - stored.timings["frozen_ms"]
            bids += len(json.loads(record)["bids"])
            (folder / f"{number:06}.json").write_bytes(record)
    database.close()
    return clearing / 1000, fills, bids


if __name__ == "__main__":
    typer.run(main)
