"""Bonds, penalties and rewards as balanced entries in one asset, the numeraire.

    ledger.post(bond_entry("ann", USD, 500, reference="bond"))             ann's money, which she can not bid with
    charged = charge_entry(ledger.books, {"ann": 620}, USD, reference="auction 17")
    ledger.post(charged.entry); charged.unpaid_penalty == {"ann": 120}     the bond is all that there is
    ledger.post(fund_entry("2026-47", USD, 1000, source="protocol", reference="2026-47"))
    ledger.post(payment_entry("2026-47", {"ben": 400}, USD, reference="2026-47"))

Guarantees
1. A penalty takes from the bond alone, and to the protocol's account; what exceeds the bond is named, never forgotten.
2. Rewards come out of the period's account, which can not be negative: `Books.post` refuses what exceeds the budget.
3. Every amount moves between two accounts at one place; each entry sums to zero.

What is owed is engine.audit.rewards' and engine.auction.reward's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from engine.ledger.accounts import bond_account, budget_account
from engine.ledger.books import Books, Entry, LedgerError, Posting, transfer
from intents.identifiers import PROTOCOL, solver_account


class Charged(NamedTuple):
    """What bonds pay, None where they pay nothing, and by solver what is owed beyond its bond."""

    entry: Entry | None
    unpaid_penalty: dict[str, int]


def bond_entry(solver: str, asset: str, amount: int, *, reference: str) -> Entry:
    """The solver deposits into its bond. Raises LedgerError `bad_amount` for nothing."""
    return transfer(solver_account(solver), bond_account(solver), asset, amount, reference=reference)._replace(
        kind="bond"
    )


def unbond_entry(solver: str, asset: str, amount: int, *, reference: str) -> Entry:
    """The solver is given back from its bond. Raises LedgerError `bad_amount` for nothing."""
    moved = transfer(bond_account(solver), solver_account(solver), asset, amount, reference=reference)
    return moved._replace(kind="unbond")


def charge_entry(books: Books, charges: Mapping[str, int], asset: str, *, reference: str) -> Charged:
    """Penalties and negative rewards, by solver, as far as their bonds go, to the protocol in one entry.

    Raises LedgerError `bad_amount` for a negative charge.
    """
    postings: list[Posting] = []
    unpaid = {}
    for solver, owed in sorted(_not_negative(charges).items()):
        bond = bond_account(solver)
        paid = min(owed, books.balance(bond, asset).free)
        if paid:
            postings += [Posting(bond, asset, -paid), Posting(PROTOCOL, asset, paid)]
        if paid < owed:
            unpaid[solver] = owed - paid
    return Charged(Entry("penalty", reference, tuple(postings)) if postings else None, unpaid)


def fund_entry(period: str, asset: str, amount: int, *, source: str, reference: str) -> Entry:
    """The period's budget comes from the protocol, or in a sandbox from the faucet."""
    return transfer(source, budget_account(period), asset, amount, reference=reference)._replace(kind="reward_budget")


def payment_entry(period: str, payments: Mapping[str, int], asset: str, *, reference: str) -> Entry | None:
    """What a period pays (engine.auction.reward.pay_period), in one entry; None for nothing.

    Raises LedgerError `bad_amount` for a negative payment.
    """
    postings: list[Posting] = []
    for solver, amount in sorted(_not_negative(payments).items()):
        if amount:
            postings += [
                Posting(budget_account(period), asset, -amount),
                Posting(solver_account(solver), asset, amount),
            ]
    return Entry("reward", reference, tuple(postings)) if postings else None


def close_entry(books: Books, period: str, asset: str, *, reference: str) -> Entry | None:
    """What is left of a period's budget goes to the protocol; None where nothing is."""
    rest = books.balance(budget_account(period), asset).free
    if not rest:
        return None
    return transfer(budget_account(period), PROTOCOL, asset, rest, reference=reference)._replace(kind="reward_budget")


def _not_negative(amounts: Mapping[str, int]) -> Mapping[str, int]:
    for solver, amount in sorted(amounts.items()):
        if amount < 0:
            raise LedgerError("bad_amount", solver, expected="at least 0", actual=str(amount))
    return amounts
