"""The synthetic world: the same bytes from the same seed, and each auction starting where the last one ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest

from engine.auction.check_problem import check_problem
from engine.auction.problem import Holding, Problem
from engine.market.demo import demo_intent, demo_owner, with_intents
from engine.market.feeds.base import DEFAULT_SOLVERS
from engine.market.feeds.synthetic import demo_world, step
from engine.market.feeds.synthetic_market import ASSETS, EXPIRIES, START_SECONDS
from engine.market.smile import Smile, normal_cdf
from engine.market.snapshot import check_open, check_venues, expiry_of
from engine.market.venues import kind_of
from engine.market.venues.base import Trade, VenueState
from engine.market.venues.bridge import BridgeState
from engine.market.venues.order_book import OrderBookState
from engine.market.world import Holdings, World
from intents.errors import InputError
from intents.identifiers import place_of, solver_account

POOL = "sim:alpha/pool:eth-usd-30"
ETH, USD = (ASSETS["sim:alpha"][symbol].id for symbol in ("ETH", "USD"))


@dataclass
class Left:
    """What an auction left behind."""

    holdings: Holdings
    venues: tuple[VenueState, ...]
    filled_units: Mapping[str, int] = field(default_factory=dict)


def untouched(world: World) -> Left:
    return Left(world.holdings, world.snapshot.venues)


@pytest.mark.parametrize("seed", [0, 1, 2**70])
def test_problems_are_valid_auction_after_auction(seed: int) -> None:
    world = demo_world(seed)
    for number in range(3):
        problem = world.problem()
        check_problem(problem)
        assert problem.snapshot.time_seconds == START_SECONDS + 60 * number
        assert len(problem.intents) == 19 * (number + 1)
        world = step(world, untouched(world), seed)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first = demo_world(1)

    assert first.problem().hash == demo_world(1).problem().hash != demo_world(2).problem().hash
    # A change of what the seed makes changes every figure that is written down about it: let it be seen.
    assert isinstance(first.snapshot.venues[0], BridgeState)
    assert first.snapshot.venues[0].capacity == 487466666
    book = first.problem().venues_by_id["simx:main/book:BTC-20260131T08-50000-C-inv-coin.BTC-simx.btc"]
    assert isinstance(book, OrderBookState)
    assert [(level.price, level.size) for level in book.bids] == [(350, 280), (343, 260), (336, 30)]
    again = step(demo_world(1), untouched(first), 1)
    assert again.problem().hash == step(first, untouched(first), 1).problem().hash


def test_the_world_has_what_the_market_needs() -> None:
    problem = demo_world(1).problem()
    kinds = {venue.kind for venue in problem.snapshot.venues}
    outcomes = [intent.outcome for intent in problem.intents]

    assert kinds == {"constant_product", "weighted_product", "order_book", "bridge"}
    assert set(problem.snapshot.chains) == {"sim:alpha", "sim:beta", "sim:gamma", "simx:main"}
    assert {f.style for outcome in outcomes for f in outcome.payoff_floors} == {"linear", "inverse"}
    assert any(outcome.max_escrow for outcome in outcomes)
    assert any(outcome.fill_policy == "all_or_none" for outcome in outcomes)
    across = [o for o in outcomes if len({place_of(a) for a in (*o.pays, *o.receives)}) > 1]
    assert {bool(outcome.refund) for outcome in across} == {True, False}
    pairs = {(next(iter(o.pays)), next(iter(o.receives))) for o in outcomes if o.is_plain_swap}
    assert {(ETH, USD), (USD, ETH)} <= pairs
    ring = [ASSETS["sim:beta"][symbol].id for symbol in ("ETH", "BTC", "USD", "ETH")]
    assert set(pairwise(ring)) <= pairs
    for name in DEFAULT_SOLVERS:
        assert problem.free(solver_account(name), ETH) == 10 * 10**18


def test_every_owner_can_pay_for_all_its_intents() -> None:
    problem = demo_world(3).problem()
    for intent in problem.intents:
        outcome = intent.outcome
        for asset, amount in (*outcome.pays.items(), *outcome.max_escrow.items()):
            if asset in problem.snapshot.prices:
                assert problem.free(outcome.owner, asset) >= amount


def sell_into(world: World, amount: int) -> tuple[int, Left]:
    """Sell ETH of alice's into one pool and settle: what comes out, and what is left."""
    problem = world.problem()
    pool = problem.venues_by_id[POOL]
    out, after = kind_of(pool).execute(pool, "alice", Trade(ETH, amount, USD), problem.snapshot.time_seconds)
    alice = demo_owner("alice")
    held = problem.holdings[alice]
    holdings = {
        **problem.holdings,
        alice: {
            ETH: Holding(amount=held[ETH].amount - amount),
            USD: Holding(amount=problem.free(alice, USD) + out),
        },
    }
    venues = tuple(after if venue.id == POOL else venue for venue in problem.snapshot.venues)
    return out, Left(holdings, venues)


