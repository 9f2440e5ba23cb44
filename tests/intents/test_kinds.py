"""Wishes compile to canonical Outcomes; escrow and floors on holdings follow the rules."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intents.errors import InputError
from intents.instruments import option_asset, parse_option
from intents.kinds import Terms, escrow_of, floor_on_change, floor_with, payoff, structure, swap
from intents.outcome import IndexHaircut, Knot, Outcome, PayoffFloor
from intents.payoff import PiecewiseLinear, combine, counted_position, floor_payoff, option_payoff

BTC, USDC, ETH = "deribit:main/coin:BTC", "sim:alpha/token:USDC", "sim:alpha/token:ETH"
OWNER = "0x" + "11" * 20
TERMS = Terms(OWNER, nonce=1, valid_from=0, valid_until=100)
AON = replace(TERMS, fill_policy="all_or_none")
NAME = "deribit:main/option:BTC-20200626T08-{}-{}-inv-coin.BTC-deribit.btc"
CALL_9, CALL_10, PUT_8, PUT_9 = (NAME.format(*x) for x in (("9000", "C"), ("10000", "C"), ("8000", "P"), ("9000", "P")))
DECIMALS = {BTC: 8, CALL_9: 4, CALL_10: 4, PUT_8: 4, PUT_9: 4}
LOT = 1000
"""A tenth of a contract, the venue's lot."""


