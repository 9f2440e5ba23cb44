"""Files damaged at random, byte by byte and value by value: an answer with an exit code, never a traceback."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

from tests.api.program import clearway
from tests.auction.builders import ANN
from tests.audit.records import both, bound, question, small_file

JUNK: list[Any] = [None, True, -1, 2**64, 10**399, 1.5, "", "-1", "007", str(2**256), "a" * 5000, "\x00", [], {}, [[]]]
JUNK += ["\ud800", ["0", "0"], {"": ""}, {"a": 1}, [None] * 9, "0x" + "0" * 40, "deribit:main/option:x", "9" * 500]
BYTES = [b"NaN", b"-", b"[", b"{", b'"', b"\\ud800", b"\xff", b"[" * 70, b"1" * 500, b"1e999", b'"a":1,"a":2,', b""]


def test_a_damaged_file_gets_an_answer(tmp_path: Path) -> None:
    random = Random(7)
    asked = question()
    documents = {
        "problem": asked.to_wire(),
        "solution": bound(asked, ANN, both()).solutions[0].to_wire(),
        "record": json.loads(small_file()),
    }
    documents["outcome"] = asked.intents[0].to_wire()["outcome"]
    documents["key"] = {"scheme": "eip712", "private_key": "0x" + "07" * 32}
    files = {name: tmp_path / f"{name}.json" for name in documents}
    calls = {
        "problem": ("verify", files["problem"], files["solution"]),
        "solution": ("verify", files["problem"], files["solution"]),
        "record": ("replay", files["record"]),
        "outcome": ("intent", "sign", files["outcome"], "--key", files["key"], "-o", tmp_path / "signed.json"),
    }
    calls["key"] = calls["outcome"]
    for name, document in documents.items():
        files[name].write_text(json.dumps(document))
    for _ in range(80):
        name = random.choice(list(documents))
        files[name].write_bytes(_damaged(random, json.dumps(documents[name])))

        answer = clearway(*calls[name])

        assert answer.code in (0, 1, 2)
        assert (answer.out + answer.err).count("\n") == 1
        files[name].write_text(json.dumps(documents[name]))


def _damaged(random: Random, text: str) -> bytes:
    if random.random() < 0.4:
        content = text.encode()
        start = random.randrange(len(content))
        return content[:start] + random.choice(BYTES) + content[start + random.choice((0, 1, 9, len(content))) :]
    data = json.loads(text)
    inside, key = random.choice(list(_places(data)))
    inside[key] = random.choice(JUNK)
    return json.dumps(data).encode()


def _places(data: Any) -> list[tuple[Any, Any]]:
    items = list(data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ())
    return [place for key, item in items for place in [(data, key), *_places(item)]]
