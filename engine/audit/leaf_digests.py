"""A short digest of every leaf of a JSON document, so that an edit can be located without the original.

A leaf is a string, number, literal or empty container. Its digest is the first 3 bytes of SHA-256 over its JSON pointer
(RFC 6901), a zero byte and its JSON text, written as 4 characters of base64url; digests stand in the order of the leaves.
3 bytes locate and do not protect: what protects is the hash of the whole document.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import rfc8785

WIDTH = 4
"""Characters of one digest."""


def escape(key: str) -> str:
    """A key as a reference token of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def canonical_order(key: str) -> bytes:
    """RFC 8785 sorts keys by their UTF-16 code units."""
    return key.encode("utf-16-be")


def leaves(data: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf with its pointer, in the order of the document."""
    if isinstance(data, dict) and data:
        for key, item in data.items():
            yield from leaves(item, f"{pointer}/{escape(key)}")
    elif isinstance(data, list) and data:
        for index, item in enumerate(data):
            yield from leaves(item, f"{pointer}/{index}")
    else:
        yield pointer, data


def in_canonical_order(data: Any) -> Any:
    """The same data with the keys of every object in the order of RFC 8785."""
    if isinstance(data, dict):
        return {key: in_canonical_order(data[key]) for key in sorted(data, key=canonical_order)}
    return [in_canonical_order(item) for item in data] if isinstance(data, list) else data


def leaf_digests(data: Any) -> str:
    """The digests of all leaves, in canonical order."""
    return "".join(leaf_digest(pointer, value) for pointer, value in leaves(in_canonical_order(data)))


def split(digests: str) -> Iterator[str]:
    """The digests one by one."""
    return (digests[i : i + WIDTH] for i in range(0, len(digests), WIDTH))


def first_edited(data: Any, digests: str) -> tuple[str, Any] | None:
    """The first leaf, in the order of the document, that does not have its digest, and its value.

    None where all do; ("", None) where only leaves at the end are missing.
    """
    for leaf, digest in zip_longest(leaves(data), split(digests)):
        if leaf is None:
            return "", None
        if digest != leaf_digest(*leaf):
            return leaf
    return None


def leaf_digest(pointer: str, value: Any) -> str:
    """The digest of one leaf."""
    text = rfc8785.dumps(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(pointer.encode() + b"\0" + text).digest()[:3]).decode()
