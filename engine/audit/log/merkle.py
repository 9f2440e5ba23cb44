"""The Merkle tree of RFC 6962 with SHA-256: roots, and proofs of inclusion and consistency, made and checked.

A leaf's hash is SHA-256(0x00 || entry), a node's SHA-256(0x01 || left || right); the root of D[0:n] splits at the
greatest power of two below n, so every subtree but the rightmost ones is complete. `Nodes` gives hashes of complete
subtrees: nodes(level, index) is the root of D[index * 2^level : (index + 1) * 2^level].

Guarantee: a proof is accepted only if every hash in it is 32 bytes, is used, and leads to the root given; checking needs no
tree. Raises InputError `bad_proof` (or `bad_root`, where all is in order but the root). Written from RFC 6962, section
2.1, and RFC 9162, sections 2.1.3.2 and 2.1.4.2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn

from intents.errors import InputError

HASH_BYTES = 32

EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of no entries."""

Nodes = Callable[[int, int], bytes]


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees side by side."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def nodes_over(leaves: Sequence[bytes]) -> Nodes:
    """Complete subtrees over leaf hashes that are all at hand."""

    def node(level: int, index: int) -> bytes:
        if level == 0:
            return leaves[index]
        return node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))

    return node


def tree_root(size: int, nodes: Nodes) -> bytes:
    """The root of the first `size` entries."""
    return range_root(0, size, nodes) if size else EMPTY_ROOT


def range_root(start: int, end: int, nodes: Nodes) -> bytes:
    """The root of D[start:end], a subtree of the RFC's tree: `start` is a multiple of a power of two >= end - start."""
    width = end - start
    if width & (width - 1) == 0:
        level = width.bit_length() - 1
        return nodes(level, start >> level)
    middle = start + _split(width)
    return node_hash(range_root(start, middle, nodes), range_root(middle, end, nodes))


def inclusion_proof(index: int, size: int, nodes: Nodes) -> tuple[bytes, ...]:
    """The proof that entry `index` is in the tree of `size`, from the leaf's sibling up. Raises InputError `bad_index`."""
    if not 0 <= index < size:
        raise InputError("bad_index", "/index", expected=f"0 <= index < {size}", actual=str(index))
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(range_root(middle, end, nodes))
            end = middle
        else:
            proof.append(range_root(start, middle, nodes))
            start = middle
    return tuple(reversed(proof))


def consistency_proof(old: int, size: int, nodes: Nodes) -> tuple[bytes, ...]:
    """The proof that the tree of `old` entries is the beginning of that of `size`. Raises InputError `bad_size`."""
    if not 0 < old <= size:
        raise InputError("bad_size", "/old", expected=f"0 < old <= {size}", actual=str(old))
    proof: list[bytes] = []
    start, end = 0, size
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(range_root(middle, end, nodes))
            end = middle
        else:
            proof.append(range_root(start, middle, nodes))
            start = middle
    if start:
        proof.append(range_root(start, end, nodes))  # where start is 0 this is the old root, which the checker has
    return tuple(reversed(proof))


def check_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Raise InputError unless the proof leads from the leaf's hash at `index` to the root of the tree of `size`."""
    if not 0 <= index < size:
        _refuse("an index below the size", f"index {index} of {size}")
    _check_hashes((leaf, *proof))
    found = leaf
    for sibling, on_the_left in _climb(index, size - 1, proof):
        found = node_hash(sibling, found) if on_the_left else node_hash(found, sibling)
    _check_root(found, root)


def check_consistency(old: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]) -> None:
    """Raise InputError unless the proof shows that the tree of `old` entries begins that of `size`.

    A tree of no entries is consistent with any and proves nothing, so old = 0 is refused.
    """
    if not 0 < old <= size:
        _refuse("0 < old size <= size", f"{old} and {size}")
    if old == size:
        if proof:
            _refuse("no hashes between equal sizes", f"{len(proof)} hashes")
        _check_root(old_root, root)
        return
    if not proof:
        _refuse("at least one hash", "none")
    _check_hashes((old_root, root, *proof))
    hashes = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    here, last = old - 1, size - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    found_old = found = hashes[0]
    for sibling, on_the_left in _climb(here, last, hashes[1:]):
        if on_the_left:
            found_old, found = node_hash(sibling, found_old), node_hash(sibling, found)
        else:
            found = node_hash(found, sibling)
    _check_root(found_old, old_root)
    _check_root(found, root)


def _climb(here: int, last: int, proof: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each hash of a proof and whether it stands on the left, from node `here` of a level whose last one is `last`, up.

    Raises InputError `bad_proof` where they are not as many as the tree is high.
    """
    for sibling in proof:
        if last == 0:
            _refuse("as many hashes as the tree is high", "more hashes")
        on_the_left = bool(here & 1) or here == last
        yield sibling, on_the_left
        if on_the_left:
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        here, last = here >> 1, last >> 1
    if last:
        _refuse("as many hashes as the tree is high", f"{len(proof)} hashes")


def _split(width: int) -> int:
    """The greatest power of two below a width of 2 or more."""
    return 1 << (width - 1).bit_length() - 1


def _check_hashes(hashes: Sequence[bytes]) -> None:
    for each in hashes:
        if len(each) != HASH_BYTES:
            _refuse(f"hashes of {HASH_BYTES} bytes", f"{len(each)} bytes")


def _check_root(found: bytes, root: bytes) -> None:
    if found != root:
        raise InputError("bad_root", "/root", expected=root.hex(), actual=found.hex())


def _refuse(expected: str, actual: str) -> NoReturn:
    raise InputError("bad_proof", "/proof", expected=expected, actual=actual)
