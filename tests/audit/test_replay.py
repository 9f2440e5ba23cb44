"""Replay says `identical` to the record and to nothing else, and says where anything else differs."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from engine.audit.damage import find_damage, pointer_at
from engine.audit.leaf_digests import first_edited, leaf_digests, leaves
from engine.audit.record import Record, record_bytes
from engine.audit.replay import first_difference, replay_record
from intents.values import canonical_bytes
from tests.audit.records import small_file, small_record


def test_the_record_is_identical() -> None:
    report = replay_record(small_file())

    assert report.identical
    assert (report.difference, report.step, report.offset) == (None, "", None)


def test_a_byte_edited_anywhere_is_detected_and_located() -> None:
    """Every 97th byte becomes another one; the pointer is the field's or its parent's."""
    content, random = small_file(), Random(5)
    for position in range(0, len(content), 97):
        byte = random.choice([b for b in b'0123456789abcdefxyz"{}[],:. \\\n-\x00\xff' if b != content[position]])
        edited = content[:position] + bytes([byte]) + content[position + 1 :]

        report = replay_record(edited)

        assert report.difference is not None, position
        field = pointer_at(content, position)
        if not field.startswith(("/leaf_digests", "/record_hash")):
            assert near(report.difference, field), (position, bytes([byte]), field, report)
        if report.step == "syntax":
            assert report.offset is not None
            assert report.offset >= position - LITERAL


LITERAL = len("false")
"""A damaged literal is found at its beginning."""


def near(found: str, field: str) -> bool:
    """Whether a pointer is the field's, a sibling's (a damaged key or bracket) or an ancestor's."""
    parent = field.rpartition("/")[0]
    return field.startswith(found) or found.startswith(parent)


def test_every_field_of_the_record_is_watched() -> None:
    """Each leaf, inputs included, is changed to another value of its type; the replay names exactly that leaf."""
    original = json.loads(small_file())
    all_leaves = [leaf for leaf in leaves(original) if leaf[0] not in ("/leaf_digests", "/record_hash")]
    for pointer, value in all_leaves[::7]:
        data = json.loads(small_file())
        put(data, pointer, other(value))

        report = replay_record(canonical_bytes(data))

        place = f"{pointer}/0" if value in ([], {}) else pointer
        assert (report.difference, report.step) == (place, "edited")


def other(value: Any) -> Any:
    """Another value of the same type."""
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, str):
        return value + "0"
    return value + 1 if isinstance(value, int | float) else [0]


def put(data: Any, pointer: str, value: Any) -> None:
    """Set what a JSON pointer names."""
    *path, last = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    for part in path:
        data = data[int(part)] if isinstance(data, list) else data[part]
    data[int(last) if isinstance(data, list) else last] = value


RESEALED: tuple[tuple[str, Callable[[Record], dict[str, Any]], str], ...] = (
    ("score", lambda r: {"total_score": r.total_score + 1}, "/total_score"),
    ("winners", lambda _: {"winners": ()}, "/winners/0"),
    (
        "bound",
        lambda r: {"winner_selection": r.winner_selection.model_copy(update={"bound": 1})},
        "/winner_selection/bound",
    ),
    ("baselines", lambda r: {"baselines": dict.fromkeys(r.baselines, 0)}, "/baselines/"),
    ("tie seed", lambda r: {"tie_seed": r.problem_hash}, "/tie_seed"),
    ("prices", lambda _: {"prices": {}}, "/prices/"),
    ("bids", lambda r: {"bids": r.bids[1:]}, "/bids/"),
    ("a status", lambda r: {"bids": (r.bids[0].model_copy(update={"status": "lost"}), *r.bids[1:])}, "/bids/0/status"),
    ("proposals", lambda _: {"proposals": {}}, "/baseline"),
    ("settlement", lambda r: {"settlement": r.settlement.model_copy(update={"balances": {}})}, "/settlement/balances/"),
    ("a commitment", lambda r: {"commitments": dict.fromkeys(r.commitments, r.tie_seed)}, "/commitments/"),
    ("problem hash", lambda r: {"problem_hash": r.tie_seed}, "/problem_hash"),
    (
        "snapshot",
        lambda r: {"problem": r.problem.model_copy(update={"snapshot_hash": r.tie_seed})},
        "/problem/snapshot_hash",
    ),
    ("auction", lambda r: {"problem": r.problem.model_copy(update={"auction": "other"})}, "/"),
)
"""Forgeries by someone who also forges the hash and the digests: what is edited, how, where the replay differs."""


