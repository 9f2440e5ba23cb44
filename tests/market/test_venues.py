"""Each kind on its own: outputs that chains recorded, edges, and every refusal by its code."""

import json
from fractions import Fraction

import pytest

from engine.market.venues import kind_of
from engine.market.venues.base import Trade, TradeRefusedError, VenueState
from engine.market.venues.bridge import BridgeState
from engine.market.venues.constant_product import ConstantProductState
from engine.market.venues.order_book import Level, OrderBookState, cost_of, level_index, proceeds_of
from engine.market.venues.weighted import WeightedState, WeightedToken
from tests.data import data_path

A, B, FAR = "sim:alpha/token:A", "sim:alpha/token:B", "sim:beta/token:A"
LIMIT = 2**112 - 1


def product(a: int, b: int, fee: tuple[int, int] = (3, 1000)) -> ConstantProductState:
    return ConstantProductState(id="sim:alpha/pool:x", reserves={A: a, B: b}, fee=fee)


def book() -> OrderBookState:
    """A is the base: 7/3 of B a tick for one A, lots of 10."""
    return OrderBookState(
        id="sim:alpha/book:x",
        base=A,
        quote=B,
        tick=(7, 3),
        lot=10,
        bids=(Level(price=9, size=20), Level(price=8, size=0)),
        asks=(Level(price=10, size=30),),
        expiry_seconds=100,
    )


def bridge() -> BridgeState:
    return BridgeState(
        id="sim:alpha/bridge:x",
        asset_in=A,
        asset_out=FAR,
        fee_fixed=5,
        fee=(1, 100),
        rate=(3, 2),
        capacity=148,
        delay_seconds=60,
    )


def weighted() -> WeightedState:
    tokens = {asset: WeightedToken(balance=10**6, weight=5 * 10**17, decimals=6) for asset in (A, B)}
    return WeightedState(id="sim:alpha/pool:w", tokens=tokens, fee=10**16)


def out_of(
    state: VenueState, asset_in: str, amount: int, asset_out: str, level: str | None = None, time: int = 0
) -> int:
    return kind_of(state).execute(state, "anyone", Trade(asset_in, amount, asset_out, level), time)[0]


def test_a_recorded_hop_through_a_constant_product_pool() -> None:
    recorded = json.loads(data_path("pools/onchain_vectors/path110302_v3v4v2_block25711761.json").read_text())
    solve, pair = recorded["recorded_solve"], recorded["pools"]["v2_2"]
    fee = (pair["fee_denom"] - pair["fee_gamma"], pair["fee_denom"])
    state = product(int(pair["reserve1"]), int(pair["reserve0"]), fee)

    assert out_of(state, A, int(solve["v2_input"]), B) == int(solve["v2_actual"])


@pytest.mark.parametrize(
    ("state", "amount", "expected"),
    [
        (product(1000, 1000), 1000, 499),
        (product(1000, 1000, (0, 1)), 1000, 500),
        (product(1, 2, (0, 1)), 1, 1),
        (product(LIMIT - 1, LIMIT, (0, 1)), 1, 1),
        (product(1, LIMIT, (0, 1)), LIMIT - 1, LIMIT - 1),
        (product(1000, 1000, (999, 1000)), 10**6, 500),
    ],
)
def test_constant_product_at_its_edges(state: ConstantProductState, amount: int, expected: int) -> None:
    assert out_of(state, A, amount, B) == expected


def test_constant_product_keeps_the_whole_input_and_never_shrinks() -> None:
    state = product(10**6, 10**9)
    out, after = kind_of(state).execute(state, "anyone", Trade(A, 12345, B), 0)

    assert after.reserves == {A: 10**6 + 12345, B: 10**9 - out}
    assert after.reserves[A] * after.reserves[B] > 10**15
    # One unit more would break the pair contract's own check: (x * 1000 - in * 3) * y * 1000 >= k * 1000^2.
    kept = (10**6 + 12345) * 1000 - 12345 * 3
    assert kept * (10**9 - out) >= 10**18 > kept * (10**9 - out - 1)