def code_of(wish: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        wish()
    return caught.value.code


def test_a_sell_and_a_buy_differ_in_units_and_surplus() -> None:
    sell = swap(TERMS, "sell", pay=(ETH, 40), receive=(USDC, 71_000))
    buy = swap(TERMS, "buy", pay=(ETH, 40), receive=(USDC, 71_000))

    assert (sell.units, sell.surplus_asset, sell.surplus_is_paid) == (40, USDC, False)
    assert (buy.units, buy.surplus_asset, buy.surplus_is_paid) == (71_000, ETH, True)
    for wish in (sell, buy):
        assert (wish.pays, wish.receives) == ({ETH: 40}, {USDC: 71_000})
        assert (wish.owner, wish.receiver, wish.min_units, wish.is_plain_swap) == (OWNER, OWNER, 1, True)


def test_an_all_or_none_swap_is_one_unit() -> None:
    wish = swap(AON, "sell", pay=(ETH, 40), receive=(USDC, 71_000))
    assert (wish.units, wish.min_units, wish.fill_policy) == (1, 1, "all_or_none")


@pytest.mark.parametrize(
    ("side", "pays", "gets", "where"), [("sell", 0, 1, "/pay"), ("buy", 0, 0, "/pay"), ("buy", 1, 0, "/receive")]
)
def test_a_swap_of_nothing_is_refused(side: Literal["sell", "buy"], pays: int, gets: int, where: str) -> None:
    with pytest.raises(InputError) as caught:
        swap(TERMS, side, pay=(ETH, pays), receive=(USDC, gets))
    assert (caught.value.code, caught.value.where) == ("zero_amount", where)


def test_a_swap_for_whatever_comes_is_allowed_but_not_of_one_asset() -> None:
    assert swap(TERMS, "sell", pay=(ETH, 1), receive=(USDC, 0)).receives == {USDC: 0}
    with pytest.raises(ValueError, match="asset_paid_and_received"):
        swap(TERMS, "sell", pay=(ETH, 1), receive=(ETH, 1))


def test_lists_are_put_in_order() -> None:
    terms = replace(
        TERMS,
        receiver="ed25519:" + "22" * 32,
        allowed_issuers=["deribit:main", "clearway", "clearway"],
        allowed_venues={"sim:beta", "sim:alpha"},
        allowed_indices=[IndexHaircut(index="b", haircut_bps=2), IndexHaircut(index="a", haircut_bps=1)],
    )
    wish = swap(terms, "sell", pay=(ETH, 40), receive=(USDC, 71_000))
    assert wish.receiver == "ed25519:" + "22" * 32
    assert wish.allowed_issuers == ("clearway", "deribit:main")
    assert wish.allowed_venues == ("sim:alpha", "sim:beta")
    assert [entry.index for entry in wish.allowed_indices] == ["a", "b"]


def spread(net_price: int, sign: int = 1, **more: Any) -> Outcome:
    legs = {CALL_10: -sign * LOT, CALL_9: sign * LOT, PUT_9: 0}
    return structure(
        more.pop("terms", TERMS), legs=legs, quantity=5, premium=BTC, net_price=net_price, decimals=DECIMALS, **more
    )


def test_a_call_spread_for_a_debit_needs_no_escrow() -> None:
    wish = spread(net_price=300_000)
    assert wish.pays == {BTC: 1_500_000, CALL_10: 5 * LOT}
    assert wish.receives == {CALL_9: 5 * LOT}
    assert (wish.units, wish.min_units, wish.surplus_asset, wish.max_escrow) == (5, 1, BTC, {})
    assert not wish.is_plain_swap
    assert spread(net_price=300_000, terms=AON).min_units == 5
    assert spread(net_price=0).pays[BTC] == 0


def test_a_short_call_spread_for_a_credit_escrows_a_tenth_of_a_coin_a_contract() -> None:
    wish = spread(net_price=-300_000, sign=-1)
    assert wish.receives == {BTC: 1_500_000, CALL_10: 5 * LOT}
    assert wish.pays == {CALL_9: 5 * LOT}
    assert wish.max_escrow == {BTC: 10**7 // 2}
    assert spread(net_price=-300_000, sign=-1, max_escrow={BTC: 7}).max_escrow == {BTC: 7}


def test_buying_alone_needs_no_decimals_and_any_ratio_counts() -> None:
    wish = structure(TERMS, legs={CALL_9: 1, PUT_9: 2}, quantity=1, premium=BTC, net_price=5, decimals={})
    assert (wish.receives, wish.max_escrow) == ({CALL_9: 1, PUT_9: 2}, {})


def test_what_can_not_be_escrowed_is_refused() -> None:
    def sell(asset: str, **more: Any) -> Outcome:
        return structure(
            TERMS,
            legs={asset: -LOT},
            quantity=1,
            premium=BTC,
            net_price=-1,
            decimals=more.pop("decimals", DECIMALS),
            **more,
        )

    assert code_of(lambda: sell(PUT_9)) == "uncovered_short"
    assert sell(PUT_9, max_escrow={}).pays == {PUT_9: LOT}
    assert sell(CALL_9).max_escrow == {BTC: 10**7}
    assert code_of(lambda: sell(CALL_9, decimals={BTC: 8})) == "unknown_asset"
    assert code_of(lambda: sell(BTC)) == "bad_instrument"
    assert (
        code_of(lambda: structure(TERMS, legs={PUT_9: 0}, quantity=1, premium=BTC, net_price=1, decimals=DECIMALS))
        == "no_legs"
    )


def test_escrow_is_by_class_and_rounds_up() -> None:
    other = option_asset(replace(parse_option(CALL_10), index="other.btc"))
    issued = option_asset(replace(parse_option(CALL_10), issued_by_clearway=True))
    later = option_asset(replace(parse_option(CALL_10), expiry_seconds=parse_option(CALL_10).expiry_seconds + 3600))
    decimals = DECIMALS | {other: 4, issued: 4, later: 4}

    assert escrow_of({CALL_9: -(10**4), CALL_10: 10**4}, decimals) == {BTC: 10**7}
    for cover in (other, issued, later):
        assert escrow_of({CALL_9: -(10**4), cover: 10**4}, decimals) == {BTC: 10**8}
    assert escrow_of({CALL_9: -1, CALL_10: 1}, DECIMALS | {CALL_9: 10, CALL_10: 10}) == {BTC: 1}
    assert escrow_of({CALL_9: 5}, DECIMALS) == {}


FLOOR = PayoffFloor(
    underlying="BTC",
    index="deribit.btc",
    fixing_seconds=parse_option(PUT_9).expiry_seconds,
    settlement=BTC,
    style="inverse",
    knots=(Knot(at="0", value=9000 * 10**8), Knot(at="9000", value=0)),
    slope=0,
)


def test_a_payoff_wish_states_floor_and_budget() -> None:
    wish = payoff(AON, floor=FLOOR, budget=2 * 10**6, premium=BTC, floor_units=10)
    assert (wish.pays, wish.receives, wish.payoff_floors) == ({BTC: 2 * 10**6}, {}, (FLOOR,))
    assert (wish.units, wish.min_units, wish.surplus_asset) == (10, 10, BTC)

    income = payoff(TERMS, floor=FLOOR, budget=-5, premium=BTC, max_escrow={BTC: 3}, worst_loss={BTC: 4})
    assert (income.pays, income.receives, income.max_escrow, income.worst_loss) == ({}, {BTC: 5}, {BTC: 3}, {BTC: 4})
    assert (income.units, income.surplus_is_paid) == (1, False)


def test_a_held_put_leaves_nothing_to_ask_for() -> None:
    change = floor_on_change(FLOOR, {PUT_9: 10**4}, decimals=DECIMALS)
    assert change.knots == (Knot(at="0", value=0),)
    assert change.slope == 0


def test_held_coins_count_with_the_price() -> None:
    """Keep one coin worth at least 8,000 USDC: the change must pay 8000 - S, which a put does."""
    held = PayoffFloor(**(dict(FLOOR) | {"style": "linear", "settlement": USDC, "knots": (Knot(at="0", value=8000),)}))
    change = floor_on_change(held, {}, decimals={USDC: 0}, underlying_held=1)
    assert (change.knots, change.slope) == ((Knot(at="0", value=8000),), -1)


positions = st.dictionaries(st.sampled_from([CALL_9, CALL_10, PUT_8, PUT_9]), st.integers(-9999, 9999), max_size=4)


@settings(max_examples=120, derandomize=True)
@given(positions, st.integers(0, 3), st.sampled_from(["deribit.btc", "other.btc", "strange.btc"]), st.data())
def test_a_floor_on_the_change_keeps_the_floor_on_the_whole(
    holdings: dict[str, int], spot: int, index: str, data: st.DataObject
) -> None:
    floor = PayoffFloor(**(dict(FLOOR) | {"index": index}))
    allowed = [IndexHaircut(index="deribit.btc", haircut_bps=777)]
    decimals = DECIMALS | {asset: data.draw(st.integers(0, 11)) for asset in holdings}
    change = floor_on_change(
        floor, holdings, decimals=decimals, underlying_held=Fraction(spot, 2), allowed_indices=allowed
    )

    haircut = 0 if index == "deribit.btc" else 777
    coins = PiecewiseLinear(Fraction(0), Fraction(spot * 10**8, 2))
    held = combine(
        [(1, coins)]
        + [
            (counted_position(held, haircut), option_payoff(parse_option(asset), 8, decimals[asset]))
            for asset, held in holdings.items()
        ]
    )
    kept = floor_payoff(change) + held
    assert kept.dominates(floor_payoff(floor))
    excess = kept - floor_payoff(floor)
    assert all(value < 1 for _, value in excess.knots)
    assert 0 <= excess.slope < 1


def test_a_floor_rounds_up_and_needs_decimal_knots() -> None:
    third = Fraction(1, 3)
    rounded = floor_with(FLOOR, PiecewiseLinear.from_knots([(0, third), (Fraction(1, 2), -third)], third))
    assert (rounded.knots, rounded.slope) == ((Knot(at="0", value=1), Knot(at="0.5", value=0)), 1)
    awkward = PiecewiseLinear.from_knots([(0, 0), (third, 1)], 0)
    assert code_of(lambda: floor_with(FLOOR, awkward)) == "noncanonical_decimal"
