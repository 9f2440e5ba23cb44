"""Writes tests/vectors/intents/*.json: what a stranger's implementation of outcomes must reproduce.

    python -m tests.vectors.make_intent_vectors

outcomes.json      outcome and deployment salt -> typed data, digest (the intent's id), signature by the stated key
cancellations.json the same for cancellations
instruments.json   option, future and perpetual id -> its parts; texts that are none; Deribit names
payoffs.json       positions -> payoff (knots, last slope), values, loss supremum, escrow; floors -> whether they are met

Rationals are strings "n" or "n/d". The keys are examples; nothing of worth may belong to them.
A test compares the files with what this program makes now, and the digests with another implementation's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

from intents.futures import contract_from_deribit
from intents.instruments import Option, from_deribit, option_asset, parse_instrument, parse_option
from intents.kinds import Terms, payoff, structure, swap
from intents.outcome import ExposureBound, IndexHaircut, Knot, Outcome, PayoffFloor
from intents.payoff import PiecewiseLinear, combine, floor_payoff, option_payoff
from intents.signing import (
    Cancellation,
    Signable,
    digest,
    ed25519_owner,
    eip712_owner,
    sign_ed25519,
    sign_eip712,
    typed_data,
)

FOLDER = Path(__file__).resolve().parent / "intents"
SALT = "0x" + "c1" * 32
SECP256K1_KEY = bytes.fromhex("4646464646464646464646464646464646464646464646464646464646464646")
ED25519_KEY = bytes(range(32))

ETH, USDC = "eip155:1/slip44:60", "eip155:42161/erc20:0xaf88d065e77c8cc2239327c5edb3a432268e5831"
BTC = "deribit:main/coin:BTC"
SPREAD_LOW = "deribit:main/option:BTC-20200626T08-9000-C-inv-coin.BTC-deribit.btc"
SPREAD_HIGH = SPREAD_LOW.replace("-9000-", "-10000-")
PUT = SPREAD_LOW.replace("-C-", "-P-")
DECIMALS = {BTC: 8, SPREAD_LOW: 4, SPREAD_HIGH: 4, PUT: 4}


def main() -> None:
    """Write every file."""
    for name, content in vectors().items():
        (FOLDER / name).write_text(text_of(content), encoding="utf-8")


def text_of(content: object) -> str:
    """The text of a vector file."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def vectors() -> Mapping[str, object]:
    """The content of every file by its name."""
    return {
        "outcomes.json": [_signed(name, outcome) for name, outcome in outcomes().items()],
        "cancellations.json": [_signed(name, value) for name, value in _cancellations().items()],
        "instruments.json": _instruments(),
        "payoffs.json": {
            "positions": [_position(*row) for row in POSITIONS],
            "floors": [_floor(*row) for row in FLOORS],
        },
    }


def outcomes() -> Mapping[str, Outcome]:
    """One outcome of each kind, and one with every field in use at its limits."""
    terms = Terms(eip712_owner(SECP256K1_KEY), nonce=1, valid_from=1_590_000_000, valid_until=1_590_003_600)
    edwards = replace(terms, owner=ed25519_owner(ED25519_KEY), nonce=2**256 - 1)
    floor = PayoffFloor(
        underlying="BTC",
        index="deribit.btc",
        fixing_seconds=1_593_158_400,
        settlement=BTC,
        style="inverse",
        knots=(Knot(at="0", value=9000 * 10**8), Knot(at="9000", value=0)),
        slope=0,
    )
    plain = swap(terms, "sell", pay=(ETH, 40 * 10**18), receive=(USDC, 71_000 * 10**6))
    full = plain.model_copy(
        update={
            "payoff_floors": (floor, floor.model_copy(update={"style": "linear", "slope": -(2**255)})),
            "exposure_bounds": (ExposureBound(underlying="BTC", measure="delta", low=-(2**255), high=2**255 - 1),),
            "worst_loss": {BTC: 0, USDC: 2**256 - 1},
            "min_units": 2**53 + 1,
            "max_escrow": {BTC: 10**7},
            "allowed_issuers": ("clearway", "deribit:main"),
            "allowed_venues": ("deribit:main", "eip155:1"),
            "allowed_indices": (IndexHaircut(index="cme.btc", haircut_bps=150), IndexHaircut(index="x", haircut_bps=0)),
            "refund": {ETH: 40 * 10**18},
            "receiver": ed25519_owner(ED25519_KEY),
        }
    )
    return {
        "swap_sell": plain,
        "swap_buy": swap(terms, "buy", pay=(ETH, 40 * 10**18), receive=(USDC, 71_000 * 10**6)),
        "swap_all_or_none_ed25519": swap(
            replace(edwards, fill_policy="all_or_none"), "sell", pay=(USDC, 1), receive=(ETH, 0)
        ),
        "short_call_spread_for_a_credit": structure(
            terms,
            legs={SPREAD_LOW: -1000, SPREAD_HIGH: 1000},
            quantity=5,
            premium=BTC,
            net_price=-300_000,
            decimals=DECIMALS,
        ),
        "put_floor_in_lots": payoff(edwards, floor=floor, budget=5_000_000, premium=BTC, floor_units=10),
        "every_field": full,
    }


