"""Perpetuals and futures reach solvers as other venues and positions do, and verification takes what they propose."""

import pytest

from engine.auction.problem import Intent
from engine.market.venues.perpetual_math import UNIT
from intents.kinds import Terms, payoff, structure
from intents.outcome import Knot, PayoffFloor
from solvers.greedy import Greedy
from solvers.lp import SOLVER as LP
from solvers.protocol import Solver
from tests.market.test_perpetuals import BASE, QUOTE, market
from tests.solvers.model_worlds import solved, units_of
from tests.solvers.small_worlds import NOW, book, problem, swap, token

FUTURE = "sim:one/future:X-20301225T08-lin-token.USD-x"
TERMS = Terms(owner="0x" + "11" * 20, nonce=0, valid_from=0, valid_until=NOW + 3600)
both = pytest.mark.parametrize("solver", [Greedy(), LP], ids=["greedy", "lp"])


@both
def test_a_position_is_bought_from_a_market_at_its_oracle_price(solver: Solver) -> None:
    wish = swap("a", QUOTE, 201_000 * UNIT, BASE, 100 * UNIT, buy=True)
    question = problem([wish], [market(oracle_seconds=NOW, funding_seconds=NOW)], decimals=18)
    assert units_of(solved(solver, question)) == {"a": 100 * UNIT}


@both
def test_without_margin_a_future_is_bought_in_full_and_not_sold_short(solver: Solver) -> None:
    quotes = book("x", FUTURE, token("USD"), bids=[(99, 10)], asks=[(100, 10)])
    buys, sells = (
        structure(
            TERMS, legs={FUTURE: size}, quantity=3, premium=token("USD"), net_price=price, decimals={}, max_escrow={}
        )
        if size > 0
        else structure(
            TERMS,
            legs={FUTURE: size},
            quantity=3,
            premium=token("USD"),
            net_price=price,
            decimals={},
            max_escrow={token("USD"): 10**6},
        )
        for size, price in ((1, 110), (-1, -90))
    )
    assert units_of(solved(solver, problem([Intent(id="import:a", outcome=buys)], [quotes]))) == {"a": 3}
    assert units_of(solved(solver, problem([Intent(id="import:a", outcome=sells)], [quotes]))) == {}


def test_a_future_serves_a_floor_that_rises_with_the_price() -> None:
    floor = PayoffFloor(
        underlying="X",
        index="x",
        fixing_seconds=1_924_416_000,
        settlement=token("USD"),
        style="linear",
        knots=(Knot(at="0", value=0),),
        slope=5,
    )
    wish = payoff(TERMS, floor=floor, premium=token("USD"), budget=600)
    question = problem([Intent(id="import:a", outcome=wish)], [book("x", FUTURE, token("USD"), asks=[(100, 10)])])
    (solution,) = solved(LP, question).solutions[:1]
    assert solution.fills[0].outs == {FUTURE: 5}
