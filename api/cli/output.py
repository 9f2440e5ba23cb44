"""How the command line speaks: results on standard output, remarks and errors on standard error."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

OUT = Console(highlight=False, soft_wrap=True)
ERR = Console(stderr=True, highlight=False, soft_wrap=True)

MOST_COLUMNS = 1000
"""No table is wider."""

EXIT_NO = 1
"""The answer is no."""

EXIT_UNUSABLE = 2
"""The input or the call can not be used."""

EXIT_INTERRUPTED = 130
"""Stopped by the user (128 + SIGINT, as shells count)."""


def pretty_json(data: Any) -> str:
    """JSON for people and files: indented, keys as they come, text as it is."""
    return json.dumps(data, indent=1, ensure_ascii=False)


def print_json(data: Any) -> None:
    """The result as JSON on standard output."""
    print(pretty_json(data))


def say(line: str = "") -> None:
    """One line of the result, as it is (no markup)."""
    OUT.print(line, markup=False)


def remark(line: str) -> None:
    """One line beside the result."""
    ERR.print(line, markup=False)


def show_table(columns: dict[str, bool], rows: list[list[str]], *, title: str | None = None) -> None:
    """A table; `columns` maps each heading to whether its cells are numbers (aligned to the right). Cells are plain text."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for heading, numeric in columns.items():
        table.add_column(heading, justify="right" if numeric else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    show_whole(table)


def show_whole(picture: RenderableType) -> None:
    """Print what is laid out in columns; a narrow window wraps lines rather than cutting cells."""
    whole = Console(width=MOST_COLUMNS).measure(picture).maximum
    Console(highlight=False, width=max(OUT.width, whole)).print(picture)


def in_units(amount: int, decimals: int, *, places: int = 6) -> str:
    """Base units as whole ones for display, cut (towards zero) to some places: 1500000, 6 -> 1.5."""
    sign, size = ("-", -amount) if amount < 0 else ("", amount)
    whole, rest = divmod(size, 10**decimals)
    digits = str(rest).rjust(decimals, "0")[:places].rstrip("0") if decimals else ""
    return f"{sign}{whole}" + (f".{digits}" if digits else "")
