from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.auction.problem import Holding
from engine.ledger.accounts import FAUCET
from engine.ledger.books import Entry, Hold, Ledger, LedgerError, Posting, deposit, release, reserve, transfer
from engine.ledger.settlement_entries import holdings_of
from engine.store.database import Database
from engine.store.errors import StoreError
from engine.store.work import Work
from tests.auction.builders import ALICE, BOB, ETH, USD, option
from tests.store.people import at_once

CALL = option(9000)
_OWNERS = st.sampled_from([ALICE, BOB, FAUCET, "solver:ann"])
_AMOUNTS = st.integers(1, 5) | st.integers(2**251, 2**252)
_ENTRIES = st.builds(
    lambda giver, taker, asset, amount, held: Entry(
        "transfer", "", (Posting(giver, asset, -amount), Posting(taker, asset, amount)), held
    ),
    _OWNERS,
    _OWNERS,
    st.sampled_from([ETH, CALL]),
    _AMOUNTS,
    st.just(()) | st.tuples(st.builds(Hold, _OWNERS, st.just(ETH), st.integers(-3, 3))),
)


@settings(max_examples=10, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_ENTRIES, max_size=8))
def test_stored_books_are_the_ledgers(database: Database, posted: list[Entry]) -> None:
    with suppress(_Undo), database.transaction() as work:
        compare(work, posted)
        raise _Undo  # each example begins with empty books


class _Undo(Exception):  # noqa: N818  # it is no error: it rolls back
    pass


def compare(work: Work, posted: list[Entry]) -> None:
    ledger = Ledger()
    for number, entry in enumerate(posted):
        try:
            ledger.post(entry)
        except LedgerError as error:
            with pytest.raises(LedgerError, match=error.code):
                work.accounts.post(entry, number)
        else:
            work.accounts.post(entry, number)
    assert work.accounts.holdings() == holdings_of(ledger.books)
    for owner in (ALICE, FAUCET):
        stored, _ = work.accounts.entries(owner, None, 100)
        own = [
            entry._replace(
                postings=tuple(p for p in entry.postings if p.owner == owner),
                holds=tuple(h for h in entry.holds if h.owner == owner),
            )
            for entry in ledger.entries
        ]
        assert [one.entry for one in reversed(stored)] == [one for one in own if one.postings or one.holds]


def test_holdings_are_exact_signed_and_leave_systems_out(database: Database) -> None:
    with database.transaction() as work:
        work.accounts.post(deposit(ALICE, ETH, 2**255 - 1, source=FAUCET, reference="d"), 1)
        work.accounts.post(transfer(ALICE, BOB, CALL, 2**254, reference="t"), 2)
        work.accounts.post(reserve(ALICE, ETH, 7, reference="r"), 3)
    with database.reading() as work:
        everybody = work.accounts.holdings()
        assert work.accounts.holdings([]) == {}
        assert work.accounts.holdings([BOB, *(f"import:{number}" for number in range(1_000))]) == {
            BOB: {CALL: Holding(amount=2**254)}
        }
        assert work.accounts.holdings([BOB]) == {BOB: {CALL: Holding(amount=2**254)}}
    assert everybody == {
        ALICE: {ETH: Holding(amount=2**255 - 1, reserved=7), CALL: Holding(amount=-(2**254))},
        BOB: {CALL: Holding(amount=2**254)},
    }


def test_a_refused_entry_changes_nothing(database: Database) -> None:
    with database.transaction() as work:
        work.accounts.post(deposit(ALICE, ETH, 5, source=FAUCET, reference="d"), 1)
        before = work.accounts.holdings()
        for refused in (
            transfer(ALICE, BOB, ETH, 6, reference="t"),
            release(ALICE, ETH, 1, reference="r"),
            Entry("odd", "", (Posting(ALICE, ETH, 1),)),
        ):
            with pytest.raises(LedgerError):
                work.accounts.post(refused, 2)
        assert work.accounts.holdings() == before
        assert len(work.accounts.entries(ALICE, None, 10)[0]) == 1


def test_no_deposit_makes_a_balance_that_a_problem_could_not_carry(database: Database) -> None:
    with database.transaction() as work:
        work.accounts.post(deposit(ALICE, ETH, 2**255 - 1, source=FAUCET, reference="d"), 1)
        for owner, amount in ((ALICE, 1), (BOB, 2)):  # the second would be too much for the faucet
            with pytest.raises(StoreError, match="amount_out_of_range"):
                work.accounts.post(deposit(owner, ETH, amount, source=FAUCET, reference="d"), 1)
        work.accounts.post(deposit(BOB, ETH, 1, source=FAUCET, reference="d"), 1)
        assert work.accounts.holdings() == {ALICE: {ETH: Holding(amount=2**255 - 1)}, BOB: {ETH: Holding(amount=1)}}


def test_entries_posted_at_once_are_all_counted(database: Database) -> None:
    def post(number: int) -> None:
        for _ in range(3):
            with database.transaction() as work:
                # Assets in both orders: they must neither lose an update nor wait for each other for ever.
                first, second = (ETH, USD) if number % 2 else (USD, ETH)
                moves = [Posting(FAUCET, first, -2), Posting(ALICE, second, 3), Posting(ALICE, first, 2)]
                work.accounts.post(Entry("deposit", "", (*moves, Posting(FAUCET, second, -3))), number)

    at_once(4, post)
    with database.reading() as work:
        assert work.accounts.holdings() == {ALICE: {ETH: Holding(amount=30), USD: Holding(amount=30)}}


def test_entries_by_pages(database: Database) -> None:
    with database.transaction() as work:
        for at_ms in range(5):
            work.accounts.post(deposit(ALICE, ETH, 1, source=FAUCET, reference="d"), at_ms)
            work.accounts.post(deposit(BOB, ETH, 1, source=FAUCET, reference="d"), at_ms)
        first, after = work.accounts.entries(ALICE, None, 3)
        rest, end = work.accounts.entries(ALICE, after, 3)
    assert [entry.at_ms for entry in first + rest] == [4, 3, 2, 1, 0]
    assert end is None