def _cancellations() -> Mapping[str, Cancellation]:
    return {
        name: Cancellation(owner=outcome.owner, intent="0x" + digest(outcome, SALT).hex())
        for name, outcome in outcomes().items()
        if name in ("swap_sell", "put_floor_in_lots")
    }


def _signed(name: str, value: Signable) -> dict[str, object]:
    ed25519 = value.owner.startswith("ed25519:")
    key = ED25519_KEY if ed25519 else SECP256K1_KEY
    scheme, signature = (sign_ed25519 if ed25519 else sign_eip712)(value, SALT, key)
    return {
        "name": name,
        "salt": SALT,
        "value": value.to_wire(),
        "typed_data": typed_data(value, SALT),
        "digest": "0x" + digest(value, SALT).hex(),
        "private_key": "0x" + key.hex(),
        "scheme": scheme,
        "signature": signature,
    }


CONTRACTS = (
    "deribit:main/future:BTC-20201225T08-inv-coin.BTC-deribit.btc",
    "deribit:main/perp:BTC-inv-coin.BTC-deribit.btc",
    "dydx:main/perp:ETH-lin-token.USDC-dydx.eth",
)
CONTRACT_NAMES = ("BTC-25DEC20", "BTC-PERPETUAL", "SOL_USDC-PERPETUAL", "BTC_USDC-5JUN26")


def _instruments() -> dict[str, object]:
    call = parse_option(SPREAD_LOW)
    options: list[Option] = [
        call,
        replace(call, right="P", strike="0.125", index="cme.btc"),
        replace(call, issued_by_clearway=True, expiry_seconds=0),
        Option(
            "eip155:1",
            True,
            "ETH",
            "chainlink.eth",
            253_402_297_200,
            "2500",
            "C",
            "linear",
            "eip155:1/erc20:0x" + "a0" * 20,
        ),
    ]
    names = ("BTC-26JUN20-9000-C", "BTC-5JUN20-10000-P", "ETH-31DEC99-1-C")
    refused = (
        SPREAD_LOW.replace("-9000-", "-9000.0-"),
        SPREAD_LOW.replace("-9000-", "-0-"),
        SPREAD_LOW.replace("T08", "T8"),
        SPREAD_LOW.replace("20200626", "20200631"),
        SPREAD_LOW.replace("-inv-", "-inverse-"),
        SPREAD_LOW.replace("coin.BTC", "option.BTC"),
        SPREAD_LOW.replace("-deribit.btc", ""),
        BTC,
        CONTRACTS[0].replace("T08", "T8"),
        CONTRACTS[1].replace("/perp:", "/future:"),
        CONTRACTS[2].replace("-lin-", "-quanto-"),
    )
    return {
        "options": [{"asset": option_asset(option), **asdict(option), "issuer": option.issuer} for option in options],
        "contracts": [
            {"asset": asset, **asdict(parse_instrument(asset)), "issuer": parse_instrument(asset).issuer}
            for asset in CONTRACTS
        ],
        "deribit_contracts": [{"name": name, **contract_from_deribit(name)._asdict()} for name in CONTRACT_NAMES],
        "refused": list(refused),
        "deribit": [{"name": name, **from_deribit(name)._asdict()} for name in names],
        "refused_deribit": ["BTC-05JUN20-9000-C", "BTC-31JUN20-9000-C", "BTC-5JUN20-9000-X", "BTC-PERPETUAL"],
    }


