"""Ids of futures and perpetuals: a strict round trip with one spelling, Deribit's names, and what a balance is worth."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intents.errors import InputError
from intents.futures import (
    DeribitContract,
    Future,
    Perpetual,
    contract_from_deribit,
    contract_to_deribit,
    future_asset,
    parse_future,
    parse_perpetual,
    perpetual_asset,
    signed_contracts,
)
from intents.instrument_ids import Style
from intents.instruments import parse_instrument
from intents.kinds import escrow_of
from intents.outcome import DERIVATIVE_NAMESPACES, Knot, PayoffFloor, is_derivative
from intents.payoff import haircut_for, instrument_payoff

FUTURE = Future("deribit:main", "BTC", "deribit.btc", 1608883200, "inverse", "deribit:main/coin:BTC")
FUTURE_ASSET = "deribit:main/future:BTC-20201225T08-inv-coin.BTC-deribit.btc"
PERPETUAL = Perpetual("deribit:main", "BTC", "deribit.btc", "inverse", "deribit:main/coin:BTC")
PERPETUAL_ASSET = "deribit:main/perp:BTC-inv-coin.BTC-deribit.btc"


def test_the_documented_ids_say_the_contracts() -> None:
    assert (future_asset(FUTURE), perpetual_asset(PERPETUAL)) == (FUTURE_ASSET, PERPETUAL_ASSET)
    assert (parse_future(FUTURE_ASSET), parse_perpetual(PERPETUAL_ASSET)) == (FUTURE, PERPETUAL)
    assert [parse_instrument(asset) for asset in (FUTURE_ASSET, PERPETUAL_ASSET)] == [FUTURE, PERPETUAL]
    assert FUTURE.issuer == PERPETUAL.issuer == "deribit:main"
    assert all(is_derivative(f"deribit:main/{namespace}:x") for namespace in DERIVATIVE_NAMESPACES)


@settings(max_examples=200, derandomize=True)
@given(
    st.sampled_from([FUTURE_ASSET, PERPETUAL_ASSET]),
    st.integers(0, len(PERPETUAL_ASSET) - 1),
    st.characters(codec="ascii"),
    st.sampled_from(["replace", "insert", "delete"]),
)
def test_an_edited_id_is_refused_or_is_the_one_spelling_of_another(
    asset: str, at: int, character: str, how: str
) -> None:
    edited = asset[:at] + ("" if how == "delete" else character) + asset[at + (how != "insert") :]
    try:
        found = parse_instrument(edited)
    except InputError:
        return
    assert isinstance(found, Future | Perpetual)
    assert (future_asset(found) if isinstance(found, Future) else perpetual_asset(found)) == edited


@pytest.mark.parametrize(
    "asset",
    [
        "",
        "deribit:main/coin:BTC",
        FUTURE_ASSET.replace("T08", "T8"),
        FUTURE_ASSET.replace("coin.BTC", "perp.BTC"),
        FUTURE_ASSET.replace("/future:", "/perp:"),
        PERPETUAL_ASSET.replace("/perp:", "/future:"),
        PERPETUAL_ASSET.replace("-inv-", "-quanto-"),
        PERPETUAL_ASSET.replace("-deribit.btc", "-deribit-btc"),
    ],
)
def test_another_spelling_is_refused(asset: str) -> None:
    with pytest.raises(InputError, match="bad_instrument"):
        parse_instrument(asset)


@pytest.mark.parametrize("changes", [{"settlement": "eip155:1/coin:BTC"}, {"underlying": "B-C"}, {"index": ""}])
def test_a_contract_that_no_id_expresses_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="bad_instrument"):
        future_asset(replace(FUTURE, **changes))
    with pytest.raises(InputError, match="bad_instrument"):
        perpetual_asset(replace(PERPETUAL, **changes))


@pytest.mark.parametrize(
    ("name", "contract"),
    [
        ("BTC-25DEC20", DeribitContract("BTC", None, 1608883200)),
        ("BTC-PERPETUAL", DeribitContract("BTC", None, None)),
        ("SOL_USDC-PERPETUAL", DeribitContract("SOL", "USDC", None)),
        ("BTC_USDC-5JUN26", DeribitContract("BTC", "USDC", 1780646400)),
    ],
)
def test_deribit_names_round_trip(name: str, contract: DeribitContract) -> None:
    assert contract_from_deribit(name) == contract
    assert contract_to_deribit(contract) == name


@pytest.mark.parametrize("name", ["BTC-05JUN20", "BTC-31JUN20", "BTC-5JUN20-9000-C", "BTC-PERPETUA", "btc-PERPETUAL"])
def test_another_deribit_spelling_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="bad_instrument"):
        contract_from_deribit(name)


def test_what_is_left_in_both_balances_is_the_contracts_profit() -> None:
    """10,000 dollars at 8,000, then 10,000: linear 1.25 BTC earn 2,500; inverse 1.25 - 1 = 0.25 BTC, worth as much."""
    entry, later = Fraction(8000), Fraction(10_000)
    linear = instrument_payoff(replace(FUTURE, style="linear"), 6, 4).evaluate(later)
    assert -(entry * 10**6) * Fraction(5, 4) + 12_500 * linear == 2_500 * 10**6
    dollars = signed_contracts("inverse", 10_000 * 10**4)
    assert dollars == -(10_000 * 10**4)
    inverse = instrument_payoff(FUTURE, 8, 4).evaluate(later) / later
    assert Fraction(10_000, 8000) * 10**8 + dollars * inverse == Fraction(10**8, 4)


@pytest.mark.parametrize("style", ["linear", "inverse"])
def test_shorts_lose_without_bound_and_only_futures_count_toward_a_fixing(style: Style) -> None:
    future, perpetual = replace(FUTURE, style=style), replace(PERPETUAL, style=style)
    for long in (instrument_payoff(future, 8, 4), instrument_payoff(perpetual, 8, 4)):
        assert long.loss_supremum(style).amount == 0
        assert (-long).loss_supremum(style).amount is None
    floor = PayoffFloor(
        underlying="BTC",
        index="deribit.btc",
        fixing_seconds=FUTURE.expiry_seconds,
        settlement=FUTURE.settlement,
        style=style,
        knots=(Knot(at="0", value=0),),
        slope=1,
    )
    assert haircut_for(future, floor, ()) == 0
    assert haircut_for(replace(future, expiry_seconds=0), floor, ()) is None
    assert haircut_for(perpetual, floor, ()) is None


def test_a_call_bounds_what_a_short_future_can_lose() -> None:
    """Short a future and long a call struck at 9,000: at most 9,000 is lost, whatever the price."""
    future = "deribit:main/future:BTC-20200626T08-lin-token.USDC-deribit.btc"
    call = "deribit:main/option:BTC-20200626T08-9000-C-lin-token.USDC-deribit.btc"
    decimals = {future: 0, call: 0, "deribit:main/token:USDC": 6}
    assert escrow_of({future: -1, call: 1}, decimals) == {"deribit:main/token:USDC": 9000 * 10**6}
    for short in (future, future.replace("future", "perp").replace("-20200626T08", "")):
        with pytest.raises(InputError, match="uncovered_short"):
            escrow_of({short: -1}, decimals | {short: 0})
