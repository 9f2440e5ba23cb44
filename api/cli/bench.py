"""`clearway bench`: the figures of the README, from recorded data, each from bids that were verified and replayed.

"In the money" are the intents of plain swaps both of whose assets have a reference price and whose limit is at or better
than those prices: pays * price(paid) >= receives * price(received). The share filled is the sum of units * pays / N *
price(paid) over their fills, divided by the same over all their open units. It judges the whole solution of a solver.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.auction import SELECTION_WORK, run_visibly
from api.cli.feeds import Format, read_feed
from api.cli.files import read_bytes
from api.cli.output import EXIT_NO, in_units, print_json, say, show_table
from api.cli.solve import Seed, Work
from engine.advisers.advise import advisers
from engine.auction.auction import clear
from engine.auction.check_problem import check_problem
from engine.auction.problem import Intent, Problem
from engine.auction.score import score_solution
from engine.auction.solution import Solution
from engine.audit.record import Record, record_bytes
from engine.audit.replay import replay_record
from engine.market.feeds.base import read_json
from engine.market.feeds.deribit_examples import examples, with_examples
from engine.market.feeds.venue_vectors import Replayed, replay_vectors
from engine.runtime.contest import DEFAULT_WORK, Limits, Run
from intents.errors import ClearwayError, InputError

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
    record = cleared(problem, runs)
    worth = {intent.id: value for intent in problem.intents if (value := value_in_the_money(problem, intent))}
    rows = [_cow_row(problem, worth, run.solver, [run.best] if run.best else [], run.seconds) for run in runs]
    for row, run in zip(rows, runs, strict=True):
        row |= {"stopped_by": run.submission.stopped_by, "unfilled": run.submission.unfilled}
    rows.append(_cow_row(problem, worth, "auction", winning(record), sum(run.seconds for run in runs)))
    numeraire = problem.snapshot.assets[problem.snapshot.numeraire]
    total = sum(worth.values(), Fraction(0))
    data = {
        "orders": _counts(imported.report["orders"]),
        "pools": _counts(imported.report["pools"]),
        "in_the_money": {"intents": len(worth), "value": in_units(int(total), numeraire.decimals)},
        "symbol": numeraire.symbol,
        "solvers": rows,
        "replay": "identical",
    }
    if as_json:
        print_json(data)
    else:
        columns = {"solver": False, "fills": True, "surplus": True, "share": True, "seconds": True}
        show_table(columns, [[str(row[name]) for name in columns] for row in rows])


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
    rows: list[dict[str, Any]] = []
    for example in examples(imported.problem):
        problem = with_examples(imported.problem, [example])
        check_problem(problem)
        runs = run_visibly(solvers.split(","), problem, Limits(time_limit, work, seed))
        cleared(problem, runs)
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


@bench_app.command("venue-vectors")
def venue_vectors(
    folder: Annotated[Path, typer.Argument(metavar="DIR", exists=True, file_okay=False)], *, as_json: AsJson = False
) -> None:
    """Recorded outputs of pools, replayed to the unit: every file below a folder. Exit code 1 where one differs."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    data: dict[str, Any] = {"files": len(files), "cases": 0, "matched": 0, "mismatched": [], "unsupported": []}
    for path in files:
        replayed = _replayed(path)
        data["cases"] += replayed.cases
        data["matched"] += replayed.matched
        name = path.relative_to(folder).as_posix()
        data["mismatched"] += [{"file": name, **differing} for differing in replayed.mismatched]
        data["unsupported"] += [{"file": name, "reason": reason} for reason in replayed.unsupported]
    if as_json:
        print_json(data)
    else:
        show_table(
            {"files": True, "cases": True, "matched": True}, [[str(data[n]) for n in ("files", "cases", "matched")]]
        )
        for entry in data["unsupported"]:
            say(f"not supported: {entry['file']}: {entry['reason']}")
        for entry in data["mismatched"]:
            say(f"mismatched: {entry['file']}: {entry['case']}: expected {entry['expected']}, got {entry['actual']}")
    if data["mismatched"]:
        raise typer.Exit(EXIT_NO)


def _replayed(path: Path) -> Replayed:
    """The cases of one file; one that can not be read is reported, not fatal."""
    if not path.name.lower().endswith((".json", ".json.gz")):
        return Replayed(unsupported=["not a JSON file"])
    try:
        return replay_vectors(read_json(read_bytes(path)))
    except InputError as error:
        return Replayed(unsupported=[f"not readable: {error}"])


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


def cleared(problem: Problem, runs: Sequence[Run]) -> Record:
    """The record of an auction of these runs. Raises BenchError where a bid is refused or the replay is another."""
    submitted = {run.solver: run.submission for run in runs}
    record = clear(problem, submitted, work=SELECTION_WORK, advisers=advisers())
    for bid in record.bids:
        if bid.status == "invalid" and bid.reason is not None:
            raise BenchError("refused_bid", f"{bid.solver} {bid.index}: {bid.reason.code} at {bid.reason.where}")
    report = replay_record(record_bytes(record))
    if not report.identical:
        raise BenchError("another_replay", f"at {report.difference}: {report.expected}, recorded {report.actual}")
    return record


def winning(record: Record) -> list[Solution]:
    """The solutions that won."""
    won = [record.proposals[bid.solver].solutions[bid.index] for bid in record.bids if bid.status == "won"]
    return [solution for solution in won if isinstance(solution, Solution)]


def _cow_row(
    problem: Problem, worth: dict[str, Fraction], solver: str, solutions: Sequence[Solution], seconds: float
) -> dict[str, Any]:
    fills = [fill for solution in solutions for fill in solution.fills]
    score = sum(sum(score_solution(problem, solution).values()) for solution in solutions)
    units = problem.intents_by_id
    filled = sum(
        (worth[f.intent] * f.units / units[f.intent].open_units for f in fills if f.intent in worth), Fraction(0)
    )
    total = sum(worth.values(), Fraction(0))
    return {
        "solver": solver,
        "fills": len(fills),
        "surplus": in_units(score, problem.snapshot.assets[problem.snapshot.numeraire].decimals),
        "share": f"{float(100 * filled / total) if total else 0:.2f} %",
        "seconds": f"{seconds:.1f}",
    }


def _payoff_row(problem: Problem, run: Run, decimals: int) -> dict[str, Any]:
    """What the owner of the one intent pays, net, for all of it."""
    (intent,) = problem.intents
    asset = intent.outcome.surplus_asset
    best = run.best
    if best is None or best.fills[0].units != intent.open_units:
        return {"solver": run.solver, "price": None, "seconds": f"{run.seconds:.1f}"}
    fill = best.fills[0]
    paid = fill.ins.get(asset, 0) - fill.outs.get(asset, 0)
    price = in_units(paid, decimals, places=8)
    return {"solver": run.solver, "price": price, "legs": len(best.legs), "seconds": f"{run.seconds:.1f}"}


def _counts(section: dict[str, Any]) -> dict[str, Any]:
    """A section of an import report without its details."""
    return {name: section[name] for name in ("in", "kept", "reported")}
