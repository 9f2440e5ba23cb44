"""Bad input is one line with a code, exit code 2, and leaves no file behind; never a traceback."""

import json
from pathlib import Path

import pytest

from tests.api.conftest import Demo
from tests.api.program import clearway


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "malformed_json"),
        (b"{", "malformed_json"),
        (b"\xff\xfe", "malformed_json"),
        (b'{"a": 1, "a": 2}', "duplicate_key"),
        (b"[" * 100_000, "too_deep"),
        (b"[]", "malformed"),
        (b'{"format": "clearway/problem/9"}', "malformed"),
    ],
)
@pytest.mark.parametrize("command", [["solve", "--solver", "greedy"], ["auction", "-o", "record.json"]])
def test_no_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, code: str, command: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("problem.json").write_bytes(content)

    answer = clearway(command[0], "problem.json", *command[1:])

    assert answer.code == 2
    assert answer.err.startswith(f"error: {code} at ")
    assert answer.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["problem.json"]


@pytest.mark.parametrize("feed", ["cow-instance", "deribit-book"])
@pytest.mark.parametrize("content", [b"", b"{}", b"a,b\n1,2\n", b'{"tokens": {}', b"\x1f\x8b"])
def test_no_outside_file(tmp_path: Path, feed: str, content: bytes) -> None:
    source = tmp_path / "source"
    source.write_bytes(content)

    answer = clearway("import", feed, source, "-o", tmp_path / "problem.json")

    assert answer.code == 2
    assert answer.err.startswith("error: ")
    assert answer.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ('{"fills": [], "legs": 3}', "malformed"),
        ('{"fills": [{"intent": "import:x", "units": "01", "in": {}, "out": {}}]}', "noncanonical_amount"),
        (
            '{"fills": [{"intent": "import:x", "units": "9' + 77 * "9" + '", "in": {}, "out": {}}]}',
            "amount_out_of_range",
        ),
        ('{"fills": [], "path": []}', "unknown_field"),
        ('{"solution": null}', "malformed"),
        ("", "malformed_json"),
    ],
)
def test_an_unreadable_solution_has_a_verdict_too(demo: Demo, tmp_path: Path, content: str, code: str) -> None:
    path = tmp_path / "solution.json"
    path.write_text(content)

    answer = clearway("verify", demo.problem, path, "--json")

    assert answer.code == 2
    assert (answer.data["valid"], answer.data["fault"]["code"]) == (False, code)


def test_a_tampered_venue_is_named_before_any_solution_is_looked_at(demo: Demo, tmp_path: Path) -> None:
    problem, solution = tmp_path / "problem.json", tmp_path / "solution.json"
    data = json.loads(demo.problem.read_text())
    pool = next(venue for venue in data["snapshot"]["venues"] if "reserves" in venue)
    asset = min(pool["reserves"])
    pool["reserves"][asset] = str(int(pool["reserves"][asset]) + 1)
    problem.write_text(json.dumps(data))
    solution.write_text('{"fills": []}')

    answer = clearway("verify", problem, solution, "--json")

    assert answer.code == 2
    assert answer.data["fault"]["code"] == "tampered_snapshot"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["solve"],
        ["solve", "missing.json", "--solver", "greedy"],
        ["verify", "missing.json", "missing.json"],
        ["replay", "missing.json"],
        ["schema", "nothing"],
        ["import", "xml", "missing.json", "-o", "x.json"],
        ["demo", "--seed", "-1", "-o", "x.json"],
        ["demo", "-o", "no/such/folder/x.json"],
        ["bench", "cow", "missing.json"],
    ],
)
def test_a_call_that_makes_no_sense(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    monkeypatch.chdir(tmp_path)

    answer = clearway(*arguments)

    assert answer.code == 2
    assert answer.out + answer.err
    assert "Traceback" not in answer.err
    assert list(tmp_path.iterdir()) == []


def test_unknown_and_repeated_solvers(demo: Demo, tmp_path: Path) -> None:
    record = tmp_path / "record.json"

    unknown = clearway("auction", demo.problem, "--solvers", "greedy,oracle", "-o", record)
    twice = clearway("auction", demo.problem, "--solvers", "greedy,greedy", "-o", record)

    assert (unknown.code, unknown.err.split(":")[1].strip()) == (2, "unknown_solver")
    assert (twice.code, twice.err.split()[1]) == (2, "duplicate_solver")
    assert not record.exists()
