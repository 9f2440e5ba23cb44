"""Futures and perpetuals as assets: the one place that parses or builds their ids.

    <place>/future:<underlying>-<YYYYMMDDTHH>-<inv|lin>-<settlement namespace>.<settlement reference>-<index>
    <place>/perp:<underlying>-<inv|lin>-<settlement namespace>.<settlement reference>-<index>
    deribit:main/future:BTC-20201225T08-inv-coin.BTC-deribit.btc        Deribit's BTC-25DEC20
    deribit:main/perp:BTC-inv-coin.BTC-deribit.btc                      Deribit's BTC-PERPETUAL

Guarantees
1. Building and parsing are inverse to each other and each contract has one spelling (`bad_instrument` for others).
2. The id says everything that decides what a position is worth. The issuer is the venue at the place.

What a balance means. A position is bought with, and sold for, the settlement asset at the moment of the trade; what is
left in the two balances together is what a margin account would show (dYdX v4 keeps subaccounts this way). At price S
of the index, one whole unit (10^decimals base units) is worth

    linear      S of the settlement asset          bought at F for F;   +1 is long one unit of the underlying
    inverse     1 / S coins                        bought at F for 1/F; +1 is SHORT contracts of one unit of quote

so that profit is S - F for a linear long. A long of N dollars of an inverse contract is a balance of -N: N dollars of
it were sold for N/F coins and are worth -N/S, together N/F - N/S, which is the contract's profit. `signed_contracts`
turns a balance into the venue's sign. Contract sizes (Deribit: 10 dollars) and ticks belong to venues, as lots do.
It does not know decimals, prices, funding or which contracts exist. Terms and names: Deribit's contract specifications.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from intents.identifiers import AssetId, place_of
from intents.instrument_ids import (
    DERIBIT_DAY,
    STYLE_CODES,
    Style,
    format_deribit_day,
    format_expiry,
    format_settlement,
    parse_deribit_day,
    parse_expiry,
    parse_settlement,
    parse_style,
    refuse,
    split_reference,
)

_FUTURE = "<underlying>-<expiry>-<inv|lin>-<settlement>-<index>"
_PERPETUAL = "<underlying>-<inv|lin>-<settlement>-<index>"
_DERIBIT = re.compile(r"([A-Z0-9]{1,10})(?:_([A-Z]{3,5}))?-(?:(PERPETUAL)|" + DERIBIT_DAY + ")", re.ASCII)


@dataclass(frozen=True)
class Future:
    """A contract that settles once, at `expiry_seconds`, against `index`."""

    place: str
    underlying: str
    index: str
    expiry_seconds: int
    style: Style
    settlement: AssetId

    @property
    def issuer(self) -> str:
        """Who owes the payment: the place of the venue."""
        return self.place


@dataclass(frozen=True)
class Perpetual:
    """A contract that never settles; funding holds it near `index`."""

    place: str
    underlying: str
    index: str
    style: Style
    settlement: AssetId

    @property
    def issuer(self) -> str:
        """Who owes the payment: the place of the venue."""
        return self.place

    @property
    def expiry_seconds(self) -> None:
        """It has none."""
        return


class DeribitContract(NamedTuple):
    """What Deribit's name of a future or (without an expiry) perpetual says; without a quote it is an inverse one."""

    coin: str
    quote: str | None
    expiry_seconds: int | None


def future_asset(future: Future) -> AssetId:
    """The asset id. Raises InputError `bad_instrument` where no id says the contract exactly."""
    expiry, code = format_expiry(future.expiry_seconds), STYLE_CODES[future.style]
    settlement = format_settlement(future.settlement)
    asset = f"{future.place}/future:{future.underlying}-{expiry}-{code}-{settlement}-{future.index}"
    if parse_future(asset) != future:
        refuse("a future that its id can express", f"{future}")
    return asset


def perpetual_asset(perpetual: Perpetual) -> AssetId:
    """The asset id. Raises InputError `bad_instrument` where no id says the contract exactly."""
    code, settlement = STYLE_CODES[perpetual.style], format_settlement(perpetual.settlement)
    asset = f"{perpetual.place}/perp:{perpetual.underlying}-{code}-{settlement}-{perpetual.index}"
    if parse_perpetual(asset) != perpetual:
        refuse("a perpetual that its id can express", f"{perpetual}")
    return asset


@lru_cache(maxsize=2048)
def parse_future(asset: AssetId) -> Future:
    """The future that an asset id names. Raises InputError `bad_instrument` for any other text or spelling."""
    underlying, expiry, code, settled, index = split_reference(asset, ("future",), _FUTURE)
    settlement = parse_settlement(settled, asset)
    return Future(place_of(asset), underlying, index, parse_expiry(expiry), parse_style(code), settlement)


@lru_cache(maxsize=2048)
def parse_perpetual(asset: AssetId) -> Perpetual:
    """The perpetual that an asset id names. Raises InputError `bad_instrument` for any other text or spelling."""
    underlying, code, settled, index = split_reference(asset, ("perp",), _PERPETUAL)
    return Perpetual(place_of(asset), underlying, index, parse_style(code), parse_settlement(settled, asset))


def signed_contracts(style: Style, balance: int) -> int:
    """A balance in the venue's sign, positive for long: as it is for linear contracts, its opposite for inverse ones.

    The function is its own inverse, so it also turns the venue's sign into a balance.
    """
    return balance if style == "linear" else -balance


def contract_from_deribit(name: str) -> DeribitContract:
    """Read BTC-PERPETUAL, BTC-25DEC20, SOL_USDC-PERPETUAL. Raises InputError `bad_instrument`."""
    match = _DERIBIT.fullmatch(name)
    if match is None:
        refuse("a Deribit name such as BTC-25DEC20 or BTC-PERPETUAL", name)
    coin, quote, perpetual, day, month, year = match.groups()
    return DeribitContract(coin, quote, None if perpetual else parse_deribit_day(day, month, year, name))


def contract_to_deribit(contract: DeribitContract) -> str:
    """The Deribit name, the inverse of `contract_from_deribit`. Raises InputError `bad_instrument` where there is none."""
    coin, quote, expiry = contract
    name = coin + (f"_{quote}" if quote else "") + "-" + ("PERPETUAL" if expiry is None else format_deribit_day(expiry))
    if contract_from_deribit(name) != contract:
        refuse("a contract that Deribit's names can express", f"{contract}")
    return name
