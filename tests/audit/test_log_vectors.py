"""Vectors that others made: RFC 6962 proofs, RFC 8785, signed notes, tiles, proof files (the data's README says whose)."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from engine.audit.log.checkpoints import read_checkpoint
from engine.audit.log.merkle import check_consistency, check_inclusion
from engine.audit.log.notes import VerifierKey, open_note, read_note
from engine.audit.log.proofs import read_proof
from engine.audit.log.tiles import Tile, tiles_of
from intents.errors import InputError
from intents.values import canonical_bytes
from tests.data import data_path


def _load(path: str) -> Any:
    return json.loads(data_path(path).read_text())


def _proofs(kind: str) -> list[tuple[Path, dict[str, Any]]]:
    folder = data_path(f"tlog/rfc6962-merkle/testdata/{kind}")
    return [(path, json.loads(path.read_text())) for path in sorted(folder.rglob("*.json"))]


def _bytes(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def _accepted(case: dict[str, Any]) -> bool:
    proof = [_bytes(each) for each in case["proof"] or ()]
    try:
        if "leafIdx" in case:
            check_inclusion(case["leafIdx"], case["treeSize"], _bytes(case["leafHash"]), proof, _bytes(case["root"]))
        else:
            roots = _bytes(case["root1"]), _bytes(case["root2"])
            check_consistency(case["size1"], case["size2"], *roots, proof)
    except InputError:
        return False
    return True


@pytest.mark.parametrize("kind", ["inclusion", "consistency"])
def test_every_merkle_proof_is_accepted_or_refused_as_recorded(kind: str) -> None:
    cases = _proofs(kind)

    assert len(cases) >= 98
    assert [path for path, case in cases if _accepted(case) == case["wantErr"]] == []


def test_canonical_json_is_that_of_the_recorded_bytes() -> None:
    folder = data_path("tlog/rfc8785-jcs/testdata")
    names = sorted(path.stem for path in (folder / "input").glob("*.json"))

    assert len(names) >= 6
    for name in names:
        expected = bytes.fromhex((folder / "outhex" / f"{name}.txt").read_text())
        assert canonical_bytes(json.loads((folder / "input" / f"{name}.json").read_text())) == expected, name


def test_recorded_notes_open_with_their_keys_alone() -> None:
    vectors = _load("tlog/signed-note/go-note-vectors.json")
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    note = read_note("\n".join((text, *vectors["raw_sig_lines"], "")))
    keys = [VerifierKey.parse(vkey) for vkey in vectors["vkeys"].values()]

    assert {key.name for key in open_note(note, keys)} == {"PeterNeumann", "EnochRoot"}
    for vkey in vectors["bad_vkeys"]:
        with pytest.raises(InputError, match="bad_verifier_key"):
            VerifierKey.parse(vkey)
    with pytest.raises(InputError, match="bad_signature"):
        open_note(note._replace(text=note.text.replace("think", "thinks")), keys)


def test_the_standards_own_examples_read_back_byte_for_byte() -> None:
    examples = _load("tlog/c2sp-examples/examples.json")
    signed = examples["signed_note"]
    note = read_note(signed["note"])

    assert open_note(note, [VerifierKey.parse(signed["vkey"])])
    assert str(VerifierKey.parse(signed["vkey"])) == signed["vkey"]
    for name in ("checkpoint_example", "cosigned_checkpoint_example"):
        note = read_note(examples[name])
        assert str(note) == examples[name]
        assert read_checkpoint(note).body == note.text
        assert read_checkpoint(note).size == 20852163
    layout = examples["tile_layout_example"]
    tiles = list(tiles_of(layout["size"]))
    for level in (0, 1, 2):
        widths = [tile.width for tile in tiles if tile.level == level]
        assert widths.count(256) == layout.get(f"full_level{level}", 0)
        assert [width for width in widths if width < 256] == [layout[f"partial_level{level}"]]
    path = examples["tile_path_example"]
    assert Tile(0, path["index"], 256).path == f"tile/0/{path['path']}"


def test_proof_files_are_read_and_refused_as_recorded() -> None:
    vectors = _load("tlog/tlog-proof/error-cases.json")

    for text in vectors["marshal_ok"]:
        assert str(read_proof(text)) == text
    for case in vectors["reject"]:
        with pytest.raises(InputError, match="bad_proof"):
            read_proof(case["input"])
