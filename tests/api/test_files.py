"""Files are read with a bound, and written whole or not at all."""

import gzip
from pathlib import Path

import pytest

from api.cli import files
from intents.errors import InputError


def test_gzip_is_read_as_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(b"{}"))

    assert files.read_bytes(path) == b"{}"


@pytest.mark.parametrize(
    "content",
    [b"no gzip", gzip.compress(b"x" * 1000, mtime=0)[:-9], gzip.compress(b"x" * 99, mtime=0)[:12]],
    ids=["not gzip", "no end", "cut"],
)
def test_broken_gzip_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.json.gz"
    path.write_bytes(content)

    with pytest.raises(InputError, match="unreadable_file"):
        files.read_bytes(path)


def test_a_small_file_that_grows_beyond_the_bound_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 1000)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(b"0" * 1001))

    with pytest.raises(InputError, match="too_large"):
        files.read_bytes(path)


def test_writing_replaces_the_whole_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old, and longer than the new one")

    files.write_atomically(path, b"new", mode=0o600)

    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()

    with pytest.raises(InputError, match="unwritable_file"):
        files.write_atomically(path, b"new")

    assert list(tmp_path.iterdir()) == [path]
