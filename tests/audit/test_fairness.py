"""A service that cheats its log is found out, whatever it serves."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from engine.auction.auction import clear
from engine.audit.export import auction_line, check_export, header_line
from engine.audit.fairness import Logged, check_auction, check_logged, omitted
from engine.audit.log.checkpoints import Checkpoint
from engine.audit.log.entries import Disclosed, Kind, entry_of
from engine.audit.log.growth import Growth
from engine.audit.log.notes import SignerKey
from engine.audit.log.payloads import commitments_payload, committed, problem_payload, result_payload
from engine.audit.log.proofs import LogKeys
from engine.audit.log.reader import LogReader
from engine.audit.record import Record, record_bytes
from intents.errors import InputError
from intents.receipts import Receipt, sign_receipt
from intents.values import canonical_bytes
from tests.audit.records import WORK, question, small_record, submissions

KEY = SignerKey("clearway.example/log", b"\x01" * 32)
TRUST = LogKeys(KEY.name, (KEY.verifier,))
Edit = Callable[[list[Logged]], list[Logged]]


def logged(record: Record) -> list[Logged]:
    """What an honest service logs of it, as auction 3."""
    sealed = dict(
        committed(name, given.sealed, [solution.content_hash for solution in given.solutions])
        for name, given in record.proposals.items()
    )
    steps: list[tuple[Kind, dict[str, Any]]] = [
        ("problem", problem_payload(record.problem)),
        ("commitments", commitments_payload(record.problem.hash, sealed)),
        ("result", result_payload(record)),
        ("settlement", {"settlement": "none"}),
    ]
    found = []
    for number, (kind, payload) in enumerate(steps):
        disclosed = Disclosed(salt="0x" + f"{number}" * 64, payload=payload)
        found.append(Logged(number, canonical_bytes(entry_of(3, kind, disclosed)), disclosed))
    return found


def log_of(entries: list[Logged]) -> LogReader:
    growth = Growth()
    files = {each.tile.path: each.data for each in growth.add([entry.leaf for entry in entries])}
    note = Checkpoint(KEY.name, growth.size, growth.root()).signed(KEY)
    files["checkpoint"] = str(note).encode()
    return LogReader(files.__getitem__, TRUST)


def _other_payload(entries: list[Logged]) -> list[Logged]:
    first = entries[0]
    assert first.disclosed is not None
    payload = {**first.disclosed.payload, "intents": []}
    return [first._replace(disclosed=Disclosed(salt=first.disclosed.salt, payload=payload)), *entries[1:]]


def _other_leaf(entries: list[Logged]) -> list[Logged]:
    disclosed = Disclosed(salt="0x" + "9" * 64, payload={"record": "another", "winners": {}})
    return [*entries[:2], Logged(2, canonical_bytes(entry_of(3, "result", disclosed)), disclosed), entries[3]]


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (lambda entries: entries[::-1], "wrong_order"),
        (lambda entries: [entries[1]._replace(number=0), entries[0]._replace(number=1), *entries[2:]], "bad_root"),
        (lambda entries: [entries[0], entries[0]._replace(number=1), *entries[2:]], "bad_root"),
        (_other_payload, "wrong_payload"),
        (_other_leaf, "bad_root"),
        (lambda entries: [*entries[:3], entries[3]._replace(number=4)], "bad_index"),
    ],
)
def test_entries_that_are_not_as_logged_are_found(edit: Edit, code: str) -> None:
    entries = logged(small_record())
    assert set(check_logged(log_of(entries), 3, entries)) == {"problem", "commitments", "result", "settlement"}

    with pytest.raises(InputError, match=code):
        check_logged(log_of(entries), 3, edit(entries))


def test_a_log_that_wrote_things_down_in_another_order_is_found() -> None:
    first, second, *rest = logged(small_record())
    swapped = [second._replace(number=0), first._replace(number=1), *rest]

    with pytest.raises(InputError, match="wrong_order"):
        check_logged(log_of(swapped), 3, swapped)


def test_an_exported_range_is_checked_with_the_key_alone() -> None:
    record = small_record()
    entries = logged(record)
    log = log_of(entries)
    lines = [header_line(log, 3, 3), auction_line(log, 3, entries, record_bytes(record))]

    assert list(check_export(lines, TRUST)) == [(3, record.record_hash)]
    with pytest.raises(InputError, match="incomplete"):
        list(check_export(lines[:1], TRUST))
    other = clear(question(), submissions(question()), work=WORK + 1)
    with pytest.raises(InputError, match="not_as_logged at /2/result/record"):
        list(check_export([lines[0], auction_line(log, 3, entries, record_bytes(other))], TRUST))
    changed = lines[1].replace(b'"number":2', b'"number":1', 1)
    for line, code in (
        (changed, "bad_root"),
        (b"[]", "bad_export"),
        (b"{", "malformed_json"),
        (b"{}", "wrong_auction"),
    ):
        with pytest.raises(InputError, match=code):
            list(check_export([lines[0], line], TRUST))
    data = json.loads(lines[1])
    data["entries"][0]["proof"][0] = data["entries"][1]["proof"][-1]
    with pytest.raises(InputError, match="bad_root"):
        list(check_export([lines[0], canonical_bytes(data)], TRUST))


def test_another_record_that_replays_as_well_is_not_the_logged_one() -> None:
    record, other = small_record(), clear(question(), submissions(question()), work=WORK + 1)
    entries = logged(record)
    payloads = check_logged(log_of(entries), 3, entries)

    assert check_auction(payloads, record_bytes(record)).record_hash == record.record_hash
    with pytest.raises(InputError, match="not_as_logged"):
        check_auction(payloads, record_bytes(other))


def test_who_was_left_out_can_show_it() -> None:
    entries = logged(small_record())
    auctions = {3: check_logged(log_of(entries), 3, entries)}

    def receipt(intent: str, latest: int) -> Receipt:
        said = sign_receipt(
            intent, accepted_ms=1, latest_auction=latest, deployment_salt="0x" + "00" * 32, private_key=b"\x07" * 32
        )
        return Receipt.from_json(said)

    assert omitted(receipt("0x" + "ab" * 32, 3), auctions)
    assert not omitted(receipt("0x" + "cd" * 32, 3), {3: {"problem": {"intents": ["0x" + "cd" * 32]}}})
    with pytest.raises(InputError, match="not_logged"):
        omitted(receipt("0x" + "ab" * 32, 4), auctions)
