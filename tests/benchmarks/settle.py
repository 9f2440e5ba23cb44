"""Time from an accepted intent to its settled fill, on a running service: `python -m tests.benchmarks.settle`.

Strangers with money of their own submit single swaps at moments spread evenly at random; the service runs as `make run` does,
with the world's own flow beside them. Both ends are the service's own times, from the intent's history: when it was accepted
(in the commit before the reply) and when its fill was settled (in the commit of the auction).
"""

from __future__ import annotations

import random
import secrets
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

import typer

from api.client import Client
from engine.runtime.settings import Settings
from tests.api_http.people import ETH, ONE_ETH, signed
from tests.api_http.stories import eventually, in_state, running
from tests.benchmarks.figures import quantile, show


def main(
    intents: int = 60, seconds: float = 90.0, cadence: float = 5.0, solve: float = 2.0, solvers: str = "greedy,lp,cpsat"
) -> None:
    """Run a service, measure, and print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        times = {"CLEARWAY_CADENCE_SECONDS": str(cadence), "CLEARWAY_SOLVE_SECONDS": str(solve)}
        settings = {**times, "CLEARWAY_BUILT_IN": solvers}
        with running(folder, f"sqlite:///{folder / 'clearway.db'}", **settings) as (http, _):
            eventually(lambda: in_state(http, "/v1/auctions/0", "settled"), 60)
            with Client(str(http.base_url)) as service:
                waits = measure(service, intents, seconds, 4 * cadence + 30)
    rows = [
        [what, *(f"{figure / 1000:.2f} s" for figure in (statistics.median(ms), quantile(ms, 0.95), max(ms)))]
        for what, ms in waits.items()
    ]
    grace = Settings.model_fields["grace_seconds"].default
    show(
        columns=["", "median", "95 %", "at most"],
        rows=rows,
        notes=[
            f"{intents} intents over {seconds:g} s, all filled. A cut begins every {cadence:g} s, which with the time that",
            f"it takes bounds the first row; solvers are given {solve:g} s and {grace:g} s of grace, which with clearing and settling",
            "bound the second.",
        ],
    )


def measure(service: Client, intents: int, seconds: float, patience: float) -> dict[str, list[int]]:
    """Milliseconds of each intent, by part of the way."""
    salt = random.Random(1)
    moments = sorted(salt.uniform(0, seconds) for _ in range(intents))
    keys = [secrets.token_bytes(32) for _ in moments]
    now = service.time().now_ms // 1000
    wishes = [signed(key=key, valid_from=now, valid_until=now + 36_000) for key in keys]
    for wish in wishes:
        service.deposit(wish.outcome.owner, ETH, ONE_ETH)
    begun = time.monotonic()
    for moment, wish in zip(moments, wishes, strict=True):
        time.sleep(max(0.0, begun + moment - time.monotonic()))
        service.submit(wish)
    waits: dict[str, list[int]] = {"accepted to cut": [], "cut to settled": [], "accepted to settled": []}
    for wish in wishes:
        eventually(partial(filled, service, wish.id), patience)
        lines = service.history(wish.id).events
        accepted, settled = lines[0], next(line for line in lines if line.filled_units)
        cut = next(line for line in reversed(lines) if line.event == "cut" and line.auction == settled.auction)
        for name, first, last in zip(waits, (accepted, cut, accepted), (cut, settled, settled), strict=True):
            waits[name].append(last.at_ms - first.at_ms)
    return waits


def filled(service: Client, intent: str) -> bool:
    """Whether the intent has a fill."""
    return bool(service.intent(intent).fills)


if __name__ == "__main__":
    typer.run(main)
