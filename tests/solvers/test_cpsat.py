"""The CP-SAT solver gives up in time, not only by its own count of work."""

from engine.market.feeds.synthetic import demo_world
from solvers.cpsat import SOLVER
from solvers.protocol import Budget

HALF_OF_A_SECOND_OF_WORK = 500_000
"""On this problem the search ends by its own limit after 800,000."""


def test_the_search_ends_when_the_time_is_up_though_seconds_and_work_are_left() -> None:
    proposal = SOLVER.solve(demo_world(1).problem(), Budget(work=10**9, seconds=600, expired=lambda: True), seed=1)

    assert proposal.stopped_by == "time"
    assert proposal.work < HALF_OF_A_SECOND_OF_WORK
