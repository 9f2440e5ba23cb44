"""Values that keep their canonical bytes: what does not change from one snapshot to the next is not encoded again.

A snapshot's hash is over the canonical JSON of all of it. Its parts are frozen and most of them are the very same objects in
the next snapshot, so each keeps its own bytes once they were asked for, and `canonical_object` puts the bytes of a whole
together from them. The result is `canonical_bytes` of the same data, byte for byte (tests/market/test_delta.py).

It costs the memory of the bytes, once for each part that lives.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from intents.values import Value, canonical_bytes


class Kept(Value):
    """A wire value that keeps its canonical bytes."""

    @cached_property
    def canonical(self) -> bytes:
        """RFC 8785 bytes. A copy with other fields (`model_copy`) has its own."""
        return canonical_bytes(self)


def canonical_object(members: Mapping[str, bytes]) -> bytes:
    """The canonical JSON object of members whose values are canonical already; keys are ASCII, as identifiers are."""
    return b"{" + b",".join(b'"%b":%b' % (key.encode("ascii"), members[key]) for key in sorted(members)) + b"}"


def canonical_map(members: Mapping[str, Kept]) -> bytes:
    """The canonical JSON object of kept values."""
    return canonical_object({key: value.canonical for key, value in members.items()})
