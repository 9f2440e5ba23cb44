"""What an operator does: examine, migrate, start; and what is refused before anything runs."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from api import doctor
from api.server import serve
from engine.runtime.keys import KEY_FILE, engine_key
from engine.runtime.settings import Settings
from engine.store.database import Database
from intents.errors import InputError
from tests.api.program import clearway, done


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """As the environment has them, too."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("CLEARWAY_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PORT", "0")
    return Settings()


def test_a_fresh_machine_is_examined_without_a_trace_then_migrated(settings: Settings) -> None:
    fresh = done("doctor")
    assert "FAIL" not in fresh.out
    assert not settings.data_dir.exists()

    assert done("db", "upgrade").out == done("db", "upgrade").out == f"{Database.newest_revision()}\n"
    assert f"ok   database: revision {Database.newest_revision()}\n" in done("doctor").out


def test_each_trouble_has_its_remedy(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.data_dir.mkdir()
    (settings.data_dir / KEY_FILE).write_text("0x00")
    (settings.data_dir / "clearway.db").touch()
    monkeypatch.setenv("CLEARWAY_MODE", "production")
    monkeypatch.setenv("CLEARWAY_BUILT_IN", "greedy,greed")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("PORT", str(taken.getsockname()[1]))

        found = {finding.subject: finding for finding in doctor.examine(Settings())}
        answer = clearway("doctor")

    bad = {subject for subject, finding in found.items() if not finding.good}
    assert bad == {"mode", "engine key", "database", "port", "solvers"}
    assert all(found[subject].remedy for subject in bad)
    assert (answer.code, answer.out.count("FAIL")) == (1, 5)


def test_production_mode_refuses_secrets_that_everybody_knows(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEARWAY_MODE", "production")

    answer = clearway("run")

    assert answer.code == 2
    assert answer.err.startswith("error: default_secrets at CLEARWAY_MODE")
    assert not settings.data_dir.exists()


def test_whatever_logs_is_a_line_of_json() -> None:
    program = """
import logging, warnings, structlog
from api import logs
logs.configure()
structlog.get_logger().warning("ours", auction=7)
warnings.warn("strange")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("uvicorn.error").exception("theirs: %s", 5)
raise KeyError("the last one")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    ours, warned, theirs, last = (json.loads(line) for line in done.stderr.splitlines())
    assert (done.returncode, last["level"]) == (1, "critical")
    assert last["exception"].endswith("KeyError: 'the last one'")
    assert (ours["event"], ours["level"], ours["auction"]) == ("ours", "warning", 7)
    assert "strange" in warned["event"]
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("theirs: 5", "error", "uvicorn.error")
    assert theirs["exception"].endswith("ZeroDivisionError: division by zero")
    assert all(line["timestamp"].endswith("Z") for line in (ours, warned, theirs))


def test_a_taken_port_is_told_before_anything_runs(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = settings.model_copy(update={"port": taken.getsockname()[1]})

        with pytest.raises(InputError, match="port_in_use"):
            serve(busy)


def test_the_engines_key_is_made_once_and_for_its_owners_eyes(tmp_path: Path) -> None:
    path = tmp_path / "new" / KEY_FILE
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(engine_key, [path] * 8))

    assert len(keys) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == [KEY_FILE]  # noqa: PTH208 - names are what we compare


@pytest.mark.parametrize(("text", "mode"), [("", 0o600), ("0x" + "0" * 63, 0o600), ("0x" + "11" * 32, 0o644)])
def test_a_key_file_that_is_none_or_is_shown_around_is_refused(tmp_path: Path, text: str, mode: int) -> None:
    path = tmp_path / KEY_FILE
    path.write_text(text)
    path.chmod(mode)

    with pytest.raises(InputError, match="bad_key_file") as caught:
        engine_key(path)

    assert "11" * 32 not in str(caught.value)
