"""Worlds and helpers shared by the tests of the LP and the CP-SAT solver."""

from collections.abc import Iterable

from engine.auction.problem import Intent, Problem
from engine.auction.solution import Proposal
from engine.auction.verify import verify
from engine.market.snapshot import snapshot_hash
from engine.market.venues import AnyVenueState
from engine.market.venues.order_book import Level, OrderBookState
from intents.instruments import Option, option_asset
from intents.outcome import Knot, Outcome, PayoffFloor
from solvers.protocol import Budget, Solver
from tests.solvers.small_worlds import NOW, problem, swap, token

PLACE = "deribit:main"
COIN = f"{PLACE}/coin:BTC"
EXPIRY = 1_593_158_400  # 2020-06-26 08:00 UTC
MARKET_TIME = EXPIRY - 86_400 * 30
ENOUGH = Budget(work=1_000_000_000, seconds=30, expired=lambda: False)


def world(intents: Iterable[Intent], venues: Iterable[AnyVenueState] = (), *, gas_price: int = 0) -> Problem:
    """A small problem whose optimising solvers can pay gas."""
    gas = {(f"solver:{name}", token("GAS")): 10**30 for name in ("lp", "cpsat")}
    return problem(intents, venues, balances=gas, gas_price=gas_price)


def solved(solver: Solver, question: Problem, *, twice: bool = True) -> Proposal:
    """The proposal, every solution of it verified, and (asked `twice`) the same bytes again."""
    proposal = solver.solve(question, ENOUGH, 7)
    assert proposal.stopped_by == "finished"
    assert not twice or solver.solve(question, ENOUGH, 7).to_wire() == proposal.to_wire()
    for solution in proposal.solutions:
        assert verify(question, solution, solver=solver.name).fault is None
    return proposal


def units_of(proposal: Proposal) -> dict[str, int]:
    """Units filled by intent's short name; nothing where there is no solution."""
    return {fill.intent.removeprefix("import:"): fill.units for s in proposal.solutions[:1] for fill in s.fills}


def score_of(question: Problem, proposal: Proposal, solver: Solver) -> int:
    """The verified score of the whole; 0 where nothing is filled."""
    return verify(question, proposal.solutions[0], solver=solver.name).score if proposal.solutions else 0


def option(strike: int, right: str) -> str:
    """An inverse BTC option on the venue."""
    assert right in ("C", "P")
    return option_asset(
        Option(
            place=PLACE,
            issued_by_clearway=False,
            underlying="BTC",
            index="deribit.btc",
            expiry_seconds=EXPIRY,
            strike=str(strike),
            right="C" if right == "C" else "P",
            style="inverse",
            settlement=COIN,
        )
    )


def option_book(
    strike: int, right: str, bids: list[tuple[int, int]], asks: list[tuple[int, int]], lot: int = 1
) -> OrderBookState:
    """A book; levels are (price in base units of the coin for a base unit of the option, size)."""
    return OrderBookState(
        id=f"{PLACE}/book:BTC-{strike}-{right}",
        base=option(strike, right),
        quote=COIN,
        tick=(1, 1),
        lot=lot,
        bids=tuple(Level(price=p, size=s) for p, s in bids),
        asks=tuple(Level(price=p, size=s) for p, s in asks),
        expiry_seconds=EXPIRY,
    )


def payoff_intent(name: str, knots: list[tuple[int, int]], slope: int, budget: int, *, units: int = 1) -> Intent:
    """Pay at most `budget` of the coin for S times payment at least the knots, in coin base units."""
    owner = f"0x{int.from_bytes(name.encode(), 'big'):040x}"
    outcome = Outcome(
        owner=owner,
        receiver=owner,
        nonce=0,
        valid_from=0,
        valid_until=NOW + 1,
        pays={COIN: budget},
        receives={},
        payoff_floors=(
            PayoffFloor(
                underlying="BTC",
                index="deribit.btc",
                fixing_seconds=EXPIRY,
                settlement=COIN,
                style="inverse",
                knots=tuple(Knot(at=str(at), value=value) for at, value in knots),
                slope=slope,
            ),
        ),
        units=units,
        surplus_asset=COIN,
    )
    return Intent(id=f"import:{name}", outcome=outcome)


def structure_intent(name: str, legs: dict[str, int], budget: int) -> Intent:
    """Buy (> 0) and sell (< 0) so many of each option for at most `budget` of the coin, all or in part."""
    bought = {asset: amount for asset, amount in legs.items() if amount > 0}
    plain = swap(name, COIN, budget, *next(iter(bought.items())), units=10)
    outcome = plain.outcome.model_copy(
        update={
            "pays": {COIN: budget, **{asset: -amount for asset, amount in legs.items() if amount < 0}},
            "receives": bought,
            "surplus_asset": COIN,
        }
    )
    return plain.model_copy(update={"outcome": outcome})


def at_market_time(question: Problem) -> Problem:
    """The same problem a month before the options expire."""
    snapshot = question.snapshot.model_copy(update={"time_seconds": MARKET_TIME})
    return Problem.model_validate({**question.__dict__, "snapshot": snapshot, "snapshot_hash": snapshot_hash(snapshot)})
