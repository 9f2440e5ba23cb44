"""The log: laws of proofs and tiles, crashes, witnesses who see one history, and a bit that flips."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.audit.log.checkpoints import open_checkpoint
from engine.audit.log.files import LogFiles
from engine.audit.log.growth import Growth
from engine.audit.log.merkle import (
    check_consistency,
    check_inclusion,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    nodes_over,
    tree_root,
)
from engine.audit.log.notes import COSIGNATURE, SignerKey, read_note, read_signature
from engine.audit.log.proofs import LogKeys, LogProof, check_proof, read_proof
from engine.audit.log.tiles import nodes_in_tiles, tiles_of
from engine.audit.log.witnesses import Seen, add_checkpoint, request_body
from intents.errors import InputError

LOG = SignerKey("clearway.example/log", b"\x01" * 32)
WITNESSES = tuple(SignerKey(f"witness.example/{n}", bytes([n]) * 32, COSIGNATURE) for n in (2, 3))
TRUST = LogKeys(LOG.name, (LOG.verifier,), tuple(key.verifier for key in WITNESSES), quorum=2)


def _entries(count: int, word: str = "entry") -> list[bytes]:
    return [f"{word} {i}".encode() for i in range(count)]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.integers(1, 700), min_size=1, max_size=4), st.data())
def test_what_growth_writes_proves_every_entry_and_every_earlier_tree(steps: list[int], data: st.DataObject) -> None:
    size, growth = 0, Growth()
    files: dict[str, bytes] = {}
    roots: dict[int, bytes] = {}
    entries = _entries(sum(steps))
    for step in steps:
        new = growth.add(entries[size : size + step])
        assert {each.tile for each in new} == set(tiles_of(size + step, size))
        files |= {each.tile.path: each.data for each in new}
        size += step
        roots[size] = growth.root()
        assert growth.root() == tree_root(size, nodes_over([leaf_hash(entry) for entry in entries[:size]]))
    nodes = nodes_in_tiles(files.__getitem__, size)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.sampled_from(sorted(roots)))

    check_inclusion(index, size, leaf_hash(entries[index]), inclusion_proof(index, size, nodes), roots[size])
    check_consistency(old, size, roots[old], roots[size], consistency_proof(old, size, nodes))
    again = Growth.of_tiles(size, files.__getitem__)
    assert [each.data for each in again.add([b"more"])] == [each.data for each in growth.add([b"more"])]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(2, 300), st.data())
def test_no_changed_proof_is_accepted(size: int, data: st.DataObject) -> None:
    leaves = [leaf_hash(entry) for entry in _entries(size)]
    nodes = nodes_over(leaves)
    root, index = tree_root(size, nodes), data.draw(st.integers(0, size - 1))
    parts = [leaves[index], *inclusion_proof(index, size, nodes), root]
    place = data.draw(st.integers(0, len(parts) - 1))
    bit = data.draw(st.integers(0, 255))
    parts[place] = (int.from_bytes(parts[place], "big") ^ 1 << bit).to_bytes(32, "big")

    with pytest.raises(InputError, match="bad_root"):
        check_inclusion(index, size, parts[0], parts[1:-1], parts[-1])


def test_a_log_stays_itself_over_restarts_and_lost_tiles(tmp_path: Path) -> None:
    entries = _entries(1500)
    with LogFiles(tmp_path, LOG) as log:
        first = log.append(entries[:700])
        with pytest.raises(InputError, match="log_locked"):
            LogFiles(tmp_path, LOG)
    shutil.rmtree(tmp_path / "tile")
    with LogFiles(tmp_path, LOG) as log:
        assert log.checkpoint == first
        second = log.append(entries[700:])
        proof = consistency_proof(first.size, second.size, log.nodes)
        assert [log.entry(number) for number in (0, 699, 1499)] == [entries[0], entries[699], entries[1499]]
    check_consistency(first.size, second.size, first.root, second.root, proof)


@pytest.mark.parametrize("cut", ["in the batch", "in its header", "after it"])
def test_a_batch_that_a_crash_cut_off_is_there_whole_or_not_at_all(tmp_path: Path, cut: str) -> None:
    with LogFiles(tmp_path, LOG) as log:
        log.append(_entries(10))
        kept = (tmp_path / "checkpoint").read_bytes(), (tmp_path / "journal/0").stat().st_size
        log.append(_entries(5, "more"))
    journal, (checkpoint, length) = tmp_path / "journal/0", kept
    (tmp_path / "checkpoint").write_bytes(checkpoint)  # what was signed when the crash came
    os.truncate(
        journal, {"in the batch": journal.stat().st_size - 1, "in its header": length + 9, "after it": 10**6}[cut]
    )

    with LogFiles(tmp_path, LOG) as log:
        assert log.checkpoint.size == (15 if cut == "after it" else 10)
        assert log.append([b"next"]).size == log.checkpoint.size


@pytest.mark.parametrize("damage", ["entry", "cut", "checkpoint", "gone"])
def test_a_log_that_lost_what_it_signed_is_refused(tmp_path: Path, damage: str) -> None:
    with LogFiles(tmp_path, LOG) as log:
        log.append(_entries(10))
    journal, checkpoint = tmp_path / "journal/0", tmp_path / "checkpoint"
    if damage == "entry":
        data = bytearray(journal.read_bytes())
        data[-1] ^= 1
        journal.write_bytes(data)
    elif damage == "cut":
        os.truncate(journal, 50)
    elif damage == "checkpoint":
        checkpoint.write_text(checkpoint.read_text().replace("\n10\n", "\n9\n"))
    else:
        checkpoint.unlink()

    with pytest.raises(InputError, match="log_damaged"):
        LogFiles(tmp_path, LOG)


def test_a_proof_file_stands_alone_and_one_flipped_bit_anywhere_fails_it(tmp_path: Path) -> None:
    with LogFiles(tmp_path, LOG) as log:
        log.append(_entries(15))
        hashes = inclusion_proof(7, 15, log.nodes)
    note, seen = read_note((tmp_path / "checkpoint").read_bytes()), dict[str, Seen]()
    for number, witness in enumerate(WITNESSES):
        answer = add_checkpoint(
            request_body(0, (), note), {LOG.name: LOG.verifier}, seen, witness, 1_700_000_000 + number
        )
        assert answer.status == 200
        note = note._replace(signatures=(*note.signatures, read_signature(answer.body.strip())))
    text = str(LogProof(7, hashes, str(note), extra=b"auction 17"))

    assert check_proof(read_proof(text), b"entry 7", TRUST).size == 15
    with pytest.raises(InputError, match="bad_root"):
        check_proof(read_proof(text), b"entry 8", TRUST)
    accepted = []
    start = text.index("index")  # what is before is a constant and the extra data, which nothing authenticates
    for at in range(start, len(text)):
        for bit in range(7):
            changed = f"{text[:at]}{chr(ord(text[at]) ^ 1 << bit)}{text[at + 1 :]}"
            try:
                check_proof(read_proof(changed), b"entry 7", TRUST)
            except InputError:
                continue
            accepted.append((at, bit, changed))
    assert accepted == []


def test_witnesses_cosign_one_history_only(tmp_path: Path) -> None:
    histories = []
    for word in ("true", "other"):
        with LogFiles(tmp_path / word, LOG) as log:
            log.append(_entries(5, word))
            first = read_note((tmp_path / word / "checkpoint").read_bytes())
            log.append(_entries(5, word))
            proof = consistency_proof(5, 10, log.nodes)
            histories.append((first, read_note((tmp_path / word / "checkpoint").read_bytes()), proof))
    (first, second, proof), (other_first, other_second, other_proof) = histories
    logs, seen = {LOG.name: LOG.verifier}, dict[str, Seen]()

    def ask(body: bytes) -> int:
        answer = add_checkpoint(body, logs, seen, WITNESSES[0], 1_700_000_000)
        if answer.seen is not None:
            seen[answer.origin] = answer.seen
        return answer.status

    assert ask(request_body(0, (), first)) == 200
    assert ask(request_body(5, (), other_first)) == 409  # the same size under another root: a split view
    assert ask(request_body(5, other_proof, other_second)) == 422
    assert ask(request_body(4, proof, second)) == 409
    assert ask(request_body(11, proof, second)) == 400
    assert ask(b"old 5\n!!\n\n" + str(second).encode()) == 400
    assert ask(request_body(5, proof, second._replace(signatures=WITNESS_ONLY))) == 403
    assert ask(request_body(5, proof, second)) == 200
    assert seen[LOG.name] == Seen(10, open_checkpoint(second, LOG.name, (LOG.verifier,)).root)
    logs.clear()
    assert ask(request_body(10, (), second)) == 404


WITNESS_ONLY = (read_signature("— someone.example AAAAAAAAAAAA"),)
