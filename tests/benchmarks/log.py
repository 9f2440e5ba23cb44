"""The log: entries appended durably, and proofs checked: `python -m tests.benchmarks.log`.

Entries are of some 300 bytes of canonical JSON, a thousand to a batch; each batch is synced, its checkpoint signed and
synced with its folder. Beside it in the same run the limit: the same bytes and syncs on the same disk with no log around them.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import typer

from engine.audit.log.files import LogFiles
from engine.audit.log.merkle import inclusion_proof
from engine.audit.log.notes import SignerKey
from engine.audit.log.proofs import LogKeys, LogProof, check_proof, read_proof
from intents.values import canonical_bytes
from tests.benchmarks.figures import quantile, show
from tests.benchmarks.margin import timed

KEY = SignerKey("clearway.example/log", b"\x01" * 32)


def main(entries: int = 100_000, batch: int = 1000, proofs: int = 500) -> None:
    """Append, then prove, and print the table."""
    made = [canonical_bytes({"auction": f"{i:09d}", "kind": "bid", "text": "x" * 250}) for i in range(entries)]
    batches = [made[i : i + batch] for i in range(0, entries, batch)]
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        bare = _bare(Path(folder), batches)
        busy = time.process_time()
        with LogFiles(Path(folder) / "log", KEY) as log:
            appended = [timed(1, lambda part=part: log.append(part))[0] for part in batches]  # type: ignore[misc]  # mypy infers no lambda with defaults
            busy = time.process_time() - busy
            checked = _checked(log, made, proofs)
        opened = timed(1, lambda: LogFiles(Path(folder) / "log", KEY).close())[0]
    rate, limit = (batch / (quantile(found, 0.5) / 1e9) for found in (appended, bare))
    show(
        columns=["", "median", "worst", "a second"],
        rows=[
            ["a batch appended", *_ms(appended), f"{rate:,.0f} entries"],
            ["the same syncs without a log", *_ms(bare), f"{limit:,.0f} entries"],
            ["a proof file read and checked", *_ms(checked), f"{1e9 / quantile(checked, 0.5):,.0f}"],
            ["opening it again", f"{opened / 1e6:.0f} ms", "", ""],
        ],
        notes=[
            f"{entries:,} entries of {len(made[0])} bytes, {batch} a batch: {entries / (sum(appended) / 1e9):,.0f} a second in all.",
            f"{busy / entries * 1e6:.1f} us of processor an entry.",
        ],
    )


def _bare(folder: Path, batches: list[list[bytes]]) -> list[int]:
    """A file of a batch's bytes, synced; a small file, synced and moved; its folder, synced."""

    def once(data: bytes) -> None:
        os.write(journal, data)
        os.fsync(journal)
        with (folder / "new").open("wb") as file:
            file.write(b"x" * 200)
            file.flush()
            os.fsync(file.fileno())
        (folder / "new").replace(folder / "old")
        os.fsync(root)

    journal, root = os.open(folder / "bare", os.O_RDWR | os.O_CREAT), os.open(folder, os.O_RDONLY)
    try:
        return [timed(1, lambda part=part: once(b"".join(part)))[0] for part in batches]  # type: ignore[misc]  # mypy infers no lambda with defaults
    finally:
        os.close(journal)
        os.close(root)


def _checked(log: LogFiles, made: list[bytes], proofs: int) -> list[int]:
    trust, size, nodes = LogKeys(KEY.name, (KEY.verifier,)), log.checkpoint.size, log.nodes
    text, found = log.fetch("checkpoint").decode(), []
    for number in range(0, size, max(1, size // proofs)):
        proof = str(LogProof(number, inclusion_proof(number, size, nodes), text))
        found += timed(1, lambda proof=proof, number=number: check_proof(read_proof(proof), made[number], trust))  # type: ignore[misc]  # mypy infers no lambda with defaults
    return found


def _ms(found: list[int]) -> tuple[str, str]:
    return f"{quantile(found, 0.5) / 1e6:.2f} ms", f"{max(found) / 1e6:.1f} ms"


if __name__ == "__main__":
    typer.run(main)
