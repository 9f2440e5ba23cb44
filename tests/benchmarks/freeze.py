"""How late the set of bids is frozen, and how soon what failed is gone: `python -m tests.benchmarks.freeze`.

One worker that answers at once stands beside one of each kind of hostile worker (tests/runtime/worker.py). Time counts from
the deadline to the freezing, and from there until everything that the hostile one started is gone and another worker has
taken its place.
"""

from __future__ import annotations

import os
import statistics
import sys
import time

import typer

from engine.runtime.pool import REAP_SECONDS, Pool, PoolLimits
from tests.benchmarks.figures import ROOT, show

WORKER = ROOT / "tests" / "runtime" / "worker.py"
LATE_MS, REAPED_MS = 50, round(REAP_SECONDS * 1000)
KINDS = {
    "block": "blocks in C",
    "fork": "forks 20 children",
    "escape": "children in sessions of their own",
    "eat": "eats memory",
    "crash": "crashes",
    "gigabyte": "writes a gigabyte",
    "chatter": "writes a gigabyte to its log",
}
LIMITS = PoolLimits(output_bytes=2**20, memory_bytes=2**27)


def main(rounds: int = 20, seconds: float = 0.5) -> None:
    """Measure, and print the table."""
    os.environ["PYTHONPATH"] = str(ROOT)
    rows = []
    for kind, what in KINDS.items():
        late, reaped, unreaped = measure(kind, rounds, seconds)
        kept = "yes" if max(late) <= LATE_MS and max(reaped) <= REAPED_MS and not unreaped else "no"
        cells = [f"{figure(values):.1f} ms" for values in (late, reaped) for figure in (statistics.median, max)]
        rows.append([what, *cells, kept])
    show(
        columns=["the worker", "frozen late", "at worst", "gone after", "at worst", "kept"],
        rows=rows,
        notes=[
            f"{rounds} rounds each. Kept: never frozen later than {LATE_MS} ms, never gone later than {REAPED_MS} ms."
        ],
    )


def measure(kind: str, rounds: int, seconds: float) -> tuple[list[float], list[float], int]:
    """Milliseconds late and to the reaping (0 where nothing was left to wait for), and how often something was left."""
    late, reaped, unreaped = [], [], 0
    with Pool({name: [sys.executable, str(WORKER), name] for name in ("echo", kind)}, LIMITS) as pool:
        for _ in range(rounds):
            pool.wait_ready(20)
            collected = pool.ask({"echo": b"1", kind: b"1"}, deadline=time.monotonic() + seconds)
            late.append(max(0.0, collected.frozen_late_seconds * 1000))
            reaped.append(collected.reaped_seconds * 1000)
            unreaped += bool(collected.unreaped)
    return late, reaped, unreaped


if __name__ == "__main__":
    typer.run(main)
