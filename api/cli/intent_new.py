"""`clearway intent new`: one command for each kind of wish. Each writes the outcome that it compiles to."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from api.cli.documents import read_problem, write_value
from api.cli.output import say
from intents import kinds
from intents.errors import InputError
from intents.kinds import Terms
from intents.outcome import Knot, Outcome, PayoffFloor

new_app = typer.Typer(help="Write an outcome: swap, structure or payoff.", no_args_is_help=True)


class Style(StrEnum):
    """What options settle in: linear in the quote, inverse in the underlying itself."""

    LINEAR = "linear"
    INVERSE = "inverse"


Owner = Annotated[str, typer.Option(help="Who signs: 0x... or ed25519:...")]
Receiver = Annotated[str | None, typer.Option(help="Who gets what is bought; by default the owner.")]
Until = Annotated[int, typer.Option("--valid-until", help="Unix seconds, exclusive.")]
From = Annotated[int, typer.Option("--valid-from", help="Unix seconds, inclusive.")]
Nonce = Annotated[int | None, typer.Option(help="Any number not used before; by default a random one.")]
AllOrNone = Annotated[bool, typer.Option("--all-or-none", help="Fill everything or nothing.")]
MinUnits = Annotated[int, typer.Option(min=1, help="The least that is filled at once, in units.")]
Issuers = Annotated[list[str] | None, typer.Option("--issuer", help="Accept options of this issuer only; repeatable.")]
Escrow = Annotated[list[str] | None, typer.Option("--max-escrow", metavar="ASSET=AMOUNT", help="Repeatable.")]
Output = Annotated[Path, typer.Option("-o", "--output", help="Where the outcome is written.", dir_okay=False)]
Premium = Annotated[str, typer.Option(help="The asset it is paid for in.")]


@new_app.command()
def swap(
    *,
    owner: Owner,
    sell: Annotated[str, typer.Option(metavar="ASSET=AMOUNT", help="What is paid, at most.")],
    receive: Annotated[str, typer.Option(metavar="ASSET=AMOUNT", help="What is received, at least.")],
    valid_until: Until,
    output: Output,
    buy: Annotated[
        bool, typer.Option("--buy", help="A buy order: the amount received is fixed, paying less is better.")
    ] = False,
    receiver: Receiver = None,
    valid_from: From = 0,
    nonce: Nonce = None,
    all_or_none: AllOrNone = False,
    min_units: MinUnits = 1,
) -> None:
    """Exchange one asset for another at a limit."""
    terms = _terms(owner, receiver, valid_from, valid_until, nonce, all_or_none, min_units)
    side: Literal["buy", "sell"] = "buy" if buy else "sell"
    _write(kinds.swap(terms, side, pay=_amount(sell, "--sell"), receive=_amount(receive, "--receive")), output)


@new_app.command()
def structure(
    *,
    owner: Owner,
    leg: Annotated[
        list[str], typer.Option(metavar="ASSET=RATIO", help="Base units in one structure, negative sold; repeatable.")
    ],
    quantity: Annotated[int, typer.Option(min=1, help="How many structures.")],
    premium: Premium,
    net_price: Annotated[
        int, typer.Option(help="Base units for one structure: the most to pay, or negative, the least to get.")
    ],
    valid_until: Until,
    output: Output,
    problem: Annotated[
        Path | None, typer.Option(help="A problem that knows the options' decimals (to work out escrow).")
    ] = None,
    max_escrow: Escrow = None,
    receiver: Receiver = None,
    valid_from: From = 0,
    nonce: Nonce = None,
    all_or_none: AllOrNone = False,
    min_units: MinUnits = 1,
    issuer: Issuers = None,
) -> None:
    """Trade named options, futures or perpetuals in fixed ratios at a net price."""
    terms = _terms(owner, receiver, valid_from, valid_until, nonce, all_or_none, min_units, issuer or ())
    assets = read_problem(problem).snapshot.assets if problem else {}
    outcome = kinds.structure(
        terms,
        legs=_amounts(leg, "--leg", signed=True),
        quantity=quantity,
        premium=premium,
        net_price=net_price,
        decimals={asset: info.decimals for asset, info in assets.items()},
        max_escrow=None if max_escrow is None else _amounts(max_escrow, "--max-escrow"),
    )
    _write(outcome, output)


@new_app.command()
def payoff(
    *,
    owner: Owner,
    underlying: Annotated[str, typer.Option(help="What the payoff depends on, as in option ids: BTC.")],
    index: Annotated[str, typer.Option(help="Settlement index, as in option ids: deribit.btc.")],
    fixing: Annotated[int, typer.Option(help="Unix seconds of the fixing, which is the options' expiry.")],
    settlement: Annotated[str, typer.Option(help="The asset it is settled in.")],
    knot: Annotated[list[str], typer.Option(metavar="PRICE=VALUE", help="A corner, from price 0 up; repeatable.")],
    budget: Annotated[int, typer.Option(help="The most to pay for all units, in base units of the premium asset.")],
    premium: Premium,
    valid_until: Until,
    output: Output,
    slope: Annotated[int, typer.Option(help="Slope beyond the last corner.")] = 0,
    style: Annotated[Style, typer.Option(help="For inverse, values are S times the payment.")] = Style.LINEAR,
    units: Annotated[int, typer.Option(min=1, help="Units that floor and budget are for, together.")] = 1,
    max_escrow: Escrow = None,
    receiver: Receiver = None,
    valid_from: From = 0,
    nonce: Nonce = None,
    all_or_none: AllOrNone = False,
    min_units: MinUnits = 1,
    issuer: Issuers = None,
) -> None:
    """Hold what pays at least a given function of a price at its fixing, within a budget; which options is left open."""
    terms = _terms(owner, receiver, valid_from, valid_until, nonce, all_or_none, min_units, issuer or ())
    floor = PayoffFloor(
        underlying=underlying,
        index=index,
        fixing_seconds=fixing,
        settlement=settlement,
        style=style.value,
        knots=tuple(Knot(at=at, value=value) for at, value in (_pair(text, "--knot") for text in knot)),
        slope=slope,
    )
    outcome = kinds.payoff(
        terms,
        floor=floor,
        budget=budget,
        premium=premium,
        floor_units=units,
        max_escrow=_amounts(max_escrow or (), "--max-escrow"),
    )
    _write(outcome, output)


def _terms(
    owner: str,
    receiver: str | None,
    valid_from: int,
    valid_until: int,
    nonce: int | None,
    all_or_none: bool,
    min_units: int,
    issuers: Sequence[str] = (),
) -> Terms:
    return Terms(
        owner=owner,
        receiver=receiver,
        nonce=secrets.randbits(64) if nonce is None else nonce,
        valid_from=valid_from,
        valid_until=valid_until,
        fill_policy="all_or_none" if all_or_none else "partial",
        min_units=min_units,
        allowed_issuers=issuers,
    )


def _write(outcome: Outcome, output: Path) -> None:
    write_value(output, outcome)
    say(f"written to {output}")


def _pair(text: str, option: str) -> tuple[str, int]:
    """NAME=INTEGER. Raises InputError `bad_option`."""
    name, equals, number = text.rpartition("=")
    if not (name and equals and number.removeprefix("-").isdecimal() and number.isascii()):
        raise InputError("bad_option", option, expected="NAME=INTEGER", actual=text[:200])
    return name, int(number)


def _amount(text: str, option: str) -> tuple[str, int]:
    asset, amount = _pair(text, option)
    if amount < 0:
        raise InputError("bad_option", option, expected="an amount that is not negative", actual=text[:200])
    return asset, amount


def _amounts(texts: Sequence[str], option: str, *, signed: bool = False) -> dict[str, int]:
    pairs = [_pair(text, option) if signed else _amount(text, option) for text in texts]
    amounts = dict(pairs)
    if len(amounts) != len(pairs):
        raise InputError("duplicate_key", option, expected="each asset once", actual=" ".join(texts)[:200])
    return amounts
