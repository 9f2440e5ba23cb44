"""`clearway bench cow-scores`: recorded bids rescored by the rule `cow-2024` (docs/score.md)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.files import read_bytes
from api.cli.output import print_json, remark, say, show_table
from engine.market.feeds.cow_competitions import read_auctions, read_competitions, read_orders
from engine.market.feeds.cow_rescoring import Agreement, rescore


def cow_scores(
    *,
    auctions: Annotated[Path, typer.Option(metavar="A.jsonl[.gz]", help="Auctions: orders by index, prices.")],
    competitions: Annotated[Path, typer.Option(metavar="C.jsonl[.gz]", help="Competitions: bids with their scores.")],
    orders: Annotated[Path, typer.Option(metavar="O.jsonl[.gz]", help="Orders: limits and fee policies.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
    explain: Annotated[bool, typer.Option(help="Add to the JSON what is not exact, or left out, and why.")] = False,
) -> None:
    """Recorded CoW bids rescored: how many are exact, how far the others are, and why."""
    book = read_orders(orders.name, read_bytes(orders))
    found = rescore(
        read_auctions(auctions.name, read_bytes(auctions), book),
        read_competitions(competitions.name, read_bytes(competitions)),
    )
    if as_json:
        print_json(found.summary() | (_explained(found) if explain else {}))
        if found.skipped:
            remark(f"not rescored: {_counted(found)}")
        return
    summary = found.summary()
    show_table(dict.fromkeys(summary, True), [[str(value) for value in summary.values()]])
    for bid in found.not_exact:
        recorded, again = bid.recorded, bid.recomputed
        say(f"auction {bid.auction}, {bid.solver}: recorded {recorded}, recomputed {again}: {bid.cause}")
    if found.skipped:
        say(f"not rescored: {_counted(found)}")
    if found.unpaired_auctions or found.unpaired_competitions:
        say(f"unpaired: {found.unpaired_auctions} auctions, {found.unpaired_competitions} competitions")


def _explained(found: Agreement) -> dict[str, object]:
    return {
        "not_exact": [bid.to_wire() for bid in found.not_exact],
        "not_rescored": dict(sorted(found.skipped.items())),
        "unpaired": {"auctions": found.unpaired_auctions, "competitions": found.unpaired_competitions},
    }


def _counted(found: Agreement) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(found.skipped.items()))
