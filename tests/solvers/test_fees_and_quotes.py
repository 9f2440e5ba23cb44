"""Every solver pays what a venue's fee adds, and takes the quotes that are its own. Proposals are verified whole."""

import pytest

from engine.market.venues import AnyVenueState
from engine.market.venues.order_book import Fee
from engine.market.venues.rfq import QuoteRange, RfqState
from solvers.cpsat import SOLVER as CPSAT
from solvers.greedy import SOLVER as GREEDY
from solvers.lp import SOLVER as LP
from solvers.protocol import Solver
from tests.solvers.model_worlds import (
    COIN,
    at_market_time,
    option,
    option_book,
    score_of,
    solved,
    structure_intent,
    world,
)
from tests.solvers.small_worlds import book, bridge, swap, token

A, B, FAR = token("A"), token("B"), token("A", "two")
solvers = pytest.mark.parametrize("solver", [GREEDY, LP, CPSAT], ids=lambda solver: solver.name)


def quote(name: str, price: tuple[int, int], **more: object) -> RfqState:
    """A for B, 10 to 1,000 units."""
    fields = {"maker": "import:maker", "asset_in": A, "asset_out": B, "expiry_seconds": 2**40, **more}
    ranges = (QuoteRange(least=10, most=1000, price=price),)
    return RfqState.model_validate({"id": f"sim:one/rfq:{name}", "ranges": ranges, **fields})


@solvers
@pytest.mark.parametrize(
    ("fee", "paid"), [(None, 360_000), (Fee(rate=(1, 100)), 369_600), (Fee(rate=(0, 1), fixed=7), 360_014)]
)
def test_a_spread_costs_its_prices_and_the_takers_fees(solver: Solver, fee: Fee | None, paid: int) -> None:
    chain = [
        option_book(9000, "C", [], [(66_000, 40)]).model_copy(update={"taker_fee": fee}),
        option_book(10_000, "C", [(30_000, 40)], []).model_copy(update={"taker_fee": fee}),
    ]
    legs = {option(9000, "C"): 10, option(10_000, "C"): -10}
    enough = at_market_time(world([structure_intent("buyer", legs, paid + 5000)], chain))
    too_little = at_market_time(world([structure_intent("buyer", legs, paid - 5000)], chain))

    assert solved(solver, enough, twice=False).solutions[0].fills[0].ins[COIN] == paid
    assert solved(solver, too_little, twice=False).solutions == ()


@solvers
def test_a_sale_gets_less_by_the_fee(solver: Solver) -> None:
    charged = book("ab", A, B, bids=[(10_000, 100)]).model_copy(update={"taker_fee": Fee(rate=(1, 8))})
    question = world([swap("sale", A, 80, B, 690_000), swap("dear", A, 20, B, 176_000)], [charged])

    assert [fill.outs for fill in solved(solver, question, twice=False).solutions[0].fills] == [{B: 700_000}]


@solvers
def test_a_quote_is_taken_by_whom_it_is_for(solver: Solver) -> None:
    def gained(*venues: AnyVenueState) -> int:
        question = world([swap("sale", A, 100, B, 100)], venues)
        return score_of(question, solved(solver, question, twice=False), solver)

    open_to_all, own = quote("all", (11, 10)), quote("own", (12, 10), exclusive_to=(f"solver:{solver.name}",))
    others = quote("others", (20, 10), exclusive_to=("solver:someone",))

    assert gained(open_to_all) == 10
    assert gained(open_to_all, others) == 10
    assert gained(open_to_all, own, others) == 20


def test_of_two_bridges_the_one_that_fails_less_is_taken() -> None:
    sure, shaky = bridge("sure", "A"), bridge("shaky", "A").model_copy(update={"fee": (1, 2000), "failure_ppm": 2000})
    question = world([swap("far", A, 10**6, FAR, 1, refund=True)], [sure, shaky])

    for solver in (LP, CPSAT, GREEDY):
        (leg,) = solved(solver, question, twice=False).solutions[0].legs
        assert leg.venue == sure.id
