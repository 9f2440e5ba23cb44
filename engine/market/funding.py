"""What positions in perpetuals and futures are paid: funding by interval, and the last payment at expiry.

    funding     a holder receives  - contracts * worth * rate       contracts: positive for long (intents.futures)
    expiry      a holder receives  balance * worth                  worth of one base unit: S, or 1 / S (inverse)

Guarantees
1. Exact rationals until one rounding a payment: floor, against the holder (who is paid less, who pays more).
2. Over balances that sum to zero, as all of a contract's do, payments and `dust` sum to zero and 0 <= dust < holders.
   Dust goes to the protocol account. Balances that do not sum to zero are refused (`not_balanced`).

Rates are each venue's own and stated for its own interval; a positive rate is paid by longs.
Sources: Deribit, "Funding specifications"; Hyperliquid, "Funding"; dYdX v4-chain (x/perpetuals/funding/funding.go,
x/perpetuals/lib/lib.go, x/subaccounts/lib/updates.go). docs/rulebooks/perpetuals.md and futures.md have their examples.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import floor
from typing import NamedTuple

from intents.errors import InputError
from intents.futures import Future, Perpetual, signed_contracts
from intents.instrument_ids import Style
from intents.instruments import Instrument
from intents.payoff import instrument_payoff

MILLION = 10**6
"""Parts per million in one."""

EIGHT_HOURS = 8 * 60 * 60
"""Seconds that dYdX's and Hyperliquid's rates are stated for."""


class Payments(NamedTuple):
    """What each account receives in base units of the settlement asset, and what rounding leaves over."""

    by_account: dict[str, int]
    dust: int


class Decimals(NamedTuple):
    """Of the settlement asset and of the position."""

    settlement: int
    position: int


def funding_payments(style: Style, balances: Mapping[str, int], *, worth: Fraction, rate: Fraction) -> Payments:
    """What one interval pays: `balances` by account in base units, `worth` of one of them, `rate` for the interval.

    Raises InputError `not_balanced`.
    """
    return _rounded(balances, {a: -signed_contracts(style, b) * worth * rate for a, b in balances.items()})


def expiry_payments(
    instrument: Instrument, balances: Mapping[str, int], *, price: Fraction, decimals: Decimals
) -> Payments:
    """What a future or option pays at its fixing. Raises InputError `not_balanced`, `zero_price`, `no_expiry` (perpetuals)."""
    if isinstance(instrument, Perpetual):
        raise InputError("no_expiry", "", expected="an instrument that expires", actual="a perpetual")
    worth = worth_of(instrument, price, decimals)
    return _rounded(balances, {account: balance * worth for account, balance in balances.items()})


def worth_of(instrument: Instrument, price: Fraction, decimals: Decimals) -> Fraction:
    """Settlement base units that one base unit of the instrument is worth at the index price. Raises InputError `zero_price`."""
    if price <= 0:
        raise InputError("zero_price", "/price", expected="a positive price", actual=str(price))
    value = instrument_payoff(instrument, decimals.settlement, decimals.position).evaluate(price)
    return value if instrument.style == "linear" else value / price


def profit_of(contract: Future | Perpetual, contracts: Fraction, *, entry: Fraction, exit_price: Fraction) -> Fraction:
    """Whole settlement units that contracts (positive: long; units of the underlying, or of quote) gain between two prices.

    Raises InputError `zero_price`.
    """
    bought, sold = (worth_of(contract, price, Decimals(0, 0)) for price in (entry, exit_price))
    return signed_contracts(contract.style, 1) * contracts * (sold - bought)


def damped_rate(premium: Fraction, damper: Fraction, cap: Fraction) -> Fraction:
    """Deribit's rate for eight hours: the premium less the damper toward zero, within the cap."""
    return clamp(max(damper, premium) + min(-damper, premium), cap)


def interest_rate(premium: Fraction, interest: Fraction, bound: Fraction) -> Fraction:
    """Hyperliquid's rate for eight hours: the mean premium plus the interest less it, within the bound; an eighth is paid each hour."""
    return premium + clamp(interest - premium, bound)


def cut(numerator: int, denominator: int) -> int:
    """The quotient without its fraction, toward zero, as contracts and chains divide; the denominator is not 0."""
    quotient = abs(numerator) // abs(denominator)
    return quotient if (numerator < 0) == (denominator < 0) else -quotient


def clamp(value: Fraction, bound: Fraction) -> Fraction:
    """The value, at most the bound either way."""
    return max(-bound, min(bound, value))


def index_delta(rate_ppm: int, seconds: int, *, price: int, exponent: int) -> int:
    """How dYdX's funding index moves: ppm of quote quantums for a base quantum, for an eight-hour rate over some seconds.

    `exponent`: of the price's ten for one base quantum (market exponent + atomic resolutions: base less quote). Twice cut
    off toward zero, as the chain does.
    """
    product = seconds * rate_ppm * price
    scaled = product * 10**exponent if exponent >= 0 else cut(product, 10**-exponent)
    return cut(scaled, EIGHT_HOURS)


def index_settlement(delta: int, quantums: int) -> int:
    """What a position of signed base quantums receives when the index has moved by delta, quote quantums, rounded down."""
    return -delta * quantums // MILLION


def scaled_initial_ppm(initial_ppm: int, interest: int, lower: int, upper: int) -> int:
    """The initial margin rate of dYdX at an open interest (quote quantums): rises to one between two caps; an upper cap of 0 is none."""
    if upper == 0 or interest <= lower:
        return initial_ppm
    if interest >= upper:
        return MILLION
    return initial_ppm + (MILLION - initial_ppm) * (interest - lower) // (upper - lower)


def _rounded(balances: Mapping[str, int], exact: Mapping[str, Fraction]) -> Payments:
    total = sum(balances.values())
    if total:
        raise InputError("not_balanced", "/balances", expected="balances that sum to zero", actual=str(total))
    received = {account: floor(amount) for account, amount in exact.items()}
    return Payments(received, -sum(received.values()))
