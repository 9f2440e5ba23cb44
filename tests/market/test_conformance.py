"""The laws of engine.market.venues.base, for every registered kind, on random states that it accepts."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import ceil
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from engine.market.venues import KINDS, AnyVenueState, kind_of
from engine.market.venues.balancer_math import ONE
from engine.market.venues.base import AssetInfo, Trade, TradeRefusedError, VenueState, VenueStateError
from engine.market.venues.bridge import BridgeState
from engine.market.venues.constant_product import ConstantProductState
from engine.market.venues.order_book import Level, OrderBookState
from engine.market.venues.weighted import WeightedState, WeightedToken

DECIMALS = (6, 8, 18, 18, 0)
TOKENS = tuple(f"sim:alpha/token:T{i}" for i in range(len(DECIMALS)))
FAR = "sim:beta/token:T0"
INFOS = {FAR: AssetInfo(6), **{token: AssetInfo(d) for token, d in zip(TOKENS, DECIMALS, strict=True)}}
TIME = 1_000_000

amounts = st.integers(0, 100).flatmap(lambda bits: st.integers(2**bits, 2 ** (bits + 1)))
fees = st.tuples(st.integers(0, 999), st.just(1000))


def constant_products() -> st.SearchStrategy[ConstantProductState]:
    return st.builds(
        lambda a, b, fee: ConstantProductState(id="sim:alpha/pool:cp", reserves={TOKENS[0]: a, TOKENS[2]: b}, fee=fee),
        amounts,
        amounts,
        fees,
    )


def weighteds() -> st.SearchStrategy[WeightedState]:
    def build(sizes: list[tuple[int, int]], fee: int, version: str) -> WeightedState:
        tokens = {
            token: WeightedToken(balance=balance, weight=weight * ONE // 100, decimals=INFOS[token].decimals)
            for token, (balance, weight) in zip(TOKENS, sizes, strict=False)
        }
        return WeightedState.model_validate(
            {"id": "sim:alpha/pool:w", "tokens": tokens, "fee": fee, "version": version}
        )

    sizes = st.lists(st.tuples(amounts, st.integers(1, 100)), min_size=2, max_size=len(TOKENS))
    return st.builds(build, sizes, st.integers(0, ONE // 10), st.sampled_from(["v0", "v3plus"]))


def order_books() -> st.SearchStrategy[OrderBookState]:
    def build(steps: list[int], split: int, lots: list[int], lot: int, tick: tuple[int, int]) -> OrderBookState:
        prices = [sum(steps[: i + 1]) for i in range(len(steps))]
        levels = [Level(price=p, size=n * lot) for p, n in zip(prices, lots, strict=False)]
        return OrderBookState(
            id="sim:alpha/book:b",
            base=TOKENS[4],
            quote=TOKENS[1],
            tick=tick,
            lot=lot,
            bids=tuple(reversed(levels[:split])),
            asks=tuple(levels[split:]),
            expiry_seconds=TIME + 1,
        )

    return st.builds(
        build,
        st.lists(st.integers(1, 500), min_size=1, max_size=8),
        st.integers(0, 8),
        st.lists(st.integers(0, 10**6), min_size=8, max_size=8),
        st.sampled_from([1, 10, 1000]),
        st.sampled_from([(5000, 1), (1, 1), (7, 3)]),
    )


def bridges() -> st.SearchStrategy[BridgeState]:
    return st.builds(
        lambda fixed, fee, rate, capacity, delay: BridgeState(
            id="sim:alpha/bridge:x",
            asset_in=TOKENS[0],
            asset_out=FAR,
            fee_fixed=fixed,
            fee=fee,
            rate=rate,
            capacity=capacity,
            delay_seconds=delay,
        ),
        st.integers(0, 10**6),
        fees,
        st.sampled_from([(1, 1), (10**12, 1), (1, 10**3)]),
        amounts,
        st.integers(1, 10**6),
    )


STATES: dict[str, st.SearchStrategy[Any]] = {
    "constant_product": constant_products(),
    "weighted_product": weighteds(),
    "order_book": order_books(),
    "bridge": bridges(),
}
kinds = pytest.mark.parametrize("kind", sorted(KINDS))
# How much is filtered out depends on which modules are loaded, whose constants the library tries.
laws = settings(derandomize=True, max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])


def slack(state: VenueState, asset_out: str) -> int:
    """By how much an output may miss the curve's order: 0, but for the resolution of Balancer's fixed point."""
    return ceil(state.tokens[asset_out].balance / Fraction(10**16)) if isinstance(state, WeightedState) else 0


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
    if isinstance(state, OrderBookState) and asset_in == state.base:
        amount = max(1, amount // state.lot) * state.lot
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
    step = state.lot if isinstance(state, OrderBookState) and larger.asset_in == state.base else 1
    amount = data.draw(st.integers(1, larger.amount_in // step)) * step
    smaller = Trade(larger.asset_in, amount, larger.asset_out, larger.level)
    most, least = execute(state, larger), execute(state, smaller)
    assume(least is not None)
    assert least is not None
    if most is None:
        # The larger trade may only be refused for its size.
        with pytest.raises(TradeRefusedError, match=r"venue_capacity|level_overdrawn"):
            kind_of(state).execute(state, "anyone", larger, TIME)
    else:
        assert least[0] <= most[0] + slack(state, larger.asset_out)


@kinds
@laws
@given(data=st.data())
def test_splitting_a_trade_never_pays(kind: str, data: st.DataObject) -> None:
    state = data.draw(STATES[kind])
    whole = data.draw(trades(state))
    step = state.lot if isinstance(state, OrderBookState) and whole.asset_in == state.base else 1
    part = data.draw(st.integers(0, whole.amount_in // step)) * step
    at_once = execute(state, whole)
    assume(at_once is not None)
    assert at_once is not None

    total, current = 0, state
    for amount in (part, whole.amount_in - part):
        done = execute(current, Trade(whole.asset_in, amount, whole.asset_out, whole.level)) if amount else None
        if done is not None:
            total, current = total + done[0], done[1]

    assert total <= at_once[0] + slack(state, whole.asset_out)


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
    if isinstance(state, OrderBookState) and asset_in == state.base:
        amount = max(1, amount // state.lot) * state.lot

    given_out = walk(state, asset_in, asset_out, amount)

    shown = supply.value(amount)
    assert given_out <= shown <= given_out * (1 + supply.relative_error) + supply.units_error


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


GOOD: dict[str, Mapping[str, Any]] = {
    "constant_product": {
        "id": "sim:alpha/pool:cp",
        "kind": "constant_product",
        "reserves": {TOKENS[0]: 1000, TOKENS[1]: 1000},
        "fee": (3, 1000),
    },
    "weighted_product": {
        "id": "sim:alpha/pool:w",
        "kind": "weighted_product",
        "tokens": {
            TOKENS[0]: {"balance": 1000, "weight": ONE // 2, "decimals": 6},
            TOKENS[2]: {"balance": 1000, "weight": ONE // 2, "decimals": 18},
        },
        "fee": 0,
    },
    "order_book": {
        "id": "sim:alpha/book:b",
        "kind": "order_book",
        "base": TOKENS[4],
        "quote": TOKENS[1],
        "tick": (1, 1),
        "lot": 10,
        "bids": ({"price": 9, "size": 10},),
        "asks": ({"price": 11, "size": 10}, {"price": 12, "size": 10}),
    },
    "bridge": {
        "id": "sim:alpha/bridge:x",
        "kind": "bridge",
        "asset_in": TOKENS[0],
        "asset_out": FAR,
        "fee": (1, 1000),
        "capacity": 1000,
        "delay_seconds": 60,
    },
}
STRANGER = "sim:alpha/token:NONE"
HALF = ONE // 2


def token(balance: int = 1000, weight: int = HALF, decimals: int = 6) -> dict[str, int]:
    return {"balance": balance, "weight": weight, "decimals": decimals}


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("constant_product", {"reserves": {TOKENS[0]: 1}}, "reserves"),
    ("constant_product", {"reserves": {TOKENS[0]: 1, STRANGER: 1}}, "reserves"),
    ("constant_product", {"reserves": {TOKENS[0]: 0, TOKENS[1]: 1}}, f"reserves/{TOKENS[0]}"),
    ("constant_product", {"reserves": {TOKENS[0]: 1, TOKENS[1]: 2**112}}, f"reserves/{TOKENS[1]}"),
    ("constant_product", {"fee": (1, 1)}, "fee"),
    ("constant_product", {"fee": (0, 0)}, "fee"),
    ("weighted_product", {"tokens": {TOKENS[0]: token()}}, "tokens"),
    ("weighted_product", {"tokens": {TOKENS[0]: token(), STRANGER: token()}}, "tokens"),
    ("weighted_product", {"tokens": {TOKENS[0]: token(), TOKENS[1]: token()}}, f"tokens/{TOKENS[1]}/decimals"),
    (
        "weighted_product",
        {"tokens": {TOKENS[0]: token(balance=0), TOKENS[1]: token(decimals=8)}},
        f"tokens/{TOKENS[0]}/balance",
    ),
    (
        "weighted_product",
        {"tokens": {TOKENS[0]: token(balance=2**112), TOKENS[1]: token(decimals=8)}},
        f"tokens/{TOKENS[0]}/balance",
    ),
    (
        "weighted_product",
        {"tokens": {TOKENS[0]: token(weight=ONE // 100 - 1), TOKENS[1]: token(decimals=8)}},
        f"tokens/{TOKENS[0]}/weight",
    ),
    (
        "weighted_product",
        {"tokens": {TOKENS[0]: token(weight=ONE + 1), TOKENS[1]: token(decimals=8)}},
        f"tokens/{TOKENS[0]}/weight",
    ),
    ("weighted_product", {"fee": ONE}, "fee"),
    ("order_book", {"base": STRANGER}, "base"),
    ("order_book", {"quote": STRANGER}, "quote"),
    ("order_book", {"quote": TOKENS[4]}, "quote"),
    ("order_book", {"tick": (0, 1)}, "tick"),
    ("order_book", {"tick": (1, 0)}, "tick"),
    ("order_book", {"tick": (1, 11)}, "tick"),
    ("order_book", {"lot": 0}, "lot"),
    ("order_book", {"bids": ({"price": 0, "size": 10},)}, "bids/0/price"),
    ("order_book", {"bids": ({"price": 9, "size": 11},)}, "bids/0/size"),
    ("order_book", {"bids": ({"price": 8, "size": 10}, {"price": 9, "size": 10})}, "bids/1/price"),
    ("order_book", {"asks": ({"price": 12, "size": 10}, {"price": 12, "size": 10})}, "asks/1/price"),
    ("order_book", {"bids": ({"price": 11, "size": 10},)}, "bids/0/price"),
    ("bridge", {"asset_in": STRANGER}, "asset_in"),
    ("bridge", {"asset_out": STRANGER}, "asset_out"),
    ("bridge", {"asset_out": TOKENS[1]}, "asset_out"),
    ("bridge", {"fee": (1, 1)}, "fee"),
    ("bridge", {"rate": (0, 1)}, "rate"),
    ("bridge", {"rate": (1, 0)}, "rate"),
]


@pytest.mark.parametrize(("kind", "changes", "field"), BAD, ids=[f"{k}-{f}-{i}" for i, (k, _, f) in enumerate(BAD)])
def test_a_state_that_can_not_be_is_refused_by_its_field(kind: str, changes: dict[str, Any], field: str) -> None:
    good = KINDS[kind].state_type.model_validate(GOOD[kind])
    KINDS[kind].check(good, INFOS)
    bad = KINDS[kind].state_type.model_validate({**GOOD[kind], **changes})

    with pytest.raises(VenueStateError) as refused:
        KINDS[kind].check(bad, INFOS)
    assert (refused.value.code, refused.value.where) == ("bad_venue_state", field)
    assert refused.value.expected
    assert refused.value.actual


def test_a_weighted_pool_has_at_most_eight_tokens() -> None:
    tokens = {f"sim:alpha/token:T{i}": token() for i in range(9)}
    infos = dict.fromkeys(tokens, AssetInfo(6))
    crowded = WeightedState.model_validate({**GOOD["weighted_product"], "tokens": tokens})

    with pytest.raises(VenueStateError, match="2 to 8 tokens"):
        KINDS["weighted_product"].check(crowded, infos)


@kinds
def test_a_level_that_the_venue_does_not_have_is_refused(kind: str) -> None:
    state = KINDS[kind].state_type.model_validate(GOOD[kind])
    asset_in, asset_out = KINDS[kind].pairs(state)[0]
    for level in ("ask:99", "bid:00", "mid"):
        with pytest.raises(TradeRefusedError, match="unknown_level"):
            KINDS[kind].execute(state, "solver:x", Trade(asset_in, 1, asset_out, level), 0)
