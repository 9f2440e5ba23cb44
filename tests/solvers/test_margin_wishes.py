"""Solvers sell what only margin covers, as far as it does; and what their rows allow, margin carries."""

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from engine.auction.margin import carried
from engine.auction.problem import Problem
from engine.auction.verify import verify
from engine.market.margin.account import Tier
from engine.market.margin.place import PlaceRisk
from engine.market.margin.tables import Row
from intents.identifiers import solver_account
from intents.instruments import parse_instrument
from solvers.cpsat import SOLVER as CPSAT
from solvers.greedy import SOLVER as GREEDY
from solvers.lots import meets_all
from solvers.lp import SOLVER as LP
from solvers.margins import margin_cover
from solvers.protocol import Budget, Solver
from solvers.wishes import Wish
from tests.auction.builders import ALICE, BTC, book, intent, place_risk, problem, row
from tests.auction.stories_margin import CALL, COIN_PERPETUAL, ONE, PERPETUAL, PUT, RISK

LATER = CALL.replace("20200626", "20200925")


def naked_seller(held: dict[str, int], units: int, risk: PlaceRisk = RISK) -> Problem:
    """Wants to sell a whole call for 49,000; a book gives 50,000."""
    wish = intent("naked", {CALL: ONE}, {BTC: 49_000}, units=units)
    holdings = {ALICE: held, **{solver_account(one.name): {} for one in (GREEDY, LP, CPSAT)}}
    states = [book(CALL, asks=[], bids=[(50, 2 * ONE)])]
    return problem(
        [wish], states=states, holdings=holdings, extra_assets=(PUT, PERPETUAL, COIN_PERPETUAL, LATER), risk=risk
    )


@pytest.mark.parametrize("solver", [GREEDY, LP, CPSAT], ids=lambda solver: solver.name)
def test_a_naked_sale_is_filled_as_far_as_margin_carries_it(solver: Solver) -> None:
    filled = []
    for coins, units in ((95_000, 1), (80_000, 1), (60_000, 10)):
        question = naked_seller({BTC: coins}, units)
        proposal = solver.solve(question, Budget(seconds=5, work=100_000, expired=lambda: False), 0)
        assert all(verify(question, one, solver=solver.name).accepted for one in proposal.solutions)
        filled.append([fill.units for one in proposal.solutions for fill in one.fills])

    assert filled == [[1], [], [7]]


cells = st.integers(-60_000, 60_000)
rows = st.builds(lambda fall, rise, mark: row(fall, rise, mark=mark), cells, cells, st.integers(0, 60_000))


@settings(max_examples=100, deadline=None)
@given(
    tables=st.fixed_dictionaries(dict.fromkeys((CALL, LATER, PERPETUAL), rows)),
    rates=st.tuples(*[st.integers(0, 10_000)] * 3, st.integers(10_000, 20_000), st.integers(0, 3_000)),
    held=st.tuples(st.integers(-2, 2), st.integers(-2, 2), st.integers(-200_000, 400_000)),
    change=st.tuples(*[st.integers(-2, 2)] * 3, st.integers(-100_000, 100_000)),
)
def test_what_the_rows_allow_margin_carries(
    tables: dict[str, Row],
    rates: tuple[int, int, int, int, int],
    held: tuple[int, int, int],
    change: tuple[int, int, int, int],
) -> None:
    offset, floor, add, initial, haircut = rates
    rules = {"offset_bps": offset, "short_floor_bps": floor, "short_add_bps": add, "initial_bps": initial}
    tiers = {PERPETUAL: (Tier(above=0, initial_bps=900, maintenance_bps=450),)}
    mine = {CALL: held[0] * ONE, PERPETUAL: held[1] * ONE, BTC: held[2]}
    question = naked_seller(mine, 1, place_risk(tables, haircut_bps=haircut, tiers=tiers, **rules))
    positions = {a: size * ONE for a, size in zip((CALL, LATER, PERPETUAL), change, strict=False) if size}
    limit = change[-1]

    cover = margin_cover(
        question, question.intents[0], {asset: parse_instrument(asset) for asset in positions}, BTC, limit
    )

    if not isinstance(cover, str):
        wish = Wish("naked", ALICE, BTC, limit, 0, 1, 1, {}, (), tuple(cover[0]), tuple(cover[1]))
        if meets_all(wish, positions, 1):
            assert carried(question, ALICE, {**positions, BTC: -limit})
            event("allowed")
