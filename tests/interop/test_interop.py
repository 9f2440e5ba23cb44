"""Verifiers that nobody here wrote accept the log, and refuse it with one bit flipped: `make test-interop`."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from engine.audit.log.entries import Disclosed, entry_of
from engine.audit.log.files import LogFiles
from engine.audit.log.notes import COSIGNATURE, SignerKey, read_note, read_signature
from engine.audit.log.witnesses import add_checkpoint, request_body
from intents.values import canonical_bytes

TOOLS = Path(__file__).parents[2] / "build" / "interop"
LOG = SignerKey("clearway.example/log", b"\x01" * 32)
WITNESS = SignerKey("witness.example/one", b"\x02" * 32, COSIGNATURE)
OLD, SIZE, NUMBER = 300, 70_000, 66_000

pytestmark = pytest.mark.skipif("CLEARWAY_INTEROP" not in os.environ, reason="make test-interop installs the verifiers")


class Log(NamedTuple):
    """A log as served, with what an auditor holds beside it."""

    folder: Path
    old: Path
    entry: Path
    cosigned: Path


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Log:
    """70,000 entries: tiles of three levels, full ones and parts; the checkpoint of 300 of them was kept."""
    folder = tmp_path_factory.mktemp("log")
    entries = [
        canonical_bytes(
            entry_of(number, "result", Disclosed(salt=f"0x{number:064x}", payload={"record": f"number {number}"}))
        )
        for number in range(SIZE)
    ]
    beside = folder.with_name("beside")
    beside.mkdir()
    with LogFiles(folder / "log", LOG) as files:
        files.append(entries[:OLD])
        shutil.copy(folder / "log" / "checkpoint", beside / "old")
        files.append(entries[OLD:])
    (beside / "entry").write_bytes(entries[NUMBER])
    note = read_note((folder / "log" / "checkpoint").read_bytes())
    answer = add_checkpoint(request_body(0, (), note), {LOG.name: LOG.verifier}, {}, WITNESS, 1_700_000_000)
    cosigned = note._replace(signatures=(*note.signatures, read_signature(answer.body.strip())))
    (beside / "cosigned").write_text(str(cosigned))
    return Log(folder / "log", beside / "old", beside / "entry", beside / "cosigned")


def go(log: Log) -> list[list[str]]:
    """What Go's sumdb is asked."""
    key = str(LOG.verifier)
    return [[str(TOOLS / "verify"), str(log.folder), key, str(NUMBER), str(log.entry), str(log.old)]]


def aics(log: Log) -> list[list[str]]:
    """What aics-tlog is asked."""
    program, key = str(TOOLS / "venv" / "bin" / "aics-tlog"), ["--log-key", str(LOG.verifier), "--origin", LOG.name]
    tiles, witness = ["--tiles", str(log.folder)], ["--witness-key", str(WITNESS.verifier), "--quorum", "1"]
    return [
        [program, "verify-checkpoint", "--note", str(log.cosigned), *key, *witness],
        [program, "verify-inclusion", "--leaf", str(log.entry), "--index", str(NUMBER), *tiles, *key],
        [program, "verify-consistency", "--old-checkpoint", str(log.old), *tiles, *key],
    ]


Questions = Callable[[Log], list[list[str]]]


def accepted(commands: list[list[str]]) -> list[bool]:
    """Which of them the verifier accepts."""
    for command in commands:
        if not Path(command[0]).exists():
            pytest.skip(f"{command[0]} could not be installed: see what tests/interop/install.sh says")
    return [
        subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0 for command in commands
    ]


@pytest.mark.parametrize("questions", [go, aics])
def test_a_stranger_accepts_the_log(log: Log, questions: Questions) -> None:
    assert all(accepted(questions(log)))


@pytest.mark.parametrize("questions", [go, aics])
@pytest.mark.parametrize("which", ["checkpoint", "tile", "old", "entry", "cosigned"])
def test_a_stranger_refuses_one_flipped_bit(log: Log, tmp_path: Path, questions: Questions, which: str) -> None:
    changed = Log(*(tmp_path / path.name for path in log))
    shutil.copytree(log.folder, changed.folder)
    for before, after in zip(log[1:], changed[1:], strict=True):
        shutil.copy(before, after)
    tile = changed.folder / "tile" / "0" / f"{NUMBER // 256:03d}"
    path = {"checkpoint": changed.folder / "checkpoint", "tile": tile}.get(which) or getattr(changed, which)
    content = bytearray(path.read_bytes())
    # In a tile beside the entry's own hash; in notes in the middle of the last signature.
    at = NUMBER % 256 * 32 + 40 if which == "tile" else len(content) - 30
    content[at] ^= 1
    path.write_bytes(content)

    answers = accepted(questions(changed))

    if questions is go and which == "cosigned":
        assert all(answers)  # it knows nothing of witnesses and is not shown that file
    else:
        assert not all(answers)