@pytest.mark.parametrize(("forge", "place"), [case[1:] for case in RESEALED], ids=[case[0] for case in RESEALED])
def test_a_forgery_with_matching_hashes_does_not_replay(forge: Callable[[Record], dict[str, Any]], place: str) -> None:
    forged = small_record().model_copy(update=forge(small_record())).sealed()

    report = replay_record(record_bytes(forged))

    assert report.step in ("recomputed", "format")
    assert report.difference is not None
    assert report.difference.startswith(place)


def test_other_bytes_of_the_same_data_are_not_the_record() -> None:
    content = small_file()
    data = json.loads(content)
    for spelled in (content + b"\n", json.dumps(data).encode(), json.dumps(data, indent=1, sort_keys=True).encode()):
        report = replay_record(spelled)

        assert report.step == "canonical"
        assert report.offset is not None
        assert spelled[: report.offset] == content[: report.offset]


def test_what_is_no_record_is_refused_with_its_place() -> None:
    for text, step, place in (
        (b"", "syntax", ""),
        (b"3", "format", ""),
        (b"{}", "edited", "/leaf_digests"),
        (b'{"a": [1, {"b": }]}', "syntax", "/a/1/b"),
        (b'{"a": {"b": 1, "b": 2}}', "syntax", "/a/b"),
        (b'{"a": [0, NaN]}', "syntax", "/a/1"),
        (b'{"a": [0, 1e999]}', "syntax", "/a/1"),
        (b'{"a": "\\ud800"}', "syntax", "/a"),
        (b'{"a": "\xff"}', "syntax", "/a"),
        (b'{"leaf_digests": "", "record_hash": "", "n": 99999999999999999999}', "edited", "/n"),
        (b"[" * 100_000, "syntax", ""),
        (b'{"a": ' + b"[" * 70 + b"]" * 70 + b"}", "syntax", ""),
    ):
        report = replay_record(text)

        assert (report.step, report.identical) == (step, False), text[:40]
        assert report.difference == place, text[:40]


def test_damage_has_a_line_and_a_column() -> None:
    damage = find_damage('{"é": 1,\n "b": [true, fals]}'.encode())

    assert damage is not None
    assert (damage.code, damage.pointer, damage.line, damage.column) == ("malformed_json", "/b/1", 2, 14)


def test_digests_locate_removed_and_added_leaves() -> None:
    data = {"a": [1, 2, 3], "b": {}, "c": "x/~y"}
    digests = leaf_digests(data)

    assert len(digests) == 4 * 5
    assert first_edited(data, digests) is None
    assert first_edited({**data, "a": [1, 2]}, digests) == ("/b", {})
    assert first_edited({**data, "d": None}, digests) == ("/d", None)
    assert first_edited({"a": [1, 2, 3], "b": {}}, digests) == ("", None)


def test_the_first_difference_is_named_in_canonical_order() -> None:
    assert first_difference({"a": 1, "b": [1, 2]}, {"b": [1, 3], "a": 1}, "") == ("/b/1", "2", "3")
    assert first_difference({"a": 1}, {}, "") == ("/a", "1", "nothing")
    assert first_difference({}, {"x/y": 1}, "") == ("/x~1y", "nothing", "1")
    assert first_difference([1], [1, 2], "/l") == ("/l/1", "1 items", "2 items")
    assert first_difference(1, True, "/n") == ("/n", "1", "True")
    assert first_difference({"a": [None]}, {"a": [None]}, "") is None
