"""Margin of an account of options on integer risk tables: `python -m tests.benchmarks.margin`.

Building the tables is the model's work (floats), done once for a market; margin is integer sums over them, done for each
account and fill. Every round is the whole of `margin_of`, from positions to health. Best, median and worst of the rounds.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import typer

from engine.market.margin.account import Account, Collateral, MarginRules
from engine.market.margin.inputs import RiskInputs
from engine.market.margin.scenarios import margin_of
from engine.market.margin.tables import audit_tables, build_tables
from intents.instruments import Right
from tests.benchmarks.figures import quantile, show
from tests.market.margin_books import CASH, TIME, grid, option, option_id

RIGHTS: tuple[Right, ...] = ("C", "P")
SCENARIOS = grid((-1600, -1200, -800, -400, -200, 200, 400, 800, 1200, 1600), (-2800, 0, 3800))
STRIKES, EXPIRIES = range(6_000, 11_000, 500), (7, 30, 60, 90, 180)


def main(rounds: int = 200, builds: int = 5) -> None:
    """Time margins and tables, and print the table."""
    book = {option_id(strike, right, days): option() for strike in STRIKES for right in RIGHTS for days in EXPIRIES}
    inputs = RiskInputs(time=TIME, instruments=book, scenarios=SCENARIOS, vega_power="0.3")
    tables = build_tables(inputs)
    positions = {asset: (-1) ** number * (number + 1) * 10_000 for number, asset in enumerate(book)}
    account = Account(balances={CASH: 10**12}, positions=positions)
    rules = MarginRules(offset_bps=5000, short_floor_bps=100, collateral={CASH: Collateral(price=(1, 1))})
    margin = timed(rounds, lambda: margin_of(tables, rules, account))
    build = timed(builds, lambda: build_tables(inputs))
    audit = timed(builds, lambda: audit_tables(tables))
    named = [("margin", margin), ("building the tables", build), ("auditing them", audit)]
    show(
        columns=["", "best", "median", "worst", "margins' worth"],
        rows=[
            [
                name,
                *(f"{quantile(found, share) / 1e6:.2f} ms" for share in (1 / len(found), 0.5, 1)),
                f"{quantile(found, 0.5) / quantile(margin, 0.5):.1f}",
            ]
            for name, found in named
        ],
        notes=[f"{len(book)} options, {len(SCENARIOS)} scenarios, {len(EXPIRIES)} expiries; {rounds} margins."],
    )


def timed(rounds: int, work: Callable[[], object]) -> list[int]:
    """Nanoseconds of each round."""
    found = []
    for _ in range(rounds):
        started = time.perf_counter_ns()
        work()
        found.append(time.perf_counter_ns() - started)
    return found


if __name__ == "__main__":
    typer.run(main)
