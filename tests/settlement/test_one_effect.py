"""Whatever dies and whatever the network does: one effect for each winning bid, and books that add up."""

import os
from collections import Counter

from engine.settlement.dispatch import Rules
from engine.settlement.simulated_world import Faults, Lie
from tests.settlement.chaos import STEPS, Coordinator, check_books_of, check_one_effect
from tests.settlement.worlds import ALPHA, BETA, EXCHANGE, five_winners, network_of

RUNS = int(os.environ.get("CLEARWAY_SETTLEMENTS", "40"))
"""`make test-crash` makes 200."""

HOSTILE = Faults(
    reorganised=150_000,
    crashed=10_000,
    crash_us=8_000_000,
    grey=10_000,
    grey_us=8_000_000,
    missed=100_000,
    surge=5_000,
    surge_us=20_000_000,
    lost=80_000,
    censored=500_000,
)
LIES: tuple[Lie, ...] = ("", "forger", "replayer", "early", "censor")


def test_runs_with_deaths_at_every_step() -> None:
    record = five_winners()
    died: Counter[str] = Counter()
    became: Counter[str] = Counter()
    for seed in range(RUNS):
        lies = {place: LIES[(seed + n) % len(LIES)] for n, place in enumerate((ALPHA, BETA, EXCHANGE))}
        rules = Rules(retries=seed % 4, retries_per_step=0, ask_blocks=5)
        coordinator = Coordinator(record, network_of(seed, faults=HOSTILE, lies=lies), death=0.05, rules=rules)

        settled = coordinator.settled()

        check_one_effect(coordinator, settled)
        check_books_of(record, settled)
        died += coordinator.died
        became["landed"] += len(settled.landed)
        became.update(settled.failed.values())
        undoing = {each.id for each in settled.plan.compensations}
        became["undone"] += len(undoing & {attempt.transaction for attempt in settled.attempts})

    assert all(died[step] >= RUNS // 10 for step in STEPS), died
    assert all(became[what] >= RUNS // 2 for what in ("landed", "not_landed", "undone")), became