def test_books_take_whole_lots_and_round_against_the_trader() -> None:
    state = book()

    assert out_of(state, B, 234, A, "ask:0") == 10  # 234 buys 10.03 at 70/3, down to a lot
    assert out_of(state, B, cost_of(state, state.asks[0], 30), A, "ask:0") == 30
    assert out_of(state, A, 20, B, "bid:0") == 420
    assert out_of(state.model_copy(update={"tick": (8, 3)}), A, 20, B, "bid:0") == 480
    assert (cost_of(state, state.asks[0], 10), proceeds_of(state, state.asks[0], 10)) == (234, 233)
    assert kind_of(state).pairs(state) == ((B, A), (A, B))
    assert kind_of(state).pairs(state.model_copy(update={"asks": ()})) == ((A, B),)


def test_a_used_up_level_keeps_its_name_until_the_auction_is_over() -> None:
    state = book()
    after = kind_of(state).execute(state, "anyone", Trade(A, 20, B, "bid:0"), 0)[1]

    assert after.bids == (Level(price=9, size=0), Level(price=8, size=0))
    assert kind_of(after).pairs(after) == ((B, A),)
    assert kind_of(after).supply(after, A, B).segments == ()


def test_a_bridge_charges_both_fees_and_counts_its_capacity() -> None:
    state = bridge()
    out, after = kind_of(state).execute(state, "anyone", Trade(A, 105, FAR), 0)

    assert (out, after.capacity) == (148, 0)  # 100 carried, 99 after the share, times 3/2
    assert kind_of(state).delay_seconds(state) == 60
    assert kind_of(state).supply(state, A, FAR).segments[0].rate == Fraction(297, 200)


REFUSALS: list[tuple[str, VenueState, Trade, str]] = [
    ("other asset", product(9, 9), Trade(A, 1, FAR), "unknown_asset"),
    ("for itself", product(9, 9), Trade(A, 1, A), "unknown_asset"),
    ("dust", product(1000, 9), Trade(A, 1, B), "no_output"),
    ("full reserve", product(LIMIT, LIMIT), Trade(A, 1, B), "no_output"),
    ("over the reserve", product(LIMIT - 10, LIMIT, (0, 1)), Trade(A, 11, B), "venue_capacity"),
    ("other asset, weighted", weighted(), Trade(A, 1, FAR), "unknown_asset"),
    ("for itself, weighted", weighted(), Trade(A, 1, A), "unknown_asset"),
    ("all goes to the fee", weighted(), Trade(A, 1, B), "no_output"),
    ("over a third", weighted(), Trade(A, 303_032, B), "venue_capacity"),
    ("other asset, book", book(), Trade(FAR, 1, A, "ask:0"), "unknown_asset"),
    ("no level", book(), Trade(B, 234, A), "unknown_level"),
    ("the other side", book(), Trade(B, 234, A, "bid:0"), "unknown_level"),
    ("level too deep", book(), Trade(B, 234, A, "ask:1"), "unknown_level"),
    ("part of a lot", book(), Trade(A, 11, B, "bid:0"), "off_lot"),
    ("less than a lot", book(), Trade(B, 233, A, "ask:0"), "no_output"),
    ("more than there is", book(), Trade(A, 30, B, "bid:0"), "level_overdrawn"),
    ("more than there is to buy", book(), Trade(B, 934, A, "ask:0"), "level_overdrawn"),
    ("nothing left there", book(), Trade(A, 10, B, "bid:1"), "level_overdrawn"),
    ("back over the bridge", bridge(), Trade(FAR, 10, A), "unknown_asset"),
    ("eaten by the fee", bridge(), Trade(A, 5, FAR), "no_output"),
    ("over the capacity", bridge(), Trade(A, 106, FAR), "venue_capacity"),
]


@pytest.mark.parametrize(("state", "trade", "code"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS])
def test_refusals_have_their_codes(state: VenueState, trade: Trade, code: str) -> None:
    with pytest.raises(TradeRefusedError) as refused:
        kind_of(state).execute(state, "anyone", trade, 0)
    assert refused.value.code == code


def test_a_book_closes_at_expiry() -> None:
    assert out_of(book(), A, 10, B, "bid:0", time=99) == 210
    with pytest.raises(TradeRefusedError, match="instrument_expired"):
        out_of(book(), A, 10, B, "bid:0", time=100)


@pytest.mark.parametrize(
    "name", ["ask:00", "ask:1", "ask:", "ask", "ask:-1", "ask:+0", "ask:\u0660", "ASK:0", "bid:0", "", None]
)
def test_a_level_has_one_name(name: str | None) -> None:
    assert level_index(name, "ask", 1) is None
    assert level_index("ask:0", "ask", 1) == 0
