"""RFC 8785 (JCS) bytes of plain JSON data, fast where the standard library gives the very same bytes.

Guarantees
1. `canonical_json` gives what the `rfc8785` package gives, byte for byte, and refuses what it refuses: everything that is
   not certainly alike is handed to it.
2. Nothing is kept from one call to the next.

Alike are texts, integers of at most 53 bits, literals, lists and objects whose keys are texts, all of ASCII alone: there
the order of code points is the order of UTF-16 units, and both escape quotes, backslashes and control characters in the
same way. Floats (whose digits RFC 8785 writes as ECMAScript does) and anything else take the slow way.

Source: RFC 8785, sections 3.2.2 and 3.2.3.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import rfc8785

_LITERALS = frozenset({str, bool, type(None)})
_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":"))


def canonical_json(data: Any) -> bytes:
    """The bytes. Raises rfc8785.CanonicalizationError: an integer beyond 2^53, a key that is no text, say."""
    if _is_plain((data,)):
        text = _ENCODER.encode(data)
        if text.isascii():
            return text.encode("ascii")
    return rfc8785.dumps(data)


def _is_plain(items: Iterable[Any]) -> bool:
    """Whether all values are texts, small integers, literals, and lists and objects of such; exactly, no subclasses."""
    for item in items:
        kind = type(item)
        if kind in _LITERALS:
            continue
        if kind is dict:
            if not {*map(type, item)} <= {str}:
                return False
            parts: Iterable[Any] = item.values()
        elif kind is list:
            parts = item
        elif kind is int and -(2**53) < item < 2**53:
            continue
        else:
            return False
        # Most lists and objects hold texts alone: these are passed without a look at each.
        if not _LITERALS.issuperset(map(type, parts)) and not _is_plain(parts):
            return False
    return True
