"""Predictions of waiting against the simulated queue, in small; `waiting_rows` has the whole table."""

import pytest

from engine.network.simulation.waiting import LAWS, Question, waiting_rows

BY_NAME = {law.name: law for law in LAWS}


@pytest.mark.parametrize(("law", "most"), [("exponential", 0.05), ("lognormal SCV 4", 0.15)])
def test_predicted_waits_are_the_simulated_ones(law: str, most: float) -> None:
    rows = {row["policy"]: row for row in waiting_rows(4, 200_000, [Question(10, 0.8, BY_NAME[law])])}

    assert rows["simulated"]["error"] == 0
    for policy in ("predicted", "online"):
        assert abs(float(rows[policy]["error"] or 0)) <= most
    assert 0.87 <= float(rows["online"]["coverage"] or 0) <= 0.93
    assert float(rows["last_observed"]["error"] or 0) > float(rows["online"]["error"] or 0)
