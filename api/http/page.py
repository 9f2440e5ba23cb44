"""The page at /: what this is, and where to look. Plain HTML, no scripts, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from engine.store.repositories.auctions import StoredAuction

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Clearway</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem; }}
table {{ border-collapse: collapse; }} th, td {{ text-align: left; padding: .2rem 1.5rem .2rem 0; }}
td {{ font-variant-numeric: tabular-nums; }}
</style>
</head>
<body>
<h1>Clearway</h1>
<p>People sign what they want to hold afterwards; solvers compete to get it for them; every auction can be replayed.</p>
<ul>
<li><a href="/docs">Every route, to try</a> (<a href="/openapi.json">OpenAPI</a>)</li>
<li><a href="/v1/auctions">Auctions</a>, <a href="/v1/intents">intents</a>, <a href="/v1/solvers">solvers</a></li>
{settled}<li><a href="/healthz">Health</a>, <a href="/readyz">readiness</a>, <a href="/metrics">metrics</a></li>
</ul>
<h2>Newest auctions</h2>
{auctions}
</body>
</html>
"""

_SETTLED = """<li><a href="/v1/network">The network</a>, and how settlement goes around sick nodes</li>
<li><a href="/v1/log">The log</a>, to hold this service to</li>
"""
"""What there is from the first settlement on."""


def front_page(newest: Sequence[StoredAuction]) -> str:
    """The page, with these auctions."""
    rows = "\n".join(map(_row, newest))
    table = f"<table>\n<tr><th>Auction</th><th>Status</th><th>Record</th></tr>\n{rows}\n</table>"
    settled = _SETTLED if any(auction.status == "settled" for auction in newest) else ""
    return _PAGE.format(auctions=table if newest else "<p>None yet.</p>", settled=settled)


def _row(auction: StoredAuction) -> str:
    path = f"/v1/auctions/{auction.number}"
    record = f'<a href="{path}/record">record</a>' if auction.status == "settled" else ""
    return f'<tr><td><a href="{path}">{auction.number}</a></td><td>{escape(auction.status)}</td><td>{record}</td></tr>'