def test_a_repeated_sell_gets_a_worse_price() -> None:
    world = demo_world(1)
    outs = []
    for _ in range(3):
        out, left = sell_into(world, 10**19)
        outs.append(out)
        world = step(world, left, 1)

    assert outs[0] > outs[1] > outs[2] > 0
    assert world.problem().free(demo_owner("alice"), USD) == sum(outs)


def test_filled_units_carry_over_and_finished_intents_leave() -> None:
    world = demo_world(1)
    part, whole, *_ = (intent for intent in world.intents if intent.outcome.units > 1)
    left = untouched(world)
    left.filled_units = {part.id: 1, whole.id: whole.outcome.units}
    after = step(world, left, 1)
    by_id = {intent.id: intent for intent in after.intents}

    assert by_id[part.id].filled_units == 1
    assert whole.id not in by_id
    later = step(after, untouched(after), 1)
    assert {intent.id: intent for intent in later.intents}[part.id].filled_units == 1


def test_intents_leave_when_their_time_is_over() -> None:
    world = demo_world(1)
    until = world.intents[0].outcome.valid_until
    kept, gone = (
        world.advance(holdings=world.holdings, venues=world.snapshot.venues, filled_units={}, time_seconds=time)
        for time in (until - 1, until)
    )

    assert len(kept.intents) == len(world.intents)
    assert gone.intents == ()
    assert gone.auction == 1


def test_used_up_levels_are_gone_in_the_next_auction() -> None:
    world = demo_world(1)
    book = next(v for v in world.snapshot.venues if isinstance(v, OrderBookState) and len(v.asks) > 1)
    emptied = book.model_copy(update={"asks": (book.asks[0].model_copy(update={"size": 0}), *book.asks[1:])})
    left = untouched(world)
    left.venues = tuple(emptied if venue.id == book.id else venue for venue in left.venues)
    after = step(world, left, 1).problem().venues_by_id[book.id]

    assert isinstance(after, OrderBookState)
    assert after.asks == book.asks[1:]
    assert after.bids == book.bids


def test_books_of_expired_options_are_gone_in_the_next_auction() -> None:
    world = demo_world(1)
    expiries = {venue.id: expiry for venue in world.snapshot.venues if (expiry := expiry_of(venue)) is not None}
    time = min(expiries.values())
    later = world.advance(holdings={}, venues=world.snapshot.venues, filled_units={}, time_seconds=time).snapshot

    closed = {venue for venue, expiry in expiries.items() if expiry == time}
    assert closed
    assert {venue.id for venue in later.venues} == {venue.id for venue in world.snapshot.venues} - closed
    check_venues(later.venues, later.asset_infos)
    check_open(later.venues, time)


def test_deposits_add_to_what_is_held_and_the_hash_follows() -> None:
    problem = demo_world(1).problem()
    before, owner = problem.hash, demo_owner("alice")
    richer = with_intents(problem, (), {owner: {ETH: 5}, "ed25519:" + "0" * 64: {USD: 7}})

    assert richer.free(owner, ETH) == problem.free(owner, ETH) + 5
    assert richer.free("ed25519:" + "0" * 64, USD) == 7
    assert richer.hash != before == problem.hash
    assert Problem.from_json(richer.model_dump_json(by_alias=True)).hash == richer.hash


def test_a_demo_owner_signs_for_itself_only() -> None:
    outcome = demo_world(1).intents[0].outcome
    with pytest.raises(InputError, match="wrong_key"):
        demo_intent(outcome, "somebody else", "0x" + "00" * 32)


def test_the_smile_prices_like_black_and_keeps_parity() -> None:
    flat = Smile(Fraction(100), 365 * 86_400, Fraction(1, 5), Fraction(0), Fraction(0))

    # Black 1976 at the money: 100 * (2 N(0.1) - 1); N from Abramowitz and Stegun, table 26.1.
    assert abs(normal_cdf(Decimal(1)) - Decimal("0.841344746068542949")) < Decimal("1e-17")
    assert abs(normal_cdf(Decimal(-2)) - Decimal("0.022750131948179207")) < Decimal("1e-17")
    assert abs(flat.premium(Fraction(100), "C") - Fraction("7.96556745540579")) < Fraction(1, 10**12)
    assert (normal_cdf(Decimal(9)), normal_cdf(Decimal(-9))) == (Decimal(1), Decimal(0))
    skewed = Smile(Fraction(100), EXPIRIES[0] - START_SECONDS, Fraction(3, 5), Fraction(-1, 10), Fraction(2, 5))
    for strike in (50, 80, 100, 130, 300):
        call, put = (skewed.premium(Fraction(strike), right) for right in ("C", "P"))
        assert call >= max(0, 100 - strike)
        assert put >= max(0, strike - 100)
        assert abs(call - put - (100 - strike)) < Fraction(1, 10**15)
