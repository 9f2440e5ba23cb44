"""Reading somebody else's log: nothing is believed but keys, and what hashes prove.

    log = LogReader(fetch, trust)        the newest checkpoint, signed and witnessed as `trust` asks
    log.continues(kept)                  what was there when that checkpoint was kept still is, unchanged
    log.includes(number, leaf)           this entry is in it

`fetch` gives a published file by its name (`checkpoint`, `tile/...`). Everything read is checked against the one checkpoint that
was read first. Raises InputError with the code of what is wrong, and what `fetch` raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from engine.audit.log.checkpoints import Checkpoint, open_checkpoint
from engine.audit.log.cosignatures import witnessed
from engine.audit.log.growth import Growth
from engine.audit.log.merkle import check_consistency, check_inclusion, consistency_proof, inclusion_proof, leaf_hash
from engine.audit.log.notes import read_note
from engine.audit.log.proofs import LogKeys, LogProof
from engine.audit.log.tiles import WIDTH, Tile, hashes_of, nodes_in_tiles, tiles_of, unbundle
from intents.errors import InputError

Fetch = Callable[[str], bytes]


class LogReader:
    """A log as of the checkpoint that it had when this was made."""

    def __init__(self, fetch: Fetch, trust: LogKeys) -> None:
        """Read and check the newest checkpoint."""
        self._fetch, self._trust = fetch, trust
        self.note = read_note(fetch("checkpoint"))
        self.checkpoint: Checkpoint = open_checkpoint(self.note, trust.origin, trust.keys)
        self.witnesses = witnessed(self.note, trust.witnesses, trust.quorum)
        self._nodes = nodes_in_tiles(fetch, self.checkpoint.size)

    def continues(self, kept: bytes) -> Checkpoint:
        """The checkpoint that was kept, whose tree this one begins with."""
        old, new = open_checkpoint(kept, self._trust.origin, self._trust.keys), self.checkpoint
        if old.size > new.size:
            expected = f"at least {old.size} entries, as it signed before"
            raise InputError("log_shrank", "/checkpoint", expected=expected, actual=str(new.size))
        if old.size:
            proof = consistency_proof(old.size, new.size, self._nodes)
            check_consistency(old.size, new.size, old.root, new.root, proof)
        return old

    def includes(self, number: int, leaf: bytes) -> LogProof:
        """The proof that a leaf is entry `number`."""
        size = self.checkpoint.size
        hashes = inclusion_proof(number, size, self._nodes)
        check_inclusion(number, size, leaf_hash(leaf), hashes, self.checkpoint.root)
        return LogProof(number, hashes, str(self.note))

    def entries(self) -> Iterator[bytes]:
        """Every entry, from the first. Whether they are what was signed is known, and said, after the last: `bad_root`."""
        growth = Growth()
        bundles = (tile for tile in tiles_of(self.checkpoint.size) if tile.level is None)
        for tile in bundles:
            entries = self._bundle(tile)
            self._check_bundle(tile, entries)
            growth.add(entries)
            yield from entries
        if growth.root() != self.checkpoint.root:
            expected, actual = self.checkpoint.root.hex(), growth.root().hex()
            raise InputError("bad_root", "/checkpoint", expected=expected, actual=actual)

    def _check_bundle(self, tile: Tile, entries: tuple[bytes, ...]) -> None:
        """Raise InputError `bad_entry` with its index where an entry is not the one of the tile of hashes."""
        hashes = hashes_of(self._fetch(tile._replace(level=0).path), tile.width)
        for position, (entry, expected) in enumerate(zip(entries, hashes, strict=True)):
            if leaf_hash(entry) != expected:
                where = f"/{tile.number * WIDTH + position}"
                raise InputError("bad_entry", where, expected=expected.hex(), actual=leaf_hash(entry).hex())

    def _bundle(self, tile: Tile) -> tuple[bytes, ...]:
        try:
            return unbundle(self._fetch(tile.path), tile.width)
        except InputError as error:
            raise InputError(error.code, tile.path, expected=error.expected, actual=error.actual) from None
