"""From a replayed auction to the books and back to holdings."""

import pytest

from engine.auction.problem import Holding, Problem
from engine.auction.replay import Bid, Replayed, replay
from engine.ledger.accounts import FAUCET, venue_account
from engine.ledger.books import Ledger, LedgerError, transfer
from engine.ledger.settlement_entries import holdings_of, opening_entries, settlement_entry
from tests.auction.builders import ALICE, BOB, BTC, CAROL, ETH, GAS, POOL, USD, option, pool_sale, problem, sale, sold
from tests.auction.stories_payoffs import a_short_call_spread_with_its_escrow, one_person_writes_another_an_option


def _settled(question: Problem, *bids: Bid) -> Ledger:
    replayed = replay(question, bids)
    assert isinstance(replayed, Replayed)
    ledger = Ledger(opening_entries(question.holdings, "opening"))
    ledger.post(settlement_entry(question, replayed, "auction"))
    return ledger


def test_holdings_survive_the_books() -> None:
    held = {
        ALICE: {ETH: Holding(amount=5, reserved=2), USD: Holding(amount=1)},
        BOB: {option(9000): Holding(amount=-3, reserved=-4)},
    }

    books = Ledger(opening_entries(held, "opening")).books

    assert holdings_of(books) == held
    assert books.balance(FAUCET, ETH).amount == -5
    assert books.balance("issuer:deribit:main", option(9000)).amount == 3
    assert books.drift() == {}


def test_a_sale_is_posted_to_everyone_it_touches() -> None:
    books = _settled(problem([sale()]), Bid("a", "ann", pool_sale(fee=600))).books

    assert holdings_of(books)[ALICE] == {USD: Holding(amount=sold() - 600)}
    assert books.balance(venue_account(POOL), ETH).amount == 1000
    assert books.balance(venue_account(POOL), USD).amount == -sold()
    assert books.balance("solver:ann", USD).amount == 600
    assert books.balance("solver:ann", GAS).amount == 10_000 - 200
    assert books.balance("gas:sim:alpha", GAS).amount == 200
    assert books.drift() == {}


def test_what_a_venue_gives_beyond_the_stated_goes_to_the_protocol() -> None:
    honest = pool_sale()
    less = sold() - 7
    modest = honest.model_copy(
        update={
            "fills": (honest.fills[0].model_copy(update={"outs": {USD: less}}),),
            "legs": (honest.legs[0].model_copy(update={"outs": {USD: less}}),),
        }
    )

    books = _settled(problem([sale()]), Bid("a", "ann", modest)).books

    assert books.balance("protocol", USD).amount == 7
    assert books.drift() == {}


def test_a_balance_that_no_problem_can_carry_is_refused_by_name() -> None:
    most = 2**255 - 1
    books = Ledger(
        opening_entries({ALICE: {ETH: Holding(amount=most)}, BOB: {ETH: Holding(amount=1)}}, "opening")
    ).books
    assert holdings_of(books)[ALICE][ETH].amount == most
    books.post(transfer(BOB, ALICE, ETH, 1, reference="gift"))

    with pytest.raises(LedgerError, match="amount_out_of_range at import:alice sim:alpha/token:ETH"):
        holdings_of(books)


def test_escrow_and_its_positions_are_reserved() -> None:
    question, solution = a_short_call_spread_with_its_escrow()

    held = holdings_of(_settled(question, Bid("a", "ann", solution)).books)[BOB]

    assert held == {
        BTC: Holding(amount=100, reserved=100),
        option(9000): Holding(amount=-1000, reserved=-1000),
        option(10000): Holding(amount=1000, reserved=1000),
    }


def test_an_option_between_people_sums_to_zero() -> None:
    question, solution = one_person_writes_another_an_option()
    own = option(9000, issuer="cwoption")

    books = _settled(question, Bid("a", "ann", solution)).books

    assert (books.balance(BOB, own).amount, books.balance(CAROL, own).amount) == (-1000, 1000)
    assert books.balance("issuer:clearway", own).amount == 0


def test_after_the_settlement_the_escrow_covers_nothing_else() -> None:
    """The holdings that the books give are a problem's again, in which Bob's long calls are no longer free."""
    question, solution = a_short_call_spread_with_its_escrow()

    after = question.model_copy(update={"holdings": holdings_of(_settled(question, Bid("a", "ann", solution)).books)})

    assert [after.free(BOB, asset) for asset in (BTC, option(9000), option(10000))] == [0, 0, 0]
