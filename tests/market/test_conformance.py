"""The laws of engine.market.venues.base, for every registered kind, on random states that it accepts."""

from collections.abc import Callable
from fractions import Fraction
from math import ceil
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from engine.market.venues import KINDS, AnyVenueState, kind_of
from engine.market.venues.base import ExactOutKind, Trade, TradeRefusedError, VenueState
from engine.market.venues.concentrated import ConcentratedState
from engine.market.venues.constant_product import ConstantProductState
from engine.market.venues.curve_crypto import CurveCryptoState
from engine.market.venues.curve_stable import CurveStableState
from engine.market.venues.order_book import OrderBook, OrderBookState
from engine.market.venues.perpetual import PerpetualState, cost_of, room
from engine.market.venues.perpetual_math import UNIT
from engine.market.venues.solidly import SolidlyState
from engine.market.venues.stable import StableState
from engine.market.venues.weighted import WeightedState
from tests.market.venue_states import INFOS, STATES, TIME

kinds = pytest.mark.parametrize("kind", sorted(KINDS))
# How much is filtered out depends on which modules are loaded, whose constants the library tries.
laws = settings(derandomize=True, max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])


def slack(state: VenueState, trade: Trade) -> int:
    """By how much an output may miss the curve's order: 0, but for the resolution of a contract's fixed point."""
    if isinstance(state, WeightedState):
        return ceil(state.tokens[trade.asset_out].balance / Fraction(10**16))
    if isinstance(state, CurveCryptoState):
        # The fee of a trade is that of the balances after it: a part that leaves less out of balance pays less. And it
        # stays with the output's balance, where a second part meets it.
        done = execute(state, trade)
        most = 0 if done is None else done[0] * state.out_fee // (10**10 - state.out_fee)
        # Four searches stop early: the whole's, both parts', and that for D between these.
        return most + 4 * kind_of(state).supply(state, trade.asset_in, trade.asset_out).units_above
    if isinstance(state, PerpetualState):
        # Prices are cut off, which is worth less than a step; a sale across zero skew pays both fees at its mean price.
        if trade.asset_in == state.quote:
            return state.step
        size, turn = trade.amount_in, max(0, min(trade.amount_in, state.skew))
        saved = state.oracle_price * turn * (size - turn) * (state.taker_fee - state.maker_fee)
        return ceil(Fraction(saved, 2 * state.skew_scale * UNIT**2)) + state.step * state.oracle_price // UNIT
    if isinstance(state, CurveStableState | SolidlyState):
        # Their fees round down, so each of two parts may save a unit; and the contract's noise.
        noise = 2 + 3 * kind_of(state).supply(state, trade.asset_in, trade.asset_out).units_above
        # Curve's fee stays with the output's balance, where a second part meets it.
        done = execute(state, trade)
        return noise + (_kept_fee(state, done[0]) if done and isinstance(state, CurveStableState) else 0)
    return 0


def _kept_fee(state: CurveStableState, out: int) -> int:
    """The largest fee on an output."""
    return out * state.largest_fee // (10**10 - state.largest_fee)


def lot_of(state: VenueState, asset_in: str) -> int:
    """The step of inputs."""
    if isinstance(state, OrderBookState) and asset_in == state.base:
        return state.lot
    return state.step if isinstance(state, PerpetualState) and asset_in == state.base else 1


def execute(state: VenueState, trade: Trade) -> tuple[int, VenueState] | None:
    """The venue's answer; None where it refuses."""
    try:
        return kind_of(state).execute(state, "anyone", trade, TIME)
    except TradeRefusedError:
        return None


