"""Runs the tests of this folder and shows what they compared: `python -m tests.chain.report`.

Installs what they need first. A row is one kind against one contract: the states drawn, the cases (a trade, a quote, a
refusal), those that were equal to the unit, and the seed that draws the same ones again.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

from tests.benchmarks.figures import ROOT, show
from tests.chain import install
from tests.chain.cache import SWITCH
from tests.chain.tally import REPORT


def main() -> None:
    """Print the table; SystemExit where a test failed."""
    install.main()
    shutil.rmtree(REPORT, ignore_errors=True)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "tests/chain"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, SWITCH: "1"}, stdout=sys.stderr, check=False)
    if done.returncode:
        raise SystemExit("a contract disagrees")
    found = [json.loads(path.read_text()) for path in sorted(REPORT.glob("*.json"))]
    cases = sum(one["cases"] for one in found)
    show(
        columns=["kind", "contract", "package", "seed", "states", "cases", "equal"],
        rows=[
            [f"`{one['kind']}`", one["contract"], one["package"]]
            + [f"{one[name]:,}" if one[name] else "" for name in ("seed", "states", "cases", "equal")]
            for one in found
        ],
        notes=[f"{cases:,} cases, {sum(one['equal'] for one in found):,} of them equal."],
    )


if __name__ == "__main__":
    main()
