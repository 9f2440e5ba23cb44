"""The log on disk: entries appended durably in batches, tiles and checkpoint as static files. The only module here with I/O.

    journal/<first index>   batches as they came, each: length (4 bytes), SHA-256 of what follows, entries as in a bundle
    tile/...                as C2SP tlog-tiles has them
    checkpoint              replaced whole

A batch is synced in the journal, then its tiles are written, then the checkpoint over them is synced with its folder. Tiles
are synced when a segment of the journal ends; until then the journal can make them again.

Guarantees
1. When `append` returns, its entries and a checkpoint that covers them are on the disk. A batch that a crash interrupted is
   there whole or not at all. One sync of the journal serves up to MOST_BATCH entries.
2. Opening after a crash makes the tiles of the last segment again and compares with the signed checkpoint: a log that lost
   or changed an entry since is refused (`log_damaged`), never served. Tiles of earlier segments are for proofs to show.
3. After an error of the disk the object appends nothing more (`log_broken`): it does not know what was written.

One process at a time: the folder is locked. Who may read entries is for who serves the files.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn, Self

from engine.audit.log.checkpoints import Checkpoint, open_checkpoint
from engine.audit.log.growth import Growth
from engine.audit.log.merkle import Nodes
from engine.audit.log.notes import SignerKey
from engine.audit.log.tiles import HEIGHT, WIDTH, Tile, bundle, nodes_in_tiles, tiles_of, unbundle
from intents.errors import InputError

MOST_BATCH = 1000
"""Entries in one batch, and so in one sync, at most."""

SEGMENT = WIDTH * WIDTH
"""Entries after which a segment of the journal ends."""

SYNCS_AT_ONCE = 16

LENGTH_BYTES = 4
HEADER_BYTES = LENGTH_BYTES + hashlib.sha256().digest_size


class LogFiles:
    """A log in a folder. Use as a context manager, or `close` it."""

    def __init__(self, folder: Path, key: SignerKey) -> None:
        """Open, or begin, the log whose origin is the key's name. Raises InputError `log_damaged`, `log_locked`; OSError."""
        self._folder, self._key = folder, key
        (folder / "journal").mkdir(parents=True, exist_ok=True)
        self._lock = _locked(folder / "lock")
        self._journal, self._broken = -1, True
        try:
            self._recover()
        except BaseException:
            self.close()
            raise
        self._broken = False

    def append(self, entries: Sequence[bytes]) -> Checkpoint:
        """Append entries; the checkpoint that covers them. Raises InputError `entry_too_long`, `log_broken`; OSError."""
        if self._broken:
            raise InputError("log_broken", "", expected="a log whose last write went well", actual=str(self._folder))
        parts = [entries[i : i + MOST_BATCH] for i in range(0, len(entries), MOST_BATCH)]
        frames = [_frame(part) for part in parts]  # what can not be appended is refused before anything is written
        self._broken = True
        for part, frame in zip(parts, frames, strict=True):
            _write(self._journal, frame)
            os.fsync(self._journal)
            self._grow(part)
            self._publish()
            if self._growth.size - self._segment >= SEGMENT:
                self._end_segment()
        self._broken = False
        return self.checkpoint

    @property
    def nodes(self) -> Nodes:
        """Complete subtrees, for proofs."""
        return nodes_in_tiles(self.fetch, self.checkpoint.size)

    def fetch(self, path: str) -> bytes:
        """A published file by its name. Raises FileNotFoundError."""
        return (self._folder / path).read_bytes()

    def entry(self, number: int) -> bytes:
        """An entry by its index. Raises InputError `bad_index`."""
        if not 0 <= number < self.checkpoint.size:
            raise InputError("bad_index", "", expected=f"0 <= index < {self.checkpoint.size}", actual=str(number))
        width = min(WIDTH, self.checkpoint.size - (number >> HEIGHT << HEIGHT))
        return unbundle(self.fetch(Tile(None, number >> HEIGHT, width).path), width)[number % WIDTH]

    def close(self) -> None:
        """Let another open it."""
        if self._journal >= 0:
            os.close(self._journal)
            self._journal = -1
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _recover(self) -> None:
        segments = sorted(int(path.name) for path in (self._folder / "journal").iterdir())
        self._segment = segments[-1] if segments else 0
        signed = self._signed()
        if signed is None and (self._segment or (segments and self._segment_path(0).stat().st_size)):
            self._damaged("a checkpoint", "none")
        try:
            self._growth = Growth.of_tiles(self._segment, self.fetch)
        except (InputError, OSError) as error:
            self._damaged(f"the tiles of size {self._segment}", str(error))
        self._journal = os.open(self._segment_path(self._segment), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        _sync(self._folder / "journal")
        self._compare(signed)
        whole = 0
        for entries, end in _frames(self._segment_path(self._segment).read_bytes()):
            self._grow(entries)
            self._compare(signed)
            whole = end
        if signed is not None and self._growth.size < signed.size:
            self._damaged(f"{signed.size} entries, as signed", str(self._growth.size))
        os.ftruncate(self._journal, whole)  # a batch that a crash cut off: nobody was told that it is there
        os.fsync(self._journal)
        for old in segments[:-1]:
            self._segment_path(old).unlink()
        self._publish()

    def _signed(self) -> Checkpoint | None:
        try:
            note = self.fetch("checkpoint")
        except FileNotFoundError:
            return None
        try:
            return open_checkpoint(note, self._key.name, (self._key.verifier,))
        except InputError as error:
            self._damaged("a checkpoint signed by this log", str(error))

    def _compare(self, signed: Checkpoint | None) -> None:
        """Where the tree has the size that was signed, it has the root that was signed."""
        if signed is not None and self._growth.size == signed.size and self._growth.root() != signed.root:
            self._damaged(f"root {signed.root.hex()} at size {signed.size}", self._growth.root().hex())

    def _grow(self, entries: Sequence[bytes]) -> None:
        for tile, data in self._growth.add(entries):
            path = self._folder / tile.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def _publish(self) -> None:
        self.checkpoint = Checkpoint(self._key.name, self._growth.size, self._growth.root())
        fresh = self._folder / "checkpoint.new"
        with fresh.open("wb") as file:
            file.write(str(self.checkpoint.signed(self._key)).encode())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._folder / "checkpoint")
        _sync(self._folder)

    def _end_segment(self) -> None:
        """Sync the tiles and begin a new segment of the journal after them."""
        ended, size = self._segment, self._growth.size
        with ThreadPoolExecutor(SYNCS_AT_ONCE) as pool:  # the disk's journal takes many syncs in one go
            list(pool.map(_sync, self._tile_paths(ended, size)))
        os.close(self._journal)
        self._segment = size
        self._journal = os.open(self._segment_path(size), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        _sync(self._folder / "journal")
        self._segment_path(ended).unlink()
        for path in self._tile_paths(ended, size):
            shutil.rmtree(f"{path}.p", ignore_errors=True)  # parts of what is whole now; most have none

    def _tile_paths(self, since: int, size: int) -> Iterator[Path]:
        """The files of the tree of `size` that the tree of `since` entries does not have."""
        for tile in tiles_of(size, since):
            yield self._folder / tile.path

    def _segment_path(self, first: int) -> Path:
        return self._folder / "journal" / str(first)

    def _damaged(self, expected: str, actual: str) -> NoReturn:
        raise InputError("log_damaged", str(self._folder), expected=expected, actual=actual)


def _frame(entries: Sequence[bytes]) -> bytes:
    data = bundle(entries)
    return len(data).to_bytes(LENGTH_BYTES, "big") + hashlib.sha256(data).digest() + data


def _frames(journal: bytes) -> Iterator[tuple[tuple[bytes, ...], int]]:
    """The whole batches of a journal from its beginning, each with where it ends; what follows the last is cut off."""
    at = 0
    while len(journal) - at >= HEADER_BYTES:
        data = at + HEADER_BYTES
        end = data + int.from_bytes(journal[at : at + LENGTH_BYTES], "big")
        if hashlib.sha256(journal[data:end]).digest() != journal[at + LENGTH_BYTES : data] or end > len(journal):
            return
        yield unbundle(journal[data:end]), end
        at = end


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _locked(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise InputError(
            "log_locked", str(path), expected="a log that no process appends to", actual=str(error)
        ) from None
    return descriptor