CALL_SPREAD = {"9000-C": -10_000, "10000-C": 10_000}
POSITIONS: tuple[tuple[str, str, dict[str, int]], ...] = (
    ("short_call_spread", "inverse", CALL_SPREAD),
    ("short_call_spread", "linear", CALL_SPREAD),
    ("naked_short_call", "inverse", {"9000-C": -10_000}),
    ("naked_short_call", "linear", {"9000-C": -10_000}),
    ("naked_short_put", "inverse", {"9000-P": -10_000}),
    ("naked_short_put", "linear", {"9000-P": -10_000}),
    ("put_covered_at_zero_only", "inverse", {"9000-P": -8, "8000-P": 9}),
    ("one_base_unit_of_a_short_spread", "inverse", {"9000-C": -1, "9001-C": 1}),
    ("iron_condor", "inverse", {"8000-P": 9, "9000-P": -8, "10000-C": -1, "11000-C": 1}),
    ("butterfly", "inverse", {"8000-C": 1, "9000-C": -2, "10000-C": 1}),
)
"""Name, style, base units (4 decimals) of options by strike and right, settled in an asset of 8 decimals."""

FLOORS: tuple[tuple[str, dict[str, int], list[tuple[str, int]], int], ...] = (
    ("a put is the put floor", {"9000-P": 10_000}, [("0", 9000 * 10**8), ("9000", 0)], 0),
    ("a lower put is not", {"8999-P": 10_000}, [("0", 9000 * 10**8), ("9000", 0)], 0),
    ("one base unit less is not", {"9000-P": 9_999}, [("0", 9000 * 10**8), ("9000", 0)], 0),
    ("a call spread caps below the call", {"9000-C": 10_000, "10000-C": -10_000}, [("0", 0), ("9000", 0)], 10**8),
    ("a call beats the call spread", {"9000-C": 10_000}, [("0", 0), ("9000", 0), ("10000", 10**11)], 0),
    ("slopes beyond the last knot count", {"9000-C": 9_999}, [("0", -(10**12))], 10**8),
)
"""Name, position (as above, inverse), and a floor's knots and last slope: is the floor met?"""


def _payoff_of(legs: Mapping[str, int]) -> PiecewiseLinear:
    ids = {leg: SPREAD_LOW.replace("-9000-C-", f"-{leg}-") for leg in legs}
    return combine((position, option_payoff(parse_option(ids[leg]), 8, 4)) for leg, position in legs.items())


def _position(name: str, style: Any, legs: dict[str, int]) -> dict[str, object]:
    function = _payoff_of(legs)
    loss = function.loss_supremum(style)
    prices = [Fraction(price) for price in ("0", "1/2", "8500", "9000", "9500.25", "10000", "1000000")]
    return {
        "name": name,
        "style": style,
        "position": legs,
        "knots": [[str(at), str(value)] for at, value in function.knots],
        "slope": str(function.slope),
        "values": [[str(price), str(function.evaluate(price))] for price in prices],
        "loss_supremum": None if loss.amount is None else str(loss.amount),
        "attained": loss.attained,
        "escrow": None if loss.amount is None else str(ceil(loss.amount)),
    }


def _floor(name: str, legs: dict[str, int], knots: list[tuple[str, int]], slope: int) -> dict[str, object]:
    floor = PayoffFloor(
        underlying="BTC",
        index="deribit.btc",
        fixing_seconds=1_593_158_400,
        settlement=BTC,
        style="inverse",
        knots=tuple(Knot(at=at, value=value) for at, value in knots),
        slope=slope,
    )
    met = _payoff_of(legs).dominates(floor_payoff(floor))
    return {"name": name, "position": legs, "floor": floor.to_wire(), "met": met}


if __name__ == "__main__":
    main()
