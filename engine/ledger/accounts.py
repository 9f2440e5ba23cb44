"""Accounts: who may hold what.

An account is (owner, place); since an asset's id begins with its place, (owner, asset) names one balance of one account.

    people     0x..., ed25519:..., import:...               derivatives may be negative (escrow or margin covers them);
                                                            tokens only as far as margin carries them (`may_owe`)
    protocol                                                as people, without margin
    solvers    solver:<name>                                nothing ever negative
    set apart  bond:<solver>, rewards:<period>              nothing ever negative; in no problem's holdings
    systems    faucet, venue:<id>, issuer:<name>, gas:<place>   may be negative: what the others hold against them
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from intents.identifiers import PROTOCOL, place_of
from intents.instruments import parse_instrument
from intents.outcome import is_derivative

FAUCET = "faucet"
"""Where deposits of tokens come from in the sandbox; its balance is minus all that was deposited."""

_SYSTEMS = ("venue:", "issuer:", "gas:")
_APART = ("bond:", "rewards:")
_SOLVER = "solver:"


class Account(NamedTuple):
    """A chain's vault or a venue's margin account of one owner."""

    owner: str
    place: str


def account_of(owner: str, asset: str) -> Account:
    """The account in which the owner's balance of the asset lives."""
    return Account(owner, place_of(asset))


def venue_account(venue: str) -> str:
    """The owner under which a venue's side of trades is kept."""
    return f"venue:{venue}"


def gas_account(native: str) -> str:
    """The owner that is paid the gas burned in a native asset."""
    return f"gas:{place_of(native)}"


def bond_account(solver: str) -> str:
    """The owner under which what a solver deposited for its penalties is kept."""
    return f"bond:{solver}"


def budget_account(period: str) -> str:
    """The owner under which what a period may pay in rewards is kept."""
    return f"rewards:{period}"


def counterparty_of(asset: str) -> str:
    """Who stands against balances that existed before the books: the issuer of a derivative, else the faucet."""
    return f"issuer:{parse_instrument(asset).issuer}" if is_derivative(asset) else FAUCET


def is_system(owner: str) -> bool:
    """Whether the owner is no person or solver, so that its balances may be negative."""
    return owner == FAUCET or owner.startswith(_SYSTEMS)


def may_owe(owner: str, asset: str, owed: Collection[str]) -> bool:
    """Whether margin may carry this balance below zero, where `owed` are the tokens that margin accounts may owe."""
    return asset in owed and owner != PROTOCOL and not owner.startswith(_SOLVER) and not is_apart(owner)


def is_apart(owner: str) -> bool:
    """Whether the owner is a bond or a budget: nobody trades from it."""
    return owner.startswith(_APART)


def may_be_negative(owner: str, asset: str) -> bool:
    """Whether this balance may be below zero."""
    return is_system(owner) or (is_derivative(asset) and not owner.startswith(_SOLVER) and not is_apart(owner))
