"""`clearway network bench` and its page: rows, refusals, tables; the loaders of real nodes."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.cli import main
from engine.network.simulation.bench import rows
from engine.network.simulation.measure import measure
from engine.network.simulation.real_nodes import ROUND_TRIPS, VALIDATORS, reachable, round_trips, validators
from engine.network.simulation.real_worlds import r1, r2
from engine.network.simulation.scenarios import SCENARIOS, Case, equal, s8
from engine.network.simulation.tables import rewritten
from engine.network.simulation.targets import TARGETS
from intents.errors import InputError
from tests.data import data_path

SMALL = Case("S1", "", 0.8, equal(10), ("random", "equilibrium"), customers=60_000)


def clearway(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    said = capsys.readouterr()
    return int(stop.value.code or 0), said.out, said.err


@pytest.mark.long
def test_bench_prints_the_rows_of_the_policies_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SCENARIOS, "S1", lambda: [SMALL])
    names = "least_loaded_own,equilibrium"

    code, out, err = clearway(
        capsys, "network", "bench", "--scenario", "S1", "--policies", names, "--seeds", "3", "--json"
    )

    made: list[dict[str, Any]] = json.loads(out)["rows"]
    assert code == 0
    assert "S1" in err
    assert [row["policy"] for row in made] == names.split(",")
    for row in made:
        assert {"scenario", "policy", "n", "rho", "seeds", "mean", "p99", "mean_ci95", "p99_ci95"} <= row.keys()
        assert row["seeds"] == 3
        assert 0 < row["mean_ci95"] < row["mean"] < row["p99"]
        assert row["bound_mean"] < row["mean"]
    assert made[1]["gap_closed"] >= 0.92


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--scenario", "S99"], "unknown_scenario"),
        (["--scenario", "S1", "--policies", "telepathy"], "unknown_policy"),
        (["--scenario", "S6,S7", "--policies", "equilibrium,telepathy"], "unknown_policy"),
        (["--scenario", "R1"], "missing_data"),
    ],
)
def test_what_can_not_run_is_refused_at_once(
    arguments: list[str], code: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLEARWAY_DATA", str(tmp_path / "nowhere"))

    status, out, err = clearway(capsys, "network", "bench", *arguments)

    assert (status, out) == (2, "")
    assert err.startswith(f"error: {code} ")


def test_an_overloaded_policy_is_called_unstable() -> None:
    made = {row["policy"]: row for row in rows([replace(SMALL, speeds=(2.0, 0.2) * 5)], 2)}

    assert made["random"]["stable"] is False
    assert made["equilibrium"]["stable"] is True


def test_a_liar_gains_nothing_from_us_and_a_sybil_one_percent() -> None:
    honest, lying = (replace(case, customers=60_000) for case in s8()[2:4])
    one, split = (replace(case, customers=100_000) for case in s8()[4:6])

    assert measure(honest, 1, ["equilibrium"]) == measure(lying, 1, ["equilibrium"])
    assert not measure(lying, 1, ["least_loaded"])["least_loaded"].stable
    share = measure(one, 1, ["equilibrium"])["equilibrium"].shares[0]
    assert sum(measure(split, 1, ["equilibrium"])["equilibrium"].shares[:4]) / share <= 1.01


def test_tables_say_what_is_missed_and_leave_what_did_not_run() -> None:
    target = next(t for t in TARGETS if t.text.startswith("state 5") and t.key == "p99")
    place = target.ours
    row = {"scenario": "S2", "policy": place.policy, "variant": place.variant, "n": 10, "rho": 0.8, "stable": True}
    row |= {"mean": 2.0, "p99": 8.3, "mean_ci95": 0.01, "p99_ci95": 0.05}
    page = "<!-- bench: targets -->\n<!-- end -->\n<!-- bench: S2 -->\nold\n<!-- end -->\n<!-- bench: S3 -->\nold\n<!-- end -->\n"

    made = rewritten(page, [row])

    assert "8.3 ±0.05 | not run | not run | **missed**" in made
    assert "2 ±0.01 | not run | not run | reached" in made
    assert "| equilibrium | 2.00 ±0.01 / 8.30 ±0.05 |" in made
    assert made.endswith("<!-- bench: S3 -->\nold\n<!-- end -->\n")
    assert rewritten(made, [row]) == made
    assert rewritten(made, []) == made


def test_real_worlds_are_those_of_the_data() -> None:
    folder = data_path(VALIDATORS).parents[1]
    known = round_trips(folder)

    assert known["NA", "AO"] == known["AO", "NA"] == pytest.approx(30.66, abs=0.01)
    assert not any("Unknown" in pair or "None" in pair for pair in known)
    assert len(validators(folder)) == 1257
    assert [case.nodes for case in (*r1(folder), *r2(folder))] == [24] * 3 + [20] * 3
    near = r1(folder)[0]
    assert all(0.05 < time < 3 for line in near.rtt for time in line)
    assert max(r2(folder)[0].stakes) == 181_014


def test_damaged_data_is_refused(tmp_path: Path) -> None:
    (tmp_path / "network").mkdir()
    path = tmp_path / ROUND_TRIPS
    path.write_bytes(gzip.compress(b"cty1,cty2,rtt_avg\nNA,US,fast\n"))
    with pytest.raises(InputError) as refused:
        round_trips(tmp_path)
    assert refused.value.code == "bad_data"

    path.write_bytes(gzip.compress(b"cty1,cty2,rtt_avg\nNA,US,250\n"))
    (tmp_path / VALIDATORS).write_bytes(
        gzip.compress(
            b"account,active_stake,delinquent,data_center_key\n"
            b"a,5,False,1-NA-Windhoek\nb,9,False,1-US-New-York\nc,7,True,1-US-X\nd,1,False,\n"
        )
    )
    found = validators(tmp_path)
    assert [(one.account, one.country) for one in found] == [("b", "US"), ("a", "NA")]
    assert reachable(found, ("US",), round_trips(tmp_path)) == ([found[1]], 1)
