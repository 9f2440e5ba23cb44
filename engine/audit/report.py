"""One auction as a page: everything that its record says that people ask about, in plain HTML that needs nothing else. Pure.

The page is a view: it proves nothing that the record does not. Its first line says which record, so that it can be replayed.
Amounts of the numeraire are in whole units cut to six places, all others in base units.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from engine.audit.explain import explain
from engine.audit.record import BidRecord, Record

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Auction {auction}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; }}
h2 {{ margin-top: 2rem; }} code {{ font-size: .85em; overflow-wrap: anywhere; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #ddd; vertical-align: top; }}
td.n, th.n {{ text-align: right; font-variant-numeric: tabular-nums; }}
.won {{ color: #0a6b2d; }} .filtered, .invalid {{ color: #9a3b00; }}
</style>
</head>
<body>
<h1>Auction {auction}</h1>
{parts}
</body>
</html>
"""


def report_page(record: Record) -> str:
    """The page."""
    parts = (_summary(record), _solvers(record), _bids(record), _groups(record), _intents(record), _how(record))
    return _PAGE.format(auction=escape(record.problem.auction), parts="\n".join(parts))


def _summary(record: Record) -> str:
    chosen, problem = record.winner_selection, record.problem
    proof = "proven best" if chosen.optimal else f"at most {_units(record, chosen.bound)} was possible"
    rows = [
        ("Score", f"{_units(record, record.total_score)} ({proof}; {escape(chosen.method)})"),
        ("Intents", f"{len(problem.intents)} in the batch, {len(record.settlement.filled_units)} filled"),
        ("Bids", f"{len(record.bids)} of {len(record.proposals)} solvers, {len(record.winners)} won"),
        ("Time", f"{problem.snapshot.time_seconds} (Unix seconds)"),
        ("Numeraire", _code(problem.snapshot.numeraire)),
        ("Problem", _code(record.problem_hash)),
        ("Record", _code(record.record_hash)),
        ("Tie seed", _code(record.tie_seed)),
    ]
    return _table(("", ""), rows)


def _solvers(record: Record) -> str:
    rows = []
    for name, given in sorted(record.proposals.items()):
        own = [bid for bid in record.bids if bid.solver == name]
        won = [bid for bid in own if bid.status == "won"]
        why = given.notes.get("no_bid", given.stopped_by)
        rows.append(
            (escape(name), str(len(own)), str(len(won)), _units(record, sum(bid.score for bid in won)), escape(why))
        )
    return "<h2>Solvers</h2>" + _table(("solver", "bids", "won", "score won", "stopped by"), rows, numbers=(1, 2, 3))


def _bids(record: Record) -> str:
    rows = [
        (
            _code(bid.id[:18] + ".."),
            escape(bid.solver),
            f'<span class="{bid.status}">{bid.status}</span>',
            _units(record, bid.score),
            ", ".join(_code(group) for group in bid.group_scores),
            _reason(bid),
        )
        for bid in record.bids
    ]
    return "<h2>Bids</h2>" + _table(("bid", "solver", "", "score", "groups", "why not"), rows, numbers=(3,))


def _reason(bid: BidRecord) -> str:
    if bid.reason is None:
        return ""
    said = bid.reason
    about = (f" in {_code(said.group)}" if said.group else "") + (f": {escape(said.cause)}" if said.cause else "")
    detail = f" (expected {escape(said.expected)}, was {escape(said.actual)})" if said.expected else ""
    return f"{escape(said.code)}{about}{detail}"


def _groups(record: Record) -> str:
    rows = []
    for bid in record.bids:
        for group, score in bid.group_scores.items() if bid.status == "won" else ():
            price = record.prices.get(group)
            stated = "" if price is None else f"{price[0]} for {price[1]}"
            baseline = _units(record, record.baselines.get(group, 0))
            rows.append((_code(group), escape(bid.solver), _units(record, score), baseline, stated))
    return "<h2>Groups</h2>" + _table(("group", "winner", "score", "baseline", "price"), rows, numbers=(2, 3))


def _intents(record: Record) -> str:
    rows = []
    for intent in record.problem.intents:
        found = explain(record, intent.id)
        rows.append((_code(intent.id), _code(intent.group), found.code, f"{found.filled_units}", f"{found.open_units}"))
    return "<h2>Intents</h2>" + _table(("intent", "group", "", "units filled", "left open"), rows, numbers=(3, 4))


def _how(record: Record) -> str:
    return (
        "<h2>Check it</h2><p>Save the record and run <code>clearway replay RECORD</code>: every verification, score, filter and "
        f"choice is made again from the inputs in it, and must give {_code(record.record_hash)}.</p>"
    )


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[int] = ()) -> str:
    """Cells are HTML already."""

    def cells(tag: str, row: Sequence[str]) -> str:
        kinds = (' class="n"' if at in numbers else "" for at in range(len(row)))
        return "".join(f"<{tag}{kind}>{cell}</{tag}>" for kind, cell in zip(kinds, row, strict=True))

    head = f"<tr>{cells('th', headings)}</tr>" if any(headings) else ""
    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<table>{head}{body}</table>"


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _units(record: Record, amount: int) -> str:
    """Base units of the numeraire as whole ones, cut to six places."""
    snapshot = record.problem.snapshot
    asset = snapshot.assets[snapshot.numeraire]
    whole, rest = divmod(abs(amount), 10**asset.decimals)
    digits = str(rest).rjust(asset.decimals, "0")[:6] if asset.decimals else ""
    return f"{'-' if amount < 0 else ''}{whole}{'.' + digits if digits else ''} {escape(asset.symbol)}"
