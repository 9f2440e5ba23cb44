"""What the embedded market says of itself: depths used and refilled, options' leverage, volatility from its own prices."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import sqrt

import pytest

from engine.auction.check_problem import check_problem
from engine.market.feeds.synthetic import market
from engine.market.feeds.synthetic_market import ASSETS, VOLATILITIES
from engine.market.snapshot import Snapshot
from engine.market.venues import kind_of
from engine.market.venues.base import Trade
from engine.network.delay_price import MOST_LEVERAGE, PPM, delay_price_ppm, leverage_permille
from engine.network.volatility import LEAST, SPACING_SECONDS, WINDOW_SECONDS, Sample, realised_ppm, remembered
from engine.runtime.embedded import REQUOTE, EmbeddedWorld
from engine.runtime.embedded_settler import embedded_settler
from engine.runtime.embedded_view import balances, depths, derivatives, implied_prices
from engine.store.database import Database
from solvers.common import leg_wait_cost
from tests.databases import Databases
from tests.runtime.service import SEED

POOL = "sim:alpha/pool:eth-usd-30"
ETH, USD = ASSETS["sim:alpha"]["ETH"].id, ASSETS["sim:alpha"]["USD"].id


@pytest.fixture
def database(databases: Databases) -> Iterator[Database]:
    database = Database.open(databases.migrated("sqlite"))
    yield database
    database.close()


def traded(snapshot: Snapshot, asset_in: str, share: Fraction) -> Snapshot:
    """The market after a trade that gives the pool so much of what it holds."""
    asset_out = USD if asset_in == ETH else ETH
    pools = {venue.id: venue for venue in snapshot.venues}
    trade = Trade(asset_in, int(balances(snapshot)[POOL][asset_in] * share), asset_out)
    _, pools[POOL] = kind_of(pools[POOL]).execute(pools[POOL], "a", trade, snapshot.time_seconds)
    return snapshot.model_copy(update={"venues": tuple(pools[venue.id] for venue in snapshot.venues)})


def test_a_trade_uses_depth_one_way_and_gives_it_back_the_other() -> None:
    quoted = market(SEED)
    there = traded(quoted, ETH, Fraction(2, 100))
    back = traded(there, USD, Fraction(2, 100))

    first, then = (depths(balances(each), balances(quoted))[POOL] for each in (there, back))

    assert (first[USD].pending, first[ETH].pending) == (0, balances(quoted)[POOL][ETH] * 2 // 100)
    assert first[ETH].depth == balances(quoted)[POOL][ETH] * 5 // 100
    assert then[ETH].pending < first[ETH].pending // 20
    assert implied_prices(there)[ETH] < implied_prices(quoted)[ETH]


def test_the_live_problem_prices_a_pool_by_what_is_left_of_its_depth_until_it_is_quoted_anew(
    database: Database,
) -> None:
    world = EmbeddedWorld.open(database, SEED)
    settler, _ = embedded_settler(database, world, lambda _: None)
    now = world.clock.now_ms()
    costs, options = [], []
    snapshot = market(SEED)
    with database.transaction() as work:
        for number, used in ((1, 0), (2, 2), (3, 2), (4, 2), (REQUOTE, 0)):
            if used:
                world.leave(work, snapshot, traded(snapshot, ETH, Fraction(used, 100)).venues)
            snapshot = world.arrive(work, number, now)
            asked = world.problem(number, snapshot, (), {}, now + 1000, "0x" + "00" * 32)
            problem = asked.model_copy(update={"network": settler.network(world.view(work, snapshot))})
            check_problem(problem)
            options.append(len(problem.network.derivatives) if problem.network is not None else 0)
            costs.append(
                [leg_wait_cost(problem, problem.venues_by_id[POOL], a, b) for a, b in ((ETH, USD), (USD, ETH))]
            )

    selling, buying = zip(*costs, strict=True)
    assert selling[0] < selling[1] < selling[2] < selling[3] == 1.0
    assert len(set(buying)) == 1
    assert selling[4] == buying[4]
    assert options == [60] * 5


def test_an_options_wait_costs_its_leverage_times_the_underlyings() -> None:
    found = derivatives(market(SEED), VOLATILITIES)
    calls = [each.leverage_permille for name, each in found.items() if "BTC-20260131" in name and "-C-" in name]

    assert len(found) == 60
    assert calls == sorted(calls)  # the dearer the strike, the smaller the premium
    assert 3_500 < calls[0] < 4_000  # 60,000 / (60,000 - 45,000) and a little time value
    assert leverage_permille(Fraction(-1, 2), Fraction(10), Fraction(3)) == 1_667
    assert leverage_permille(Fraction(1), Fraction(10), Fraction(1, 10**9)) == MOST_LEVERAGE
    assert delay_price_ppm(4 * 600_000, 10**6) == pytest.approx(4 * delay_price_ppm(600_000, 10**6), abs=4)


def test_realised_volatility_is_that_of_the_samples_in_the_window() -> None:
    history: tuple[Sample, ...] = ()
    for minute in range(200):
        price = 10**9 + (10**6 if minute % 2 else 0)  # a thousandth up, then down again
        for second in (0, 20, 40):
            history = remembered(history, Sample(60 * minute + second, {"a": price, "steady": 5}))

    assert [each.seconds % SPACING_SECONDS for each in history] == [0] * len(history)
    assert history[-1].seconds - history[0].seconds == WINDOW_SECONDS - SPACING_SECONDS
    found = realised_ppm(history)
    assert found["steady"] == 0
    assert found["a"] == pytest.approx(PPM * 0.001 * sqrt(365 * 24 * 60), rel=1e-3)
    assert realised_ppm(history[: LEAST - 1]) == {}
