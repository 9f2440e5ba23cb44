"""From a replayed set of winners to balanced entries, and between holdings and books.

    ledger = Ledger(opening_entries(problem.holdings, reference), problem.owed)
    ledger.post(settlement_entry(problem, replayed, reference), problem.owed)
    holdings = holdings_of(ledger.books)

The settlement is one entry, because inside it everything nets: an owner may pay in one bid with what another delivers.
Its postings are in reading order: fills, legs, transfers, lines, replay gains, gas. Venues are posted what they really
took and gave; gas goes to the place's gas account. That the entry balances is the rules' conservation once more, now over
accounts; `Books.post` refuses it otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.auction.problem import Holding, Problem
from engine.auction.replay import Bid, Replayed
from engine.ledger.accounts import counterparty_of, gas_account, is_apart, is_system, venue_account
from engine.ledger.books import Books, Entry, Hold, LedgerError, Posting
from intents.identifiers import PROTOCOL, solver_account

HOLDING_LIMIT = 2**255
"""Holdings are below this in size, as in an int256."""


def opening_entries(holdings: Mapping[str, Mapping[str, Holding]], reference: str) -> tuple[Entry, ...]:
    """One deposit for each owner, against the faucet or the issuer, with its reservations; owners ascending."""
    entries = []
    for owner, held in sorted(holdings.items()):
        postings: list[Posting] = []
        for asset, holding in sorted(held.items()):
            if holding.amount:
                postings.append(Posting(counterparty_of(asset), asset, -holding.amount))
                postings.append(Posting(owner, asset, holding.amount))
        holds = tuple(Hold(owner, asset, h.reserved) for asset, h in sorted(held.items()) if h.reserved)
        entries.append(Entry("opening", reference, tuple(postings), holds))
    return tuple(entries)


def settlement_entry(problem: Problem, replayed: Replayed, reference: str) -> Entry:
    """All that a feasible set of bids moves and reserves, as one balanced entry."""
    postings: list[Posting] = []
    for bid in replayed.bids:
        postings += _fill_postings(problem, bid)
    for leg in replayed.legs:
        venue = venue_account(leg.venue)
        postings += [Posting(venue, leg.asset_in, leg.amount_in), Posting(venue, leg.asset_out, -leg.actual)]
    for bid in replayed.bids:
        postings += _solver_postings(bid)
    for asset, amount in sorted(replayed.replay_gains.items()):
        postings.append(Posting(PROTOCOL, asset, amount))
    for account, burned in sorted(replayed.gas.items()):
        for asset, amount in sorted(burned.items()):
            postings += [Posting(account, asset, -amount), Posting(gas_account(asset), asset, amount)]
    holds = tuple(Hold(r.account, r.asset, r.amount) for r in replayed.reservations)
    return Entry("settlement", reference, tuple(postings), holds)


def holdings_of(books: Books) -> dict[str, dict[str, Holding]]:
    """The holdings of everyone but the systems, bonds and budgets, as a Problem carries them; nothing is listed with zero amount and hold.

    Raises LedgerError `amount_out_of_range` where a balance is none that a Problem can carry (2^255 and more).
    """
    holdings: dict[str, dict[str, Holding]] = {}
    for owner, asset, balance in books.balances():
        if not is_system(owner) and not is_apart(owner) and (balance.amount or balance.reserved):
            if not all(-HOLDING_LIMIT <= part < HOLDING_LIMIT for part in balance):
                expected, found = "-2^255 <= balance < 2^255", f"{balance.amount}, {balance.reserved} of it reserved"
                raise LedgerError("amount_out_of_range", f"{owner} {asset}", expected=expected, actual=found)
            holdings.setdefault(owner, {})[asset] = Holding(amount=balance.amount, reserved=balance.reserved)
    return holdings


def _fill_postings(problem: Problem, bid: Bid) -> Iterator[Posting]:
    for fill in bid.solution.fills:
        outcome = problem.intents_by_id[fill.intent].outcome
        for asset, amount in fill.ins.items():
            yield Posting(outcome.owner, asset, -amount)
        for asset, amount in fill.outs.items():
            yield Posting(outcome.receiver, asset, amount)


def _solver_postings(bid: Bid) -> Iterator[Posting]:
    for moved in bid.solution.transfers:
        for asset, amount in moved.give.items():
            yield Posting(solver_account(bid.solver), asset, -amount)
        for asset, amount in moved.take.items():
            yield Posting(solver_account(bid.solver), asset, amount)
    for line in bid.solution.lines:
        yield Posting(line.account, line.asset, line.amount)
