"""Where a JSON text is damaged: the field around a byte, the first forbidden token, the first leaf that was edited.

Works on text that no parser accepts, so answers are a best effort: a pointer is that of the innermost field whose
beginning could be read. Offsets count bytes from 0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from engine.audit.leaf_digests import escape, leaf_digest
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
    except UnicodeDecodeError as error:
        return _damage(content, "malformed_json", error.start, "not UTF-8")
    try:
        parse_json(text)
    except InputError as error:
        refused = error
    else:
        return None
    message = f"expected {refused.expected}, got {refused.actual}"
    if refused.code == "too_deep":  # the parser below is asked for a place only where its stack is safe
        return _damage(content, refused.code, 0, message)
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return _damage(content, "malformed_json", len(error.doc[: error.pos].encode("utf-8", "replace")), error.msg)
    except ValueError as error:
        return _damage(content, "malformed_json", 0, str(error))
    flawed = (token.offset for token in _tokens(content) if token.flaw)
    return _damage(content, refused.code, next(flawed, 0), message)


def pointer_at(content: bytes, offset: int) -> str:
    """The JSON pointer of the innermost field that the byte at `offset` belongs to."""
    pointer = ""
    for token in _tokens(content):
        if token.offset > offset:
            break
        pointer = token.pointer
    return pointer


def _damage(content: bytes, code: str, offset: int, message: str) -> Damage:
    before = content[:offset]
    line, column = before.count(b"\n") + 1, offset - (before.rfind(b"\n") + 1) + 1
    return Damage(code, pointer_at(content, offset), offset, line, column, message)


def first_damaged_leaf(content: bytes, stated: Iterable[str], skipped: Iterable[str]) -> tuple[int, str] | None:
    """Offset and pointer of the first leaf, fields at `skipped` pointers aside, that has not the digest stated for it."""
    digests = iter(stated)
    for token in _tokens(content):
        if token.leaf and token.pointer not in skipped and next(digests, "") != leaf_digest(token.pointer, token.value):
            return token.offset, token.pointer
    return None


@dataclass(slots=True)
class _Open:
    """An object or array that is being read: `at` is the current key or index as in a pointer, `keys` those seen so far."""

    is_object: bool
    at: str = ""
    index: int = 0
    wants_key: bool = True
    empty: bool = True
    keys: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Token:
    """From `offset` on the text is inside `pointer`.

    `flaw`: strict JSON forbids it (a repeated key, a lone surrogate, no finite number). `leaf`: a leaf of this `value`.
    """

    offset: int
    pointer: str
    flaw: bool = False
    leaf: bool = False
    value: Any = None


def _tokens(content: bytes) -> Iterator[_Token]:
    # One character a byte, so that positions are offsets; structure is ASCII anyway.
    text = content.decode("latin-1")
    stack: list[_Open] = []
    for match in _TOKEN.finditer(text):
        word, start = match.group(), match.start()
        if word in "{[":
            yield _Token(start, _pointer(stack))
            if stack:
                stack[-1].empty = False
            stack.append(_Open(word == "{", "" if word == "{" else "/0"))
        elif word in "}]":
            closed = stack.pop() if stack else None
            pointer = _pointer(stack)
            if closed is not None and closed.empty:
                yield _Token(start, pointer, leaf=True, value={} if closed.is_object else [])
            else:
                yield _Token(start, pointer + (closed.at if closed else ""))
            yield _Token(match.end(), pointer)
        elif word in ",:":
            if stack:
                _separate(stack[-1], word)
            yield _Token(start, _pointer(stack))
        else:
            yield _scalar(stack, word, start)


def _separate(top: _Open, word: str) -> None:
    if word == ":":
        top.wants_key = False
    elif top.is_object:
        top.at, top.wants_key = "", True
    else:
        top.index += 1
        top.at = f"/{top.index}"


def _scalar(stack: list[_Open], word: str, start: int) -> _Token:
    value = _read(word)
    flaw = _forbidden(value)
    top = stack[-1] if stack else None
    if top is not None:
        top.empty = False
        if top.is_object and top.wants_key:
            top.at = f"/{escape(str(value))}"
            repeated = top.at in top.keys
            top.keys.add(top.at)
            return _Token(start, _pointer(stack), flaw or repeated)
    return _Token(start, _pointer(stack), flaw, leaf=True, value=value)


def _read(word: str) -> Any:
    """What a scalar token says; the text itself where it says nothing."""
    try:
        return json.loads(word.encode("latin-1").decode("utf-8", "replace"))
    except ValueError:
        return word


def _forbidden(value: Any) -> bool:
    if isinstance(value, str):
        return any("\ud800" <= character <= "\udfff" for character in value)
    return isinstance(value, float) and not abs(value) < float("inf")


def _pointer(stack: list[_Open]) -> str:
    return "".join(level.at for level in stack)
