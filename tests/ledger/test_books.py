"""The books: entries balance, nothing is lost, and what is reserved is there."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.ledger.accounts import FAUCET, Account, account_of, counterparty_of, gas_account, is_system, venue_account
from engine.ledger.books import (
    Balance,
    Books,
    Entry,
    Hold,
    Ledger,
    LedgerError,
    Posting,
    deposit,
    release,
    reserve,
    transfer,
    withdraw,
)

ETH, USD, FAR = "sim:alpha/token:ETH", "sim:alpha/token:USD", "sim:beta/token:USD"
CALL = "deribit:main/option:BTC-20200626T08-9000-C-inv-coin.BTC-deribit.btc"
OWN = "deribit:main/cwoption:BTC-20200626T08-9000-C-inv-coin.BTC-deribit.btc"
ALICE, BOB, ANN = "import:alice", "import:bob", "solver:ann"


def _with(amount: int = 100) -> Ledger:
    return Ledger([deposit(ALICE, ETH, amount, source=FAUCET, reference="start")])


def _refused(ledger: Ledger, entry: Entry) -> str:
    before = (list(ledger.books.balances()), ledger.entries)
    with pytest.raises(LedgerError) as caught:
        ledger.post(entry)
    assert (list(ledger.books.balances()), ledger.entries) == before
    return caught.value.code


def test_a_deposit_comes_from_the_faucet() -> None:
    books = _with(100).books

    assert books.balance(ALICE, ETH) == Balance(100, 0)
    assert books.balance(FAUCET, ETH) == Balance(-100, 0)
    assert books.balance(BOB, ETH) == Balance(0, 0)


def test_what_margin_carries_may_be_owed_by_people_alone() -> None:
    ledger = _with(100)

    ledger.post(transfer(ALICE, BOB, ETH, 160, reference="t"), owed={ETH})
    assert ledger.books.balance(ALICE, ETH) == Balance(-60, 0)
    ledger.post(reserve(BOB, ETH, 160, reference="r"))
    ledger.post(transfer(BOB, ANN, ETH, 30, reference="t"), owed={ETH})
    assert ledger.books.balance(BOB, ETH).free == -30

    assert _refused(ledger, transfer(ALICE, BOB, ETH, 1, reference="t")) == "insufficient_balance"
    assert _refused(ledger, reserve(ALICE, ETH, 1, reference="r")) == "insufficient_balance"
    for owner in (ANN, "protocol"):
        with pytest.raises(LedgerError, match="insufficient_balance"):
            ledger.post(transfer(owner, BOB, ETH, 31, reference="t"), owed={ETH})
    with pytest.raises(LedgerError, match="insufficient_balance"):
        ledger.post(transfer(ALICE, BOB, USD, 1, reference="t"), owed={ETH})


def test_a_debt_may_be_paid_down_by_whoever_posts() -> None:
    ledger = _with(100)
    ledger.post(transfer(ALICE, BOB, ETH, 160, reference="t"), owed={ETH})

    ledger.post(deposit(ALICE, ETH, 20, source=FAUCET, reference="d"))

    assert ledger.books.balance(ALICE, ETH) == Balance(-40, 0)
    assert ledger.books.drift() == {}


def test_a_transfer_moves_and_a_withdrawal_leaves() -> None:
    ledger = _with(100)

    ledger.post(transfer(ALICE, BOB, ETH, 60, reference="t"))
    ledger.post(withdraw(BOB, ETH, 10, sink=FAUCET, reference="w"))

    assert [ledger.books.balance(owner, ETH).amount for owner in (ALICE, BOB, FAUCET)] == [40, 50, -90]
    assert [entry.kind for entry in ledger.entries] == ["deposit", "transfer", "withdraw"]


def test_one_unit_more_than_there_is_stays() -> None:
    assert _refused(_with(100), transfer(ALICE, BOB, ETH, 101, reference="t")) == "insufficient_balance"


def test_all_there_is_may_go() -> None:
    ledger = _with(100)

    ledger.post(transfer(ALICE, BOB, ETH, 100, reference="t"))

    assert ledger.books.balance(ALICE, ETH) == Balance(0, 0)


def test_what_is_reserved_does_not_move() -> None:
    ledger = _with(100)
    ledger.post(reserve(ALICE, ETH, 60, reference="r"))

    assert ledger.books.balance(ALICE, ETH).free == 40
    assert _refused(ledger, transfer(ALICE, BOB, ETH, 41, reference="t")) == "over_reserved"
    assert _refused(ledger, reserve(ALICE, ETH, 41, reference="r")) == "over_reserved"
    assert _refused(ledger, release(ALICE, ETH, 61, reference="r")) == "over_reserved"
    ledger.post(release(ALICE, ETH, 60, reference="r"))
    ledger.post(transfer(ALICE, BOB, ETH, 100, reference="t"))


def test_a_move_and_its_release_are_one_entry() -> None:
    """Neither would be allowed alone after the other."""
    ledger = _with(100)
    ledger.post(reserve(ALICE, ETH, 100, reference="r"))

    both = Entry("t", "t", (Posting(ALICE, ETH, -100), Posting(BOB, ETH, 100)), (Hold(ALICE, ETH, -100),))
    ledger.post(both)

    assert ledger.books.balance(BOB, ETH) == Balance(100, 0)


@pytest.mark.parametrize("off", [-1, 1])
def test_an_entry_off_by_one_is_refused(off: int) -> None:
    crooked = Entry("t", "t", (Posting(ALICE, ETH, -5), Posting(BOB, ETH, 5 + off)))

    assert _refused(_with(100), crooked) == "unbalanced_entry"


def test_one_asset_does_not_balance_another() -> None:
    """Nor the same token at another place."""
    crooked = Entry("t", "t", (Posting(ALICE, ETH, -5), Posting(BOB, FAR, 5)))

    assert _refused(_with(100), crooked) == "unbalanced_entry"


def test_several_postings_to_one_balance_add_up() -> None:
    ledger = _with(100)
    around = Posting(ALICE, ETH, -150), Posting(BOB, ETH, 150), Posting(BOB, ETH, -60), Posting(ALICE, ETH, 60)

    ledger.post(Entry("t", "t", around, (Hold(ALICE, ETH, 20), Hold(ALICE, ETH, -10))))

    assert ledger.books.balance(ALICE, ETH) == Balance(10, 10)
    assert ledger.books.balance(BOB, ETH) == Balance(90, 0)


def test_a_persons_derivative_may_be_negative_and_sums_to_zero() -> None:
    ledger = Ledger()

    ledger.post(transfer(ALICE, BOB, OWN, 5, reference="t"))
    ledger.post(Entry("escrow", "t", (), (Hold(ALICE, OWN, -5),)))

    assert ledger.books.balance(ALICE, OWN) == Balance(-5, -5)
    assert ledger.books.drift() == {}


def test_a_solvers_derivative_may_not_be_negative() -> None:
    assert _refused(Ledger(), transfer(ANN, BOB, OWN, 5, reference="t")) == "insufficient_balance"


@pytest.mark.parametrize("amount", [0, -1])
def test_amounts_are_positive(amount: int) -> None:
    with pytest.raises(LedgerError, match="bad_amount"):
        deposit(ALICE, ETH, amount, source=FAUCET, reference="x")
    with pytest.raises(LedgerError, match="bad_amount"):
        withdraw(ALICE, ETH, amount, sink=FAUCET, reference="x")
    with pytest.raises(LedgerError, match="bad_amount"):
        transfer(ALICE, BOB, ETH, amount, reference="x")
    with pytest.raises(LedgerError, match="bad_amount"):
        reserve(ALICE, ETH, amount, reference="x")
    with pytest.raises(LedgerError, match="bad_amount"):
        release(ALICE, ETH, amount, reference="x")


def test_accounts_have_an_owner_and_a_place() -> None:
    assert account_of(ALICE, FAR) == Account(ALICE, "sim:beta")
    assert gas_account("sim:beta/coin:GAS") == "gas:sim:beta"
    assert counterparty_of(ETH) == FAUCET
    assert counterparty_of(CALL) == "issuer:deribit:main"
    assert counterparty_of(OWN) == "issuer:clearway"
    for system in (FAUCET, venue_account("sim:alpha/pool:x"), "gas:sim:beta", "issuer:clearway"):
        assert is_system(system)
    for person in (ALICE, ANN, "protocol", "0x" + "0" * 40):
        assert not is_system(person)


# -- Laws -------------------------------------------------------------------------------------------------------------

PEOPLE = [f"import:{i}" for i in range(40)] + [f"solver:{i}" for i in range(4)] + ["protocol"]
SYSTEMS = [FAUCET, "venue:sim:alpha/pool:x", "gas:sim:alpha", "issuer:clearway"]
ASSETS = [ETH, USD, FAR, OWN, CALL]
MILLION = 1_000_000


def _operations(chance: random.Random, count: int) -> list[Entry]:
    """Random entries of every kind, many of which must be refused: too much, over what is free, not balanced."""
    below, entries = chance.random, []
    for _ in range(count):
        roll = below()
        asset = ASSETS[int(below() * 5)]
        one, two = PEOPLE[int(below() * 45)], PEOPLE[int(below() * 45)]
        amount = int(below() ** 4 * 1e19) + 1
        if roll < 0.2:
            amount = amount // 16 + 1
            entry = Entry(
                "deposit", "", (Posting(SYSTEMS[int(below() * 4)], asset, -amount), Posting(one, asset, amount))
            )
        elif roll < 0.75:
            entry = Entry("transfer", "", (Posting(one, asset, -amount), Posting(two, asset, amount)))
        elif roll < 0.85:
            entry = Entry("reserve", "", (), (Hold(one, asset, amount),))
        elif roll < 0.95:
            entry = Entry("release", "", (), (Hold(one, asset, -amount),))
        else:
            entry = Entry("crooked", "", (Posting(one, asset, -amount), Posting(two, asset, amount + 1)))
        entries.append(entry)
    return entries


@pytest.mark.long
def test_a_million_random_operations_drift_by_nothing() -> None:
    chance, books, posted, refused, crooked = random.Random(20240607), Books(), 0, 0, 0
    for _ in range(20):
        for entry in _operations(chance, MILLION // 20):
            try:
                books.post(entry)
            except LedgerError as error:
                refused += 1
                crooked += error.code == "unbalanced_entry"
            else:
                posted += 1
        assert books.drift() == {}
        for owner, asset, balance in books.balances():
            if not is_system(owner) and (asset not in {OWN, CALL} or owner.startswith("solver:")):
                assert 0 <= balance.reserved <= balance.amount

    assert posted + refused == MILLION
    assert posted > MILLION // 4
    assert refused - crooked > MILLION // 30
    assert MILLION // 25 < crooked < MILLION // 15


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 60))
def test_posting_the_entries_again_gives_the_same_books(seed: int, count: int) -> None:
    """A ledger holds exactly the entries that were accepted; and an independent sum over them gives its balances."""
    ledger = Ledger()
    for entry in _operations(random.Random(seed), count):
        try:
            ledger.post(entry)
        except LedgerError:
            continue

    again = Ledger(ledger.entries)

    assert list(again.books.balances()) == list(ledger.books.balances())
    for owner, asset, balance in ledger.books.balances():
        postings = [p.amount for e in ledger.entries for p in e.postings if (p.owner, p.asset) == (owner, asset)]
        holds = [h.amount for e in ledger.entries for h in e.holds if (h.owner, h.asset) == (owner, asset)]
        assert balance == Balance(sum(postings), sum(holds))
