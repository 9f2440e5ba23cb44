"""The right edge of a growing tree: what is needed to append to it, and the tiles that appending makes. Pure.

Only tiles that are not full yet are held, at most 255 hashes a level and 255 entries; all that was before is in files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from engine.audit.log.merkle import EMPTY_ROOT, leaf_hash, node_hash
from engine.audit.log.tiles import HEIGHT, WIDTH, Tile, bundle, hashes_of, unbundle


class TileFile(NamedTuple):
    """A tile or bundle and its bytes."""

    tile: Tile
    data: bytes


class Growth:
    """A tree that entries are appended to."""

    def __init__(self) -> None:
        self.size = 0
        self._rows: list[list[bytes]] = []
        self._tail: list[bytes] = []

    @classmethod
    def of_tiles(cls, size: int, fetch: Callable[[str], bytes]) -> Growth:
        """As files left it. Raises InputError `bad_tile`, and what `fetch` raises."""
        grown = cls()
        grown.size = size
        level, count = 0, size
        while count:
            width = count % WIDTH
            tile = Tile(level, count >> HEIGHT, width)
            grown._rows.append(list(hashes_of(fetch(tile.path), width)) if width else [])
            level, count = level + 1, count >> HEIGHT
        if width := size % WIDTH:
            grown._tail = list(unbundle(fetch(Tile(None, size >> HEIGHT, width).path), width))
        return grown

    def add(self, entries: Sequence[bytes]) -> list[TileFile]:
        """Append entries; the files that are new, in no tree before. Raises InputError `entry_too_long`, changing nothing."""
        number, kept = self.size >> HEIGHT, [*self._tail, *entries]
        files = []
        for start in range(0, len(kept), WIDTH):
            part = kept[start : start + WIDTH]
            files.append(TileFile(Tile(None, number + start // WIDTH, len(part)), bundle(part)))
        self._tail = kept[len(kept) // WIDTH * WIDTH :]
        fresh, level = [leaf_hash(entry) for entry in entries], 0
        while fresh:
            fresh = self._extend(level, fresh, files)
            level += 1
        self.size += len(entries)
        return files

    def _extend(self, level: int, fresh: list[bytes], files: list[TileFile]) -> list[bytes]:
        """Append hashes to a row; the roots of the tiles that this filled."""
        if level == len(self._rows):
            self._rows.append([])
        number, row = self.size >> HEIGHT * (level + 1), [*self._rows[level], *fresh]
        full = []
        for start in range(0, len(row), WIDTH):
            part = row[start : start + WIDTH]
            files.append(TileFile(Tile(level, number + start // WIDTH, len(part)), b"".join(part)))
            if len(part) == WIDTH:
                full.append(_root(part))
        self._rows[level] = row[len(row) // WIDTH * WIDTH :]
        return full

    def root(self) -> bytes:
        """The root of the tree as it is."""
        below: list[bytes] = []
        for row in self._rows:
            # What is below a row's end is one subtree more, the last and smallest.
            both = [*row, *below]
            below = [_root(both)] if both else []
        return below[0] if below else EMPTY_ROOT


def _root(hashes: list[bytes]) -> bytes:
    """The root over subtrees of one size, of which the last may be smaller: pairs are joined, an odd one waits."""
    while len(hashes) > 1:
        paired = [node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes) - 1, 2)]
        hashes = [*paired, hashes[-1]] if len(hashes) % 2 else paired
    return hashes[0]
