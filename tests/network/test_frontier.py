"""The frontier, the online rule against it, and what is published."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from api.cli.app import app
from engine.network.frontier import CUSTOMERS, HALF, THIRD, Point, example_fleet, frontier, row, table, worst_window
from engine.network.frontier_picture import picture

FLOORS: tuple[tuple[int, Fraction] | None, ...] = (None, (4, THIRD), (5, HALF))


@pytest.fixture(scope="module")
def points() -> list[Point]:
    return list(frontier([example_fleet(load) for load in (0.2, 0.6)], FLOORS, seeds=2))


def test_the_online_rule_is_within_five_percent_of_the_frontier_at_the_same_floor(points: list[Point]) -> None:
    for point in points:
        assert point.optimum is not None
        assert point.online is not None
        assert point.online.latency_us.value <= 1.05 * point.optimum.latency_us


def test_the_floor_holds_on_dispatched_value_in_every_window(points: list[Point]) -> None:
    bound = [point for point in points if point.floor is not None]

    assert len(bound) == 4
    for point in bound:
        assert point.floor is not None
        assert point.online is not None
        k, threshold = point.floor
        assert point.online.window <= threshold
        assert point.online.measures.nakamoto[(THIRD, HALF).index(threshold)] >= k


def test_a_floor_never_makes_it_faster_and_always_more_even(points: list[Point]) -> None:
    free, third, half = (row(point) for point in points[:3])

    assert free["latency_ms"] < half["latency_ms"] < third["latency_ms"]  # type: ignore[operator]  # cells are objects
    assert free["hhi"] > half["hhi"] > third["hhi"]  # type: ignore[operator]  # cells are objects
    assert free["price_ms"] == 0


def test_the_worst_window_is_that_of_a_plain_loop() -> None:
    rng = np.random.default_rng(2)
    operators, values = rng.integers(0, 5, 20_000), rng.integers(1, 50, 20_000)
    held, worst = np.zeros(5), 0.0
    for i, (operator, value) in enumerate(zip(operators, values, strict=True)):
        held *= 1 - 1 / 5_000
        held[operator] += value
        if i >= 15_000:
            worst = max(worst, float(np.sum(np.sort(held)[-2:]) / np.sum(held)))

    assert CUSTOMERS > 3 * 5_000
    assert worst_window(operators, values, 5, 2) == pytest.approx(worst)


def test_the_picture_is_the_same_bytes_each_time(points: list[Point]) -> None:
    drawn = picture(points)

    assert drawn == picture(points)
    assert drawn.startswith(b"<?xml")
    assert "load 0.2, online rule" in drawn.decode()


@pytest.mark.long
def test_the_command_prints_rows_and_rewrites_the_page(tmp_path: Path) -> None:
    (tmp_path / "load-balancing.md").write_text("before\n<!-- frontier -->\nold\n<!-- end -->\nafter\n")
    made = CliRunner().invoke(app, ["network", "frontier", "--seeds", "0", "--json", "--write", str(tmp_path)])
    rows = json.loads(made.stdout)["rows"]
    page = (tmp_path / "load-balancing.md").read_text()

    assert made.exit_code == 0
    assert len(rows) == 28
    assert rows[-1] == {**dict.fromkeys(rows[0]), "load": 0.8, "floor": "N(1/2) ≥ 6"}
    assert page == f"before\n<!-- frontier -->\n{table(rows)}<!-- end -->\nafter\n"
    assert (tmp_path / "pictures/frontier.svg").stat().st_size > 10_000
