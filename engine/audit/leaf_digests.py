"""A short digest of every leaf of a JSON document, so that an edit can be located without the original.

A leaf is a string, number, literal or empty container. Its digest is the first 3 bytes of SHA-256 over its JSON pointer
(RFC 6901), a zero byte and its JSON text, written as 4 characters of base64url; digests stand in the order of the leaves.
3 bytes locate and do not protect: what protects is the hash of the whole document.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from json.encoder import encode_basestring
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


def leaves(data: Any) -> list[tuple[str, Any]]:
    """Every leaf with its pointer, in the order of the document."""
    found: list[tuple[str, Any]] = []
    _gather(data, "", found)
    return found


def _gather(data: Any, pointer: str, found: list[tuple[str, Any]]) -> None:
    if isinstance(data, dict) and data:
        for key, item in data.items():
            place = f"{pointer}/{escape(key)}"
            if isinstance(item, dict | list):
                _gather(item, place, found)
            else:
                found.append((place, item))
    elif isinstance(data, list) and data:
        for index, item in enumerate(data):
            _gather(item, f"{pointer}/{index}", found)
    else:
        found.append((pointer, data))


def in_canonical_order(data: Any) -> Any:
    """The same data with the keys of every object in the order of RFC 8785."""
    if isinstance(data, dict):
        return {key: in_canonical_order(data[key]) for key in sorted(data, key=canonical_order)}
    return [in_canonical_order(item) for item in data] if isinstance(data, list) else data


def leaf_digests(data: Any) -> str:
    """The digests of all leaves, in canonical order."""
    return _digests(leaves(in_canonical_order(data)))


def _digests(found: Iterable[tuple[str, Any]]) -> str:
    # 3 bytes are 4 characters, so all of them together are written as one by one.
    return base64.urlsafe_b64encode(b"".join([_digest(pointer, value) for pointer, value in found])).decode()


def split(digests: str) -> Iterator[str]:
    """The digests one by one."""
    return (digests[i : i + WIDTH] for i in range(0, len(digests), WIDTH))


def first_edited(data: Any, digests: str) -> tuple[str, Any] | None:
    """The first leaf, in the order of the document, that does not have its digest, and its value.

    None where all do; ("", None) where only leaves at the end are missing.
    """
    found = leaves(data)
    if _digests(found) == digests:
        return None
    for leaf, digest in zip_longest(found, split(digests)):
        if leaf is None:
            return "", None
        if digest != leaf_digest(*leaf):
            return leaf
    return None


def leaf_digest(pointer: str, value: Any) -> str:
    """The digest of one leaf."""
    return _digests([(pointer, value)])


def _digest(pointer: str, value: Any) -> bytes:
    if isinstance(value, str):
        text = encode_basestring(value)  # json.dumps of a text, without the way there
    else:
        text = rfc8785.dumps(value).decode() if isinstance(value, float) else json.dumps(value)
    return hashlib.sha256(f"{pointer}\0{text}".encode()).digest()[:3]
