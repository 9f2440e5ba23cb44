"""Recorded competitions stored as our auctions and replayed: `python -m tests.benchmarks.cow_replay [--count N]`.

Reads cow/mainnet_2024 of the data folder (CLEARWAY_DATA); `clearway bench cow-replay` gives the same figures for any files.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import typer

from tests.api_http.stories import CLEARWAY
from tests.benchmarks.figures import ROOT, show


def main(count: int = 7200, jobs: int = 2) -> None:
    """Store and replay, and print the table."""
    folder = Path(os.environ.get("CLEARWAY_DATA", ROOT.parent / "shared" / "data")) / "cow" / "mainnet_2024"
    files = [
        part
        for name in ("auctions", "competitions", "orders")
        for part in (f"--{name}", str(folder / f"{name}.jsonl.gz"))
    ]
    command = [str(CLEARWAY), "bench", "cow-replay", *files, "--count", str(count), "--jobs", str(jobs), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    data = json.loads(done.stdout)
    bids = ", ".join(f"{number} {status}" for status, number in data["bids"].items())
    show(
        columns=["", "auctions a second"],
        rows=[
            [f"fully replayed, {jobs} processes, their start included", f"{data['a_second']:.0f}"],
            ["by the processor time of a replay, one core", f"{1000 / data['processor_ms_each']:.0f}"],
            ["recorded bids alone rescored, one process", f"{data['rescored_a_second']:.0f}"],
        ],
        notes=[
            f"{data['identical']} of {data['replayed']} stored auctions identical in {data['seconds']:.1f} s.",
            f"The records have {data['megabytes']:.0f} MB.",
            f"The bids of the {data['auctions']} recorded auctions: {bids}.",
        ],
    )


if __name__ == "__main__":
    typer.run(main)
