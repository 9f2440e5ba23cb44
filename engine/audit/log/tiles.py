"""Tiles: the tree and its entries as static files (C2SP tlog-tiles), their names, their bytes, and proofs out of them.

A tile holds up to 256 consecutive hashes of one level; a hash of level l + 1 is the root of a full tile of level l. A
bundle holds up to 256 entries, each after its length in 2 bytes, big-endian. A tile or bundle that is not full yet has
its width in its name. Source: C2SP tlog-tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from engine.audit.log.merkle import HASH_BYTES, Nodes, node_hash
from intents.errors import InputError

HEIGHT = 8
"""Levels of the tree in one tile."""

WIDTH = 1 << HEIGHT

MOST_ENTRY_BYTES = 2**16 - 1


class Tile(NamedTuple):
    """One file: `level` 0 and up, or None for a bundle of entries; `width` 1 to 256."""

    level: int | None
    number: int
    width: int

    @property
    def path(self) -> str:
        """Its name below the log's prefix."""
        kind = "entries" if self.level is None else str(self.level)
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"tile/{kind}/{_path(self.number)}{partial}"


def _path(number: int) -> str:
    parts = [f"{number % 1000:03d}"]
    while number >= 1000:
        number //= 1000
        parts.append(f"x{number % 1000:03d}")
    return "/".join(reversed(parts))


def tiles_of(size: int, since: int = 0) -> Iterator[Tile]:
    """The tiles of a tree of `size` that the tree of `since` entries does not have, lowest level first, then bundles."""
    for level in range(64 // HEIGHT):
        yield from _row(level, size >> HEIGHT * level, since >> HEIGHT * level)
    yield from _row(None, size, since)


def _row(level: int | None, count: int, before: int) -> Iterator[Tile]:
    for index in range(before >> HEIGHT, -(-count >> HEIGHT)):
        width = min(WIDTH, count - (index << HEIGHT))
        if (index << HEIGHT) + width > before:
            yield Tile(level, index, width)


def bundle(entries: Sequence[bytes]) -> bytes:
    """The bytes of a bundle. Raises InputError `entry_too_long`."""
    for entry in entries:
        if len(entry) > MOST_ENTRY_BYTES:
            expected = f"at most {MOST_ENTRY_BYTES} bytes"
            raise InputError("entry_too_long", "/entry", expected=expected, actual=str(len(entry)))
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def unbundle(data: bytes, width: int | None = None) -> tuple[bytes, ...]:
    """The entries of a bundle, of `width` where that is known. Raises InputError `bad_tile`."""
    entries, at = [], 0
    while at + 2 <= len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if end > len(data):
            break
        entries.append(data[at + 2 : end])
        at = end
    if at != len(data) or width not in {None, len(entries)}:
        raise InputError(
            "bad_tile",
            "",
            expected=f"{width or ''} whole entries",
            actual=f"{len(entries)}, then {len(data) - at} bytes",
        )
    return tuple(entries)


def hashes_of(data: bytes, width: int) -> tuple[bytes, ...]:
    """The hashes of a tile. Raises InputError `bad_tile`."""
    if len(data) != width * HASH_BYTES:
        raise InputError("bad_tile", "", expected=f"{width * HASH_BYTES} bytes", actual=str(len(data)))
    return tuple(data[i : i + HASH_BYTES] for i in range(0, len(data), HASH_BYTES))


def nodes_in_tiles(fetch: Callable[[str], bytes], size: int) -> Nodes:
    """Complete subtrees of the tree of `size`, computed from its tiles, which `fetch` gives by their names.

    What the tiles say is not checked: a proof made of them is, by its root. Raises InputError `bad_tile`.
    """

    @lru_cache(maxsize=256)
    def tile(level: int, index: int) -> tuple[bytes, ...]:
        width = min(WIDTH, (size >> HEIGHT * level) - (index << HEIGHT))
        return hashes_of(fetch(Tile(level, index, width).path), width)

    def node(level: int, index: int) -> bytes:
        # A node inside a tile is found from the hashes of that tile below it.
        row, above = divmod(level, HEIGHT)
        first = index << above
        hashes = tile(row, first >> HEIGHT)[first % WIDTH : first % WIDTH + (1 << above)]
        if len(hashes) != 1 << above:
            raise InputError("bad_tile", "", expected=f"a complete subtree at level {level}, {index}", actual="a part")
        while len(hashes) > 1:
            hashes = tuple(node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes), 2))
        return hashes[0]

    return node