def offers(state: VenueState, asset_in: str, asset_out: str) -> list[tuple[str | None, int]]:
    """Where to trade and about how much at most."""
    if isinstance(state, ConstantProductState):
        return [(None, 3 * state.reserves[asset_in])]
    if isinstance(state, WeightedState):
        return [(None, state.tokens[asset_in].balance // 3)]
    if isinstance(state, StableState):
        return [(None, 3 * state.tokens[asset_in].balance)]
    if isinstance(state, CurveStableState | CurveCryptoState):
        return [(None, 3 * next(coin.balance for coin in state.coins if coin.asset == asset_in))]
    if isinstance(state, SolidlyState):
        return [(None, 3 * state.tokens[asset_in].reserve)]
    if isinstance(state, PerpetualState):
        most = room(state, 1 if asset_in == state.quote else -1)
        return [(None, (cost_of(state, most) if asset_in == state.quote else most) * 5 // 4)]
    if isinstance(state, ConcentratedState):
        shown = kind_of(state).supply(state, asset_in, asset_out)
        return [(None, sum(segment.amount_in for segment in shown.segments) * 5 // 4)]
    return [(s.level, s.amount_in) for s in kind_of(state).supply(state, asset_in, asset_out).segments]


@st.composite
def trades(draw: Callable[..., Any], state: VenueState) -> Trade:
    """A trade that the venue may accept, of sizes up to all it shows."""
    pairs = kind_of(state).pairs(state)
    assume(pairs)
    asset_in, asset_out = draw(st.sampled_from(pairs))
    level, most = draw(st.sampled_from(offers(state, asset_in, asset_out)))
    assume(most)
    amount = draw(st.integers(1, most))
    lot = lot_of(state, asset_in)
    amount = max(1, amount // lot) * lot
    return Trade(asset_in, amount, asset_out, level)


def test_every_registered_kind_is_tested() -> None:
    assert STATES.keys() == KINDS.keys()
    assert all(KINDS[name].kind == name for name in KINDS)


@kinds
@laws
@given(data=st.data())
def test_states_pass_their_check_and_survive_the_wire(kind: str, data: st.DataObject) -> None:
    state = data.draw(STATES[kind])

    KINDS[kind].check(state, INFOS)

    adapter: TypeAdapter[Any] = TypeAdapter(AnyVenueState)
    assert adapter.validate_json(adapter.dump_json(state, by_alias=True)) == state
    assert type(state).from_json(state.model_dump_json(by_alias=True)) == state


@kinds
@laws
@given(data=st.data())
def test_execute_is_pure_and_leaves_an_acceptable_state(kind: str, data: st.DataObject) -> None:
    state = data.draw(STATES[kind])
    trade = data.draw(trades(state))
    before = state.model_dump_json()
    first = execute(state, trade)
    assume(first is not None)

    assert execute(state, trade) == first
    assert state.model_dump_json() == before
    assert first is not None
    out, after = first
    assert out > 0
    KINDS[kind].check(after, INFOS)


@kinds
@laws
@given(data=st.data())
def test_more_in_is_never_less_out(kind: str, data: st.DataObject) -> None:
    state = data.draw(STATES[kind])
    larger = data.draw(trades(state))
    step = lot_of(state, larger.asset_in)
    amount = data.draw(st.integers(1, larger.amount_in // step)) * step
    smaller = Trade(larger.asset_in, amount, larger.asset_out, larger.level)
    most, least = execute(state, larger), execute(state, smaller)
    assume(least is not None)
    assert least is not None
    if most is None:
        # The larger trade may only be refused for its size; NG cryptopools refuse dust that rounds to a loss of theirs.
        size = r"venue_capacity|level_overdrawn|out_of_range|open_interest_cap|reduce_only|is a loss to"
        with pytest.raises(TradeRefusedError, match=size):
            kind_of(state).execute(state, "anyone", larger, TIME)
    else:
        assert least[0] <= most[0] or least[0] <= most[0] + slack(state, larger)


@kinds
@laws
@given(data=st.data())
def test_splitting_a_trade_never_pays(kind: str, data: st.DataObject) -> None:
    state = data.draw(STATES[kind])
    whole = data.draw(trades(state))
    step = lot_of(state, whole.asset_in)
    part = data.draw(st.integers(0, whole.amount_in // step)) * step
    at_once = execute(state, whole)
    assume(at_once is not None)
    assert at_once is not None

    total, current = 0, state
    for amount in (part, whole.amount_in - part):
        done = execute(current, Trade(whole.asset_in, amount, whole.asset_out, whole.level)) if amount else None
        if done is not None:
            total, current = total + done[0], done[1]

    assert total <= at_once[0] or total <= at_once[0] + slack(state, whole)


@kinds
@laws
@given(data=st.data())
def test_no_sequence_of_trades_ends_with_more_of_everything(kind: str, data: st.DataObject) -> None:
    state = data.draw(STATES[kind])
    balances: dict[str, int] = {}
    current = state
    for _ in range(5):
        if not kind_of(current).pairs(current):
            break
        trade = data.draw(trades(current))
        held = balances.get(trade.asset_in, 0)
        if data.draw(st.booleans()) and held > 0:
            trade = Trade(trade.asset_in, held, trade.asset_out, trade.level)
        done = execute(current, trade)
        if done is None:
            continue
        balances[trade.asset_in] = held - trade.amount_in
        balances[trade.asset_out] = balances.get(trade.asset_out, 0) + done[0]
        current = done[1]

    assert not any(balances.values()) or min(balances.values()) < 0


# Books name the level, which is a parameter more: they have a law of their own.
EXACT_OUT = sorted(KINDS.keys() - {"order_book", "perpetual_book"})


@pytest.mark.parametrize("kind", EXACT_OUT)
@laws
@given(data=st.data())
def test_what_an_exact_output_costs_buys_no_less_of_it(kind: str, data: st.DataObject) -> None:
    state = data.draw(STATES[kind])
    venue: ExactOutKind[Any] = KINDS[kind]  # type: ignore[assignment] # every kind of EXACT_OUT has it
    trade = data.draw(trades(state))
    done = execute(state, trade)
    assume(done is not None)
    assert done is not None
    wanted = data.draw(st.integers(1, done[0]))
    same, bought = trade, 0
    try:
        same = Trade(trade.asset_in, venue.input_for(state, trade.asset_in, wanted, trade.asset_out), trade.asset_out)
        bought = venue.execute(state, "anyone", same, TIME)[0]
    except TradeRefusedError as error:
        assume(error.code == "no_output")

    if bought < wanted:
        # Balancer's powers and early divisions round the two ways by more than what one way may be out of order.
        fixed_point = isinstance(state, StableState | WeightedState)
        coarse = venue.supply(state, same.asset_in, same.asset_out).units_error if fixed_point else 0
        assert bought >= wanted - slack(state, same) - coarse


@laws
@given(data=st.data())
def test_an_exact_output_of_a_level_costs_the_least_input_that_gets_it(data: st.DataObject) -> None:
    state = data.draw(STATES["order_book"])
    trade = data.draw(trades(state))
    done = execute(state, trade)
    assume(done is not None)
    assert done is not None
    buying = trade.asset_out == state.base
    wanted = (
        data.draw(st.integers(1, done[0] // state.lot)) * state.lot if buying else data.draw(st.integers(1, done[0]))
    )

    least = OrderBook().input_for(state, trade.asset_in, wanted, trade.asset_out, trade.level)

    def got(amount: int) -> int:
        at_level = execute(state, Trade(trade.asset_in, amount, trade.asset_out, trade.level)) if amount else None
        return 0 if at_level is None else at_level[0]

    step = 1 if buying else state.lot
    assert got(least - step) < wanted <= got(least)


@kinds
@laws
@given(data=st.data())
def test_supply_shows_what_execute_gives_and_little_more(kind: str, data: st.DataObject) -> None:
    state = data.draw(STATES[kind])
    venue = KINDS[kind]
    pairs = venue.pairs(state)
    assume(pairs)
    asset_in, asset_out = data.draw(st.sampled_from(pairs))
    supply = venue.supply(state, asset_in, asset_out)
    assume(supply.segments)
    rates = [segment.rate for segment in supply.segments]
    assert rates == sorted(rates, reverse=True)
    most = sum(segment.amount_in for segment in supply.segments)
    assume(most)
    amount = data.draw(st.integers(1, most))
    lot = lot_of(state, asset_in)
    amount = max(1, amount // lot) * lot

    given_out = walk(state, asset_in, asset_out, amount)

    shown = supply.value(amount)
    assert given_out - supply.units_above <= shown <= given_out * (1 + supply.relative_error) + supply.units_error


def walk(state: VenueState, asset_in: str, asset_out: str, amount: int) -> int:
    """What an input gives at best: at once, or from a book level by level."""
    if not isinstance(state, OrderBookState):
        done = execute(state, Trade(asset_in, amount, asset_out))
        return 0 if done is None else done[0]
    total = 0
    for segment in kind_of(state).supply(state, asset_in, asset_out).segments:
        done = execute(state, Trade(asset_in, min(amount, segment.amount_in), asset_out, segment.level))
        total += 0 if done is None else done[0]
        amount -= min(amount, segment.amount_in)
        if not amount:
            break
    return total


@kinds
@laws
@given(data=st.data())
def test_trades_without_a_common_key_commute(kind: str, data: st.DataObject) -> None:
    state = data.draw(STATES[kind])
    first, second = data.draw(trades(state)), data.draw(trades(state))
    venue = KINDS[kind]
    keys = set(venue.conflict_keys(state, first))
    assert keys
    if keys & set(venue.conflict_keys(state, second)):
        return
    assert run(state, first, second) == tuple(reversed(run(state, second, first)[:2])) + run(state, second, first)[2:]


def run(state: VenueState, *sequence: Trade) -> tuple[Any, ...]:
    outs: list[int | None] = []
    for trade in sequence:
        done = execute(state, trade)
        outs.append(None if done is None else done[0])
        state = state if done is None else done[1]
    return (*outs, state)
