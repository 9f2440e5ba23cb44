"""Fill the cache of tests.chain.cache: `python -m tests.chain.install`. Nothing is done where it is up to date.

Everything is pinned by hash: requirements.txt (an EVM for Python, Curve's reference pools) and package-lock.json
(contracts as their authors publish them, and the compiler of most of them).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time

from tests.chain.cache import CACHE, HERE, PYTHON, STAMP, is_ready, wanted

PIP = [
    sys.executable,
    "-m",
    "pip",
    "--disable-pip-version-check",
    "--quiet",
    "install",
    "--no-deps",
    "--require-hashes",
]
NPM = ["npm", "ci", "--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund", "--loglevel=error"]


def main() -> None:
    """Install and compile, or say what is missing."""
    if is_ready():
        return
    if not (shutil.which("npm") and shutil.which("node")):
        raise SystemExit("expected node and npm, found none: they bring the contracts that `make test-chain` runs")
    shutil.rmtree(CACHE, ignore_errors=True)
    CACHE.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, CACHE)
    _step("an EVM and Curve's reference pools", [*PIP, "--target", str(PYTHON), "-r", str(HERE / "requirements.txt")])
    _step("published contracts", [*NPM, "--prefix", str(CACHE)])
    _step("compiling", ["node", str(HERE / "compile.js"), str(CACHE), str(HERE / "contracts")])
    STAMP.write_text(wanted())


def _step(what: str, command: list[str]) -> None:
    print(f"chain: {what} ...", end=" ", flush=True)  # noqa: T201 - progress of a program
    started = time.monotonic()
    if subprocess.run(command, check=False).returncode:
        raise SystemExit(f"failed: {' '.join(command)}")
    print(f"{time.monotonic() - started:.0f} s", flush=True)  # noqa: T201 - progress of a program


if __name__ == "__main__":
    main()
