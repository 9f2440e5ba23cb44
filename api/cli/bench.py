"""`clearway bench`: the figures of the README, from recorded data, each from bids that were verified and replayed.

"In the money" are the intents of plain swaps both of whose assets have a reference price and whose limit is at or better
than those prices: pays * price(paid) >= receives * price(received). The share filled is the sum of units * pays / N *
price(paid) over their fills, divided by the same over all their open units. It judges the whole solution of a solver.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.auction import SELECTION_WORK, run_visibly
from api.cli.documents import record_bytes
from api.cli.feeds import Format, read_feed, with_examples
from api.cli.output import in_units, print_json, show_table
from api.cli.solve import Seed, Work
from api.cli.workers import DEFAULT_WORK, Limits, Run
from engine.auction.auction import clear
from engine.auction.check_problem import check_problem
from engine.auction.problem import Intent, Problem
from engine.auction.solution import Solution
from engine.auction.verify import verify
from engine.audit.replay import replay_record
from engine.market.feeds.deribit_examples import examples
from intents.errors import ClearwayError

bench_app = typer.Typer(help="Figures on recorded data.", no_args_is_help=True)

Names = Annotated[str, typer.Option(help="Names of the solvers, by commas.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]
File = Annotated[Path, typer.Argument(metavar="FILE")]


class BenchError(ClearwayError):
    """A figure would not be true: a bid was refused, or the record did not replay."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(f"{code}: {message}")


@bench_app.command()
def cow(
    file: File,
    *,
    solvers: Names = "greedy,lp,cpsat",
    time_limit: Annotated[float, typer.Option(min=0.001, help="Seconds of wall time for each solver.")] = 120.0,
    work: Work = DEFAULT_WORK,
    seed: Seed = None,
    as_json: AsJson = False,
) -> None:
    """A whole CoW instance: fills, surplus, share of the value in the money, seconds, by solver."""
    imported = read_feed(Format.COW_INSTANCE, file)
    problem = imported.problem
    check_problem(problem)
    names = solvers.split(",")
    # One after another: seconds are of a solver that has the machine to itself.
    runs = [run for name in names for run in run_visibly([name], problem, Limits(time_limit, work, seed))]
    worth = {intent.id: value for intent in problem.intents if (value := value_in_the_money(problem, intent))}
    rows = [_cow_row(problem, run, worth) for run in runs]
    winners = _replayed(problem, runs)
    numeraire = problem.snapshot.assets[problem.snapshot.numeraire]
    total = sum(worth.values(), Fraction(0))
    data = {
        "orders": _counts(imported.report["orders"]),
        "pools": _counts(imported.report["pools"]),
        "in_the_money": {"intents": len(worth), "value": in_units(int(total), numeraire.decimals)},
        "symbol": numeraire.symbol,
        "solvers": [*rows, _cow_row(problem, winners, worth)],
        "replay": "identical",
    }
    if as_json:
        print_json(data)
    else:
        columns = {"solver": False, "fills": True, "surplus": True, "share": True, "seconds": True}
        show_table(columns, [[str(row[name]) for name in columns] for row in data["solvers"]])


@bench_app.command()
def deribit(
    file: File,
    *,
    solvers: Names = "greedy,lp,cpsat",
    time_limit: Annotated[float, typer.Option(min=0.001, help="Seconds of wall time for each solver.")] = 20.0,
    work: Work = DEFAULT_WORK,
    seed: Seed = None,
    as_json: AsJson = False,
) -> None:
    """Ten example payoffs on a book, each alone: best price of each solver against the obvious legs walked one by one."""
    imported = read_feed(Format.DERIBIT_BOOK, file)
    coin = imported.problem.snapshot.assets[imported.problem.snapshot.numeraire]
    rows = []
    for example in examples(imported.problem):
        problem = with_examples(imported.problem, [example])
        check_problem(problem)
        runs = run_visibly(solvers.split(","), problem, Limits(time_limit, work, seed))
        _replayed(problem, runs)
        outcome = example.intent.outcome
        rows.append(
            {
                "name": example.name,
                "budget": in_units(outcome.pays.get(outcome.surplus_asset, 0), coin.decimals, places=8),
                "naive": in_units(example.naive_cost, coin.decimals, places=8),
                "solvers": [_payoff_row(problem, run, coin.decimals) for run in runs],
            }
        )
    data = {"rows": _counts(imported.report["rows"]), "symbol": coin.symbol, "examples": rows, "replay": "identical"}
    if as_json:
        print_json(data)
    else:
        names = solvers.split(",")
        cells = [[r["name"], r["budget"], *(s["price"] or "none" for s in r["solvers"]), r["naive"]] for r in rows]
        show_table({"example": False, "budget": True, **dict.fromkeys(names, True), "leg by leg": True}, cells)


def value_in_the_money(problem: Problem, intent: Intent) -> Fraction:
    """Reference value, in base units of the numeraire, of what the open units pay; 0 where it is not in the money."""
    outcome = intent.outcome
    if not outcome.is_plain_swap:
        return Fraction(0)
    (paid, pays), (received, receives) = *outcome.pays.items(), *outcome.receives.items()
    price_paid, price_received = problem.snapshot.price(paid), problem.snapshot.price(received)
    if price_paid is None or price_received is None or pays * price_paid < receives * price_received:
        return Fraction(0)
    return Fraction(intent.open_units * pays, outcome.units) * price_paid


def _cow_row(problem: Problem, run: Run, worth: dict[str, Fraction]) -> dict[str, Any]:
    solution = next(iter(run.proposal.solutions), None)
    score = _verified_score(problem, run.solver, solution) if solution else 0
    filled = sum(
        (
            worth[fill.intent] * fill.units / problem.intents_by_id[fill.intent].open_units
            for fill in (solution.fills if solution else ())
            if fill.intent in worth
        ),
        Fraction(0),
    )
    total = sum(worth.values(), Fraction(0))
    numeraire = problem.snapshot.assets[problem.snapshot.numeraire]
    return {
        "solver": run.solver,
        "fills": len(solution.fills) if solution else 0,
        "surplus": in_units(score, numeraire.decimals),
        "share": f"{float(100 * filled / total) if total else 0:.2f} %",
        "seconds": f"{run.seconds:.1f}",
        "stopped_by": run.proposal.stopped_by,
        "unfilled": run.proposal.unfilled,
    }


def _payoff_row(problem: Problem, run: Run, decimals: int) -> dict[str, Any]:
    """What the owner of the one intent pays, net, for all of it."""
    (intent,) = problem.intents
    asset = intent.outcome.surplus_asset
    whole = [s for s in run.proposal.solutions if s.fills[0].units == intent.open_units]
    if not whole:
        return {"solver": run.solver, "price": None, "seconds": f"{run.seconds:.1f}"}
    fill = whole[0].fills[0]
    _verified_score(problem, run.solver, whole[0])
    paid = fill.ins.get(asset, 0) - fill.outs.get(asset, 0)
    price = in_units(paid, decimals, places=8)
    return {"solver": run.solver, "price": price, "legs": len(whole[0].legs), "seconds": f"{run.seconds:.1f}"}
