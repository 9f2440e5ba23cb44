"""Keeps the README true: reruns its commands and rewrites their output and its tables of figures (`make figures`).

In the README a block is

    <!-- rerun -->              or <!-- rerun: data --> where the recorded data are needed
    ```console
    $ a command                 run by the shell, all blocks in one scratch folder, in order
    its output
    ```

and a table stands between `<!-- figures: NAME -->` and `<!-- end -->`; NAME is a key of TABLES. Seconds differ from
machine to machine: `masked` hides them, and tests compare masked text (tests/api/test_readme.py).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"

_BLOCK = re.compile(r"(?P<head><!-- rerun(?P<data>: data)? -->\n```console\n)(?P<body>.*?)(?P<tail>```)", re.DOTALL)
_TABLE = re.compile(r"(?P<head><!-- figures: (?P<name>[a-z]+) -->\n)(?P<body>.*?)(?P<tail><!-- end -->)", re.DOTALL)
_SECONDS = re.compile(r"[0-9]+\.[0-9]+(?= s\b)|(?<=\| )[0-9]+\.[0-9]+ s(?= \|)")


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a block, and the output that the README shows for it."""

    command: str
    output: str


@dataclass(frozen=True, slots=True)
class Block:
    """Commands that stand together; `needs_data` where they read the recorded data."""

    steps: tuple[Step, ...]
    needs_data: bool


def data_folder() -> Path:
    """Where the recorded data are: CLEARWAY_DATA, or ../shared/data beside the checkout."""
    return (ROOT / os.environ.get("CLEARWAY_DATA", "../shared/data")).resolve()


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a README, in order."""
    for found in _BLOCK.finditer(text):
        parts = re.split(r"^\$ (.*)\n", found["body"], flags=re.MULTILINE)[1:]
        steps = tuple(Step(command, output) for command, output in zip(parts[::2], parts[1::2], strict=True))
        yield Block(steps, found["data"] is not None)


def run(command: str, folder: Path) -> str:
    """What a command prints, standard error included. Raises CalledProcessError where it cannot be used (exit code 2)."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "CLEARWAY_DATA": str(data_folder()),
        "COLUMNS": "160",
        "TERM": "dumb",
        "NO_COLOR": "1",
    }
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout)
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())


def masked(output: str) -> str:
    """Output with its seconds hidden, and runs of blanks and rules as one: widths follow the numbers."""
    return re.sub(r"-{2,}", "--", re.sub(r" +", " ", _SECONDS.sub("#", output)))


def _cow_table(data: dict[str, Any]) -> str:
    pools = data["pools"]
    refused = {
        name: sum(count for reason, count in pools["reported"].items() if reason.startswith(f"{name}_"))
        for name in ("refused", "unsupported")
    }
    money = data["in_the_money"]
    lines = [
        f"{data['orders']['in']} orders ({data['orders']['kept']} kept); {pools['in']} pools: {pools['kept']} used,",
        f"{refused['refused']} refused for their state, {refused['unsupported']} of a kind not supported yet.",
        f"In the money: {money['intents']} intents, {money['value']} {data['symbol']}.",
        f"Every bid verified; the record replays `{data['replay']}`.",
        "",
    ]
    lines += ["| solver | fills | surplus | in the money filled | seconds |", "| --- | ---: | ---: | ---: | ---: |"]
    lines += [
        f"| {row['solver']} | {row['fills']} | {row['surplus']} {data['symbol']} | {row['share']} | {row['seconds']} s |"
        for row in data["solvers"]
    ]
    return "\n".join(lines) + "\n"


def _deribit_table(data: dict[str, Any]) -> str:
    solvers = [row["solver"] for row in data["examples"][0]["solvers"]]
    lines = [
        f"{data['rows']['in']} rows ({data['rows']['kept']} kept). Prices in {data['symbol']}; every bid verified;",
        f"each record replays `{data['replay']}`.",
        "",
        "| example | budget | " + " | ".join(solvers) + " | leg by leg |",
        "| --- |" + " ---: |" * (len(solvers) + 2),
    ]
    for example in data["examples"]:
        prices = [row["price"] or "none" for row in example["solvers"]]
        lines.append("| " + " | ".join([example["name"], example["budget"], *prices, example["naive"]]) + " |")
    return "\n".join(lines) + "\n"


TABLES: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
    "cow": ("clearway bench cow $CLEARWAY_DATA/cow/mainnet_2023/instance_7400681.json.gz --json", _cow_table),
    "deribit": (
        "clearway bench deribit $CLEARWAY_DATA/options/deribit_btc_book_2020-05-21.csv.gz --json",
        _deribit_table,
    ),
}
"""The command whose JSON a table shows, and how."""


def rewritten(text: str, folder: Path) -> str:
    """The README with every output and table made anew; those that need the data stay where it is missing."""
    has_data = data_folder().is_dir()

    def block(found: re.Match[str]) -> str:
        if found["data"] and not has_data:
            return found[0]
        (parsed,) = blocks(found[0])
        body = "".join(f"$ {step.command}\n{run(step.command, folder)}" for step in parsed.steps)
        return found["head"] + body + found["tail"]

    def table(found: re.Match[str]) -> str:
        command, show = TABLES[found["name"]]
        return found["head"] + show(json.loads(run(command, folder))) + found["tail"] if has_data else found[0]

    return _TABLE.sub(table, _BLOCK.sub(block, text))


def main() -> None:
    """Rewrite the README in place."""
    before = README.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        after = rewritten(before, Path(folder))
    README.write_text(after, encoding="utf-8")
    print("README.md: " + ("unchanged" if after == before else "rewritten"))


if __name__ == "__main__":
    main()
