"""Replay: an auction's record, redone from its bytes alone.

    report = replay_record(content)
    report.identical or (report.difference, report.expected, report.actual)

Steps, each naming the first place that fails it
1. `syntax`: the bytes are strict JSON; else the first damaged leaf, and the line, column and offset where reading ends.
2. `edited`: every leaf has its digest and the whole its hash, so an edit of any field is located, inputs too.
3. `format`: the data is a record of this version, and its problem a problem.
4. `recomputed`: from the problem, the proposals, the work and the advice to selection, which is checked, everything is computed anew: verification, scores,
   baselines, filter, selection with its bound, ties, settlement. What differs first in document order is named.
5. `canonical`: the file is exactly the canonical bytes.

`identical` is said only after all five. A record rewritten as a whole, digests included, may be identical to its own
replay: which record is the right one is for the log to say (see engine.audit.record).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from engine.auction.auction import clear_unsealed
from engine.auction.check_problem import check_problem
from engine.audit.damage import find_damage, first_damaged_leaf, pointer_at
from engine.audit.leaf_digests import canonical_order, escape, first_edited, split
from engine.audit.record import NOT_HASHED, Record, hashed_part, record_bytes, record_hash, recorded_advice
from intents.errors import InputError
from intents.values import canonical_bytes, parse_json

Step = Literal["", "syntax", "edited", "format", "recomputed", "canonical"]


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """`identical`, or the first difference as a JSON pointer with what the replay expects and what the file has.

    `step` is the step that failed; `offset`, `line` and `column` are known for `syntax` and `canonical`.
    """

    difference: str | None = None
    expected: str = ""
    actual: str = ""
    step: Step = ""
    offset: int | None = None
    line: int | None = None
    column: int | None = None

    @property
    def identical(self) -> bool:
        """Whether nothing differs."""
        return self.difference is None


def replay_record(content: bytes) -> ReplayReport:
    """Redo the auction that the bytes record. Never raises for what is in them."""
    try:
        data = parse_json(content)
    except InputError as error:
        return _unreadable(content, error)
    if not isinstance(data, dict):
        return ReplayReport("", "a record", _short(data), "format")
    covered = _canonical(hashed_part(data))
    edited = _find_edit(data, covered)
    if edited is not None:
        return edited
    try:
        record = Record.from_strict_json(content)
    except InputError as error:
        return ReplayReport(error.where, error.expected, f"{error.actual} ({error.code})", "format")
    try:
        check_problem(record.problem)
    except InputError as error:
        found = f"{error.actual} ({error.code})"
        return ReplayReport(f"/problem{error.where}", error.expected, found, "format")
    try:
        advice = recorded_advice(record)
        again = clear_unsealed(record.problem, record.proposals, work=record.selection_work, advisers=advice)
    except InputError as error:
        return ReplayReport(error.where, error.expected, f"{error.actual} ({error.code})", "format")
    if canonical_bytes(hashed_part(again.to_wire())) == covered and canonical_bytes(data) == content:
        # Hash and digests follow from what they cover, and those in the file were found to be of that.
        return ReplayReport()
    return _compare(again.sealed(), data, content)


def _unreadable(content: bytes, error: InputError) -> ReplayReport:
    damage = find_damage(content)
    if damage is None:
        raise AssertionError(f"expected damage where parsing found {error}")
    found = f"{damage.message} (line {damage.line} column {damage.column}, offset {damage.offset})"
    _, pointer = min((damage.offset, damage.pointer), _damaged_leaf(content) or (len(content), ""))
    return ReplayReport(pointer, "strict JSON", found, "syntax", damage.offset, damage.line, damage.column)


def _damaged_leaf(content: bytes) -> tuple[int, str] | None:
    """Parsers notice damage late; the digests, if they can still be found, say where it begins."""
    digests = re.search(rb'"leaf_digests":"([-_0-9A-Za-z]+)"', content)
    if digests is None:
        return None
    return first_damaged_leaf(content, split(digests[1].decode()), {f"/{name}" for name in NOT_HASHED})


def _canonical(covered: dict[str, Any]) -> bytes | None:
    """RFC 8785 bytes; None where it has none for them: an integer beyond 2^53, which no record has."""
    try:
        return canonical_bytes(covered)
    except InputError:
        return None


def _find_edit(data: dict[str, Any], canonical: bytes | None) -> ReplayReport | None:
    digests, stated = data.get("leaf_digests"), data.get("record_hash")
    if not isinstance(digests, str) or not isinstance(stated, str):
        return ReplayReport("/leaf_digests", "a record with its hash and digests", "none", "edited")
    edited = first_edited(hashed_part(data), digests)
    whole = "none: an integer beyond 2^53" if canonical is None else record_hash(canonical)
    if edited is None:
        return None if whole == stated else ReplayReport("/record_hash", whole, stated, "edited")
    if whole == stated:
        return ReplayReport("/leaf_digests", "the digests of this record", "others", "edited")
    pointer, value = edited
    return ReplayReport(pointer, "the value that was recorded", _short(value), "edited")


def _compare(again: Record, data: dict[str, Any], content: bytes) -> ReplayReport:
    expected = record_bytes(again)
    if expected == content:
        return ReplayReport()
    difference = first_difference(hashed_part(again.to_wire()), hashed_part(data), "")
    if difference is not None:
        pointer, wanted, found = difference
        return ReplayReport(pointer, wanted, found, "recomputed")
    offset = next((i for i, (a, b) in enumerate(zip(expected, content, strict=False)) if a != b), len(expected))
    before = content[:offset]
    return ReplayReport(
        pointer_at(content, offset),
        f"canonical bytes, {_around(expected, offset)}",
        _around(content, offset),
        "canonical",
        offset,
        before.count(b"\n") + 1,
        offset - (before.rfind(b"\n") + 1) + 1,
    )


def first_difference(expected: Any, actual: Any, pointer: str) -> tuple[str, str, str] | None:
    """The first place, in canonical order, where two JSON documents differ: pointer, expected and actual in short."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in sorted(expected.keys() | actual.keys(), key=canonical_order):
            place = f"{pointer}/{escape(key)}"
            if key not in actual or key not in expected:
                known = key in expected
                return place, _short(expected[key]) if known else "nothing", "nothing" if known else _short(actual[key])
            found = first_difference(expected[key], actual[key], place)
            if found is not None:
                return found
        return None
    if isinstance(expected, list) and isinstance(actual, list):
        for index, (wanted, item) in enumerate(zip(expected, actual, strict=False)):
            found = first_difference(wanted, item, f"{pointer}/{index}")
            if found is not None:
                return found
        if len(expected) != len(actual):
            return f"{pointer}/{min(len(expected), len(actual))}", f"{len(expected)} items", f"{len(actual)} items"
        return None
    same = expected == actual and type(expected) is type(actual)
    return None if same else (pointer, _short(expected), _short(actual))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."


def _around(content: bytes, offset: int) -> str:
    return ascii(content[max(0, offset - 10) : offset + 20])
