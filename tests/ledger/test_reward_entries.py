"""Bonds, penalties and rewards in the books: nothing is lost, nobody pays with what is not there."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.auction.reward import pay_period
from engine.ledger.accounts import FAUCET, bond_account, budget_account
from engine.ledger.books import Ledger, LedgerError, deposit
from engine.ledger.reward_entries import (
    bond_entry,
    charge_entry,
    close_entry,
    fund_entry,
    payment_entry,
    unbond_entry,
)
from engine.ledger.settlement_entries import holdings_of

USD = "sim:alpha/token:USD"
WEEK = "2026-47"
ANN, BEN = "solver:ann", "solver:ben"


def ledger(bond: int = 500) -> Ledger:
    made = Ledger([deposit(ANN, USD, 1000, source=FAUCET, reference="start")])
    made.post(bond_entry("ann", USD, bond, reference="bond"))
    return made


def amounts(made: Ledger) -> dict[str, int]:
    return {owner: balance.amount for owner, _, balance in made.books.balances() if balance.amount}


def test_what_is_bonded_can_not_be_bid_with_and_comes_back() -> None:
    made = ledger()
    assert holdings_of(made.books)[ANN][USD].amount == 500
    assert holdings_of(made.books).keys() == {ANN}
    with pytest.raises(LedgerError, match="insufficient_balance at bond:ann"):
        made.post(unbond_entry("ann", USD, 501, reference="back"))

    made.post(unbond_entry("ann", USD, 500, reference="back"))

    assert amounts(made) == {ANN: 1000, FAUCET: -1000}


def test_a_penalty_beyond_the_bond_is_named() -> None:
    made = ledger()

    entry, unpaid = charge_entry(made.books, {"ann": 620, "ben": 7}, USD, reference="auction 17")
    assert entry is not None
    made.post(entry)

    assert unpaid == {"ann": 120, "ben": 7}
    assert amounts(made) == {ANN: 500, "protocol": 500, FAUCET: -1000}
    assert charge_entry(made.books, {"ann": 1}, USD, reference="auction 18") == (None, {"ann": 1})
    with pytest.raises(LedgerError, match="bad_amount at ann"):
        charge_entry(made.books, {"ann": -1}, USD, reference="auction 18")


def test_no_more_is_paid_than_was_budgeted() -> None:
    made = ledger()
    made.post(fund_entry(WEEK, USD, 100, source=FAUCET, reference=WEEK))
    too_much = payment_entry(WEEK, {"ann": 60, "ben": 41}, USD, reference=WEEK)
    assert too_much is not None
    with pytest.raises(LedgerError, match=f"insufficient_balance at {budget_account(WEEK)}"):
        made.post(too_much)
    assert payment_entry(WEEK, {"ann": 0}, USD, reference=WEEK) is None
    with pytest.raises(LedgerError, match="bad_amount at ann"):
        payment_entry(WEEK, {"ann": -1}, USD, reference=WEEK)

    paid = payment_entry(WEEK, {"ann": 60, "ben": 30}, USD, reference=WEEK)
    assert paid is not None
    made.post(paid)
    rest = close_entry(made.books, WEEK, USD, reference=WEEK)
    assert rest is not None
    made.post(rest)

    assert amounts(made) == {ANN: 560, BEN: 30, bond_account("ann"): 500, "protocol": 10, FAUCET: -1100}
    assert close_entry(made.books, WEEK, USD, reference=WEEK) is None
    assert made.books.drift() == {}


@settings(derandomize=True, max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(("ann", "ben")), st.integers(-400, 400)), max_size=8),
    st.integers(1, 900),
)
def test_any_period_balances(earned: list[tuple[str, int]], budget: int) -> None:
    made = ledger()
    unpaid = 0
    for solver, reward in earned:
        entry, rest = charge_entry(made.books, {solver: max(0, -reward)}, USD, reference="auction")
        unpaid += sum(rest.values())
        if entry is not None:
            made.post(entry)
    made.post(fund_entry(WEEK, USD, budget, source=FAUCET, reference=WEEK))
    paid_out = payment_entry(WEEK, pay_period(earned, budget), USD, reference=WEEK)
    if paid_out is not None:
        made.post(paid_out)
    rest_left = close_entry(made.books, WEEK, USD, reference=WEEK)
    if rest_left is not None:
        made.post(rest_left)

    left = amounts(made)
    owed = sum(max(0, -reward) for _, reward in earned)
    paid = sum(pay_period(earned, budget).values())
    assert left.get("protocol", 0) == owed - unpaid + budget - paid
    assert left.get(ANN, 0) + left.get(BEN, 0) == 500 + paid
    assert budget_account(WEEK) not in left
    assert made.books.drift() == {}
