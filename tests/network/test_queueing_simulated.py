"""Predictions of waiting against the simulated queue, in small; `waiting_rows` has the whole table."""

import pytest

from engine.network.simulation.waiting import LAWS, Question, left_by_sampling, waiting_rows
from engine.network.simulation.waiting_choices import ALL, TWO, choice_rows

BY_NAME = {law.name: law for law in LAWS}


@pytest.mark.parametrize(("law", "most"), [("exponential", 0.05), ("lognormal SCV 4", 0.15)])
def test_predicted_waits_are_the_simulated_ones(law: str, most: float) -> None:
    rows = {row["policy"]: row for row in waiting_rows(4, 200_000, [Question(10, 0.8, BY_NAME[law])])}

    assert rows["simulated"]["error"] == 0
    for policy in ("predicted", "online"):
        assert abs(float(rows[policy]["error"] or 0)) <= most
    assert 0.87 <= float(rows["online"]["coverage"] or 0) <= 0.93
    assert float(rows["last_observed"]["error"] or 0) > float(rows["online"]["error"] or 0)


def test_who_takes_the_shorter_queue_waits_as_predicted() -> None:
    two, predicted, shortest, interpolated = (
        row for law, case in ((TWO, (100, 0.8)), (ALL, (5, 0.8))) for row in choice_rows(2, 50_000, [law], [case])
    )

    assert float(predicted["error"] or 0) < 0.05
    assert float(interpolated["error"] or 0) < 0.15
    assert float(two["mean"] or 0) > float(shortest["mean"] or 0) > 0.5
    for row in (predicted, interpolated):
        assert 0.85 <= float(row["coverage"] or 0) <= 0.95


def test_where_most_take_the_same_time_an_interval_holds_them_all() -> None:
    rows = {row["policy"]: row for row in waiting_rows(2, 50_000, [Question(10, 0.5, BY_NAME["fixed"])])}

    assert float(rows["online"]["coverage"] or 0) > 0.95
    assert float(rows["online"]["off_coverage"] or 0) < 0.01
    # M/M/1 at load .95: d ln W / d load = 1 / .95 + 1 / .05, and the load is known to .95 * sqrt(2 / 100,000).
    assert left_by_sampling(Question(1, 0.95, BY_NAME["exponential"]), 100_000) == pytest.approx(0.06033, rel=1e-3)
