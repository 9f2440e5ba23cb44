"""`clearway series`: funding rates, bars and depth of perpetuals out of outside files."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.documents import write_value
from api.cli.files import read_bytes
from api.cli.output import print_json, say
from engine.market.feeds.perp_series import RECEIVED_DECIMALS, ReadSeries, read_series, received
from intents.errors import InputError
from intents.instrument_ids import Style


class SeriesFormat(StrEnum):
    """Outside formats."""

    FUNDING = "funding"
    PERP_BARS = "perp-bars"
    HYPERLIQUID_DEPTH = "hyperliquid-depth"


class SeriesStyle(StrEnum):
    """What a contract is: a coin, or a dollar settled in coin."""

    LINEAR = "linear"
    INVERSE = "inverse"


def series(
    form: Annotated[SeriesFormat, typer.Argument(metavar="FORMAT", help=f"{', '.join(SeriesFormat)}.")],
    file: Annotated[Path, typer.Argument(help="The file; .gz is read as such.")],
    *,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Where the rows go.", dir_okay=False)] = None,
    contracts: Annotated[
        int | None, typer.Option(help="Say what a position of so many contracts received (perp-bars); negative: short.")
    ] = None,
    style: Annotated[SeriesStyle, typer.Option(help="What a contract is.")] = SeriesStyle.LINEAR,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Read a series into exact rows in order of time, and say what became of each row of the file."""
    read = read_series(form.value, read_bytes(file), file.name.removesuffix(".gz"))
    if contracts is not None and form is not SeriesFormat.PERP_BARS:
        raise InputError("not_of_format", "--contracts", expected="perp-bars: rates with prices", actual=form.value)
    if output is not None:
        write_value(output, read.file)
    paid = {} if contracts is None else _received(read, style.value, contracts)
    if as_json:
        print_json({**read.report, "received": paid})
        return
    rows: dict[str, Any] = read.report["rows"]
    say(f"rows: {rows['in']} in the file = {rows['kept']} kept + {sum(rows['reported'].values())} reported")
    for reason, count in rows["reported"].items():
        say(f"  {count:>5} {reason}")
    for market, found in read.file.series.items():
        text = f"{market}: {len(found.rows)} rows, one every {found.interval_seconds} s, {found.holes} holes"
        say(f"{text}, received {paid[market]}" if market in paid else text)


def _received(read: ReadSeries, style: Style, contracts: int) -> dict[str, str]:
    """By market, in whole settlement units."""
    found = {}
    for market, rows in read.file.series.items():
        units = received(rows, style, contracts)
        whole, part = divmod(abs(units), 10**RECEIVED_DECIMALS)
        found[market] = f"{'-' if units < 0 else ''}{whole}.{part:0{RECEIVED_DECIMALS}d}"
    return found
