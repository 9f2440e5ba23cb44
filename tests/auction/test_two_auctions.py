"""Two auctions in a row on the synthetic world: what the first one leaves is what the second one asks about."""

from __future__ import annotations

from collections import Counter
from functools import cache

from engine.auction.auction import clear, next_state
from engine.auction.check_problem import check_problem
from engine.auction.problem import Problem
from engine.audit.record import Record, record_bytes
from engine.audit.replay import replay_record
from engine.market.feeds.synthetic import demo_world, step
from engine.market.venues.constant_product import ConstantProductState
from intents.values import content_hash
from solvers.protocol import Budget
from solvers.registry import load
from tests.auction.builders import ETH, POOL, USD, output, pool_sale, problem, sale, venues
from tests.audit.records import bound

SEED = 3


def cleared(asked: Problem) -> Record:
    """The auction of one solver that nothing interrupts."""
    proposal = load("greedy").solve(asked, Budget(10**9, 600.0, lambda: False), SEED)
    return clear(asked, {"greedy": proposal}, work=10_000)


@cache
def first_record() -> Record:
    """The first auction's record."""
    return cleared(demo_world(SEED).problem())


def held(asked: Problem) -> Counter[str]:
    """All that people and solvers hold, by asset."""
    totals: Counter[str] = Counter()
    for assets in asked.holdings.values():
        for asset, holding in assets.items():
            totals[asset] += holding.amount
    return totals


def test_the_second_auction_starts_where_the_first_one_ended() -> None:
    world = demo_world(SEED)
    first = first_record()
    after = next_state(first)

    later = step(world, after, SEED)

    asked = later.problem()
    check_problem(asked)
    second = cleared(asked)
    assert first.winners
    assert second.winners
    assert replay_record(record_bytes(first)).identical
    assert replay_record(record_bytes(second)).identical
    states = [state.to_wire() for state in after.venues]
    assert first.settlement.venues_hash == content_hash("clearway/venues/1", states)
    pools = {state.id: state for state in after.venues if isinstance(state, ConstantProductState)}
    assert pools
    assert all(asked.venues_by_id[name] == state for name, state in pools.items())
    assert pools != {name: first.problem.venues_by_id[name] for name in pools}


def test_filled_intents_leave_and_others_stay() -> None:
    world = demo_world(SEED)
    first = first_record()

    left = {intent.id for intent in step(world, next_state(first), SEED).intents}

    for intent in first.problem.intents:
        whole = first.settlement.filled_units.get(intent.id) == intent.outcome.units
        assert not (whole and intent.id in left)
        assert whole or intent.id in left


def test_holdings_change_by_what_the_settlement_says_and_venues_take_the_rest() -> None:
    first = first_record()
    after = next_state(first)

    moved: Counter[str] = Counter()
    for changes in first.settlement.balances.values():
        moved.update(changes)
    now = first.problem.model_copy(update={"holdings": after.holdings})
    assert {a: n for a, n in moved.items() if n} == {
        asset: total - held(first.problem)[asset]
        for asset, total in held(now).items()
        if total != held(first.problem)[asset]
    }


def test_the_same_sale_again_gets_less() -> None:
    asked = problem([sale("a"), sale("b")])
    first = clear(asked, {"ann": bound(asked, "ann", pool_sale("a"))}, work=100)
    after = next_state(first)

    (pool,) = (state for state in after.venues if state.id == POOL)
    assert isinstance(pool, ConstantProductState)
    again = output(pool, ETH, 1000, USD)

    assert after.filled_units == {"import:a": 1000}
    assert again < output(venues()[0], ETH, 1000, USD)
