"""The way of an auction through the program: problem, solution, verdict, record, replay."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

from tests.api.conftest import Demo
from tests.api.program import clearway, done

PROGRAM = [str(Path(sys.executable).parent / "clearway")]


def test_a_solution_is_found_and_verified_bare_and_wrapped(demo: Demo, tmp_path: Path) -> None:
    bare, wrapped = tmp_path / "solution.json", tmp_path / "answer.json"

    answer = done("solve", demo.problem, "--solver", "greedy", "--json", "-o", bare)
    wrapped.write_text(answer.out)
    verdict, same = done("verify", demo.problem, bare, "--json"), done("verify", demo.problem, wrapped, "--json")

    keys = {
        "solver",
        "problem",
        "stopped_by",
        "work",
        "seconds",
        "score",
        "fills",
        "unfilled",
        "notes",
        "solution",
        "parts",
    }
    assert keys <= answer.data.keys()
    assert answer.data["stopped_by"] == "finished"
    assert answer.data["fills"] == len(answer.data["solution"]["fills"]) > 0
    assert verdict.data["valid"] is True
    assert verdict.data["score"] == answer.data["score"] == str(sum(map(int, verdict.data["groups"].values())))
    assert verdict.data == same.data


def test_one_unit_too_much_is_a_fault_with_its_place(demo: Demo, tmp_path: Path) -> None:
    path = tmp_path / "solution.json"
    solution = done("solve", demo.problem, "--solver", "greedy", "--json").data["solution"]
    (asset, amount), *_ = solution["fills"][0]["out"].items()
    solution["fills"][0]["out"][asset] = str(int(amount) + 1)
    path.write_text(json.dumps(solution))

    answer = clearway("verify", demo.problem, path, "--json")

    assert answer.code == 1
    assert answer.data["valid"] is False
    assert set(answer.data["fault"]) >= {"code", "where", "expected", "actual"}
    assert answer.data["fault"]["code"] in {"price_mismatch", "conservation"}


def test_many_records_replay_in_one_go_and_those_that_differ_are_named(demo: Demo, tmp_path: Path) -> None:
    folder, none = tmp_path / "records", tmp_path / "none"
    folder.mkdir()
    none.mkdir()
    content = demo.record.read_bytes()
    (folder / "a.json").write_bytes(content)
    (folder / "b.json.gz").write_bytes(gzip.compress(content))
    good = done("replay", folder, demo.record)
    (folder / "c.json").write_bytes(content.replace(b'"stopped_by":"finished"', b'"stopped_by":"time"', 1))

    noted = ("--jobs", "2", "--done", tmp_path / "noted")
    plain, answer = clearway("replay", folder, *noted), clearway("replay", folder, *noted, "--json")

    assert good.out.startswith("3 of 3 identical, ")
    assert (plain.code, answer.code) == (1, 1)
    assert plain.out.startswith(f"{folder / 'c.json'} differs at /proposals/")
    assert "\n2 of 3 identical, " in plain.out
    assert (answer.data["records"], answer.data["redone"]) == (3, 1)  # what was identical is not redone
    assert [one["file"] for one in answer.data["differing"]] == [str(folder / "c.json")]
    assert clearway("replay", none).err.startswith("error: no_records")


def test_a_record_is_cleared_again_without_a_solver_and_shown_as_a_page(demo: Demo, tmp_path: Path) -> None:
    record = json.loads(demo.record.read_text())
    (winner, *_) = [bid["solver"] for bid in record["bids"] if bid["status"] == "won"]

    answer = clearway(
        "audit", "counterfactual", demo.record, "--without", winner, "--json", "-o", tmp_path / "other.json"
    )

    # Not always less: who is left out no longer sets the baselines by which others are filtered.
    assert answer.data["score_before"] == record["total_score"] != answer.data["score_after"]
    assert all(change["after"] is None or change["after"]["solver"] != winner for change in answer.data["groups"])
    assert done("replay", tmp_path / "other.json").out == "identical\n"
    done("audit", "report", demo.record, "-o", tmp_path / "page.html")
    assert record["record_hash"] in (tmp_path / "page.html").read_text()


def test_rewards_of_a_record_are_told_and_redone(demo: Demo, tmp_path: Path) -> None:
    rules, told, edited = tmp_path / "rules.json", tmp_path / "rewards.json", tmp_path / "edited.json"
    stated = {"most": "10", "least": "0", "not_settled": "0", "not_revealed": "0", "late_reveal": "0"}
    rules.write_text(json.dumps(stated))

    answer = done("audit", "rewards", demo.record, "--rules", rules, "--json", "-o", told)

    assert [one["reward"] for one in answer.data["solvers"]] == ["0"] * len(answer.data["solvers"])  # no fees charged
    assert all(one["reference"]["winner_selection"]["optimal"] for one in answer.data["solvers"])
    assert done("audit", "rewards", demo.record, "--check", told, "--json").data == answer.data
    edited.write_text(told.read_text().replace('"reward":"0"', '"reward":"1"', 1))
    assert "other_rewards at /solvers/0/reward" in clearway("audit", "rewards", demo.record, "--check", edited).err
    rules.write_text(json.dumps({**stated, "late_reveal": "1"}))
    assert "bad_reward_rules" in clearway("audit", "rewards", demo.record, "--rules", rules).err
    assert "bad_options" in clearway("audit", "rewards", demo.record).err


def test_a_record_replays_and_an_edit_of_any_part_is_located(demo: Demo, tmp_path: Path) -> None:
    edited = tmp_path / "edited.json"
    record = json.loads(demo.record.read_text())

    assert done("replay", demo.record).out == "identical\n"
    for key in record:
        edited.write_text(json.dumps({**record, key: _changed(record[key])}))
        answer = clearway("replay", edited)

        assert answer.code in (1, 2), key
        assert key in answer.out + answer.err


def _changed(value: object) -> object:
    """The same data with one thing in it changed."""
    if isinstance(value, dict) and value:
        first = min(value)
        return {**value, first: _changed(value[first])}
    if isinstance(value, list) and value:
        return [_changed(value[0]), *value[1:]]
    if isinstance(value, str) and value:
        return value[:-1] + ("1" if value[-1] != "1" else "2")
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int) else "x"


def test_a_record_is_the_same_bytes_in_any_environment(demo: Demo, tmp_path: Path) -> None:
    again = tmp_path / "record.json"
    other = {**os.environ, "PYTHONHASHSEED": "4242", "LC_ALL": "tr_TR.UTF-8", "TZ": "Pacific/Kiritimati"}
    run = [*PROGRAM, "auction", str(demo.problem), "--solvers", "greedy,lp", "-o", str(again)]

    subprocess.run(run, env=other, check=True, capture_output=True)
    replayed = subprocess.run([*PROGRAM, "replay", str(again)], env=other, check=True, capture_output=True, text=True)

    assert again.read_bytes() == demo.record.read_bytes()
    assert replayed.stdout == "identical\n"


def test_the_same_seed_is_the_same_world_and_another_is_not(demo: Demo, tmp_path: Path) -> None:
    same, other = tmp_path / "same.json", tmp_path / "other.json"

    done("demo", "--seed", 1, "-o", same)
    done("demo", "--seed", 2, "-o", other)

    assert same.read_bytes() == demo.problem.read_bytes() != other.read_bytes()


def test_a_solver_that_outstays_its_limit_has_no_bid_and_the_auction_goes_on(demo: Demo, tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    too_short_even_to_start = ["--time-limit", "0.001", "--grace", "0"]

    answer = done("auction", demo.problem, "--solvers", "greedy", *too_short_even_to_start, "--json", "-o", record)

    assert [(row["solver"], row["fills"], row["no_bid"]) for row in answer.data["solvers"]] == [("greedy", 0, "time")]
    assert done("replay", record).out == "identical\n"
