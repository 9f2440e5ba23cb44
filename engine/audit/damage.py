"""Where a JSON text is damaged: the field around a byte, and the first token that strict JSON forbids.

Works on text that no parser accepts, so the answer is a best effort: the pointer is that of the innermost field whose
beginning could be read. Offsets count bytes from 0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from engine.audit.leaf_digests import escape
from intents.errors import InputError
from intents.values import parse_json

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}\[\]:,]|[^\s{}\[\]:,"]+', re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong and where; `line` and `column` count from 1, columns in bytes."""

    code: str
    pointer: str
    offset: int
    line: int
    column: int
    message: str


def find_damage(content: bytes) -> Damage | None:
    """The first thing that keeps the bytes from being strict JSON, or None."""
    try:
        text = content.decode("utf-8")
        json.loads(text)
    except UnicodeDecodeError as error:
        return _damage(content, "malformed_json", error.start, "not UTF-8")
    except json.JSONDecodeError as error:
        return _damage(content, "malformed_json", len(error.doc[: error.pos].encode("utf-8", "replace")), error.msg)
    except (RecursionError, ValueError) as error:
        return _damage(content, "malformed_json", 0, str(error))
    try:
        parse_json(text)
    except InputError as error:
        flawed = (start for start, _, flaw in _tokens(content) if flaw)
        return _damage(content, error.code, next(flawed, 0), f"expected {error.expected}, got {error.actual}")
    return None


def pointer_at(content: bytes, offset: int) -> str:
    """The JSON pointer of the innermost field that the byte at `offset` belongs to."""
    pointer = ""
    for start, found, _ in _tokens(content):
        if start > offset:
            break
        pointer = found
    return pointer


def _damage(content: bytes, code: str, offset: int, message: str) -> Damage:
    before = content[:offset]
    line, column = before.count(b"\n") + 1, offset - (before.rfind(b"\n") + 1) + 1
    return Damage(code, pointer_at(content, offset), offset, line, column, message)


@dataclass(slots=True)
class _Open:
    """An object or array that is being read: `at` is the current key or index as in a pointer, `keys` those seen so far."""

    is_object: bool
    at: str = ""
    index: int = 0
    wants_key: bool = True
    keys: set[str] | None = None


def _tokens(content: bytes) -> Iterator[tuple[int, str, bool]]:
    """Offset, pointer from there on and whether strict JSON forbids the token (a repeated key, a lone surrogate, no finite number)."""
    # One character a byte, so that positions are offsets; structure is ASCII anyway.
    text = content.decode("latin-1")
    stack: list[_Open] = []
    for match in _TOKEN.finditer(text):
        word, flaw = match.group(), False
        if word in "{[":
            yield match.start(), _pointer(stack), False
            stack.append(_Open(word == "{", "" if word == "{" else "/0", keys=set()))
            continue
        top = stack[-1] if stack else None
        if word in "}]":
            yield match.start(), _pointer(stack), False
            if stack:
                stack.pop()
            yield match.end(), _pointer(stack), False
            continue
        if word == ",":
            if top is not None and top.is_object:
                top.at, top.wants_key = "", True
            elif top is not None:
                top.index += 1
                top.at = f"/{top.index}"
        elif word == ":":
            if top is not None:
                top.wants_key = False
        else:
            value = _read(word)
            flaw = _forbidden(value)
            if top is not None and top.is_object and top.wants_key and top.keys is not None:
                top.at = f"/{escape(str(value))}"
                flaw = flaw or top.at in top.keys
                top.keys.add(top.at)
        yield match.start(), _pointer(stack), flaw


def _read(word: str) -> object:
    """What a scalar token says; the text itself where it says nothing."""
    try:
        return json.loads(word.encode("latin-1").decode("utf-8", "replace"))
    except ValueError:
        return word


def _forbidden(value: object) -> bool:
    if isinstance(value, str):
        return any("\ud800" <= character <= "\udfff" for character in value)
    return isinstance(value, float) and not abs(value) < float("inf")


def _pointer(stack: list[_Open]) -> str:
    return "".join(level.at for level in stack)
