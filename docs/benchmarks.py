"""Keeps the pages named in PAGES true: runs the benchmarks, rewrites their tables (`make bench`).

A table stands between `<!-- figures: NAME -->` and `<!-- end -->`; NAME is a key of BENCHMARKS. Each is a program that
prints a table as tests/benchmarks/figures.py has it; names as arguments run those alone. What they print depends on the
machine and on what else it does, so no test compares it.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = tuple(
    ROOT / "docs" / f"{name}.md" for name in ("benchmarks", "load-balancing", "venues", "score", "rewards", "log")
)
BENCHMARKS = {
    "intake": "tests.benchmarks.intake",
    "crowd": "tests.benchmarks.intake --connections 128",
    "settle": "tests.benchmarks.settle",
    "freeze": "tests.benchmarks.freeze",
    "replay": "tests.benchmarks.replay",
    "cow-replay": "tests.benchmarks.cow_replay",
    "settlements": "tests.benchmarks.settlements",
    "margin": "tests.benchmarks.margin",
    "venues": "tests.benchmarks.venues",
    "chain": "tests.chain.report",
    "selection": "tests.benchmarks.selection",
    "laws": "tests.benchmarks.selection_laws",
    "scores": "tests.benchmarks.cow_scores",
    "log": "tests.benchmarks.log",
    "attacks": "tests.simulation.attacks",
    "tampering": "tests.runtime.tampering",
}
"""By table, the program and its options."""

_TABLE = re.compile(r"(?P<head><!-- figures: (?P<name>[-a-z]+) -->\n)(?P<body>.*?)(?P<tail><!-- end -->)", re.DOTALL)


def measured(name: str) -> str:
    """Run a benchmark; its table as Markdown, with the machine that it ran on."""
    done = subprocess.run(
        [sys.executable, "-m", *BENCHMARKS[name].split()], cwd=ROOT, stdout=subprocess.PIPE, check=True
    )
    data = json.loads(done.stdout.splitlines()[-1])
    lines = [
        *data["notes"],
        f"{os.cpu_count()} processors ({platform.machine()}), Python {platform.python_version()}.",
        "",
    ]
    lines += ["| " + " | ".join(data["columns"]) + " |", "| --- |" + " ---: |" * (len(data["columns"]) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in data["rows"]]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Rewrite the pages in place; what a benchmark found stands there as soon as it has."""
    for name in sys.argv[1:] or BENCHMARKS:
        print(name, flush=True)
        table = measured(name)
        for page in PAGES:
            text = page.read_text(encoding="utf-8")
            after = _TABLE.sub(lambda one, name=name, table=table: _filled(one, name, table), text)  # type: ignore[misc]  # mypy infers no lambda with defaults
            page.write_text(after, encoding="utf-8")


def _filled(found: re.Match[str], name: str, table: str) -> str:
    return found["head"] + table + found["tail"] if found["name"] == name else found[0]


if __name__ == "__main__":
    main()
