"""The benchmarks run, and say what they should; what they find is `make bench`'s to tell."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from docs import benchmarks
from tests.benchmarks.figures import ROOT, quantile
from tests.chain.cache import is_ready

pytestmark = pytest.mark.long

SMALL = {
    "intake": ["--rounds", "1", "--intents", "20", "--noops", "20", "--connections", "4", "--rate", "200"],
    "settle": ["--intents", "1", "--seconds", "0", "--cadence", "0.5", "--solve", "0.2", "--solvers", "greedy"],
    "freeze": ["--rounds", "1", "--seconds", "0.1"],
    "settlements": ["1"],
    "replay": ["--auctions", "1", "--solvers", "greedy", "--work", "100"],
    "margin": ["--rounds", "2", "--builds", "1"],
    "venues": ["--rounds", "1", "--batch", "1", "--snapshots", "1"],
    "selection": ["--instances", "1", "--shrink", "20"],
    "laws": ["--auctions", "20"],
}


def table(name: str) -> dict[str, Any]:
    command = [sys.executable, "-m", *benchmarks.BENCHMARKS[name].split(), *SMALL[name]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert {len(row) for row in found["rows"]} == {len(found["columns"])}
    return found


def test_intents_are_accepted_beside_a_route_that_does_nothing() -> None:
    rows = {row[0]: row[1:] for row in table("intake")["rows"]}
    noop, intents = (float(cell) for cell in rows["answers per second"])
    assert float(rows["share of the no-op"][1]) == pytest.approx(intents / noop, abs=0.01)
    assert float(rows["99 % at 200/s"][1].removesuffix(" ms")) > 0


def test_every_part_of_the_way_to_a_fill_is_timed() -> None:
    rows = {row[0]: [float(cell.removesuffix(" s")) for cell in row[1:]] for row in table("settle")["rows"]}
    cut, settled, whole = rows["accepted to cut"], rows["cut to settled"], rows["accepted to settled"]
    assert all(0 <= median <= most <= 30 for median, _, most in rows.values())
    assert max(cut[2], settled[2]) <= whole[2] <= cut[2] + settled[2] + 0.02


def test_every_hostile_worker_is_measured() -> None:
    rows = table("freeze")["rows"]
    assert len(rows) == 7
    assert all(float(row[4].removesuffix(" ms")) > 0 for row in rows)


def test_as_many_auctions_are_replayed_as_were_cleared() -> None:
    found = table("replay")
    assert found["notes"][0].startswith("1 auctions, ")
    clearing, replay, ratio = ([float(cell.removesuffix(" s")) for cell in row[1:] if cell] for row in found["rows"])
    assert replay[0] > 0
    assert ratio == [pytest.approx(replay[1] / clearing[1], rel=0.2, abs=0.01)]


def test_settlements_are_counted_with_and_without_a_second_try() -> None:
    ours, baseline, bound = ([int(cell.split()[0]) for cell in row[2:]] for row in table("settlements")["rows"])
    assert [row[0] + row[1] for row in (ours, baseline, bound)] == [5, 5, 5]
    assert [row[2:] for row in (ours, baseline, bound)] == [[5, 0]] * 3


def test_margin_is_timed_beside_its_tables() -> None:
    found = table("margin")
    assert found["notes"] == ["100 options, 30 scenarios, 5 expiries; 2 margins."]
    assert [row[0] for row in found["rows"]] == ["margin", "building the tables", "auditing them"]
    assert found["rows"][0][-1] == "1.0"


@pytest.mark.skipif(not is_ready(), reason="needs what `make test-chain` keeps in build/chain")
def test_venues_are_timed_beside_contracts_and_snapshots() -> None:
    rows = {row[0]: row[1:] for row in table("venues")["rows"]}
    micro = {name: float(row[0].removesuffix(" us")) for name, row in rows.items() if row[0].endswith(" us")}
    ours, theirs = micro["constant product, execute"], micro["UniswapV2Router02.getAmountOut"]
    assert float(rows["UniswapV2Router02.getAmountOut"][1]) == pytest.approx(ours / theirs, rel=0.05, abs=0.05)
    assert min(micro.values()) > 0
    assert [row[2] for row in rows.values() if row[2]].count("at most 1") == 3


def test_selections_are_proven_and_raises_counted() -> None:
    assert [row[1] for row in table("selection")["rows"]] == ["1 of 1"] * 5
    assert table("laws")["rows"][0][2] == "0"


def test_the_page_has_a_table_for_each_benchmark() -> None:
    text = "".join(page.read_text() for page in benchmarks.PAGES)
    for name in benchmarks.BENCHMARKS:
        assert f"<!-- figures: {name} -->" in text
    assert quantile([*range(1, 101)], 0.95) == 95
    assert quantile([7], 0.95) == 7
